# trap and TRAPxxx functions: EXIT, ZERR, DEBUG, signals, local traps.
trap 'print "exit $?"' EXIT
trap 'print "zerr $?"' ZERR
false
true && false
false || print handled
if false; then :; fi
trap - ZERR
TRAPUSR1() { print "function for $1"; return 0 }
kill -USR1 $$
trap 'print list; kill -USR1 $$' USR2
kill -USR2 $$
f() { trap 'print "leaving f"' EXIT; print "in f" }
f
print after
trap 'n=$((n + 1))' DEBUG
a=1; b=2
trap - DEBUG
print "debug $n"
(trap 'print sub exit' EXIT; print sub)
(trap 'print sub int; exit 4' INT; sh -c 'kill -INT $PPID'; sleep 1; print never); print $?
trap '' TERM; kill -TERM $$; print alive; trap - TERM
sh -c 'kill -TERM $$'; print $?
h() { setopt localtraps; trap 'print local' USR1; kill -USR1 $$ }; h; kill -USR1 $$
trap 'print alarm; got=1' ALRM; (sleep 0.2; kill -ALRM $$) & while [[ -z $got ]]; do sleep 0.01; done; wait
{ print try; false } always { print always }
{ { print deep; exit 5 } always { print "cleaned up" } } | cat
trap | grep -c USR2
TRAPEXIT() { print "function at the exit" }
exit 6
