# Indexed and associative arrays: sparse ones, slices, loops, copies, deletion, keys, and arrays filled by commands.
a=(one two "three four" [7]=eight)
echo "${#a[@]} ${!a[@]} ${a[-1]} ${a[2]}"
a+=(nine); a[0]=ONE; unset 'a[1]'
for i in "${!a[@]}"; do echo "$i=${a[i]}"; done
echo "${a[@]:2:2}" "${a[@]/e/E}" "${a[@]^^}"
declare -A color=([sky]=blue [grass]=green ["two words"]="a value")
color[sea]=$(echo gray); unset 'color[grass]'
for key in "${!color[@]}"; do echo "$key -> ${color[$key]}"; done | sort
[[ -v color[sky] && ! -v color[grass] ]] && echo "keys exist or not"
mapfile -t lines < text; echo "${#lines[@]} lines, line 10: ${lines[9]}"
mapfile -t -n 2 -s 1 some < keys; declare -p some
readarray -d , -t fields <<< "x,y,z"; echo "${#fields[@]} ${fields[1]}"
mapfile -t sorted < <(printf '%s\n' "${a[@]}" | sort); printf '<%s>' "${sorted[@]}"; echo
read -ra words <<< "split into words"; echo "${words[1]} of ${#words[@]}"
copy=("${a[@]}"); copy[0]=changed; echo "${a[0]} ${copy[0]}"
sum() { local -n array=$1; local s=0 x; for x in "${array[@]}"; do ((s += x)); done; echo $s; }
numbers=({1..100}); sum numbers
declare -A count
while read -ra row; do for w in "${row[@]}"; do ((count[${w%.}]++)); done; done < text
for w in "${!count[@]}"; do echo "${count[$w]} $w"; done | sort -k1,1nr -k2 | head -n 3
matrix=(); for i in {0..3}; do for j in {0..3}; do matrix[i*4+j]=$((i * j)); done; done; echo "${matrix[*]}"
IFS=,; echo "${a[*]}"; unset IFS; (a[0]=sub; echo "${a[0]}"); echo "${a[0]}"
