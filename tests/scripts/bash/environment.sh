# Environment, arguments, exec, scripts by #!, builtin loading of files, positional parameters, special variables.
A=1 "$BASH" -c 'echo $A'; echo "${A-unset}"; export B="x y"; "$BASH" -c 'echo "<$B>"'; env | grep '^B='
env -i "$BASH" --norc -c 'echo "${HOME-none} $0"'; env -u B "$BASH" -c 'echo ${B-none}'
printf '#!%s\necho "script $0 $# $*"; exit 9\n' "$BASH" > script; chmod +x script; ./script a "b c"; echo $?
printf '#!%s -x\necho traced\n' "$BASH" > traced; chmod +x traced; ./traced 2>&1
echo 'echo no line of an interpreter $1' > plain; chmod +x plain; ./plain arg
printf '#!/nonexistent/shell\n' > bad; chmod +x bad; ./bad 2>/dev/null; echo $?
: > empty.sh; chmod +x empty.sh; ./empty.sh; echo $?
echo 'sourced=$1; return 4' > lib; source ./lib value; echo "$? $sourced"
(exec "$BASH" -c 'echo "replaced $BASHPID" | sed "s/[0-9]*$/pid/"'); (exec -a other "$BASH" -c 'echo $0')
set -- one "two three" four; echo "$# $2"; shift; printf '<%s>' "$@"; echo; set --; echo $#
"$BASH" -s arg <<< 'echo "from stdin $1"'; echo 'echo piped' | "$BASH"
echo "${0##*/} ${BASH_SOURCE[0]##*/} $LINENO $- " | sed 's/ $//'
eval 'x="a b"; y=\$x'; echo "$y"; eval "z=$y"; echo "$z"
hash -r; type -t cd if fact ls; command -v echo; builtin echo built
big=$(printf 'x%.0s' {1..100000}); LONG=$big "$BASH" -c 'echo ${#LONG}'; /nonexistent "$big" 2>/dev/null; echo $?
"$BASH" -c 'echo ${#1}' _ "$big"; seq 20000 | xargs | wc -w
readonly R=1; (R=2) 2>/dev/null; echo $?; declare -i n=5; n+=3; echo $n; declare -r | grep -c ' R='
umask 027; touch u; stat -c %a u; (umask 0; touch w; stat -c %a w); umask
cd tree; echo "${PWD##*/} ${OLDPWD##*/}"; pushd sub > /dev/null; dirs -p | wc -l; popd > /dev/null; cd -P link/.. 2>/dev/null || echo "not a folder"; cd ..; cd - > /dev/null; echo "${PWD##*/}"; cd ..; ls -d ~-/sub | wc -l
shopt -s nullglob globstar dotglob; echo tree/**/*.txt; echo none*; compgen -G 'k*'
