# Waiting: read -t, sleep, SIGALRM by a child, timeout, and order that sleeping gives.
read -t 0.05 x < <(sleep 0.5; echo late); echo "read -t: $(($? > 128)) <$x>"
read -t 5 x < <(echo soon); echo "read -t: $? <$x>"
read -t 0 < keys; echo "ready: $?"
(sleep 0.6; echo third) & (sleep 0.3; echo second) & echo first; wait
for i in 3 1 2; do (sleep 0.$((i * 3)); echo "sorted by sleep: $i") & done; wait
start=$SECONDS; sleep 1; ((SECONDS - start >= 1)) && echo "a second has passed"
timeout 0.1 sleep 10; echo "timeout $?"; timeout 5 "$BASH" -c 'exit 3'; echo "timeout $?"
trap 'echo alarm' ALRM; { sleep 0.2; kill -ALRM $$; } & sleep 0.5; echo "after the alarm"; wait
trap 'alarms=$((alarms + 1))' USR1
for i in 1 2 3; do kill -USR1 $$; done; echo "usr1 $alarms"
(for i in {1..5}; do echo $i; sleep 0.01; done) | while read -t 5 n; do echo -n "$n "; done; echo
{ echo a; sleep 0.2; echo b; } | { read x; echo "$x at once"; read y; echo "$y later"; }
TMOUT=; sleep 0 0.01; echo "slept $?"
date -u -d @86400 +%F; [[ $EPOCHSECONDS -gt 0 && $EPOCHREALTIME == *.* ]] && echo "there is a clock"
(trap 'echo "term in sleep"; exit 5' TERM; echo > new; mv new r; sleep 0.5 & wait) & p=$!; until [[ -e r ]]; do sleep 0.01; done; kill $p; wait $p; echo $?
