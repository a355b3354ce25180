# Parameter expansion and string tests.
s="The Quick brown Fox"
echo "${s,,} ${s^^} ${s~~} ${s,} ${s:4:5} ${s: -3} ${#s}"
echo "${s/o/0} ${s//o/0} ${s/#The/A} ${s/%Fox/Dog} ${s#* } ${s##* } ${s% *} ${s%% *}"
path=/usr/local/share/doc/file.tar.gz
echo "${path##*/} ${path%/*} ${path%%.*} ${path#*.} ${path:(-6)}"
unset u; echo "${u:-default} ${u-unset} ${u:+set} ${u:=assigned} $u"; (echo "${nope:?is missing}") 2>/dev/null; echo $?
name=s; echo "${!name}"; declare -n ref=s; ref=changed; echo "$s"; echo "${!pa*}"
printf -v out '%05d|%-8s|%8.3f|%x|%q|%b' 42 left 3.14159 255 "a b'c" 'x\ty'; echo "$out"
printf '%s,' a b c; echo; printf '%d %o %X %e\n' 10 10 255 12345.678; printf '%(%Y)T\n' 0
[[ "2024-05-17" =~ ^([0-9]{4})-([0-9]{2})-([0-9]{2})$ ]] && echo "${BASH_REMATCH[@]:1}"
[[ foobar =~ o+(b)(x)? ]] && echo "<${BASH_REMATCH[0]}> <${BASH_REMATCH[1]}> <${BASH_REMATCH[2]}>"
[[ abc == a?c && abc != *d* && abc < abd && -n $s && ! -z $s ]] && echo tests
shopt -s extglob; x=aaabbbccc; echo "${x##+(a)} ${x/+(b)/-} ${x//@(a|c)/.}"; [[ x.tar == *.@(tar|zip) ]] && echo extglob
shopt -s nocasematch; [[ HELLO == hello ]] && echo nocase; shopt -u nocasematch
echo {a..e} {1..10..3} {01..03} x{a,b{1,2}}y
echo $'tab\there \x41 \u00e9 \'quoted\'' | od -c | head -n 2
IFS=: read -r a b c <<< "1:2:3:4"; echo "$a $b $c"
echo "${s@Q} ${path@U}" ; v='$HOME \t'; echo "${v@E}"; echo "${v@A}"
echo $((16#ff)) $((2#1010)) $((010)) $((5**3)) $((7%-3)) $((1<<40)) $((a=5, a*2)) $((a>3?a:0))
((i = 10, i -= 3)); echo $i $((i++ + ++i)); let "j = i * 2"; echo $j
printf '%s\n' "${path//\//$'\n'}" | grep -c .
for ((i = 0; i < 5; i++)); do printf '%s' "${path:i:1}"; done; echo
