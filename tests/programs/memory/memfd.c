/* memfd_create and its seals. */
#include "memory.h"

#define SEAL(fd, seals) TRY(fcntl(fd, 1033, seals))
#define SEALS(fd) TRY(fcntl(fd, 1034))
enum { SHRINK = 2, GROW = 4, WRITES = 8, FUTURE = 16, EXECS = 32 };

static int create(const char *name, unsigned flags) { return syscall(SYS_memfd_create, name, flags); }

static int sealable(long bytes)
{
	int fd = create("sealed", 2);
	if (ftruncate(fd, bytes)) printf("ftruncate: errno %d\n", errno);
	return fd;
}

static void names(void)
{
	char name[300];
	memset(name, 'n', sizeof name);
	name[249] = 0;
	TRY(create(name, 0) > 0);
	name[249] = 'n';
	name[250] = 0;
	TRY(create(name, 0));
	TRY(create((char *)1, 0));
	TRY(create("", 0) > 0);
	TRY(create("x", 32));
	TRY(create("x", 0x80000000));
	TRY(create("x", 8 | 16));
	TRY(create("x", 8) > 0);
	TRY(create("x", 16) > 0);
	int fd = create("a name", 1);
	char path[64], link[64] = "";
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (readlink(path, link, sizeof link - 1) < 0) puts("readlink");
	struct stat st;
	fstat(fd, &st);
	printf("%s, mode %o, links %d, flags %x\n", link, st.st_mode, (int)st.st_nlink, fcntl(fd, F_GETFD));
	SEALS(fd);
	SEAL(fd, SHRINK);
	int plain = make_file("plain", 1);
	SEALS(plain);
	SEAL(plain, SHRINK);
	SEALS(0);
	SEALS(1000);
}

static void sizes(void)
{
	int fd = sealable(2 * P);
	SEALS(fd);
	SEAL(fd, 64);
	SEAL(fd, SHRINK);
	TRY(ftruncate(fd, P));
	TRY(ftruncate(fd, 3 * P));
	SEAL(fd, GROW);
	TRY(ftruncate(fd, 4 * P));
	TRY(ftruncate(fd, 3 * P));
	char bytes[2 * P];
	memset(bytes, 1, sizeof bytes);
	TRY(pwrite(fd, bytes, 100, 3 * P - 100));
	TRY(pwrite(fd, bytes, 101, 3 * P - 100));
	TRY(pwrite(fd, bytes, 2 * P, 2 * P));
	TRY(pwrite(fd, bytes, 1, 3 * P));
	TRY(fallocate(fd, 0, 0, 3 * P));
	TRY(fallocate(fd, 0, 0, 4 * P));
	TRY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * P));
	TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, P));
	SEALS(fd);
	SEAL(fd, 1);
	SEAL(fd, WRITES);
	SEALS(fd);
}

static void writes(void)
{
	int fd = sealable(2 * P);
	map(0, 2, RW, MAP_SHARED, fd, 0);
	map(8, 2, RW, MAP_PRIVATE, fd, 0);
	SEAL(fd, WRITES);
	TRY(mprotect(PG(0), P, PROT_READ));
	SEAL(fd, WRITES);
	munmap(PG(0), P);
	SEAL(fd, WRITES);
	munmap(PG(1), P);
	SEAL(fd, WRITES);
	TRY(write(fd, "x", 1));
	TRY(write(fd, "x", 0));
	TRY(mmap(PG(0), P, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	TRY(mmap(PG(0), P, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	TRY(mprotect(PG(0), P, RW));
	TRY(mmap(PG(1), P, RW, MAP_PRIVATE | MAP_FIXED, fd, 0));
	TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, P));
	TRY(ftruncate(fd, P));
	show("sealed");
	TRY(fallocate(fd, 0, 0, P));
	SEALS(fd);
	clear();
}

static void future_writes(void)
{
	int fd = sealable(2 * P);
	map(0, 2, RW, MAP_SHARED, fd, 0);
	SEAL(fd, FUTURE);
	put(PG(0), 5);
	TRY(write(fd, "x", 1));
	TRY(mmap(PG(8), P, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	TRY(mmap(PG(8), P, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	TRY(mprotect(PG(8), P, RW));
	TRY(mprotect(PG(0), P, PROT_READ));
	TRY(mprotect(PG(0), P, RW));
	printf("%d\n", *PG(8));
	show("sealed for the future");
	clear();
}

static void execution(void)
{
	int fd = create("code", 8), other = create("code", 2 | 16);
	struct stat st;
	fstat(fd, &st);
	printf("mode %o\n", st.st_mode);
	SEALS(fd);
	TRY(fchmod(fd, 0755));
	TRY(fchmod(fd, 0600));
	SEAL(other, EXECS);
	SEALS(other);
	TRY(fchmod(other, 0600));
	TRY(ftruncate(other, P));
	char path[64];
	int fd2 = sealable(P);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd2);
	int reader = open(path, O_RDONLY);
	SEAL(reader, GROW);
	SEALS(reader);
	SEAL(fd2, GROW);
	SEALS(reader);
}

int main(void)
{
	begin();
	names();
	sizes();
	writes();
	future_writes();
	execution();
}
