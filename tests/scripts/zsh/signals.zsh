# Signals between a script and its children, statuses of deaths.
child() { trap 'print "child: usr1"; kill -USR1 $$' USR1; trap 'print "child: term"; exit 6' TERM; print ready > new; mv new c1; while :; do sleep 0.01; done }
trap 'print "parent: usr1"; answered=1' USR1
child & pid=$!
until [[ -s c1 ]]; do sleep 0.01; done
kill -USR1 $pid; until [[ -n $answered ]]; do sleep 0.01; done
kill -TERM $pid; wait $pid; print "status $?"
for s in HUP INT QUIT ILL ABRT FPE KILL SEGV PIPE ALRM TERM; do sh -c "ulimit -c 0; kill -$s \$\$"; print -n "$s:$? "; done 2>/dev/null; print
(yes; print "yes: $?" >&2) | head -n 1
trap '' HUP; sh -c 'kill -HUP $$; echo inherited'; trap - HUP; sh -c 'kill -HUP $$; echo never'; print $?
order=; trap 'order+=1' USR1; trap 'order+=2' USR2; kill -USR1 $$; kill -USR2 $$; kill -USR1 $$; print $order
sleep 100 & p=$!; kill -STOP $p; sleep 0.1; kill -TERM $p; kill -CONT $p; wait $p; print "stopped, then $?"
timeout 0.1 sleep 10; print "timeout $?"; timeout 5 true; print "timeout $?"
TRAPINT() { print "int by function"; return 0 }; kill -INT $$; print on
sh -c 'trap "echo own; exit 3" TERM; kill $$; echo never'; print $?
(sh -c 'kill -KILL $PPID'; print never); print $?
trap 'print chld; seen=1' CHLD; true & while [[ -z $seen ]]; do sleep 0.01; done; trap - CHLD
