/* madvise: each piece of advice on each kind of mapping. */
#include "memory.h"

static const int ADVICES[] = { 0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 5, 6, 7, 26, 50, -1 };

static void all(const char *kind, char *at, long bytes)
{
	for (size_t i = 0; i < sizeof ADVICES / sizeof *ADVICES; i++) {
		int result = madvise(at, bytes, ADVICES[i]);
		printf("%s, advice %d: %d\n", kind, ADVICES[i], result ? errno : 0);
	}
}

int main(void)
{
	begin();
	int file = make_file("file", 4), reader;
	int other = open("other", O_RDWR | O_CREAT, 0644);
	if (ftruncate(other, 4 * P)) puts("ftruncate");
	reader = open("other", O_RDONLY);
	unlink("other");
	map(0, 4, RW, PRIV, -1, 0);
	map(8, 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	map(16, 4, RW, MAP_PRIVATE, file, 0);
	map(24, 4, RW, MAP_SHARED, file, 0);
	map(32, 4, PROT_READ, MAP_SHARED, reader, 0);
	map(40, 4, PROT_READ, PRIV, -1, 0);
	map(48, 4, PROT_NONE, PRIV, -1, 0);
	map(56, 4, RW, PRIV, -1, 0);
	mlock(PG(56), 4 * P);
	map(64, 8, RW, MAP_SHARED, file, 0);
	all("private", PG(0), 4 * P);
	all("shared", PG(8), 4 * P);
	all("private file", PG(16), 4 * P);
	all("shared file", PG(24), 4 * P);
	all("shared file to read", PG(32), 4 * P);
	all("to read", PG(40), 4 * P);
	all("no rights", PG(48), 4 * P);
	all("locked", PG(56), 4 * P);
	all("nothing", PG(100), 4 * P);
	all("a hole", PG(0), 12 * P);
	all("part of a page", PG(0) + 1, P);
	all("no bytes", PG(0), 0);
	all("too many bytes", PG(0), -1L);
	all("beyond", PG(0), -P);
	all("behind the end of a file", PG(66), 4 * P);
	show("what is left");
	clear();

	/* What the pages hold afterwards. */
	map(0, 4, RW, PRIV, -1, 0);
	put_pages(PG(0), 4);
	madvise(PG(1), P, MADV_DONTNEED);
	printf("%d %d %d\n", *PG(0), *PG(1), *PG(2));
	map(8, 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	put_pages(PG(8), 4);
	madvise(PG(8), 2 * P, MADV_DONTNEED);
	TRY(madvise(PG(10), P, MADV_REMOVE));
	printf("%d %d %d %d\n", *PG(8), *PG(9), *PG(10), *PG(11));
	int memory = syscall(SYS_memfd_create, "m", 0);
	if (ftruncate(memory, 4 * P)) puts("ftruncate");
	map(16, 4, RW, MAP_SHARED, memory, 0);
	map(24, 4, PROT_READ, MAP_SHARED, memory, 0);
	put_pages(PG(16), 4);
	TRY(madvise(PG(16), 2 * P, MADV_REMOVE));
	printf("%d %d %d %d\n", *PG(16), *PG(25), *PG(26), *PG(19));
	struct stat st;
	fstat(memory, &st);
	printf("size %ld\n", (long)st.st_size);
	TRY(fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * P + 100, P));
	printf("%d %d %d\n", *PG(18), PG(18)[100], *PG(19));
	TRY(fallocate(memory, FALLOC_FL_PUNCH_HOLE, 0, P));
	TRY(fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 0));
	TRY(fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100 * P, P));
	madvise(PG(0), 2 * P, 18);
	put_pages(PG(0), 4);
	IN_CHILD(printf("child %d %d %d %d\n", *PG(0), *PG(1), *PG(2), *PG(3)));
}
