# read: fields, delimiters, counts, prompts, end of input, time, and who shares the input.
read a b c; echo "$a|$b|$c"
head -n 1 > /dev/null
read -r rest; echo "after head: $rest"
printf 'k=v=w\n' | { IFS== read x y; echo "$x $y"; }
printf 'abc' | { read x; echo "$? $x"; }
printf '' | { read x; echo "$? <$x>"; }
printf 'a:b;c' | { read -d ';' x; echo "$x"; read y; echo "$? $y"; }
printf 'abcdef' | { read -n 2 x; read -n 3 y; echo "$x $y"; }
printf '  blanks  \n' | { read x; echo "<$x>"; }
printf '  blanks  \n' | { IFS= read x; echo "<$x>"; }
printf 'a\\\nb\n' | { read x; echo "$x"; }
(sleep 0.3; echo late) | { read -t 0.05 x || echo "timed out <$x>"; cat; }
echo now | { read -t 5 x; echo "$? $x"; }
i=0; while read -r line && [ $i -lt 3 ]; do i=$((i + 1)); echo "$i ${#line}"; done < text
exec 3< keys 4< left
while read -r x <&3 && read -r y <&4; do echo "$x + $y"; done
exec 3<&- 4<&-
seq 3 | (read x; (read y; echo "inner $y"); read z; echo "$x $z")
IFS=: read -r user _ uid _ < passwd; echo "$user $uid"
