# Backup and restore: find, tar, gzip, cpio, checksums; a changed file is noticed.
mkdir -p src/a/b src/c
cp text src/a; cp keys src/a/b; cp random src/c
ln -s ../a/text src/c/link
ln src/a/b/keys src/c/hard
chmod 640 src/a/text; chmod 750 src/c
find src -type f | sort | xargs md5sum > sums
wc -l < sums
tar czf backup.tgz src
tar tzf backup.tgz | sort
mkdir restored; tar xzf backup.tgz -C restored
(cd restored && md5sum -c ../sums)
stat -c '%a %n' restored/src/a/text restored/src/c
[ -L restored/src/c/link ] && readlink restored/src/c/link
[ restored/src/a/b/keys -ef restored/src/c/hard ] && echo "hard link kept"
echo changed >> restored/src/a/text
(cd restored && md5sum -c ../sums 2>&1 | grep -v OK)
diff -rq src restored/src
find src | sort | cpio -o -H newc 2>/dev/null | gzip -9 > backup.cpio.gz
mkdir again; cd again
zcat ../backup.cpio.gz | cpio -idm 2>/dev/null
find . -type f | sort
cmp src/c/random ../random && echo same
cd ..
for f in text random keys; do
    a=$(gzip -c $f | gunzip -c | sha256sum); b=$(bzip2 -c $f | bunzip2 -c | sha256sum)
    [ "$a" = "$b" ] && echo "$f survives both"
done
tar cf - src | bzip2 | bzcat | tar xf - -O src/a/text | md5sum
tar xf missing.tar; echo "status $?"
head -c 1000 backup.tgz | tar tzf - > /dev/null 2>&1; [ $? -ne 0 ] && echo "a cut archive is noticed"
