# Arrays and associative arrays, with zsh's flags.
a=(one two "three four" five)
print -l $#a $a[1] $a[-1] "$a[2,3]" ${(j:,:)a}
a+=(six); a[2]=(); print -r -- ${(q)a}
print ${a[(r)f*]} ${a[(i)five]} ${(o)a[1]} ${(O)a}
print -l ${(s:,:)${:-x,y,z}} ${(u)${:-}} ${(f)"$(print 'l1\nl2')"}
typeset -A m=(sky blue grass green)
m[sea]=gray; unset 'm[grass]'
for k v in ${(kv)m}; do print "$k -> $v"; done | sort
print ${(ok)m} $#m ${+m[sky]} ${+m[nothing]}
numbers=({1..10}); print ${numbers:#*[02468]} ; print $(( ${(j:+:)numbers} ))
print ${(U)a[1]} ${(C)${:-some words}} ${(l:8::.:)${:-right}} ${(r:8::.:)${:-left}}
words=(${=:-split these words}); print $#words
lines=("${(@f)$(< text)}"); print $#lines "${lines[10]}"
typeset -U unique; unique=(b a b c a); print $unique ${unique[(I)c]}
print ${(on)$(print 10 9 100 1)} ${(M)a:#f*} ${a/o/0} ${a%e}
for x y in 1 2 3 4 5; do print -n "<$x$y>"; done; print
matrix=(); for i in {0..3}; do for j in {0..3}; do matrix+=($((i * j))); done; done; print $matrix
set -- p q r; print $# $2 $@[2,-1]; shift; print $*
print -rl -- $a | sort | tr '\n' ' '; print
(a=(changed)); print $a[1]; f() { local -a a=(local); print $a }; f; print $a[1]
zip=(${a:^numbers}); print $#zip $zip[1,4]
