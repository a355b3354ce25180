# A report on text, in the shell itself and with tools.
typeset -A words total
integer lines=0 longest=0
while IFS= read -r line; do
    (( lines++ ))
    (( $#line > longest )) && longest=$#line
    for word in ${=line}; do
        word=${word//[^[:alpha:]]/}
        [[ -n $word ]] && (( words[${word:l}]++ ))
    done
done < text
print "$lines lines, $#words words, longest $longest"
for w in ${(k)words}; do print "$words[$w] $w"; done | sort -k1,1nr -k2 | head -n 4
{
    read -r header
    while IFS=, read -r id name price count; do
        (( total[$name] += ${price/./} * count ))
    done
} < table.csv
print $header
for n in ${(ok)total}; do printf '%-10s %8.2f\n' $n $(( total[$n] / 100. )); done | head -n 5
primes=(); for (( i = 2; $#primes < 50; i++ )); do for p in $primes; do (( p * p > i )) && break; (( i % p )) || continue 2; done; primes+=($i); done
print $primes[-1] $(( ${(j:+:)primes} ))
caesar() { local c out n; for c in ${(s::)1}; do if [[ $c == [a-z] ]]; then n=$(( (#c - 97 + 13) % 26 + 97 )); c=${(#)n}; fi; out+=$c; done; print -r -- $out }
caesar "hello, pages"; caesar "$(caesar 'hello, pages')"
print -l ${(f)"$(< keys)"} | while read -r a b c; do print "$c$b$a"; done | sort
awk '{ s += $1 } END { print s }' numbers; sort -n numbers | head -n 1
for f in text keys left; do print "$f $(wc -l < $f) $(md5sum < $f | cut -c1-8)"; done
