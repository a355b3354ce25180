/* Layouts of mappings: made, split, joined, moved, locked, advised; what maps, smaps and mincore say of each. */
#include "memory.h"

static void kinds(void)
{
	map(0, 4, RW, PRIV, -1, 0);
	map(8, 4, PROT_READ, PRIV, -1, 0);
	map(16, 4, PROT_NONE, PRIV, -1, 0);
	map(24, 4, RW | PROT_EXEC, PRIV, -1, 0);
	map(32, 4, PROT_WRITE, PRIV, -1, 0);
	map(40, 4, PROT_EXEC, PRIV, -1, 0);
	map(48, 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	map(56, 4, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	map(64, 4, RW, PRIV | MAP_NORESERVE, -1, 0);
	map(72, 4, RW, PRIV | MAP_STACK, -1, 0);
	map(512, 4, RW, PRIV | MAP_GROWSDOWN, -1, 0);
	map(96, 4, RW, PRIV | MAP_POPULATE, -1, 0);
	map(104, 4, PROT_READ, PRIV | MAP_POPULATE, -1, 0);
	map(112, 4, RW, PRIV | MAP_LOCKED, -1, 0);
	map(120, 4, RW, PRIV | MAP_POPULATE | MAP_NONBLOCK, -1, 0);
	map(128, 4, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	show("kinds, untouched");
	put(PG(0), 1);
	get(PG(1));
	get(PG(8));
	put(PG(32), 1);
	put(PG(48), 1);
	get(PG(49));
	get(PG(56));
	put_pages(PG(64), 2);
	put(PG(72), 1);
	put(PG(512), 1);
	put(PG(511), 1);
	put(PG(505), 1);
	show("kinds, touched");
	clear();
}

static void joins(void)
{
	map(0, 2, RW, PRIV, -1, 0);
	map(2, 2, RW, PRIV, -1, 0);
	map(4, 2, PROT_READ, PRIV, -1, 0);
	map(6, 2, RW, PRIV | MAP_NORESERVE, -1, 0);
	map(8, 2, RW, PRIV, -1, 0);
	show("neighbours");
	mprotect(PG(4), 2 * P, RW);
	show("alike by mprotect");
	munmap(PG(1), P);
	map(1, 1, RW, PRIV, -1, 0);
	show("a hole and its filling");
	put_pages(PG(0), 6);
	mprotect(PG(2), 2 * P, PROT_READ);
	show("split in three");
	mprotect(PG(2), P, RW);
	show("one page back");
	mprotect(PG(3), P, RW);
	show("joined");
	mprotect(PG(0), 6 * P, PROT_NONE);
	show("without rights, with pages");
	mprotect(PG(0), 6 * P, PROT_READ);
	get_pages(PG(0), 6);
	mprotect(PG(0), 6 * P, RW);
	show("back again");
	clear();
}

static void advices(void)
{
	map(0, 16, RW, PRIV, -1, 0);
	put_pages(PG(0), 16);
	madvise(PG(2), 2 * P, MADV_DONTNEED);
	madvise(PG(4), P, MADV_DONTFORK);
	madvise(PG(5), P, MADV_DONTDUMP);
	madvise(PG(6), P, MADV_SEQUENTIAL);
	madvise(PG(7), P, MADV_RANDOM);
	madvise(PG(8), P, 18);
	madvise(PG(9), P, MADV_NOHUGEPAGE);
	madvise(PG(10), P, MADV_HUGEPAGE);
	madvise(PG(12), 2 * P, 8);
	show("advised");
	put(PG(12), 7);
	madvise(PG(4), P, MADV_DOFORK);
	madvise(PG(5), P, MADV_DODUMP);
	madvise(PG(6), 2 * P, MADV_NORMAL);
	madvise(PG(8), P, 19);
	show("taken back");
	madvise(PG(2), P, 22);
	madvise(PG(3), P, 23);
	madvise(PG(14), P, 20);
	show("populated");
	clear();
}

static void moves(void)
{
	char *at;
	map(0, 4, RW, PRIV, -1, 0);
	put_pages(PG(0), 3);
	TRY(mremap(PG(0), 4 * P, 8 * P, 0));
	show("grown in place");
	TRY(mremap(PG(0), 8 * P, 2 * P, 0));
	show("shrunk");
	TRY(mremap(PG(0), 2 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, PG(32)));
	show("moved");
	TRY(mremap(PG(33), P, P, MREMAP_MAYMOVE | MREMAP_FIXED, PG(48)));
	show("a page out of the middle");
	TRY(mremap(PG(32), P, P, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, PG(64)));
	show("moved, the place kept");
	map(80, 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	put_pages(PG(80), 2);
	TRY(mremap(PG(80), 0, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, PG(96)));
	show("a second view of shared memory");
	clear();
}

static void locks(void)
{
	map(0, 8, RW, PRIV, -1, 0);
	put_pages(PG(0), 2);
	mlock(PG(1), 3 * P);
	show("locked in the middle");
	munlock(PG(2), P);
	show("unlocked a page");
	syscall(SYS_mlock2, PG(4), 4 * P, 1);
	show("locked on fault");
	put(PG(5), 1);
	show("and touched");
	printf("VmLck %ld\n", number_in("/proc/self/status", "VmLck:"));
	TRY(mlock(PG(0), 12 * P));
	show("locked over a hole");
	munlock(PG(0), 8 * P);
	map(16, 2, PROT_NONE, PRIV, -1, 0);
	TRY(mlock(PG(16), 2 * P));
	map(20, 2, PROT_READ, PRIV, -1, 0);
	TRY(mlock(PG(20), 2 * P));
	show("locked without rights, and to read");
	TRY(mremap(PG(0), 8 * P, 10 * P, 0));
	mlock(PG(0), 10 * P);
	TRY(mremap(PG(0), 10 * P, 12 * P, 0));
	show("a locked mapping grows");
	TRY(mremap(PG(0), 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, PG(40)));
	show("a locked part moves");
	mprotect(PG(4), 2 * P, PROT_READ);
	munmap(PG(8), 2 * P);
	show("split while locked");
	clear();
	printf("VmLck %ld\n", number_in("/proc/self/status", "VmLck:"));
}

static void locks_of_all(void)
{
	map(0, 4, RW, PRIV, -1, 0);
	TRY(mlockall(MCL_FUTURE));
	map(8, 4, RW, PRIV, -1, 0);
	map(16, 4, PROT_READ, PRIV, -1, 0);
	show("what comes is locked");
	TRY(mlockall(MCL_CURRENT));
	map(24, 4, RW, PRIV, -1, 0);
	show("what is there is locked");
	TRY(mlockall(MCL_CURRENT | MCL_FUTURE | 4));
	map(32, 4, RW, PRIV, -1, 0);
	put(PG(33), 1);
	show("on fault");
	IN_CHILD(printf("VmLck of a child %ld\n", number_in("/proc/self/status", "VmLck:")));
	TRY(munlockall());
	map(40, 4, RW, PRIV, -1, 0);
	show("unlocked");
	printf("VmLck %ld\n", number_in("/proc/self/status", "VmLck:"));
	clear();
}

static void heap(void)
{
	char *start = sbrk(0);
	long rest = -(long)start & (P - 1);
	sbrk(rest);
	char *end = sbrk(0);
	brk(end + 4 * P);
	put_pages(end, 2);
	unsigned char vec[4];
	mincore(end, 4 * P, vec);
	printf("heap %d %d %d %d\n", vec[0], vec[1], vec[2], vec[3]);
	brk(end + P);
	brk(end + 4 * P);
	mincore(end, 4 * P, vec);
	printf("heap %d %d %d %d, zero %d\n", vec[0], vec[1], vec[2], vec[3], end[P]);
}

int main(void)
{
	begin();
	kinds();
	joins();
	advices();
	moves();
	locks();
	locks_of_all();
	heap();
}
