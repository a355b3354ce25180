# Here-documents: expanded, quoted, with tabs removed, nested in functions and loops, two at a command, larger than a pipe.
name=world
cat <<END
hello $name, $((6 * 7)), $(echo from a command)
    kept blanks \$name \`echo\`
END
cat <<'END'
hello $name, $((6 * 7)), $(echo from a command)
END
cat <<-END
	tabs go
		away
	END
both() {
    cat <<A; cat <<B
first $1
A
second $2
B
}
both one two
for word in a b; do
    tr a-z A-Z <<END
$word in a loop
END
done
while read -r line; do
    echo "[$line]"
done <<END
one
two \\ three
END
cat 3<<END <&3
by descriptor 3
END
big=$(seq 1 20000)
wc <<END
$big
END
cat <<END | sort -r | head -n 2
$(seq 5)
END
