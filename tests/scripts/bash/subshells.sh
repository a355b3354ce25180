# What a subshell changes stays there: variables, arrays, folder, umask, traps, options, descriptors, functions.
v=1 a=(1 2) ; f() { echo outer; }; declare -A m=([k]=v)
(v=2; a[0]=x; f() { echo inner; }; m[k]=w; cd tree; umask 077; set -f; trap 'echo t' EXIT; exec 3> /dev/null; echo "$v ${a[*]} $(f) ${m[k]} $(umask) ${PWD##*/}")
echo "$v ${a[*]} $(f) ${m[k]} $([[ $(umask) == 0077 ]] || echo same) ${PWD##*/}"
{ v=3; }; echo $v
v=4 | cat; echo $v
echo x | v=5; echo $v
$(v=6); echo $v
v=7 & wait; echo $v
echo "$BASH_SUBSHELL $(echo $BASH_SUBSHELL) $( (echo $BASH_SUBSHELL) )"
[[ $$ == $(echo $$) ]] && echo "\$\$ is the shell's"; (( BASHPID == $$ )) && (( $(echo $BASHPID) != $$ )) && echo "BASHPID is not"
for i in 1 2 3; do ( ((v += i)); echo $v ); done; echo $v
x=$(x=inner; echo $x); echo $x
count=0; seq 5 | while read -r _; do ((count++)); done; echo "pipe: $count"
count=0; while read -r _; do ((count++)); done < <(seq 5); echo "substitution: $count"
big=$(head -c 50000 random | base64 | tr -d '\n'); for i in 1 2 3; do (big+=x; echo ${#big}) & wait; done; echo ${#big}
export E=1; (export E=2; "$BASH" -c 'echo $E'); "$BASH" -c 'echo $E'; (unset E; "$BASH" -c 'echo ${E-none}')
(exit 3); echo $?; (return 4 2>/dev/null); (set -e; false; echo no); echo $?
( ( ( echo three levels; exit 1 ) || exit 2 ) || echo "got $?" )
seed() { RANDOM=42; a=$RANDOM; RANDOM=42; b=$RANDOM; ((a == b)) && echo "RANDOM repeats"; }; seed
r1=$(RANDOM=1; echo $RANDOM); r2=$(RANDOM=1; echo $RANDOM); [[ $r1 == "$r2" ]] && echo "in subshells too"
