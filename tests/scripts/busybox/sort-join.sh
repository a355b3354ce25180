# Text tools in series, with intermediate files and with none.
tr -cs 'A-Za-z' '\n' < text | tr A-Z a-z | sort | uniq -c | sort -rn | awk '$1 > 150 { print $2, $1 }' | sort
awk '{ print NF }' text | sort -n | uniq -c
cut -d' ' -f1 text | sort | uniq -c | sort -k1,1nr -k2,2 | head -n 3
paste -d' ' keys left | awk '{ print $1 + $4 }' | paste -s -d+ | bc
awk -F, 'NR == FNR { price[$2] += $3; next } FNR > 1 && $2 in price { n++ } END { print n }' table.csv table.csv
sed -e 's/[aeiou]//g' text | md5sum
seq 200 | awk '{ print ($1 % 15 == 0) ? "fizzbuzz" : ($1 % 5 == 0) ? "buzz" : ($1 % 3 == 0) ? "fizz" : $1 }' | sort | uniq -c | sort -n | tail -n 3
grep -o '[a-z]*' text | awk '{ n[length($0)]++ } END { for (l in n) print l, n[l] }' | sort -n
expand -t 8 keys | rev | sort | rev | nl
tail -n 20 numbers | sort -n | sed -n '1p;$p'
diff <(sort keys) keys | tail -n +3; sort keys | diff - keys | grep '^[<>]' | sort
head -n 50 text | tail -n 3 | fold -s -w 40 | sed 's/ *$//' | cat -e
sort -t, -k4,4n -k1,1n table.csv | head -n 4
awk 'BEGIN { for (i = 0; i < 5; i++) print i | "sort -r" }'
xargs -n 1 < keys | sort -u | tr '\n' ' '; echo
od -An -tx1 -N 16 random | xxd -r -p | od -An -tu1
strings -n 8 random | wc -l
dd if=random bs=1k count=10 skip=5 2>/dev/null | hexdump -C | md5sum
