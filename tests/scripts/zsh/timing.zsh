# Waiting: read -t, sleep, sched-free order, SECONDS, EPOCHSECONDS, zselect-free polling.
(sleep 0.5; print late) | { read -t 0.05 x; print "$? <$x>"; read -t 5 x; print "$? <$x>" }
(sleep 0.6; print third) & (sleep 0.3; print second) & print first; wait
for i in 3 1 2; do (sleep 0.$((i * 3)); print "sorted by sleep $i") & done; wait
float start=$SECONDS; typeset -F SECONDS; sleep 0.3; (( SECONDS >= 0.3 )) && print "time passes"
zmodload zsh/datetime; (( EPOCHSECONDS > 0 )) && print clock; TZ=UTC strftime '%Y-%m-%d %H:%M' 86400
trap 'print alarm' ALRM; (sleep 0.2; kill -ALRM $$) & sleep 0.5; wait; print after
(for i in {1..5}; do print $i; sleep 0.01; done) | while read -t 5 n; do print -n "$n "; done; print
{ print a; sleep 0.2; print b } | { read x; print "$x at once"; read y; print "$y later" }
timeout 0.1 sleep 10; print $?; timeout 5 sh -c 'exit 3'; print $?
repeat 5 { sleep 0.01; print -n . }; print
