# A small report as shell scripts write them: awk, sort, join by hand, printf, arithmetic, temporary files.
dir=$(mktemp -d ./work.XXXXXX)
trap 'rm -r "$dir"' EXIT
tail -n +2 table.csv | sort -t, -k2,2 -k1,1n > "$dir/sorted"
groups=$(cut -d, -f2 "$dir/sorted" | uniq)
echo "groups: $(echo "$groups" | wc -l)"
for group in $groups; do
    awk -F, -v g="$group" '$2 == g { n++; sum += $3 * $4 } END { printf "%-10s %3d %12.2f\n", g, n, sum }' "$dir/sorted"
done > "$dir/report"
sort -k3,3nr "$dir/report" | head -n 5
total=$(awk '{ s += $2 } END { print s }' "$dir/report")
[ "$total" -eq "$(wc -l < "$dir/sorted")" ] && echo "all $total rows counted"
while read -r name count sum; do
    case $name in
        [A-Z]*) kind=upper;;
        ???) kind=short;;
        *) kind=other;;
    esac
    echo "$kind $count"
done < "$dir/report" | awk '{ n[$1] += $2 } END { for (k in n) print k, n[k] }' | sort
max=0
for value in $(cut -d. -f1 numbers); do
    [ "$value" -gt "$max" ] && max=$value
done
echo "max $max"
sed -n 's/.*\(fault\).*/\1/p' text | uniq -c | awk '{ print $1, $2 }'
diff "$dir/sorted" "$dir/sorted" && echo "no difference"
