# A script that works on text in the shell itself, with few other processes.
declare -A words=() firsts=()
longest= lines=0
while IFS= read -r line; do
    ((lines++))
    ((${#line} > ${#longest})) && longest=$line
    for word in $line; do
        word=${word//[^[:alpha:]]/}
        [[ $word ]] || continue
        ((words[${word,,}]++))
        firsts[${word:0:1}]+="$word "
    done
done < text
echo "$lines lines, ${#words[@]} words, longest ${#longest}"
for w in "${!words[@]}"; do printf '%4d %s\n' "${words[$w]}" "$w"; done | sort -rn | head -n 4
for l in "${!firsts[@]}"; do echo "$l $(wc -w <<< "${firsts[$l]}")"; done | sort
{
    read -r header
    IFS=, read -ra columns <<< "$header"
    declare -A total
    while IFS=, read -r id name price count; do
        cents=${price/./}
        ((total[$name] += 10#$cents * count))
    done
    for n in "${!total[@]}"; do printf '%s %d.%02d\n' "$n" $((total[$n] / 100)) $((total[$n] % 100)); done | sort | head -n 4
    echo "${columns[@]}"
} < table.csv
caesar() { local out= c i; for ((i = 0; i < ${#1}; i++)); do c=${1:i:1}; [[ $c == [a-z] ]] && { printf -v n %d "'$c"; printf -v c "\\$(printf %o $(((n - 97 + 13) % 26 + 97)))"; }; out+=$c; done; echo "$out"; }
caesar "hello, pages"; caesar "$(caesar "hello, pages")"
primes=(); for ((i = 2; ${#primes[@]} < 50; i++)); do for p in "${primes[@]}"; do ((p * p > i)) && break; ((i % p)) || continue 2; done; primes+=($i); done; echo "${primes[-1]}"
printf '%s\n' "${primes[@]}" | paste -sd+ | bc
