# Functions: recursion, local and dynamic scope, namerefs, arguments, exported functions, stack of calls.
fact() { (($1 <= 1)) && echo 1 || echo $(($1 * $(fact $(($1 - 1))))); }
fact 15
fib() { local n=$1; ((n < 2)) && { r=$n; return; }; fib $((n - 1)); local a=$r; fib $((n - 2)); r=$((a + r)); }
fib 18; echo "$r"
outer() { local x=1; inner; echo "outer $x"; }; inner() { x=2; local y=3; }; x=0; outer; echo "$x ${y-unset}"
args() { echo "$# $1 ${!#} ${*: -2}"; set -- new; echo "$1"; shift $#; echo $#; }; args a b c d
stack() { echo "${FUNCNAME[*]}"; }; caller_() { stack; }; caller_
export -f fact; "$BASH" -c 'fact 5'
increment() { local -n counter=$1; counter=$((counter + ${2:-1})); }; c=5; increment c; increment c 10; echo $c
opts() { local OPTIND o; while getopts "ab:c:" o; do case $o in a) echo flag;; b|c) echo "$o=$OPTARG";; *) echo bad;; esac; done; shift $((OPTIND - 1)); echo "rest $*"; }
opts -a -b one -ctwo x y 2>/dev/null; opts -z 2>/dev/null
reverse() { (($#)) && { reverse "${@:2}"; printf '%s ' "$1"; }; }; reverse a b c d; echo
map() { local f=$1 x; shift; for x; do "$f" "$x"; done; }; double() { echo $(($1 * 2)); }; map double 1 2 3 | paste -sd' '
declare -f double; unset -f double; double 2>/dev/null; echo $?
command_not_found_handle() { echo "no $1"; return 55; }; no-such-thing; echo $?
memo() { declare -gA cache; [[ -n ${cache[$1]} ]] || cache[$1]=$(( $1 * $1 )); result=${cache[$1]}; }; memo 12; memo 12; echo "$result ${#cache[@]}"
(inner() { echo redefined; }; inner); inner; echo ok
quicksort() { (($# <= 1)) && { echo "$@"; return; }; local p=$1 l=() g=() x; shift; for x; do ((x < p)) && l+=($x) || g+=($x); done; echo $(quicksort "${l[@]}") $p $(quicksort "${g[@]}"); }
quicksort 5 3 9 1 7 2 8
time_like() { "$@" > /dev/null; echo "status $?"; }; time_like ls missing 2>/dev/null; time_like true
