# Environment, arguments, exec, sourcing, scripts by #!, options.
shell=$(readlink /proc/$$/exe)
A=1 sh -c 'echo $A'; print ${A-unset}; export B="x y"; sh -c 'echo "<$B>"'; env | grep '^B='
env -i $shell -f -c 'print ${HOME-none}'; env -u B sh -c 'echo ${B-none}'
printf '#!%s -f\nprint "script $# $*"; exit 9\n' $shell > script; chmod +x script; ./script a "b c"; print $?
print '#!/nonexistent/shell' > bad; chmod +x bad; ./bad 2>/dev/null; print $?
print 'sourced=$1; return 4' > lib; source ./lib value; print "$? $sourced"; . ./lib again; print $sourced
(exec sh -c 'echo replaced'); (exec ./missing) 2>/dev/null; print $?; missing-program 2>/dev/null; print $?; ./tree 2>/dev/null; print $?
set -- one "two three"; print "$# $2"; set --; print $#
print 'print piped' | $shell -f; $shell -f -s arg <<< 'print "stdin $1"'; $shell -f -c 'print $0 $1' zero one
eval 'x="a b"; y=\$x'; print $y; eval "z=$y"; print $z
typeset -x C=exported; sh -c 'echo $C'; typeset +x C; sh -c 'echo ${C-gone}'
whence -w print cd if ls; command -v print; builtin print built; command echo command
(setopt errexit; print before; false; print never); print $?; (setopt nounset; print $undefined; print never) 2>/dev/null; print $?
big=${(l:100000::x:)}; LONG=$big sh -c 'echo ${#LONG}'; sh -c 'echo ${#1}' _ $big; print $#big
readonly R=1; (R=2) 2>/dev/null; print $?
umask 027; : > u; stat -c %a u; mkdir d; stat -c %a d
cd tree; print $PWD:t $OLDPWD:t; pushd sub > /dev/null; print $#dirstack; popd > /dev/null; cd ..; print $PWD:t
path=($path /nonexistent); print $PATH | grep -c nonexistent
emulate sh -c 'set -- a b; for x; do echo "$x"; done'; (emulate -R ksh; a=(x y); print ${a[0]})
alias -g G='| grep'; eval 'cat keys G x'; disable print; enable print; print enabled
(print "$0:t" ; print $ZSH_NAME:t:r | cut -c1-3); exec sh -c 'echo last; exit 8'
