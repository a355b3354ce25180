# set -e: where a failure ends the shell, and where it does not.
try() { sh -c "set -e; $1; echo reached"; echo "[$1] -> $?"; }
try 'false'
try 'false || true'
try 'false && true'
try 'true && false'
try '! true'
try 'if false; then :; fi'
try 'while false; do :; done'
try '(false)'
try '(false) || true'
try 'x=$(false)'
try 'echo $(false)'
try 'false | true'
try 'true | false'
try 'f() { false; true; }; f'
try 'f() { false; echo in f; }; f || true'
try 'f() { return 3; }; f'
try 'eval false'
try '{ false; }'
try 'false & wait $!'
try 'trap "echo trapped" EXIT; false'
try 'set +e; false'
try 'cd missing 2>/dev/null'
try 'export x=$(false)'
sh -u -c 'echo $undefined; echo reached' 2>/dev/null; echo "unset $?"
sh -n -c 'echo not run'; echo "noexec $?"
sh -c 'syntax (' 2>/dev/null; echo "syntax $?"
sh -x -c 'echo traced; y=2' 2>&1
sh -v -c 'echo verbose' 2>&1
