# Parameter expansion, patterns, matches, arithmetic, printf.
s="The Quick brown Fox"
print ${s:l} ${s:u} ${(C)s} ${#s} ${s[1,3]} ${s[-3,-1]} ${s:4:5}
print ${s/o/0} ${s//o/0} ${s/#The/A} ${s/%Fox/Dog} ${s#* } ${s##* } ${s% *} ${s%% *}
path_=/usr/local/share/file.tar.gz; print $path_:t $path_:h $path_:r $path_:e $path_:t:r:r
unset u; print ${u:-default} ${u-unset} ${u:+set} ${u:=assigned} $u; (print ${nope:?is missing}) 2>/dev/null; print $?
name=s; print ${(P)name} ${(q)${:-a b\'c}} ${(Q)${:-\'quoted\'}} ${(z)${:-a "b c" d}}
setopt extendedglob; [[ foobar == (#b)(foo)(*) ]] && print $match[1] $match[2]
print ${s//(#m)[aeiou]/<$MATCH>}; print ${(M)s##[A-Z]*( )}; [[ abc == a?c && abc != *d* && abc < abd ]] && print tests
print ${${s% *}##* } ${${(s: :)s}[2]} ${(w)#s} ${(S)s#Q*k}
printf '%05d|%-8s|%8.3f|%x|%b\n' 42 left 3.14159 255 'x\ty'; printf '%s,' a b c; print
print $((16#ff)) $((2#1010)) $((5 ** 3)) $((7 % 3)) $((1 << 40)) $(( 7 / 2. )) $((a = 5, a * 2))
print {a..e} {01..03} {1..10..3} x{a,b{1,2}}y
print -r -- $'tab\there' ${(V)${:-$'ctrl\x01'}} ${(%):-%%}
print tree/*(.) tree/*(/) tree/*(@) tree/**/*.txt(:t) *(.Lk+50on) none*(N)
print ${(l:5::0:)${:-42}} ${(r:5:)${:-ab}}| ${(j:-:)${(s::)${:-abc}}} ${(o)${(s: :)s}}
[[ -f keys && -d tree && -L tree/link && ! -e nothing && keys -nt text ]]; print $?
case $s in (*Quick*) print quick ;; esac; print ${s[(w)2]} ${s[(i)Q]} ${(L)s:0:3}
c="hello"; r=; for i in {1..$#c}; do r=$c[i]$r; done; print $r
print ${$(print "a  b"):-x} "${$(print 'a  b')}"; IFS=:; x=a:b:c; print ${=x}; print $(print 1:2)
