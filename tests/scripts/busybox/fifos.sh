# Named pipes: a server with requests and answers, several writers, and the end seen when the last writer is gone.
mkfifo requests answers
server() {
    while read -r verb argument; do
        case $verb in
            square) echo $((argument * argument));;
            upper) echo "$argument" | tr a-z A-Z;;
            quit) echo bye; return 3;;
        esac
    done
}
server < requests > answers &
server=$!
exec 3> requests 4< answers
ask() { echo "$@" >&3; read -r answer <&4; echo "$* -> $answer"; }
ask square 12
ask upper words of a client
ask quit
exec 3>&- 4<&-
wait $server
echo "server ended with $?"
mkfifo many
exec 5<> many
for i in 1 2 3 4 5; do echo "writer $i" > many & done
for i in 1 2 3 4 5; do read line <&5; echo "$line"; done > got
wait
sort got
exec 5>&-
mkfifo p
(exec 5< p; sleep 0.02; cat <&5) | wc -c &
seq 1000 > p
wait
[ -p p ] && [ ! -f p ] && stat -c %F p
rm requests answers many p
