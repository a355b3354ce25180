# Coprocesses and two-way talk.
coproc { while read -r a op b; do case $op in (+) print $((a + b));; (x) print $((a * b));; (quit) break;; (*) print "no $op";; esac; done; print end >&2; exit 3 }
pid=$!
ask() { print -p "$@"; read -pr answer; print "$* = $answer" }
ask 1 + 2
ask 6 x 7
ask 1 % 2
for i in {1..10}; do print -p "$i x $i"; read -p r; (( sum += r )); done; print $sum
print -p "1 quit 2"
wait $pid; print "status $?"
mkfifo req ans
{ while read -r l; do print "${(U)l}"; done < req > ans; print "server ends" } &
exec 5> req 6< ans
print -u 5 one; read -u 6 x; print $x; print -u 5 two; read -u 6 x; print $x
exec 5>&- 6<&-; wait
exec 7> >(tr a-z A-Z > out); print -u 7 "to a process"; exec 7>&-; until [[ -s out ]]; do sleep 0.01; done; cat out
exec 8< <(seq 3); read -u 8 x; read -u 8 y; exec 8<&-; print $x $y
