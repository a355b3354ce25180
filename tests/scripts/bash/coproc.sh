# Coprocesses: a named one with questions and answers, an unnamed one, its end and its status.
coproc UPPER { while read -r line; do echo "${line^^}"; done; echo "at its end" >&2; exit 3; }
pid=$UPPER_PID
for word in page table walk; do
    echo "$word" >&"${UPPER[1]}"
    read -r answer <&"${UPPER[0]}"
    echo "$word -> $answer"
done
fd=${UPPER[1]}
exec {fd}>&-
wait "$pid"; echo "status $?"
coproc { tr a-z b-za; }
echo "hal" >&"${COPROC[1]}"; fd=${COPROC[1]}; exec {fd}>&-
cat <&"${COPROC[0]}"
wait
coproc CALC { while read -r e; do echo $((e)); done; }
sum=0
for i in {1..20}; do
    echo "$i * $i" >&${CALC[1]}
    read -ru ${CALC[0]} square
    ((sum += square))
done
echo "sum of squares $sum"
kill "$CALC_PID"; wait "$CALC_PID" 2>/dev/null; echo "killed $?"
exec {out}> file {in}< keys
echo "to file" >&$out; read -u $in first; echo "$first"; exec {out}>&- {in}<&-; cat file
