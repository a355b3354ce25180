# Traps: on exit, on signals, in subshells, in functions, ignored, reset, and what children inherit.
trap 'echo "exit with $?"' EXIT
trap 'echo usr1; got=1' USR1
kill -USR1 $$
echo "got $got"
(
    trap 'echo "subshell exit $?"' EXIT
    trap 'echo subshell term; exit 9' TERM
    kill -TERM $(sh -c 'echo $PPID')
    echo never
)
echo "status $?"
trap '' INT
sh -c 'kill -INT $$; echo "an ignored signal stays ignored"'
trap - INT
sh -c 'kill -INT $$; echo never'
echo "status $?"
handle() { echo "handler in a function"; trap - USR2; }
trap handle USR2
kill -USR2 $$
sh -c 'trap "echo child usr2; exit 4" USR2; kill -USR2 $$; echo never'
echo "status $?"
wait_for_signal() {
    trap 'echo woken' USR1
    (sleep 0.3; kill -USR1 $$) &
    wait $!
    echo "wait gave $?"
    wait
}
wait_for_signal
trap
f() { return 3; }
f
exit
