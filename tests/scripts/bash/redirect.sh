# Redirections: exec, descriptors, here-strings, read and write, swaps, closing.
exec 3<> file
echo "line one" >&3; echo "line two" >&3
exec 3>&-; exec 3< file; read -u 3 l; echo "read: $l"; cat <&3; exec 3<&-
{ echo out; echo err >&2; } 3>&1 1>&2 2>&3 3>&- | sed 's/^/swapped: /'
{ echo out; echo err >&2; } &> both; sort both; echo more &>> both; wc -l < both
exec {fd}> named; echo "through $((fd >= 10))" >&$fd; exec {fd}>&-; cat named
cat <<< "a here-string with $((1 + 1))"; read -r a b <<< "two words"; echo "$b $a"
cat <<'END' | tr a-z A-Z
quoted $here
END
exec 4>&1 > captured; echo hidden; exec 1>&4 4>&-; echo shown; cat captured
f() { echo "out"; echo "err" >&2; } 2> function-err; f; cat function-err
while read -r line <&3; do read -r other <&4 || break; echo "$line / $other"; done 3< keys 4< left
(exec 1>&-; echo lost 2>/dev/null); echo "closed: $?"
echo text >&9 2>/dev/null; echo "bad: $?"
cat < missing 2>/dev/null; echo "missing: $?"
set -o noclobber; echo a > new; echo b > new; echo "noclobber $?"; echo c >| new; cat new; set +o noclobber
echo "$(echo both >&2)" 2>&1 | cat
cat /dev/fd/5 5<<< "by a path"; cat /dev/stdin <<< "standard input"; echo "to stderr" > /dev/stderr
: > a; for i in 1 2 3; do echo $i; done >> a 2>&1; tail -n 1 a
mkfifo pipe; cat pipe & echo "through a fifo" > pipe; wait
exec 6<&0 < left; read x; exec 0<&6 6<&-; read y; echo "$x, $y"
printf 'abc' > p; exec 7<> p; read -n 1 -u 7 c; printf X >&7; exec 7>&-; cat p; echo
ulimit -n 32; ulimit -n; for i in {3..40}; do eval "exec $i< keys" 2>/dev/null || { echo "no descriptor $i"; break; }; done
