/* Transparent huge pages: where they come, what splits and collapses them, and what smaps, mincore and pagemap say. With an
   argument it ends with status 0 where there are any. */
#include "memory.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define H 512L

static void huge(long page, long pages)
{
	map(page, pages, RW, PRIV, -1, 0);
	if (madvise(PG(page), pages * P, MADV_HUGEPAGE)) printf("MADV_HUGEPAGE: errno %d\n", errno);
}

static void advise(const char *name, long page, long pages, int advice)
{
	int result = madvise(PG(page), pages * P, advice);
	printf("%s of %ld+%ld: %d\n", name, page, pages, result ? errno : 0);
}

/* Whether this Linux has blocks of 2 MiB to give. */
static int has_huge_pages(void)
{
	char line[256];
	long kib = 0;
	huge(0, H);
	put(PG(0), 1);
	FILE *smaps = fopen("/proc/self/smaps", "r");
	while (fgets(line, sizeof line, smaps)) {
		long value;
		if (sscanf(line, "AnonHugePages: %ld", &value) == 1) kib += value;
	}
	fclose(smaps);
	clear();
	return kib == 2048;
}

static void where_they_come(void)
{
	huge(0, 3 * H);
	put(PG(5), 1);
	get(PG(H + 7));
	show("one written, one read, one untouched");
	put(PG(H + 7), 1);
	show("the one that was read is written");
	huge(3 * H + 100, H);
	put(PG(3 * H + 200), 1);
	show("no whole 2 MiB in what was added");
	clear();
}

static void what_splits_them(void)
{
	huge(0, 4 * H);
	for (long i = 0; i < 4; i++) put(PG(i * H), 1);
	munmap(PG(3), P);
	mprotect(PG(H + 3), P, PROT_READ);
	advise("DONTNEED", 2 * H + 3, 2, MADV_DONTNEED);
	show("a page unmapped, one read-only, two dropped");
	mprotect(PG(3 * H), H * P, PROT_READ);
	show("a whole one read-only");
	mprotect(PG(3 * H), H * P, RW);
	put(PG(3 * H + 1), 1);
	show("and writable again");
	clear();
}

static void over_fork(void)
{
	huge(0, 2 * H);
	put(PG(0), 1);
	put(PG(H), 1);
	fflush(stdout);
	if (fork() == 0) {
		show("child, before");
		put(PG(4), 2);
		show("child, after a write");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	show("parent, alone again");
	put(PG(4), 3);
	show("parent, after a write");
	clear();
}

static void moves(void)
{
	huge(0, H);
	put(PG(1), 7);
	mremap(PG(0), H * P, H * P, MREMAP_MAYMOVE | MREMAP_FIXED, PG(2 * H));
	show("moved to where it fits");
	mremap(PG(2 * H), H * P, H * P, MREMAP_MAYMOVE | MREMAP_FIXED, PG(5 * H + 1));
	show("moved by a page");
	clear();
}

static void collapses(void)
{
	map(0, 3 * H, RW, PRIV, -1, 0);
	for (long i = 0; i < H; i += 5) put(PG(i), 1);
	get(PG(1));
	advise("COLLAPSE", 0, H, MADV_COLLAPSE);
	advise("COLLAPSE", 0, H, MADV_COLLAPSE);
	advise("COLLAPSE", H, H, MADV_COLLAPSE);
	advise("COLLAPSE", 7, 9, MADV_COLLAPSE);
	show("collapsed");
	advise("NOHUGEPAGE", 0, 3 * H, MADV_NOHUGEPAGE);
	advise("COLLAPSE", 0, H, MADV_COLLAPSE);
	put(PG(H), 1);
	show("no more of them");
	clear();
}

static void disabled(void)
{
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	huge(0, H);
	put(PG(0), 1);
	show("disabled by prctl");
	clear();
}

int main(int argc, char **argv)
{
	(void)argv;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (argc > 1) return !has_huge_pages();
	where_they_come();
	what_splits_them();
	over_fork();
	moves();
	collapses();
	disabled();
	return 0;
}
