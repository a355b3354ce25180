/* What the programs here share: an arena at a fixed address, what /proc and mincore say of it, and calls with their results.
   All that is printed must be the same on Linux and under pagewalk: addresses are those within the arena. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define P 4096L
#define ARENA ((char *)0x100000000000L)
#define ARENA_PAGES 4096L
#define RW (PROT_READ | PROT_WRITE)
#define PRIV (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED (PRIV | MAP_FIXED)
#define PG(n) (ARENA + (n) * P)

static volatile char sink;
static void get(char *at) { sink = *(volatile char *)at; }
static void put(char *at, char value) { *(volatile char *)at = value; }
static void put_pages(char *at, int count) { for (int i = 0; i < count; i++) put(at + i * P, i + 1); }
static void get_pages(char *at, int count) { for (int i = 0; i < count; i++) get(at + i * P); }

/* Large pages would make numbers depend on the machine. */
static void begin(void)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static char *map(long page, long pages, int prot, int flags, int fd, long file_page)
{
	char *at = mmap(PG(page), pages * P, prot, flags | MAP_FIXED, fd, file_page * P);
	if (at == MAP_FAILED) printf("map of page %ld: errno %d\n", page, errno);
	return at;
}

static void clear(void) { munmap(ARENA, ARENA_PAGES * P); }

static int in_arena(unsigned long start, unsigned long end)
{
	return start < (unsigned long)PG(ARENA_PAGES) && end > (unsigned long)ARENA;
}

/* The last part of a name: folders differ. */
static const char *last_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	return strncmp(name, "/dev/", 5) && slash ? slash + 1 : name;
}

static void show_mincore(unsigned long start, unsigned long end)
{
	unsigned char vec[4096];
	unsigned long pages = (end - start) / P;
	printf("  mincore ");
	if (pages > sizeof vec || mincore((void *)start, end - start, vec)) {
		printf("errno %d\n", errno);
		return;
	}
	for (unsigned long i = 0; i < pages; i++) putchar(vec[i] & 1 ? '1' : '0');
	putchar('\n');
}

/* The mappings in the arena with what smaps says of them. */
static void show_of(int pid, const char *title)
{
	static const char *const fields[] = { "Size:", "KernelPageSize:", "MMUPageSize:", "Rss:", "Pss:", "Pss_Dirty:",
		"Shared_Clean:", "Shared_Dirty:", "Private_Clean:", "Private_Dirty:", "Referenced:", "Anonymous:",
		"AnonHugePages:", "Swap:", "Locked:" };
	char path[64], line[512];
	unsigned long from, to, start = 0, end = 0;
	int inside = 0;
	printf("== %s\n", title);
	snprintf(path, sizeof path, "/proc/%d/smaps", pid);
	FILE *smaps = fopen(path, "r");
	while (smaps && fgets(line, sizeof line, smaps)) {
		char rights[8], name[256] = "";
		unsigned long offset;
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255[^\n]", &from, &to, rights, &offset, name) >= 4) {
			if (inside && pid == getpid()) show_mincore(start, end);
			inside = in_arena(from, to);
			start = from;
			end = to;
			if (inside)
				printf("%ld+%ld %s %lx %s\n", (long)(from - (unsigned long)ARENA) / P, (long)(to - from) / P, rights,
					offset, last_name(name));
			continue;
		}
		if (!inside) continue;
		if (!strncmp(line, "VmFlags:", 8)) {
			printf("  %s", line);
			continue;
		}
		for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
			if (!strncmp(line, fields[i], strlen(fields[i]))) {
				long kib = atol(line + strlen(fields[i]));
				if (kib) printf("  %s %ld\n", fields[i], kib);
			}
	}
	if (inside && pid == getpid()) show_mincore(start, end);
	if (smaps) fclose(smaps);
	fflush(stdout);
}

static void show(const char *title) { show_of(getpid(), title); }

/* A call and its result; an address as the page of the arena. */
#define TRY(call) do { errno = 0; long result = (long)(call); outcome(#call, result); } while (0)
static void outcome(const char *call, long result)
{
	if (result == -1) printf("%s: errno %d\n", call, errno);
	else if (result >= (long)ARENA && result < (long)PG(ARENA_PAGES))
		printf("%s: page %ld\n", call, (result - (long)ARENA) / P);
	else if ((unsigned long)result > 0x10000000) printf("%s: an address\n", call);
	else printf("%s: %ld\n", call, result);
}

/* A number from a file of /proc, after a name. */
static long number_in(const char *path, const char *name)
{
	char line[256];
	long number = -1;
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, name, strlen(name))) number = atol(line + strlen(name));
	if (file) fclose(file);
	return number;
}

/* A file of so many pages in the current folder, the same bytes each time, on the disk. */
static int make_file(const char *name, int pages)
{
	char page[P];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	for (int i = 0; i < pages; i++) {
		memset(page, 'a' + i, P);
		if (write(fd, page, P) != P) printf("short write\n");
	}
	fsync(fd);
	unlink(name);
	return fd;
}

/* Does something in a child, and waits for it. */
#define IN_CHILD(body) do { fflush(stdout); int child_ = fork(); \
	if (!child_) { body; fflush(stdout); _exit(0); } \
	int status_; waitpid(child_, &status_, 0); if (status_) printf("child: status %x\n", status_); } while (0)
