# find and xargs, which start many processes.
mkdir -p d/e/f; for i in $(seq 30); do echo "content $i" > d/file$i.txt; done
for i in 1 2 3; do : > d/e/empty$i; seq $i > d/e/f/lines$i; done
find d -type f | wc -l
find d -name '*1*.txt' | sort
find d -name '*.txt' -exec grep -l 'content 2' {} + | sort | wc -l
find d -type f -size 0 -exec rm {} \;; find d -type f -size 0 | wc -l
find d -name 'lines*' -exec sh -c 'for f; do echo "$(wc -l < "$f") ${f##*/}"; done' sh {} + | sort
find d -name '*.txt' | sort | xargs -n 10 sh -c 'echo "$# files from $(basename $1)"' sh
find d -name '*.txt' -print0 | xargs -0 cat | sort | md5sum
find d -type d | sort -r | xargs -I % sh -c 'echo "% $(ls % | wc -l)"'
find d -name 'file?.txt' | sort | xargs -n 1 sh -c 'mv $0 ${0%.txt}.dat'
ls d | grep -c dat
find d \( -name '*.dat' -o -name 'lines*' \) -newer keys | wc -l
find d -maxdepth 1 -type f -name 'file2*' -exec rm {} +; ls d | wc -l
find d -type f | sort | head -n 5 | xargs -t wc -c 2>&1 | head -n 1 | cut -c1-20
seq 50 | xargs -n 7 | awk '{ print NF }' | uniq -c
seq 5 | xargs -I N sh -c 'exit $((N == 3))'; echo $?
find . -name '*.txt' -path '*tree*' | sort
find tree -depth -name '[ab]*' | xargs -n 1 basename | sort
