# Functions: recursion, scope, anonymous ones, autoload from a folder, arguments, returning values.
fact() { (( $1 <= 1 )) && print 1 || print $(( $1 * $(fact $(( $1 - 1 ))) )) }
fact 12
fib() { (( $1 < 2 )) && { r=$1; return }; fib $(( $1 - 1 )); local a=$r; fib $(( $1 - 2 )); (( r += a )) }
fib 15; print $r
outer() { local x=1; inner; print "outer $x" }; inner() { x=2; typeset -g g=3 }; outer; print "${x-unset} $g"
() { print "anonymous $1 $#" } one two
args() { print "$# $1 $argv[-1]"; shift; print "$*"; argv=(new); print $1 }; args a b c
mkdir fns; print 'print "loaded $1"; return 7' > fns/loaded; fpath=($PWD/fns); autoload loaded; loaded now; print $?
opts() { local o; while getopts "ab:" o; do case $o in a) print flag;; b) print "b=$OPTARG";; *) print bad;; esac; done; shift $((OPTIND - 1)); print "rest $*" }
opts -a -b val x y
zparse() { local -A o; zparseopts -A o -D a b: ; print -r -- "${(kv)o} / $*" }; zparse -b 2 rest
map() { local f=$1 x; shift; for x; do $f $x; done }; double() { print -n "$(( $1 * 2 )) " }; map double 1 2 3; print
stack() { print $funcstack }; caller() { stack }; caller
functions double; unfunction double; double 2>/dev/null; print $?
a b() { print "both: $0" }; a; b
compose() { eval "$1() { $2 \$($3 \"\$@\") }" }; up() { print ${(U)1} }; rev_() { print $1 | rev }; compose both up rev_; both abc
command_not_found_handler() { print "no $1"; return 55 }; nothing-here; print $?
quicksort() { (( $# <= 1 )) && { print -n "$* "; return }; local p=$1; shift; local l=() g=() x; for x; do (( x < p )) && l+=($x) || g+=($x); done; (( $#l )) && quicksort $l; print -n "$p "; (( $#g )) && quicksort $g; return 0 }
quicksort 5 3 9 1 7; print
integer i=7; float f=2.5; print $(( i / 2 )) $(( i / 2. )) $(( f * 2 )); typeset -i 16 hex=255; print $hex
while (( i-- > 4 )); do print -n $i; done; print; repeat 3 print -n x; print
case abc in (a*) print a ;& (zzz) print fell through ;; (*) print no ;; esac
select_like() { local -i n=1; for o; do print "$((n++))) $o"; done }; select_like red green
