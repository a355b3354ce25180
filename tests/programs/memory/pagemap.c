/* pagemap, clear_refs, oom_score_adj and the numbers of status and statm. */
#include "memory.h"

/* The bits of each page beside its frame. */
static void bits(const char *what, char *at, int pages)
{
	uint64_t entries[16];
	int fd = open("/proc/self/pagemap", O_RDONLY);
	long got = pread(fd, entries, 8 * pages, (long)at / P * 8);
	printf("%s: %ld", what, got);
	for (int i = 0; i < pages; i++) printf(" %x", (unsigned)(entries[i] >> 55));
	printf("\n");
	close(fd);
}

static void pages(void)
{
	map(0, 4, RW, PRIV, -1, 0);
	put(PG(0), 1);
	get(PG(1));
	bits("private", PG(0), 4);
	map(8, 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	put(PG(8), 1);
	get(PG(9));
	bits("shared", PG(8), 4);
	int file = make_file("file", 4);
	map(16, 4, RW, MAP_PRIVATE, file, 0);
	get_pages(PG(16), 4);
	put(PG(17), 1);
	bits("file", PG(16), 4);
	IN_CHILD(bits("child", PG(0), 4); bits("child, shared", PG(8), 4); put(PG(0), 2); bits("child wrote", PG(0), 4));
	bits("after", PG(0), 4);
	mprotect(PG(0), P, PROT_NONE);
	bits("no rights", PG(0), 2);
	bits("a hole", PG(100), 2);
	uint64_t entry;
	int fd = open("/proc/self/pagemap", O_RDONLY);
	TRY(pread(fd, &entry, 7, 0));
	TRY(pread(fd, &entry, 8, 4));
	TRY(pread(fd, &entry, 8, 0));
	TRY(pread(fd, &entry, 8, 1L << 40));
	TRY(pread(fd, &entry, 0, 0));
	close(fd);
}

static void references(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);
	TRY(write(fd, "1", 1));
	show("cleared");
	get(PG(1));
	get(PG(16));
	show("used again");
	TRY(write(fd, "9", 1));
	TRY(write(fd, "x", 1));
	TRY(write(fd, "0", 1));
	TRY(write(fd, "5\n", 2));
	close(fd);
}

static void badness(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR);
	printf("%ld %ld\n", number_in("/proc/self/oom_score_adj", ""), number_in("/proc/self/oom_score", "") / 10);
	TRY(write(fd, "500", 3));
	printf("%ld %d\n", number_in("/proc/self/oom_score_adj", ""), number_in("/proc/self/oom_score", "") > 990);
	TRY(write(fd, "1001", 4));
	TRY(write(fd, "-1001", 5));
	TRY(write(fd, "x", 1));
	IN_CHILD(printf("child %ld\n", number_in("/proc/self/oom_score_adj", "")));
	close(fd);
}

static void numbers(void)
{
	const char *status = "/proc/self/status";
	long before = number_in(status, "VmSize:");
	map(200, 100, RW, PRIV, -1, 0);
	printf("VmSize %ld\n", number_in(status, "VmSize:") - before);
	before = number_in(status, "RssAnon:");
	put_pages(PG(200), 50);
	printf("RssAnon %ld\n", number_in(status, "RssAnon:") - before);
	before = number_in(status, "RssShmem:");
	map(400, 10, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	printf("RssShmem %ld\n", number_in(status, "RssShmem:") - before);
	before = number_in(status, "VmData:");
	map(500, 10, RW, PRIV, -1, 0);
	map(520, 10, PROT_READ, PRIV, -1, 0);
	map(540, 10, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("VmData %ld\n", number_in(status, "VmData:") - before);
	before = number_in(status, "VmStk:");
	map(600, 10, RW, PRIV | MAP_GROWSDOWN, -1, 0);
	printf("VmStk %ld\n", number_in(status, "VmStk:") - before);
	before = number_in(status, "VmPeak:");
	map(700, 1000, RW, PRIV, -1, 0);
	munmap(PG(700), 1000 * P);
	printf("VmPeak %ld\n", number_in(status, "VmPeak:") - before);
	long sizes[7];
	FILE *statm = fopen("/proc/self/statm", "r");
	if (fscanf(statm, "%ld %ld %ld", sizes, sizes + 1, sizes + 2) != 3) puts("statm");
	fclose(statm);
	printf("size is VmSize %d, shared %d\n", sizes[0] * 4 == number_in(status, "VmSize:"), sizes[2] > 0 && sizes[2] < sizes[1]);
}

int main(void)
{
	begin();
	pages();
	references();
	badness();
	numbers();
}
