# Redirections: order, duplicates, closing, read and write, descriptors in functions and subshells, noclobber.
f() { echo "to out"; echo "to err" >&2; }
f > both 2>&1; cat both
f 2>&1 > out | sed 's/^/piped: /'; cat out
{ f 3>&1 1>&2 2>&3 3>&-; } 2>swapped | sed 's/^/was err: /'; cat swapped
exec 6>&1 > log
echo logged
echo error >&2
exec 1>&6 6>&-
cat log
exec 7< text
read a <&7; read b <&7
echo "$b" | cmp - /dev/fd/3 3<<END
$(sed -n 2p text)
END
echo $?
head -n 1 <&7 | wc -l
exec 7<&-
printf 0123456789 > digits
exec 8<> digits
read -n 3 x <&8; printf ABC >&8
exec 8>&-
echo "$x"; cat digits; echo
echo append >> digits; echo more >> digits; wc -c < digits
(exec > sub; echo in the subshell); echo outside; cat sub
for i in 1 2 3; do echo $i; done > loop; tac loop
while read l; do echo "<$l>"; done < loop > loop2; cat loop2
: > empty1; [ -s empty1 ] || echo empty
echo x > /dev/null 2>&1
cat < missing; echo "missing $?"
echo text > tree; echo "folder $?"
cat <&9; echo "bad descriptor $?"
set -C; echo once > new; echo twice > new; echo "noclobber $?"; cat new
echo "a b" > "name with blanks"; cat "name with blanks"
