# EXIT, ERR, DEBUG, RETURN and signal traps; inheritance by functions and subshells.
trap 'echo "exit $?"' EXIT
trap 'echo "err $? at line $LINENO"' ERR
false
true && false
false || echo "handled, no ERR"
(exit 3)
f() { false; echo "in f"; }
f
set -E; f; set +E
trap - ERR
trap 'commands+=("$BASH_COMMAND")' DEBUG
a=1
echo "a $a"
trap - DEBUG
printf 'debug: %s\n' "${commands[@]}"
g() { trap 'echo "return from ${FUNCNAME[0]}"' RETURN; echo "in g"; }
g; trap - RETURN
trap 'echo "usr1"' USR1
trap 'echo "usr2"; kill -USR1 $$; echo "usr2 ends"' USR2
kill -USR2 $$
kill -USR1 $$
echo "in order"
trap 'echo "chld"' CHLD
ls > /dev/null; sleep 0.01
trap - CHLD
(trap 'echo "sub exit"' EXIT; trap 'echo "sub int"; exit 4' INT; kill -INT $BASHPID; echo never); echo "status $?"
( trap ); echo "--"; trap | grep -c USR
trap '' TERM; kill -TERM $$; "$BASH" -c 'kill -TERM $$; echo "inherited"'
trap - TERM; "$BASH" -c 'kill -TERM $$; echo never'; echo "status $?"
trap 'got=1' ALRM; (sleep 0.3; kill -ALRM $$) & wait $!; echo "wait $? got $got"; wait
trap 'echo bye; exit 7' EXIT
exit 1
