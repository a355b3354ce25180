# Pipelines of loops, functions and compound commands, some of which end before all is read.
upper() { tr a-z A-Z; }
number() { n=0; while IFS= read -r line; do n=$((n + 1)); echo "$n	$line"; done; }
upper < text | number | sed -n '5,8p'
seq 1 100 | while read a; do read b; echo $((a * b)); done | awk '{ s += $1 } END { print s }'
for i in 3 1 2; do echo $i; done | sort | { read a; read b; echo "$a$b"; cat; }
if grep -q fault text | cat; then echo "cat is content"; fi
case $(echo b | tr b c) in c) echo case;; esac
yes "a long line that fills pipes quickly" | sed 5q | wc -l
yes | (head -n 2; head -n 2 | wc -l)
seq 100000 | (read first; echo "first $first")
seq 100000 | grep 99 | head -n 3
{ seq 3; seq 10 12; } | tee copy | wc -l; cat copy
true | false | true; echo "status $?"
! true | false; echo "status $?"
set -o pipefail
true | false | true; echo "status $?"
cat random | gzip | gunzip | bzip2 | bunzip2 | md5sum
cut -d, -f3,4 table.csv | tail -n +2 | while IFS=, read price count; do
    echo "$count ${price%.*}"
done | sort -rn | head -n 3
ls tree | while read f; do [ -d tree/$f ] && echo "dir $f"; done
echo "$(cat | wc -l) lines of input"
