/* Large pages from a pool: MAP_HUGETLB, memfd_create, shmget. Given "pages", with a pool of at least eight free ones; else
   only what the calls refuse, which needs none. */
#include "memory.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/vfs.h>

#define H (2L << 20)
#define HUGE (PRIV | MAP_HUGETLB)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB)
#define SIZE(log) ((log) << 26)
#define AT(n) (ARENA + (n) * H)
#define ARENA_HUGE 8
enum { DONTNEED = 4, MFD_HUGE = 4, PUNCH = 3, ADD_SEALS = 1033, GET_SEALS = 1034 };

static int create(const char *name, unsigned flags) { return syscall(SYS_memfd_create, name, flags); }

/* A mapping at one of the arena's large pages. */
static char *huge(long page, long pages, int flags)
{
	char *at = mmap(AT(page), pages * H, RW, flags | MAP_FIXED, -1, 0);
	if (at == MAP_FAILED) printf("map of large page %ld: errno %d\n", page, errno);
	return at;
}

/* The pool, as it has changed since the start. */
static long first[4];
static void pool(const char *title)
{
	static const char *const names[] = { "HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:", "HugePages_Surp:" };
	printf("[%s]", title);
	for (int i = 0; i < 4; i++) {
		long now = number_in("/proc/meminfo", names[i]);
		if (!strcmp(title, "start")) first[i] = now;
		else printf(" %s %ld", names[i] + 10, now - first[i]);
	}
	puts("");
}

/* The mappings of the arena, in large pages, with what smaps says of them. */
static void show_huge(void)
{
	char line[512];
	int inside = 0;
	FILE *smaps = fopen("/proc/self/smaps", "r");
	while (smaps && fgets(line, sizeof line, smaps)) {
		unsigned long from, to, offset;
		char rights[8], name[256] = "";
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255[^\n]", &from, &to, rights, &offset, name) >= 4) {
			inside = from >= (unsigned long)ARENA && from < (unsigned long)AT(64);
			if (inside)
				printf("%ld+%ld %s %lx %s\n", (long)(from - (unsigned long)ARENA) / H, (long)(to - from) / H, rights, offset,
					name);
		} else if (inside && (!strncmp(line, "VmFlags:", 8) || (strncmp(line, "ProtectionKey", 13) && !strstr(line, " 0 kB"))))
			printf("  %s", line);
	}
	if (smaps) fclose(smaps);
	printf("  status %ld kB\n", number_in("/proc/self/status", "HugetlbPages:"));
}

/* What pagemap says of a page, but for its frame. */
static void show_pagemap(char *at)
{
	uint64_t bits = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);
	if (pread(fd, &bits, 8, (long)at / P * 8) != 8) puts("pagemap");
	printf("pagemap %x\n", (unsigned)(bits >> 56));
	close(fd);
}

