# Job control in a script: set -m, jobs, %n, wait -n, disown, stop and continue.
# bash tells of ended jobs on standard error whenever it notices.
exec 2> /dev/null
set -m
sleep 100 &
first=$!
sleep 200 &
second=$!
jobs | sed 's/  */ /g'
kill -STOP %1
until [[ $(jobs -s) ]]; do sleep 0.01; done
jobs -s | sed 's/  */ /g'
kill $first; kill -CONT $first
while kill -0 $first; do sleep 0.01; done 2> /dev/null
wait $first 2>/dev/null; echo "first $?"
kill -KILL %2
wait $second; echo "second $?"
(exit 7) & wait $!; echo "third $?"
(exit 8) & (sleep 0.3; exit 9) &
wait -n; echo "next $?"
wait -n; echo "next $?"
wait -n 2>/dev/null; echo "none left $?"
sleep 100 & disown %+; kill $!; jobs; echo "disowned"
{ echo in a group; sleep 0.01; } &
wait $!
fg %9 2>/dev/null || echo "no such job"
(sleep 0.05; echo from the foreground; exit 4) &
fg %+ > /dev/null; echo "fg $?"
"$BASH" -c 'kill -STOP $$; exit 6' &
until [[ $(jobs -s) ]]; do sleep 0.01; done
bg %+ > /dev/null 2>&1; wait $!; echo "bg $?"
set +m
(set -m; "$BASH" -c 'ps -o pgid= > /dev/null 2>&1; exit 2' & wait $!; echo "inner $?")
jobs; echo "all done"
