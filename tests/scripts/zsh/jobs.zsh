# Background jobs, wait, job control, coproc, kill.
(exit 5) & wait $!; print $?
for s in 3 1 2; do (exit $s) & p+=($!); done
for q in $p; do wait $q; print -n "$? "; done; print
sleep 100 & kill $!; wait $!; print "status $?"
sleep 100 & kill -KILL $!; wait $!; print "status $?"
{ print in the background; exit 6 } & wait $!; print $?
coproc while read -r l && [[ $l != end ]]; do print -r -- ${(U)l}; done
print -p page; read -p answer; print $answer
print -p walk; read -p answer; print $answer
print -p end; wait; print "coprocess $?"
for i in {1..5}; do { sleep 0.01; print "task $i" > task.$i } & done; wait; cat task.*
x=1; { x=2; print "job $x" } & wait; print "shell $x"
(sleep 0.2; print second) & print first; wait
sleep 100 & j=$!; kill -0 $j && print alive; kill -STOP $j; kill -KILL $j; wait $j; print $?
kill -0 $j 2>/dev/null || print gone
print ${#jobstates}; sleep 100 & print ${#jobstates}; kill %1; wait %1; print $?
setopt monitor 2>/dev/null; (exit 9) & wait $!; print $?
kill -l TERM KILL; kill -l 15
wait 99999 2>/dev/null; print "not a child $?"
(trap 'print child term; exit 4' TERM; print > new; mv new ready; while :; do sleep 0.01; done) & c=$!
until [[ -e ready ]]; do sleep 0.01; done; kill $c; wait $c; print $?
zsh() { $SHELL_PATH -f "$@" }; SHELL_PATH=$(readlink /proc/self/exe 2>/dev/null)
(exit 3) &! sleep 0.05; print disowned
