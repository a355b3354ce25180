# Signals between processes of a script: stop and continue, ignoring, default deaths, a child that answers.
answer() { trap 'echo "child got usr1"; kill -USR2 $parent; exit 5' USR1; echo ready > new; mv new state; while :; do sleep 0.01; done; }
parent=$$
trap 'echo "parent got usr2"; seen=1' USR2
answer &
child=$!
until [ -s state ]; do sleep 0.01; done
kill -USR1 $child
while [ -z "$seen" ]; do sleep 0.01; done
wait $child; echo "child ended with $?"
sleep 100 & p=$!
kill -STOP $p
sleep 0.1
kill -TERM $p
kill -0 $p && echo "a stopped process keeps its signal"
kill -CONT $p
wait $p 2>/dev/null; echo "status $?"
sh -c 'trap "" TERM; echo ready > new2; mv new2 state2; sleep 0.2; exit 7' & p=$!
until [ -s state2 ]; do sleep 0.01; done
kill -TERM $p
wait $p; echo "ignored it: $?"
for s in QUIT ILL ABRT FPE SEGV PIPE ALRM TERM USR1; do
    sh -c "kill -$s \$\$" 2>/dev/null
    echo "$s $?"
done 2>/dev/null
sh -c 'kill -CHLD $$; kill -CONT $$; kill -WINCH $$; echo "these do nothing by default"'
timeout 0.1 sh -c 'trap "echo timed out; exit 3" TERM; while :; do sleep 0.01; done'; echo "timeout $?"
timeout 5 true; echo "in time $?"
