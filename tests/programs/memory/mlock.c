/* The mlock family: what is refused, for root and for a user with a small limit. */
#include "memory.h"

static void limit(long bytes)
{
	struct rlimit r = { bytes, bytes };
	if (setrlimit(RLIMIT_MEMLOCK, &r)) printf("setrlimit: errno %d\n", errno);
}

static void table(void)
{
	map(0, 4, RW, PRIV, -1, 0);
	map(6, 2, RW, PRIV, -1, 0);
	TRY(mlock(PG(0), 0));
	TRY(mlock(PG(0), P));
	TRY(mlock(PG(0) + 100, P));
	TRY(mlock(PG(3), 2 * P));
	TRY(mlock(PG(4), P));
	TRY(mlock(PG(5), 2 * P));
	TRY(mlock(PG(0), -1L));
	TRY(mlock(PG(0), -P));
	TRY(mlock((void *)-P, 2 * P));
	TRY(mlock(0, P));
	TRY(munlock(PG(0), 2 * P));
	TRY(munlock(PG(4), P));
	TRY(munlock(PG(3), 4 * P));
	TRY(munlock(PG(0), -1L));
	TRY(munlock(PG(0), 0));
	TRY(syscall(SYS_mlock2, PG(0), P, 0));
	TRY(syscall(SYS_mlock2, PG(0), P, 1));
	TRY(syscall(SYS_mlock2, PG(0), P, 2));
	TRY(syscall(SYS_mlock2, PG(0), P, -1));
	TRY(syscall(SYS_mlock2, PG(4), P, 1));
	TRY(mlockall(0));
	TRY(mlockall(MCL_ONFAULT));
	TRY(mlockall(8));
	TRY(mlockall(MCL_CURRENT | 8));
	TRY(mlockall(~0));
	TRY(munlockall());
	TRY(munlockall());
	clear();
}

static void bounded(void)
{
	map(0, 16, RW, PRIV, -1, 0);
	TRY(mlock(PG(0), 4 * P));
	TRY(mlock(PG(0), 5 * P));
	TRY(mlock(PG(4), P));
	TRY(mlock(PG(2), 2 * P));
	TRY(mlock(PG(8), P));
	TRY(munlock(PG(0), 2 * P));
	TRY(mlock(PG(8), 2 * P));
	TRY(mlock(PG(10), P));
	TRY(mmap(PG(32), P, RW, FIXED | MAP_LOCKED, -1, 0));
	TRY(munlock(PG(8), 2 * P));
	TRY(mmap(PG(32), 2 * P, RW, FIXED | MAP_LOCKED, -1, 0));
	TRY(mremap(PG(32), 2 * P, 3 * P, 0));
	TRY(munlock(PG(2), P));
	TRY(mremap(PG(32), 2 * P, 3 * P, 0));
	TRY(mlockall(MCL_CURRENT));
	TRY(mlockall(MCL_FUTURE));
	TRY(mmap(PG(40), 2 * P, RW, FIXED, -1, 0));
	TRY(mmap(PG(40), P, RW, FIXED, -1, 0));
	TRY(munlockall());
	clear();
}

static void none(void)
{
	map(0, 4, RW, PRIV, -1, 0);
	TRY(mlock(PG(0), P));
	TRY(syscall(SYS_mlock2, PG(0), P, 1));
	TRY(mlockall(MCL_CURRENT));
	TRY(mlockall(MCL_FUTURE));
	TRY(mlockall(0));
	TRY(munlock(PG(0), P));
	TRY(munlockall());
	TRY(mmap(PG(8), P, RW, FIXED | MAP_LOCKED, -1, 0));
	clear();
}

int main(void)
{
	begin();
	table();
	if (getuid() == 0) {
		limit(4 * P);
		puts("root, beyond the limit");
		map(0, 16, RW, PRIV, -1, 0);
		TRY(mlock(PG(0), 16 * P));
		clear();
	}
	IN_CHILD(limit(4 * P); if (getuid() == 0 && setuid(65534)) puts("setuid"); puts("user"); table(); bounded());
	IN_CHILD(limit(0); if (getuid() == 0 && setuid(65534)) puts("setuid"); puts("without"); none());
}
