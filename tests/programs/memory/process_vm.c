/* process_vm_readv and process_vm_writev: another process's memory; membarrier and protection keys beside them. */
#include "memory.h"
#include <sys/uio.h>

static long both(int write, int pid, char *mine, long mine_bytes, char *theirs, long their_bytes, unsigned long flags)
{
	struct iovec local = { mine, mine_bytes }, remote = { theirs, their_bytes };
	return write ? process_vm_writev(pid, &local, 1, &remote, 1, flags) : process_vm_readv(pid, &local, 1, &remote, 1, flags);
}

static void copies(int pid)
{
	struct iovec list[3] = { { PG(8), 100 }, { PG(9), 200 }, { PG(10), 300 } };
	struct iovec other[2] = { { PG(0) + 50, 400 }, { PG(1), 400 } };
	TRY(both(0, pid, PG(8), P, PG(0), P, 0));
	printf("%d\n", *PG(8));
	TRY(both(0, pid, PG(8), 10, PG(0), P, 0));
	TRY(both(0, pid, PG(8), P, PG(0), 10, 0));
	TRY(both(0, pid, PG(8), 4 * P, PG(2) - 100, 4 * P, 0));
	TRY(both(0, pid, PG(12) - 100, P, PG(0), P, 0));
	TRY(both(0, pid, PG(8), P, PG(4), P, 0));
	TRY(both(0, pid, PG(100), P, PG(0), P, 0));
	TRY(both(0, pid, PG(8), 0, PG(0), P, 0));
	TRY(both(0, pid, PG(8), P, PG(0), 0, 0));
	TRY(both(0, pid, PG(8), P, PG(0), P, 1));
	TRY(both(0, pid, PG(8), -1L, PG(0), P, 0));
	TRY(both(0, pid, PG(8), P, PG(0), -1L, 0));
	TRY(both(0, pid, PG(8), P, (char *)-P, P, 0));
	TRY(both(0, 1 << 22, PG(8), P, PG(0), P, 0));
	TRY(both(0, -1, PG(8), P, PG(0), P, 0));
	TRY(both(1, pid, PG(8), 2 * P, PG(1), 2 * P, 0));
	TRY(both(1, pid, PG(8), P, PG(2), P, 0));
	TRY(both(1, pid, PG(8), 100, PG(1), 100, 0));
	TRY(process_vm_readv(pid, list, 3, other, 2, 0));
	printf("%d %d %d\n", *PG(8), *PG(9), *PG(10));
	TRY(process_vm_readv(pid, list, 0, other, 2, 0));
	TRY(process_vm_readv(pid, list, 3, other, 0, 0));
	TRY(process_vm_readv(pid, list, 1025, other, 2, 0));
	TRY(process_vm_readv(pid, list, 3, other, 1025, 0));
	TRY(process_vm_readv(pid, list, -1L, other, 2, 0));
	TRY(process_vm_readv(pid, (void *)1, 3, other, 2, 0));
	TRY(process_vm_readv(pid, list, 3, (void *)1, 2, 0));
}

int main(void)
{
	begin();
	map(0, 3, RW, PRIV, -1, 0);
	map(8, 4, RW, PRIV, -1, 0);
	put_pages(PG(0), 2);
	mprotect(PG(2), P, PROT_READ);
	copies(getpid());
	int ends[2];
	if (pipe(ends)) return 1;
	fflush(stdout);
	int child = fork();
	if (!child) {
		char c;
		close(ends[1]);
		if (read(ends[0], &c, 1) < 0) _exit(1);
		printf("the child has %d %d\n", *PG(0), *PG(1));
		fflush(stdout);
		_exit(0);
	}
	close(ends[0]);
	put_pages(PG(0), 2);
	put(PG(0), 77);
	copies(child);
	put(PG(8), 99);
	TRY(both(1, child, PG(8), 1, PG(0), 1, 0));
	IN_CHILD(if (getuid() == 0 && setuid(65534)) puts("setuid"); TRY(both(0, child, PG(8), P, PG(0), P, 0)));
	close(ends[1]);
	waitpid(child, NULL, 0);
	TRY(both(0, child, PG(8), P, PG(0), P, 0));

	TRY(syscall(SYS_membarrier, 1, 0, 0));
	TRY(syscall(SYS_membarrier, 8, 0, 0));
	TRY(syscall(SYS_membarrier, 16, 0, 0));
	TRY(syscall(SYS_membarrier, 8, 0, 0));
	TRY(syscall(SYS_membarrier, 32, 0, 0));
	TRY(syscall(SYS_membarrier, 64, 0, 0));
	TRY(syscall(SYS_membarrier, 32, 0, 0));
	TRY(syscall(SYS_membarrier, 2, 0, 0));
	TRY(syscall(SYS_membarrier, 4, 0, 0));
	TRY(syscall(SYS_membarrier, 512, 0, 0));
	TRY(syscall(SYS_membarrier, 1, 1, 0));
	TRY(syscall(SYS_membarrier, 3, 0, 0));
	TRY(syscall(SYS_membarrier, -1, 0, 0));

	TRY(syscall(SYS_pkey_alloc, 1, 0));
	TRY(syscall(SYS_pkey_alloc, 0, 4));
	TRY(syscall(SYS_pkey_free, -1));
	TRY(syscall(SYS_pkey_free, 5));
	TRY(syscall(SYS_pkey_free, 16));
	TRY(syscall(SYS_pkey_mprotect, PG(0), P, PROT_READ, -1));
	TRY(syscall(SYS_pkey_mprotect, PG(0), P, PROT_READ, 5));
	TRY(syscall(SYS_pkey_mprotect, PG(0), P, PROT_READ, 16));
	TRY(syscall(SYS_pkey_mprotect, PG(0) + 1, P, PROT_READ, 5));
	TRY(syscall(SYS_pkey_mprotect, PG(0), 0, PROT_READ, 5));
}
