# Signals between a script and its children.
child() {
    trap 'echo "child: usr1"; kill -USR1 $$' USR1
    trap 'echo "child: term"; exit 6' TERM
    echo ready > "$1.new"; mv "$1.new" "$1"
    while :; do sleep 0.01; done
}
trap 'echo "parent: usr1"; answered=1' USR1
child c1 & pid=$!
until [[ -s c1 ]]; do sleep 0.01; done
kill -USR1 $pid
until [[ $answered ]]; do sleep 0.01; done
kill -TERM $pid; wait $pid; echo "status $?"
for s in HUP INT QUIT ILL TRAP ABRT BUS FPE KILL SEGV PIPE ALRM TERM XCPU XFSZ VTALRM PROF SYS; do
    "$BASH" -c "ulimit -c 0; kill -$s \$\$" 2>/dev/null; echo -n "$s:$? "
done 2>/dev/null; echo
{ "$BASH" -c 'kill -RTMIN+3 $$'; echo "real-time $?"; } 2> /dev/null
kill -l 2 15 143; kill -l TERM; kill -0 $$ && echo exists; kill -0 999999 2>/dev/null || echo "does not exist"
(trap '' PIPE; seq 100000 2>/dev/null; echo "write failed: $(($? != 0))" >&2) | true
(yes; echo "yes: $?" >&2) | head -n 1
sleep 100 & p=$!; kill -STOP $p; kill -CONT $p; kill -TERM $p; wait $p 2>/dev/null; echo "status $?"
trap 'echo "int"' INT; kill -INT $$; trap 'echo "hup"' HUP; kill -HUP $$; echo "alive"
trap 'order+=1' USR1; trap 'order+=2' USR2; kill -USR1 $$; kill -USR2 $$; kill -USR1 $$; echo "$order"
"$BASH" -c 'trap "echo exit trap" EXIT; kill -TERM $$; sleep 1'; echo "status $?"
"$BASH" -c 'trap "echo exit trap" EXIT; trap "exit 3" TERM; kill -TERM $$; sleep 1'; echo "status $?"
{ (kill -KILL $BASHPID; echo never); echo "status $?"; } 2> /dev/null
# Both are their own before the signal comes. When bash says that they are gone depends on who is faster, so nobody listens.
exec 2> /dev/null
set -m
{ echo up; exec sleep 100; } | { read -r line; : > "$line"; exec sleep 100; } &
until [ -e up ]; do sleep 0.01; done
rm up; kill -TERM -- "-$(jobs -p %+)"; wait; echo "a group is gone: $?"
