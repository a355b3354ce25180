/* mmap, munmap, mprotect, mremap, msync, mincore, brk: results for arguments good and bad. */
#include "memory.h"

#define MMAP(page, bytes, prot, flags, fd, offset) TRY(mmap(page, bytes, prot, flags, fd, offset))

static void mmaps(void)
{
	int file = make_file("file", 4), reader, dir = open("/", O_RDONLY), path = open("/", O_PATH), pipes[2];
	int full = open("for-reading", O_RDWR | O_CREAT, 0644);
	if (write(full, "x", 1) != 1 || pipe(pipes)) puts("no file");
	reader = open("for-reading", O_RDONLY);
	int writer = open("for-reading", O_WRONLY);
	unlink("for-reading");
	MMAP(PG(0), 0, RW, FIXED, -1, 0);
	MMAP(PG(0), P, RW, MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	MMAP(PG(0), P, RW, MAP_ANONYMOUS | MAP_SHARED | MAP_PRIVATE | MAP_FIXED, -1, 0);
	MMAP(PG(0), P, RW, FIXED, 1000, 0);
	MMAP(PG(0), P, RW, FIXED, -1, P);
	MMAP(PG(0), P, RW, MAP_PRIVATE | MAP_FIXED, -1, 0);
	MMAP(PG(0), P, RW, MAP_PRIVATE | MAP_FIXED, 1000, 0);
	TRY(syscall(SYS_mmap, PG(0), P, RW, FIXED, -1, 1));
	TRY(syscall(SYS_mmap, PG(0), P, RW, MAP_PRIVATE | MAP_FIXED, file, 100));
	MMAP(PG(0) + 1, P, RW, FIXED, -1, 0);
	MMAP(PG(0) + 1, P, RW, PRIV, -1, 0);
	MMAP(PG(0), -1L, RW, FIXED, -1, 0);
	MMAP(PG(0), -P, RW, FIXED, -1, 0);
	MMAP(PG(0), 1L << 47, RW, FIXED, -1, 0);
	MMAP(0, 1L << 47, PROT_NONE, PRIV | MAP_NORESERVE, -1, 0);
	MMAP((char *)0x7ffffffff000, P, RW, FIXED, -1, 0);
	MMAP((char *)0x7fffffffe000, 2 * P, RW, FIXED, -1, 0);
	MMAP((char *)-P, P, RW, FIXED, -1, 0);
	MMAP(PG(0), P, RW, MAP_PRIVATE | MAP_FIXED, file, -P);
	MMAP(PG(0), 4 * P, RW, MAP_PRIVATE | MAP_FIXED, file, -2 * P);
	MMAP(PG(0), P, RW, MAP_SHARED | MAP_FIXED, reader, 0);
	MMAP(PG(0), P, PROT_READ, MAP_SHARED | MAP_FIXED, reader, 0);
	TRY(mprotect(PG(0), P, RW));
	TRY(mprotect(PG(0), P, PROT_READ | PROT_EXEC));
	MMAP(PG(0), P, RW, MAP_PRIVATE | MAP_FIXED, reader, 0);
	TRY(mprotect(PG(0), P, RW));
	MMAP(PG(0), P, PROT_READ, MAP_SHARED | MAP_FIXED, writer, 0);
	MMAP(PG(0), P, PROT_WRITE, MAP_SHARED | MAP_FIXED, writer, 0);
	MMAP(PG(0), P, PROT_READ, MAP_PRIVATE | MAP_FIXED, writer, 0);
	MMAP(PG(0), P, PROT_READ, MAP_PRIVATE | MAP_FIXED, dir, 0);
	MMAP(PG(0), P, PROT_READ, MAP_PRIVATE | MAP_FIXED, path, 0);
	MMAP(PG(0), P, PROT_READ, MAP_PRIVATE | MAP_FIXED, pipes[0], 0);
	MMAP(PG(0), P, PROT_READ, MAP_SHARED_VALIDATE | MAP_FIXED, file, 0);
	MMAP(PG(0), P, PROT_READ, MAP_SHARED_VALIDATE | MAP_FIXED | (1 << 30), file, 0);
	MMAP(PG(0), P, PROT_READ, MAP_SHARED | MAP_FIXED | (1 << 30), file, 0);
	MMAP(PG(0), P, PROT_READ, MAP_SHARED_VALIDATE | MAP_FIXED | 0x80000, file, 0);
	MMAP(PG(0), P, PROT_READ, 0x80000 | MAP_PRIVATE | MAP_FIXED, file, 0);
	MMAP(PG(0), P, RW, MAP_GROWSDOWN | MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	MMAP(PG(0), P, RW, MAP_GROWSDOWN | MAP_PRIVATE | MAP_FIXED, file, 0);
	MMAP(PG(0), P, 0x1000, FIXED, -1, 0);
	MMAP(PG(0), P, -1, FIXED, -1, 0);
	MMAP(PG(0), P, RW, FIXED | MAP_FIXED_NOREPLACE, -1, 0);
	MMAP(PG(2), P, RW, PRIV | MAP_FIXED_NOREPLACE, -1, 0);
	MMAP(PG(1), 2 * P, RW, PRIV | MAP_FIXED_NOREPLACE, -1, 0);
	MMAP(PG(2), P, RW, PRIV, -1, 0);
	MMAP(PG(4), P, RW, PRIV, -1, 0);
	MMAP(PG(8), P, RW, MAP_PRIVATE | MAP_FIXED | MAP_DENYWRITE | MAP_EXECUTABLE, file, 0);
	MMAP(PG(9), 8 * P, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
	MMAP(PG(20), P, RW, MAP_PRIVATE | MAP_FIXED, file, 16 * P);
	MMAP((char *)0x1000, P, RW, PRIV, -1, 0);
	MMAP(PG(0), P, RW, PRIV | MAP_32BIT, -1, 0);
	clear();
}

static void munmaps(void)
{
	map(0, 4, RW, PRIV, -1, 0);
	TRY(munmap(PG(0), 0));
	TRY(munmap(PG(0) + 1, P));
	TRY(munmap(PG(0), 1));
	TRY(munmap(PG(0), P));
	TRY(munmap(PG(100), P));
	TRY(munmap(PG(0), -1L));
	TRY(munmap((char *)0x7ffffffff000, P));
	TRY(munmap((char *)-P, P));
	TRY(munmap(0, P));
	TRY(munmap(PG(0), 100 * P));
	clear();
}

static void mprotects(void)
{
	int file = make_file("file", 2);
	map(0, 4, RW, PRIV, -1, 0);
	map(6, 2, RW, PRIV, -1, 0);
	TRY(mprotect(PG(0), 0, RW));
	TRY(mprotect(PG(0), 0, -1));
	TRY(mprotect(PG(0) + 1, P, RW));
	TRY(mprotect(PG(0), 1, PROT_READ));
	TRY(mprotect(PG(0), P, 0x10));
	TRY(mprotect(PG(0), P, 8));
	TRY(mprotect(PG(0), P, PROT_GROWSDOWN | PROT_READ));
	TRY(mprotect(PG(0), P, PROT_GROWSUP | PROT_READ));
	TRY(mprotect(PG(0), P, PROT_GROWSUP | PROT_GROWSDOWN));
	TRY(mprotect(PG(3), 2 * P, PROT_READ));
	TRY(mprotect(PG(4), P, PROT_READ));
	TRY(mprotect(PG(0), 8 * P, PROT_READ));
	TRY(mprotect(PG(0), -1L, PROT_READ));
	TRY(mprotect(PG(0), -P, PROT_READ));
	TRY(mprotect((char *)-P, P, PROT_READ));
	TRY(mprotect(0, P, PROT_READ));
	show("after mprotect");
	map(16, 4, RW, PRIV | MAP_GROWSDOWN, -1, 0);
	TRY(mprotect(PG(18), P, PROT_GROWSDOWN | PROT_READ));
	show("down to the start");
	map(24, 2, PROT_READ, MAP_SHARED, file, 0);
	TRY(mprotect(PG(24), P, RW));
	clear();
}

static void mremaps(void)
{
	int file = make_file("file", 4);
	map(0, 4, RW, PRIV, -1, 0);
	map(6, 2, RW, PRIV, -1, 0);
	TRY(mremap(PG(0) + 1, P, 2 * P, 0));
	TRY(mremap(PG(0), 4 * P, 0, 0));
	TRY(mremap(PG(0), 4 * P, 4 * P, 8));
	TRY(mremap(PG(0), 4 * P, 8 * P, 0));
	TRY(mremap(PG(0), 4 * P, 8 * P, MREMAP_MAYMOVE));
	map(0, 4, RW, PRIV, -1, 0);
	TRY(mremap(PG(0), 4 * P, 6 * P, 0));
	TRY(mremap(PG(0), 6 * P, 7 * P, 0));
	TRY(mremap(PG(0), 2 * P, 3 * P, 0));
	TRY(mremap(PG(4), 4 * P, 5 * P, 0));
	TRY(mremap(PG(5), 4 * P, 5 * P, MREMAP_MAYMOVE));
	TRY(mremap(PG(20), P, 2 * P, MREMAP_MAYMOVE));
	TRY(mremap(PG(20), P, P, 0));
	TRY(mremap(PG(0), 0, P, MREMAP_MAYMOVE));
	TRY(mremap(PG(0), P, P, MREMAP_FIXED, PG(40)));
	TRY(mremap(PG(0), P, P, MREMAP_FIXED | MREMAP_MAYMOVE, PG(40) + 1));
	TRY(mremap(PG(0), 2 * P, 2 * P, MREMAP_FIXED | MREMAP_MAYMOVE, PG(1)));
	TRY(mremap(PG(0), 2 * P, 2 * P, MREMAP_FIXED | MREMAP_MAYMOVE, PG(0)));
	TRY(mremap(PG(0), 2 * P, 2 * P, MREMAP_FIXED | MREMAP_MAYMOVE, (char *)0x7ffffffff000));
	TRY(mremap(PG(0), 2 * P, 2 * P, MREMAP_FIXED | MREMAP_MAYMOVE, (char *)-P));
	TRY(mremap(PG(0), 2 * P, 1L << 47, MREMAP_MAYMOVE));
	TRY(mremap(PG(0), 2 * P, -1L, MREMAP_MAYMOVE));
	TRY(mremap(PG(0), -1L, P, MREMAP_MAYMOVE));
	TRY(mremap(PG(0), P, 2 * P, MREMAP_DONTUNMAP, PG(50)));
	TRY(mremap(PG(0), P, 2 * P, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, PG(50)));
	TRY(mremap(PG(0), P, P, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, PG(50)));
	TRY(mremap(PG(0), 2 * P, 4 * P, MREMAP_FIXED | MREMAP_MAYMOVE, PG(60)));
	TRY(mremap(PG(60), 4 * P, 2 * P, MREMAP_FIXED | MREMAP_MAYMOVE, PG(70)));
	show("after mremap");
	map(80, 4, RW, MAP_SHARED, file, 0);
	TRY(mremap(PG(80), 0, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, PG(90)));
	TRY(mremap(PG(80), 4 * P, 8 * P, 0));
	TRY(mremap(PG(81), P, P, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, PG(100)));
	show("a file");
	clear();
}

static void msyncs(void)
{
	int file = make_file("file", 4);
	map(0, 4, RW, MAP_SHARED, file, 0);
	map(6, 2, RW, PRIV, -1, 0);
	put(PG(0), 1);
	TRY(msync(PG(0), 4 * P, MS_SYNC));
	TRY(msync(PG(0), 4 * P, MS_ASYNC));
	TRY(msync(PG(0), 4 * P, MS_INVALIDATE));
	TRY(msync(PG(0), 4 * P, 0));
	TRY(msync(PG(0), 4 * P, MS_SYNC | MS_ASYNC));
	TRY(msync(PG(0), 4 * P, 8));
	TRY(msync(PG(0) + 1, P, MS_SYNC));
	TRY(msync(PG(0), 0, MS_SYNC));
	TRY(msync(PG(4), 0, MS_SYNC));
	TRY(msync(PG(4), P, MS_SYNC));
	TRY(msync(PG(2), 6 * P, MS_SYNC));
	TRY(msync(PG(0), -1L, MS_SYNC));
	TRY(msync(PG(0), -P, MS_SYNC));
	TRY(mlock(PG(0), P));
	TRY(msync(PG(0), P, MS_INVALIDATE));
	TRY(msync(PG(0), P, MS_SYNC));
	clear();
}

static void mincores(void)
{
	unsigned char vec[16];
	map(0, 4, RW, PRIV, -1, 0);
	map(6, 2, RW, PRIV, -1, 0);
	put(PG(1), 1);
	get(PG(2));
	TRY(mincore(PG(0), 4 * P, vec));
	TRY(mincore(PG(0), 0, vec));
	TRY(mincore(PG(0), 1, vec));
	TRY(mincore(PG(0) + 1, P, vec));
	memset(vec, 9, sizeof vec);
	TRY(mincore(PG(2), 6 * P, vec));
	printf("%d %d %d %d\n", vec[0], vec[1], vec[2], vec[3]);
	TRY(mincore(PG(4), P, vec));
	TRY(mincore(PG(0), P, 0));
	TRY(mincore(PG(0), P, (void *)-1L));
	TRY(mincore(PG(0), -1L, vec));
	TRY(mincore(PG(0), -P, vec));
	TRY(mincore((char *)0x7ffffffff000, P, vec));
	int file = make_file("file", 4);
	map(10, 4, RW, MAP_PRIVATE, file, 0);
	TRY(mincore(PG(10), 4 * P, vec));
	printf("%d %d %d %d\n", vec[0], vec[1], vec[2], vec[3]);
	clear();
}

int main(void)
{
	begin();
	mmaps();
	munmaps();
	mprotects();
	mremaps();
	msyncs();
	mincores();
}
