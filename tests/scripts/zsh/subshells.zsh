# Subshell isolation and nesting.
v=1; a=(1 2); typeset -A m=(k v); f() { print outer }
(v=2; a[1]=x; m[k]=w; f() { print inner }; cd tree; umask 077; setopt noglob; print $v $a $m[k] $(f) $PWD:t $(umask))
print $v $a $m[k] $(f) $PWD:t; [[ $(umask) != 077 ]] && print "umask same"
{ v=3 }; print $v; v=4 | cat; print $v; print x | v=5; print $v; $(v=6); print $v
{ v=7 } & wait; print $v
print $ZSH_SUBSHELL $(print $ZSH_SUBSHELL) $( (print $ZSH_SUBSHELL) ) $(print $(print $ZSH_SUBSHELL))
[[ $$ == $(print $$) ]] && print "\$\$ is the shell's"
for i in 1 2 3; do (( v += i )); ( (( v += i )); print $v ); done; print $v
x=$(x=inner; print $x); print $x
big=$(seq 20000); for i in 1 2 3; do (big+=x; print $#big) & wait; done; print $#big
export E=1; (export E=2; sh -c 'echo $E'); sh -c 'echo $E'; (unset E; sh -c 'echo ${E-none}')
(exit 3); print $?; (return 4); print $?; (setopt errexit; false; print no); print $?
( ( ( print three levels; exit 1 ) || exit 2 ) || print "got $?" )
print $(print $(print $(print $(print nested))))
tree() { (( $1 == 0 )) && { print 1; return }; print $(( $(tree $(( $1 - 1 ))) + $(tree $(( $1 - 1 ))) )) }; tree 5
(RANDOM=42; print $RANDOM) > r1; (RANDOM=42; print $RANDOM) > r2; cmp r1 r2 && print "RANDOM repeats"
print -l ${(f)"$(for i in 1 2 3; do (print "child $i"); done)"}
() { local v=local; (v=sub; print $v); print $v }; print $v
(trap 'print bye' EXIT; (print inner); print outer)
sh -c 'exit 5' | sh -c 'exit 6'; print $pipestatus; ! (exit 1); print $?
