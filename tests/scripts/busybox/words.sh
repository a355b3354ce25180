# Expansion: fields, patterns, files, quotes, IFS, parameters with operators, arithmetic.
v="a  b c"; echo $v "$v"; set -- $v; echo $#
IFS=,; set -- 1,2,,3; echo $# "$1"; set -- $(echo 1,2,,3); echo $#; unset IFS
echo tree/* tree/*/* [k-l]e* no*match "tree/*"
echo ${u:-default} ${u=assigned} $u ${u:+set} ${#u}
p=/usr/local/lib/libfoo.so.1; echo ${p##*/} ${p%/*} ${p#*/} ${p%%.*}
echo ${p/lib/LIB} ${p//o/0} ${p:5} ${p:5:5}
echo "$(printf 'a\n\nb\n\n')"
echo 'single $v' "double \$v \"q\" \\" un\ quoted
echo $((1 + 2 * 3)) $(( (1 + 2) * 3 )) $((10 % 3)) $((-7 / 2)) $((1 << 10)) $((0xff ^ 0x0f))
x=5; echo $((x++)) $x $((++x)) $((x += 3)) $((x > 8 ? 1 : 0)) $((!x)) $((x & 6 | 1))
echo ~ ~/file "$HOME"
case abc in a*) echo a;; esac; case x.c in *.[ch]) echo c;; esac; case '*' in '*') echo star;; esac
for w in "a b" 'c d' e; do printf '%s|' $w; done; echo
for w in a{1,2} "$@"; do printf '[%s]' "$w"; done; echo
echo "a
b" | while IFS= read -r l; do echo "<$l>"; done
printf 'x y  z\n' | { IFS=' ' read a b; echo "$a|$b"; }
printf 'one\\ttwo\n' | { read r; echo "$r"; }
printf 'one\\ttwo\n' | { read -r r; echo "$r"; }
[ "$v" = "a  b c" ] && [ -n "$v" -a ! -z "$p" ] && [ 3 -lt 10 ] && echo tests
[[ "$p" == */lib/* ]] && echo pattern; test -e keys -a ! -e nothing && echo files
printf '%s-%d-%o-%x-%c-%5s|%-5s|%05d|%.2f\n' str 10 8 255 char r l 42 1.005
printf '%b' 'a\tb\n'; printf '%%\n'; echo -n no newline; echo; echo -e 'x\ty'
getopts "ab:c" o -b val; echo "$o $OPTARG $OPTIND"
