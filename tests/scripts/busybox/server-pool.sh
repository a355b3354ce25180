# A pool of workers that take numbers from a queue and put the results into files; the parent adds them up.
mkdir results
worker() {
    id=$1 done=0
    for n in $(seq $id 4 40); do
        echo $((n * n * n)) > results/$n
        done=$((done + 1))
    done
    return $done
}
pids=
for id in 1 2 3 4; do worker $id & pids="$pids $!"; done
count=0
for pid in $pids; do wait $pid; count=$((count + $?)); done
echo "$count results, $(ls results | wc -l) files"
cat results/* | awk '{ s += $1 } END { print "sum", s }'
echo "expected $(((40 * 41 / 2) * (40 * 41 / 2)))"
lock() { until mkdir lock 2>/dev/null; do sleep 0.001; done; }
unlock() { rmdir lock; }
echo 0 > counter
for id in 1 2 3 4; do
    (for i in 1 2 3 4 5; do lock; n=$(cat counter); echo $((n + 1)) > counter; unlock; done) &
done
wait
echo "counter $(cat counter)"
