# Pipes, pipestatus, multios, process substitution.
true | false | (exit 3); print $pipestatus
yes | head -n 2; print $pipestatus
print value | read v; print "the last part runs in this shell: $v"
seq 5 | while read n; do ((sum += n)); done; print $sum
print -l c a b | sort | { read x; read y; print $y$x }
print both > one > two; cat one two
print -l c b > in1; print -l a d > in2; sort < in1 < in2
print piped | tee >(tr a-z A-Z > upper) > lower; until [[ -s upper ]]; do sleep 0.01; done; cat lower upper
diff <(sort keys) <(sort -u keys) | tail -n +3; print $pipestatus
cat =(print -l a file made for it)
paste <(seq 3) <(seq 4 6)
print text | cat | cat | cat | wc -c
print err >&2 |& cat; { print out; print err >&2 } |& sort
cat text | tr ' ' '\n' | sort | uniq -c | sort -k1,1nr -k2 | head -n 3
setopt pipefail; false | true; print $?; unsetopt pipefail; false | true; print $?
seq 100000 | grep 777 | wc -l
cat keys | () { local l; while read -r l; do print "<$l>"; done } | tail -n 1
cat random | gzip | gunzip | cmp - random && print same
noglob print *.c | cat; print $(print a; exit 3) $?; x=$(exit 4); print $?
{ sleep 0.01; print late } | { read l; print $l }
ls missing 2>&1 >/dev/null | wc -l
print ${(f)"$(cut -d' ' -f2 keys | sort -u)"}
