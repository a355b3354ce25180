# Files: globs with qualifiers, zsh/files and zsh/stat, recursion, temporary files, archives.
mkdir -p d/{a,b}/{x,y}; for i in {1..12}; do print $i > d/a/f$i; done; ln -s f1 d/a/link; chmod 600 d/a/f1
print d/**/*(/) ; print d/a/f*(.:t) ; print d/a/*(@:t) ; print d/a/f<5-10>(:t) ; print d/a/f?(n:t)
print $(ls d/a | wc -l) ${#$(print d/a/*)} d/b/*(N^/)
zmodload zsh/stat; zstat -A st +size text; print $st; zstat +mode -o d/a/f1 | cut -c4-; zstat -L +link d/a/link
find d -type f | sort | xargs cat | paste -sd,
tar cf - d | (mkdir out; cd out; tar xf -); diff -r d out/d && print "the same tree"
for f in d/a/f*(.); do mv $f ${f/f/g}; done; print d/a/g*(.on:t)
rm -r d/b; print d/*; : > "with blanks"; print -l with*; rm with*; print with*(N)
gzip -c text > t.gz; zcat t.gz | cmp - text && print gzip; cp text u; gzip u; [[ -e u ]] || print replaced
print new > f; print more >> f; wc -l < f; sed -i 's/new/old/' f; head -n 1 f
[[ f -nt keys ]] && print newer; [[ d/a/link -ef d/a/g1 ]] || print "a broken link"; touch -d '2001-01-01 00:00' f; [[ f -ot keys ]] && print older
while read -r l; do print -n "$#l "; done < keys; print; print ${(f)"$(< left)"}
cat =(sort keys) | head -n 2; diff =(print a) =(print a) && print equal
ls -l d/a/link | awk '{ print $1, $NF }'; command stat -c '%a %F' d/a/g1 d; readlink d/a/link
md5sum keys left > sums; md5sum -c sums; truncate -s 3 keys; cat keys; print; md5sum -c sums 2>/dev/null; print $?
mkfifo p; [[ -p p ]] && print fifo; (print through > p) & read l < p; wait; print $l
cd tree; print *(D:t); print **/*(.); cd ..; print *(/)
