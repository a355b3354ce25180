# A tree of subshells, each of which adds up what its children print.
tree() {
    depth=$1
    if [ $depth -eq 0 ]; then
        echo 1
        return
    fi
    left=$(tree $((depth - 1)))
    right=$(tree $((depth - 1)))
    echo $((left + right))
}
tree 6
sum() { total=0; while read n; do total=$((total + n)); done; echo $total; }
for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3; do echo $((i * j)); done) & done | sum
wait
( ( ( ( ( echo deep; exit 5 ); echo $? ); exit 6 ); echo $?; exit 7 ); echo $? )
echo $(echo $(echo $(echo $(echo nested))))
x=outer
( x=1; ( x=2; ( x=3; echo $x ); echo $x ); echo $x )
echo $x
