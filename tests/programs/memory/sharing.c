/* Pages that several mappings and processes share: Rss, Pss and who is said to have written. */
#include "memory.h"
#include <sys/shm.h>

static int parent[2], child[2];

static void tell(int *pipe) { if (write(pipe[1], "x", 1) != 1) _exit(9); }
static void await(int *pipe) { char c; if (read(pipe[0], &c, 1) != 1) _exit(9); }

/* Both look at their mappings, in turn: the child first. */
static void both(const char *title, void (*in_child)(void), void (*in_parent)(void))
{
	fflush(stdout);
	if (pipe(parent) || pipe(child)) return;
	int pid = fork();
	if (!pid) {
		if (in_child) in_child();
		printf("child: ");
		show(title);
		tell(child);
		await(parent);
		printf("child again: ");
		show(title);
		_exit(0);
	}
	await(child);
	printf("parent: ");
	show(title);
	if (in_parent) in_parent();
	printf("parent again: ");
	show(title);
	tell(parent);
	waitpid(pid, NULL, 0);
	printf("parent alone: ");
	show(title);
	for (int i = 0; i < 2; i++) close(parent[i]), close(child[i]);
}

static void write_first(void) { put(PG(0), 9); }
static void write_all(void) { put_pages(PG(0), 6); }
static void read_all(void) { get_pages(PG(0), 8); }
static void read_some(void) { get_pages(PG(0), 6); }
static void unmap_part(void) { munmap(PG(2), 2 * P); }

static void anonymous(void)
{
	map(0, 8, RW, PRIV, -1, 0);
	put_pages(PG(0), 5);
	get(PG(6));
	both("private, nobody writes", NULL, NULL);
	both("private, the child writes", write_first, NULL);
	both("private, the parent writes", NULL, write_all);
	both("private, both write", write_all, write_first);
	both("private, the child unmaps", unmap_part, write_all);
	madvise(PG(0), P, MADV_DONTFORK);
	madvise(PG(4), P, 18);
	both("not inherited, and wiped", NULL, NULL);
	clear();
}

static void shared(void)
{
	map(0, 8, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	put_pages(PG(0), 3);
	get(PG(4));
	both("shared, nobody touches", NULL, NULL);
	both("shared, the child reads", read_all, NULL);
	both("shared, the child writes", write_all, NULL);
	mprotect(PG(0), 2 * P, PROT_READ);
	show("shared, to read");
	munmap(PG(0), 8 * P);
}

static void files(void)
{
	int fd = make_file("pages", 8);
	map(0, 8, PROT_READ, MAP_SHARED, fd, 0);
	map(16, 8, RW, MAP_PRIVATE, fd, 0);
	map(32, 4, PROT_READ, MAP_PRIVATE, fd, 4);
	show("a file, untouched");
	get_pages(PG(0), 8);
	show("read");
	get_pages(PG(16), 8);
	get_pages(PG(32), 4);
	show("read thrice");
	put_pages(PG(16), 3);
	show("written privately");
	both("a file, and a child", NULL, NULL);
	munmap(PG(0), 8 * P);
	madvise(PG(16), 8 * P, MADV_DONTNEED);
	show("dropped");
	printf("%c %c\n", *PG(16), *PG(23));
	get_pages(PG(16), 8);
	map(0, 4, RW, MAP_SHARED, fd, 2);
	put_pages(PG(0), 2);
	get_pages(PG(2), 2);
	printf("%d %d %c\n", *PG(18), *PG(19), *PG(20));
	clear();
	close(fd);
}

static void memory_files(void)
{
	int fd = syscall(SYS_memfd_create, "some name", 0);
	if (ftruncate(fd, 8 * P)) printf("ftruncate: errno %d\n", errno);
	map(0, 8, RW, MAP_SHARED, fd, 0);
	map(16, 8, RW, MAP_PRIVATE, fd, 0);
	put_pages(PG(0), 2);
	get_pages(PG(2), 2);
	show("memfd");
	get_pages(PG(16), 6);
	put(PG(16), 5);
	show("memfd, mapped twice");
	both("memfd, and a child", read_all, NULL);
	munmap(PG(0), 8 * P);
	show("memfd, written once");
	clear();
	close(fd);
}

static void segments(void)
{
	int id = shmget(IPC_PRIVATE, 5 * P + 100, IPC_CREAT | 0600);
	TRY(shmat(id, PG(0), 0));
	TRY(shmat(id, PG(16), SHM_RDONLY));
	put_pages(PG(0), 3);
	get(PG(16));
	get(PG(20));
	struct shmid_ds ds;
	shmctl(id, IPC_STAT, &ds);
	printf("attached %d, size %d\n", (int)ds.shm_nattch, (int)ds.shm_segsz);
	show("a segment, attached twice");
	mprotect(PG(1), P, PROT_READ);
	both("a segment, and a child", read_some, NULL);
	shmctl(id, IPC_RMID, NULL);
	show("removed");
	TRY(shmdt(PG(16)));
	TRY(shmdt(PG(1)));
	TRY(shmdt(PG(0)));
	TRY(shmctl(id, IPC_STAT, &ds));
	show("detached");
}

int main(void)
{
	begin();
	alarm(60);
	anonymous();
	shared();
	files();
	memory_files();
	segments();
}
