# exec, sourcing, eval, scripts with #! lines, arguments with blanks, environment.
self=$(readlink /proc/self/exe)
cat > script <<'END'
echo "script: $# arguments: $*"
for a; do echo "  <$a>"; done
exit ${1:-0}
END
sh script; echo $?
sh script 4 "b c" ''; echo $?
printf '#!%s sh\n' "$(which sh)" > direct; sed 's/script/direct/' script >> direct; chmod +x direct
sh ./direct 5; echo $?
. ./script 2> /dev/null &
wait $!; echo "sourced $?"
(exec sh -c 'echo replaced "$@"; exit 6' name 1 2); echo $?
(exec missing-program) 2>/dev/null; echo $?
(exec 2>/dev/null; exec ./text); echo $?
eval "a=1; b=\$((a + 1))"; eval echo '$b' "'\$b'"
X=1 sh -c 'echo "X=$X"'; echo "X=${X-unset}"
export Y="two words"; sh -c 'printf "<%s>\n" "$Y"'
env -i Z=3 "$(which sh)" -c 'echo "${HOME-no home} $Z"'
(unset PATH; ls > /dev/null 2>&1; echo "without PATH $?")
readonly R=1; (R=2) 2>/dev/null; echo "readonly $?"
sh -s one two <<'END'
echo "from standard input: $1 $2"
END
echo 'echo piped script $0' | sh
sh -c 'echo $0 $1' zero one
set -- a b c; set -- "$@" d; echo "$# $4"
set -- $(echo "x y z" | tr ' ' '\n'); echo "$3$2$1"
n=0; until [ $n -eq 3 ]; do n=$((n + 1)); sh -c "exit $n"; echo "child $?"; done
exec sh -c 'echo last; exit 8'
