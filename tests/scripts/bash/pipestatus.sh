# PIPESTATUS, pipefail, lastpipe, negation, statuses of everything.
true | false | (exit 3); echo "${PIPESTATUS[*]}"
(exit 1) | (exit 2) | (exit 3) | (exit 4); s=("${PIPESTATUS[@]}"); echo "${#s[@]}: ${s[*]}"
yes | head -n 1 > /dev/null; echo "${PIPESTATUS[*]}"
cat missing 2>/dev/null | cat; echo "${PIPESTATUS[@]}"
seq 100000 | true; echo "$(( ${PIPESTATUS[0]} == 141 || ${PIPESTATUS[0]} == 0 )) ${PIPESTATUS[1]}"
! false | true; echo "$?"
set -o pipefail; false | true; echo $?; (exit 5) | (exit 6) | true; echo $?; set +o pipefail
echo value | read v; echo "<$v>"
shopt -s lastpipe; echo value | read v; echo "<$v>"
echo "a b c" | while read x y z; do last=$z; done; echo "$last"
shopt -u lastpipe
echo out | { cat; exit 7; } | cat > /dev/null; echo "${PIPESTATUS[*]}"
f() { return 42; }; f | f; echo "${PIPESTATUS[*]}"
(kill -TERM $BASHPID); echo $?
bash() { "$BASH" "$@"; }
bash -c 'kill -KILL $$' 2>/dev/null; echo $?
(bash -c 'exit 300'); echo $?
(bash -c 'exit -1'); echo $?
nothing-like-this 2>/dev/null; echo $?; ./text 2>/dev/null; echo $?
echo x |& cat; { echo err >&2; echo out; } |& sort
if true | false; then echo yes; else echo no; fi
while read -r l; do [[ $l == 2* ]] && break; done < <(seq 5); echo "$l"
