# Process substitution and command substitution.
diff <(sort keys) <(sort -u keys) | tail -n +3
paste <(seq 3) <(seq 4 6) <(echo -e 'x\ny\nz')
wc -l < <(cat text keys)
while read -r a b; do total=$((total + a)); done < <(cut -d' ' -f1,2 keys); echo "$total"
tee >(wc -l > count1) >(md5sum > sum1) < text > /dev/null
until [[ -s count1 && -s sum1 ]]; do sleep 0.01; done
cat count1 sum1
echo "to a process" > >(tr a-z A-Z > upper); until [[ -s upper ]]; do sleep 0.01; done; cat upper
x=$(echo a; exit 5); echo "$x $?"
y=$(< keys); echo "${#y}"
echo "$(echo "$(echo "$(echo deep)")")" `echo \`echo back\``
z=$(cat <<END
here in a substitution $((1 + 1))
END
); echo "$z"
lines=$(printf 'a\nb\n\n\n'); echo "<$lines>"
f() { echo "f: $1"; return 3; }; r=$(f arg) || echo "$r, $?"
cat <(echo one) - <(echo three) <<< two
exec 5< <(seq 3); read -u 5 a; read -u 5 b; exec 5<&-; echo "$a $b"
echo $(( $(seq 10 | paste -sd+) ))
nul=$(printf 'a\0b' 2>/dev/null) 2>/dev/null; echo "${#nul}"
big=$(seq 50000); echo "${#big} $(md5sum <<< "$big")"
comm() { diff <(sort "$1") <(sort "$2") | grep -c '^[<>]'; }; comm keys left
[[ $(echo match) == m*h ]] && echo "in a test"
case $(uname -s) in Linux) echo Linux;; esac
arr=($(echo 1 2 3)); echo ${#arr[@]}
