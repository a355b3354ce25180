# Background jobs: statuses by wait, in any order, killed ones, of unknown processes; output in files.
status() { echo "$1: $?"; }
true & wait $!; status true
false & wait $!; status false
(exit 42) & a=$!
(exit 43) & b=$!
sleep 0.01 & c=$!
wait $b; status b
wait $a; status a
wait $c; status c
wait 999999 2>/dev/null; status unknown
for signal in TERM KILL HUP USR1 ALRM; do
    sleep 100 &
    kill -$signal $!
    wait $! 2>/dev/null
    status $signal
done
pids=
for n in 1 2 3 4 5 6; do
    { echo "job $n"; seq $n | wc -l; } > out.$n &
    pids="$pids $!"
done
wait $pids
status all
cat out.*
sleep 100 &
kill -0 $! && echo alive
kill $!
wait $! 2>/dev/null
kill -0 $! 2>/dev/null || echo gone
{ sleep 0.05; echo a; } | { read x; echo "read $x"; } &
wait
status last
jobs > /dev/null
(sh -c 'exit 1' & wait $!; status inner)
kill -l 9; kill -l 15
kill -NOSUCH $$ 2>/dev/null; status kill
