# Redirections, descriptors, here-documents and here-strings.
cat <<END
value $((6 * 7)) $(print sub)
END
cat <<'END' | tr a-z A-Z
quoted $here
END
cat <<< "a here-string"; read -r a b <<< "two words"; print "$b $a"
exec 3< keys; read -u 3 l; print $l; cat <&3; exec 3<&-
exec {fd}> named; print -u $fd "through a variable"; exec {fd}>&-; cat named
(unsetopt multios; { print out; print err >&2 } 3>&1 1>&2 2>&3 | sed 's/^/swapped: /')
{ print out; print err >&2 } &> both; sort both; print more &>> both; wc -l < both
f() { print out; print err >&2 } 2> ferr; f; cat ferr
print hidden >&- 2>/dev/null; print "closed $?"
cat < missing; print "missing $?"
setopt noclobber; print a > new; print b > new; print "noclobber $?"; print c >| new; cat new; unsetopt noclobber
(exec > inner; print in the subshell); print outside; cat inner
print text > tree 2>/dev/null; print "folder $?"
> empty; [[ -e empty && ! -s empty ]] && print empty
print abcdef > f; exec 5<> f; read -u 5 -k 2 c; print -u 5 -n XY; exec 5>&-; print $c; cat f
while read -u 3 x && read -u 4 y; do print "$x / $y"; done 3< keys 4< left
mkfifo p; cat p & print fifo > p; wait
ulimit -n 30; ulimit -n; (integer n=0; while (( n++ < 40 )); do exec {x}< keys; done; print never) 2>/dev/null; print "too many: $?"
cat /dev/fd/0 < left | head -n 1; print -u 2 "to stderr"; print "to stdout"
integer n=0; while read -r line; do (( n += $#line )); done < text; print $n
