# Workers that share a queue by a lock folder, and a parent that collects.
mkdir results; print 0 > next
take() { local n; until mkdir lock 2>/dev/null; do sleep 0.005; done; n=$(< next); print $((n + 1)) > next; rmdir lock; REPLY=$n }
worker() { local -i done=0; while take; (( REPLY < 24 )); do print $((REPLY ** 3)) > results/$REPLY; (( done++ )); done; return $done }
pids=(); for w in 1 2 3; do worker & pids+=($!); done
integer total=0; for p in $pids; do wait $p; (( total += $? )); done
print "$total results"; results=(results/*); print $#results files
sum=0; for f in results/*(n); do (( sum += $(< $f) )); done; print $sum $(( (23 * 24 / 2) ** 2 ))
typeset -A got; for f in results/*(n:t); do got[$f]=$(< results/$f); done; print $got[3] $got[10] ${#got}
parts=(); for i in {1..4}; do (seq $i 4 100 | paste -sd+ | bc > part.$i) & done; wait; print $(( ${(j:+:)${(f)"$(cat part.*)"}} ))
pipeline() { local n=$1; shift; if (( n )); then "$@" | pipeline $((n - 1)) cat; else "$@" | wc -l; fi }; pipeline 8 seq 1000
