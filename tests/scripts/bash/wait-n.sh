# wait in all its forms, and statuses of many background processes.
for s in 3 1 2; do (exit $s) & pids+=($!); done
for p in "${pids[@]}"; do wait "$p"; echo "status $?"; done
declare -A status
for i in {1..8}; do (exit $((i * 10))) & name[$!]=$i; done
for p in "${!name[@]}"; do wait "$p"; status[${name[p]}]=$?; done
for i in {1..8}; do echo -n "${status[$i]} "; done; echo
(sleep 0.3; exit 2) & slow=$!
(exit 1) & fast=$!
wait -n "$slow" "$fast"; echo "first to end: $?"
wait -n "$slow"; echo "then: $?"
wait "$fast"; echo "again: $?"
sleep 0.01 & wait -n -p ended; echo "$? $([[ $ended == "$!" ]] && echo same)"
wait 1 2>/dev/null; echo "not a child: $?"
sum=0
for i in {1..20}; do (exit "$i") & all+=($!); done
for p in "${all[@]}"; do wait "$p"; ((sum += $?)); done
echo "sum $sum"
limit() { while (( $(jobs -r | wc -l) >= $1 )); do wait -n; done; }
for i in {1..6}; do limit 2; { sleep 0.01; echo "task $i" > "task.$i"; } & done; wait
cat task.*
(trap 'exit 5' TERM; echo > new; mv new ready; while :; do sleep 0.01; done) & p=$!
until [[ -e ready ]]; do sleep 0.01; done; kill "$p"; wait "$p"; echo "handled: $?"
sleep 100 & kill -SEGV $!; wait $! 2>/dev/null; echo "killed: $?"
