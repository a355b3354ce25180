/* Files that become shorter under their mappings: what is shared, what was copied, and what comes back when they grow. */
#include "memory.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int signal_code;

static void caught(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	signal_code = info->si_code;
	siglongjmp(back, 1);
}

static void look(const char *what, char *at)
{
	if (sigsetjmp(back, 1) == 0)
		printf("%s: %d\n", what, *(volatile unsigned char *)at);
	else
		printf("%s: SIGBUS, code %d\n", what, signal_code);
}

/* Beyond the end a file has zeros when it grows; of memory not each Linux says so. */
static void with(const char *name, int fd, int zeroes_tail)
{
	char *shared = mmap(0, 3 * P, RW, MAP_SHARED, fd, 0), *private = mmap(0, 3 * P, RW, MAP_PRIVATE, fd, 0);
	printf("%s\n", name);
	if (ftruncate(fd, 3 * P)) printf("errno %d\n", errno);
	shared[0] = 'a';
	private[0] = 'p';
	private[2 * P] = 'q';
	shared[P + 5] = 'b';
	if (ftruncate(fd, P)) printf("errno %d\n", errno);
	look("a copy of what is left", private);
	look("a copy of what is gone", private + 2 * P);
	look("shared, gone", shared + P + 5);
	if (ftruncate(fd, 3 * P)) printf("errno %d\n", errno);
	look("the copy, grown again", private + 2 * P);
	look("shared, grown again", shared + P + 5);
	if (ftruncate(fd, P + 10)) printf("errno %d\n", errno);
	shared[P + 30] = 9;
	look("beyond the end, in the last page", shared + P + 30);
	if (ftruncate(fd, 3 * P)) printf("errno %d\n", errno);
	if (zeroes_tail)
		look("the same once the file has grown", shared + P + 30);
	munmap(shared, 3 * P);
	munmap(private, 3 * P);
	close(fd);
}

int main(void)
{
	begin();
	struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };
	sigaction(SIGBUS, &action, NULL);
	int file = open("truncated", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (ftruncate(file, 3 * P)) printf("errno %d\n", errno);
	with("a file", file, 1);
	int memory = syscall(SYS_memfd_create, "x", 0);
	if (ftruncate(memory, 3 * P)) printf("errno %d\n", errno);
	with("a memfd", memory, 0);
	unlink("truncated");
	return 0;
}
