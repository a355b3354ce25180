# Functions: arguments, locals, recursion, output captured, redefinition, return, and ones that change the caller.
fact() { if [ $1 -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }
fact 10
fib() { [ $1 -lt 2 ] && echo $1 || echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); }
fib 9
swap() { local t=$a; a=$b; b=$t; }
a=1 b=2; swap; echo "$a $b"
args() { echo "$#: $*"; shift; echo "$#: $@"; for x in "$@"; do echo "<$x>"; done; }
args "one two" three "" four
outer() { local v=outer; inner; echo $v; }
inner() { v=changed; }
outer; echo "${v-unset}"
again() { echo first; again() { echo second; }; }
again; again
status() { return $1; }
for s in 0 1 127 255; do status $s; echo $?; done
loop() { while :; do n=$((n + 1)); [ $n -gt 4 ] && return 7; done; }
loop; echo "$? $n"
hanoi() { [ $1 -eq 0 ] && return; hanoi $(($1 - 1)) $2 $4 $3; moves=$((moves + 1)); hanoi $(($1 - 1)) $4 $3 $2; }
moves=0; hanoi 6 a b c; echo $moves
compose() { "$1" | "$2"; }
one() { printf 'b\na\n'; }
compose one sort
unset -f one; one 2>/dev/null || echo "no such function: $?"
reverse() { local r= s=$1; while [ -n "$s" ]; do r=${s%"${s#?}"}$r; s=${s#?}; done; echo "$r"; }
reverse "virtual memory"