static void refusals(void)
{
	TRY(mmap(0, H, RW, HUGE | SIZE(20), -1, 0));
	TRY(mmap(0, 1L << 60, RW, HUGE | MAP_NORESERVE, -1, 0));
	TRY(mmap(0, -1L, RW, HUGE | MAP_NORESERVE, -1, 0));
	TRY(mmap(0, 0, RW, HUGE, -1, 0));
	TRY(mmap(0, H, RW, MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
	TRY(mmap(0, 1L << 40, RW, HUGE, -1, 0));
	TRY(mmap(0, 1L << 40, RW, SHARED, -1, 0));
	TRY(mmap(AT(0) + P, H, RW, HUGE | MAP_FIXED | MAP_NORESERVE, -1, 0));
	TRY(mmap(AT(0) + P, H, RW, HUGE | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0));
	TRY(mmap(0, H, RW, HUGE | MAP_GROWSDOWN | MAP_NORESERVE, -1, 0));
	int plain = make_file("plain", 1);
	TRY(mmap(0, P, RW, MAP_PRIVATE | MAP_HUGETLB, plain, 0));
	TRY(create("x", MFD_HUGE | SIZE(20)));
	TRY(create("x", SIZE(21)));
	TRY(shmget(IPC_PRIVATE, H, IPC_CREAT | SHM_HUGETLB | SIZE(20) | 0600));
	TRY(shmget(IPC_PRIVATE, 1L << 40, IPC_CREAT | SHM_HUGETLB | 0600));
}

/* A mapping without a promise needs no page. */
static void unpromised(void)
{
	TRY(mmap(AT(0), 1L << 40, RW, HUGE | MAP_FIXED | MAP_NORESERVE, -1, 0));
	munmap(AT(4), (1L << 40) - 4 * H);
	show_huge();
	TRY(munmap(AT(0) + P, H));
	TRY(munmap(AT(0), P));
	TRY(munmap(AT(0) - P, 2 * P));
	TRY(mmap(AT(0) + P, P, RW, FIXED, -1, 0));
	TRY(mprotect(AT(0) + P, H, PROT_READ));
	TRY(mprotect(AT(0), P, PROT_READ));
	TRY(mprotect(AT(0), H, PROT_READ));
	TRY(mprotect(AT(0), H, RW));
	static const int advice[] = { 1, 2, 3, 0, DONTNEED, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 10, 11, 20, 21, 24, 25 };
	for (size_t i = 0; i < sizeof advice / sizeof *advice; i++) {
		errno = 0;
		int whole = madvise(AT(0), H, advice[i]) ? errno : 0;
		int within = madvise(AT(0) + P, P, advice[i]) ? errno : 0;
		printf("advice %d: %d, within a page %d\n", advice[i], whole, within);
	}
	TRY(mlock(AT(3), 0));
	TRY(msync(AT(0), H, MS_SYNC));
	TRY(mremap(AT(0), H, 2 * H, 0));
	TRY(mremap(AT(0), H, 2 * H, MREMAP_MAYMOVE));
	TRY(mremap(AT(0), P, H + P, 0));
	TRY(mremap(AT(0), P, 2 * P, 0));
	TRY(mremap(AT(0), H, H, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
	TRY(mremap(AT(0), H, H, MREMAP_MAYMOVE | MREMAP_FIXED, AT(9) + P));
	TRY(mremap(AT(1), P, P, MREMAP_MAYMOVE | MREMAP_FIXED, AT(1) + 4 * P));
	TRY(mremap(AT(0), 0, H, MREMAP_MAYMOVE));
	show_mincore((unsigned long)AT(0), (unsigned long)AT(0) + 3 * P);
	show_huge();
	munmap(AT(0), ARENA_HUGE * H);
}

static void empty_file(void)
{
	int fd = create("large", MFD_HUGE | 3);
	struct stat st;
	struct statfs fs;
	fstat(fd, &st);
	fstatfs(fd, &fs);
	printf("size %ld, unit %ld, blocks %ld, mode %o, links %d; type %lx, unit %ld, flags %lx\n", (long)st.st_size,
		(long)st.st_blksize, (long)st.st_blocks, st.st_mode, (int)st.st_nlink, (long)fs.f_type, (long)fs.f_bsize,
		(long)fs.f_flags);
	char bytes[8] = "xxxxxxx";
	TRY(ftruncate(fd, P));
	TRY(ftruncate(fd, 2 * H));
	TRY(write(fd, "abc", 3));
	TRY(write(fd, "", 0));
	TRY(pwrite(fd, "a", 1, H));
	TRY(read(fd, bytes, 4));
	TRY(pread(fd, bytes, 8, 2 * H - 3));
	printf("%d %d\n", bytes[0], bytes[4]);
	TRY(lseek(fd, 0, SEEK_END));
	TRY(mmap(0, H, RW, MAP_SHARED | MAP_NORESERVE, fd, P));
	TRY(fallocate(fd, 8, 0, H));
	TRY(fallocate(fd, PUNCH, 0, H));
	TRY(fallocate(fd, PUNCH, 5, 4 * H));
	TRY(fsync(fd));
	char *at = mmap(AT(0), 6 * H, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, H);
	TRY(lseek(fd, 0, SEEK_END));
	show_huge();
	munmap(at, 6 * H);
	mmap(AT(0), 6 * H, RW, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, H);
	TRY(lseek(fd, 0, SEEK_END));
	TRY(fcntl(fd, GET_SEALS));
	TRY(fcntl(fd, ADD_SEALS, 8));
	TRY(fcntl(fd, ADD_SEALS, 2));
	TRY(ftruncate(fd, H));
	munmap(AT(0), 6 * H);
	TRY(fcntl(fd, ADD_SEALS, 8));
	TRY(fallocate(fd, PUNCH, 0, H));
	TRY(mmap(0, H, RW, MAP_SHARED | MAP_NORESERVE, fd, 0));
	TRY(fcntl(fd, ADD_SEALS, 4));
	TRY(ftruncate(fd, 9 * H));
	close(fd);
}

static void private_pages(void)
{
	char *at = huge(0, 3, HUGE);
	pool("promised");
	get(at + 5);
	put(at + H, 1);
	put(at, 2);
	show_pagemap(at + P);
	pool("touched");
	show_huge();
	TRY(mprotect(at, 3 * H, PROT_READ));
	TRY(mprotect(at, 3 * H, RW));
	put(at, 3);
	TRY(madvise(at, 2 * H - P, DONTNEED));
	pool("not needed");
	printf("%d %d\n", at[0], at[H]);
	TRY(mremap(at, 3 * H, 3 * H, MREMAP_MAYMOVE | MREMAP_FIXED, AT(10)));
	printf("%d\n", AT(10)[H]);
	show_huge();
	pool("moved");
	TRY(mremap(AT(10), 3 * H, H + P, 0));
	TRY(mprotect(AT(10), H, PROT_READ));
	show_huge();
	pool("shrunk");
	TRY(mlock(AT(11), H));
	show_mincore((unsigned long)AT(11), (unsigned long)AT(11) + 3 * P);
	munmap(AT(0), 20 * H);
	pool("gone");
	TRY(mmap(AT(0) + P, H, PROT_READ, HUGE | MAP_POPULATE, -1, 0) == AT(1));
	show_huge();
	munmap(AT(1), H);
}

static void copies(void)
{
	char *at = huge(0, 2, HUGE);
	put(at, 1);
	IN_CHILD(show_huge(); put(at, 2); pool("child has a copy"));
	printf("%d\n", at[0]);
	pool("child is gone");
	/* All that is not promised. */
	long rest = number_in("/proc/meminfo", "HugePages_Free:") - number_in("/proc/meminfo", "HugePages_Rsvd:");
	char *all = mmap(0, (rest + 1) * H, RW, HUGE | MAP_NORESERVE, -1, 0);
	for (long i = 0; i < rest; i++) put(all + i * H, 1);
	IN_CHILD(put(all + rest * H, 1));
	IN_CHILD(put(at, 3));
	IN_CHILD(get(at + H));
	int to[2], back[2];
	char byte = 0;
	if (pipe(to) || pipe(back)) puts("pipe");
	fflush(stdout);
	int child = fork();
	if (!child) {
		if (write(back[1], at, 1) != 1 || read(to[0], &byte, 1) != 1) puts("pipe");
		get(at);
		_exit(0);
	}
	if (read(back[0], &byte, 1) != 1) puts("pipe");
	put(at, 4);
	if (write(to[1], at, 1) != 1) puts("pipe");
	int status;
	waitpid(child, &status, 0);
	printf("the child that lost its page: %x\n", status);
	put(at + H, 1);
	munmap(all, (rest + 1) * H);
	munmap(at, 2 * H);
	pool("gone");
}

static void shared_pages(void)
{
	int fd = create("large", MFD_HUGE | 2);
	char byte = 9, *at = mmap(AT(0), 2 * H - 5, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	struct stat st;
	put(at, 1);
	pool("shared");
	show_pagemap(at);
	IN_CHILD(printf("%d\n", at[0]); show_huge(); put(at, 2); put(at + H, 3));
	printf("%d %d\n", at[0], at[H]);
	fstat(fd, &st);
	printf("size %ld, blocks %ld, byte %ld %d\n", (long)st.st_size, (long)st.st_blocks, (long)pread(fd, &byte, 1, H), byte);
	TRY(fallocate(fd, PUNCH, 0, 100));
	printf("%d\n", at[0]);
	put(at, 2);
	TRY(madvise(at, H, DONTNEED));
	printf("%d\n", at[0]);
	TRY(madvise(at, H, 9));
	pool("a hole");
	printf("%d\n", at[0]);
	TRY(ftruncate(fd, H));
	pool("cut");
	IN_CHILD(get(at + H));
	char *own = mmap(AT(4), H, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
	get(own);
	pool("private, read");
	put(own, 7);
	printf("%d %d\n", own[0], at[0]);
	pool("private, written");
	show_huge();
	TRY(fallocate(fd, 0, 0, 2 * H + 100));
	fstat(fd, &st);
	printf("size %ld, blocks %ld\n", (long)st.st_size, (long)st.st_blocks);
	munmap(AT(0), 8 * H);
	pool("unmapped");
	close(fd);
	pool("closed");
	int id = shmget(IPC_PRIVATE, H + 5, IPC_CREAT | SHM_HUGETLB | 0600);
	pool("segment");
	TRY(shmat(id, AT(0) + P, 0));
	TRY(shmat(id, AT(0), 0) == AT(0));
	put(AT(1), 1);
	show_huge();
	shmctl(id, IPC_RMID, 0);
	TRY(shmdt(AT(0)));
	pool("gone");
}

/* Calls that read and write such memory. */
static void transfers(void)
{
	char *at = huge(0, 2, HUGE), back[8] = "";
	int ends[2];
	memcpy(at + H - 3, "across", 6);
	if (pipe(ends)) puts("pipe");
	TRY(write(ends[1], at + H - 3, 6));
	TRY(read(ends[0], back, 8));
	TRY(write(ends[1], back, 6));
	TRY(read(ends[0], at + H - 1, 6));
	printf("%s %.6s\n", back, at + H - 1);
	munmap(at, 2 * H);
}

int main(int count, char **args)
{
	(void)args;
	begin();
	refusals();
	unpromised();
	empty_file();
	if (count > 1) {
		pool("start");
		private_pages();
		copies();
		shared_pages();
		transfers();
		pool("end");
	}
	return 0;
}
