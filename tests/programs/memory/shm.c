/* SysV shared memory: shmget, shmat, shmdt, shmctl. Numbers of segments are the system's, so only whether there is one is shown. */
#include "memory.h"
#include <sys/ipc.h>
#include <sys/shm.h>

static int key;

static void as_nobody(void) { if (getuid() == 0 && setuid(65534)) puts("setuid"); }

static void gets(void)
{
	TRY(shmget(key, P, 0600));
	TRY(shmget(key, 0, IPC_CREAT | 0600));
	TRY(shmget(key, -1L, IPC_CREAT | 0600));
	TRY(shmget(key, -(1L << 24), IPC_CREAT | 0600));
	int id = shmget(key, 2 * P, IPC_CREAT | IPC_EXCL | 0640);
	TRY(shmget(key, P, 0) == id);
	TRY(shmget(key, 0, 0) == id);
	TRY(shmget(key, 2 * P, IPC_CREAT) == id);
	TRY(shmget(key, 3 * P, 0));
	TRY(shmget(key, P, IPC_CREAT | IPC_EXCL));
	TRY(shmget(key, 3 * P, IPC_CREAT | IPC_EXCL));
	TRY(shmget(key, P, IPC_EXCL) == id);
	IN_CHILD(as_nobody(); TRY(shmget(key, P, 0600)); TRY(shmget(key, P, 0) >= 0); TRY(shmat(id, 0, 0)); TRY(shmctl(id, IPC_RMID, 0)));
	TRY(shmctl(id, IPC_RMID, 0));
	TRY(shmctl(id, IPC_RMID, 0));
	TRY(shmget(key, P, 0600));
	int a = shmget(IPC_PRIVATE, 1, 0600), b = shmget(IPC_PRIVATE, 1, 0600);
	printf("two private segments: %d\n", a >= 0 && b >= 0 && a != b);
	shmctl(a, IPC_RMID, 0);
	shmctl(b, IPC_RMID, 0);
}

static void attaches(void)
{
	int id = shmget(IPC_PRIVATE, 2 * P + 1, 0600);
	TRY(shmat(id, PG(0), 0));
	TRY(shmat(id, PG(0), 0));
	TRY(shmat(id, PG(2), 0));
	TRY(shmat(id, PG(3), 0));
	TRY(shmat(id, PG(8) + 1, 0));
	TRY(shmat(id, PG(8) + 1, SHM_RND));
	TRY(shmat(id, PG(8), SHM_REMAP));
	TRY(shmat(id, 0, SHM_REMAP));
	TRY(shmat(id, (char *)1, SHM_RND | SHM_REMAP));
	TRY(shmat(-1, 0, 0));
	TRY(shmat(id + 1, 0, 0));
	TRY(shmat(id + (1 << 16), 0, 0));
	TRY(shmat(id, PG(16), SHM_RDONLY));
	TRY(mprotect(PG(16), P, RW));
	TRY(shmat(id, PG(24), SHM_EXEC));
	TRY(shmat(id, 0, 0));
	put_pages(PG(0), 3);
	printf("%d %d\n", *PG(16), *PG(26));
	munmap(PG(1), P);
	show("attached");
	struct shmid_ds ds;
	shmctl(id, IPC_STAT, &ds);
	printf("attached %d times\n", (int)ds.shm_nattch);
	TRY(shmdt(PG(0) + 1));
	TRY(shmdt(PG(1)));
	TRY(shmdt(PG(30)));
	TRY(shmdt(PG(0)));
	TRY(shmdt(PG(0)));
	TRY(shmdt(0));
	TRY(shmdt((char *)-P));
	show("detached one");
	shmctl(id, IPC_STAT, &ds);
	printf("attached %d times\n", (int)ds.shm_nattch);
	IN_CHILD(shmctl(id, IPC_STAT, &ds); printf("with a child %d times, size %d\n", (int)ds.shm_nattch, (int)ds.shm_segsz));
	shmctl(id, IPC_STAT, &ds);
	printf("and without %d times\n", (int)ds.shm_nattch);
	IN_CHILD(char *none[] = { 0 }; execve("/nowhere", none, none); shmctl(id, IPC_STAT, &ds); printf("%d times\n", (int)ds.shm_nattch));
	TRY(shmctl(id, IPC_RMID, 0));
	TRY(shmctl(id, IPC_STAT, &ds));
	printf("mode %o, key %x, attached %d times\n", ds.shm_perm.mode, ds.shm_perm.__key, (int)ds.shm_nattch);
	TRY(shmat(id, PG(40), 0));
	clear();
	TRY(shmctl(id, IPC_STAT, &ds));
}

static void controls(void)
{
	int id = shmget(key, P, IPC_CREAT | 0642);
	struct shmid_ds ds, set;
	TRY(shmctl(id, IPC_STAT, &ds));
	printf("mode %o, size %d, mine %d, created %d, attached %d, times %d %d\n", ds.shm_perm.mode, (int)ds.shm_segsz,
		ds.shm_perm.uid == getuid(), ds.shm_cpid == getpid(), (int)ds.shm_lpid, (int)ds.shm_atime, (int)ds.shm_dtime);
	TRY(shmctl(id, IPC_STAT, (void *)1));
	TRY(shmctl(id, IPC_SET, (void *)1));
	TRY(shmctl(-1, IPC_STAT, &ds));
	TRY(shmctl(id, -1, &ds));
	TRY(shmctl(id, 100, &ds));
	TRY(shmctl(id + 1, IPC_STAT, &ds));
	set = ds;
	set.shm_perm.mode = 0177600;
	set.shm_perm.uid = 65534;
	TRY(shmctl(id, IPC_SET, &set));
	shmctl(id, IPC_STAT, &ds);
	printf("mode %o, uid %d\n", ds.shm_perm.mode, ds.shm_perm.uid);
	TRY(shmctl(id, SHM_LOCK, 0));
	shmctl(id, IPC_STAT, &ds);
	printf("mode %o\n", ds.shm_perm.mode);
	TRY(shmctl(id, SHM_UNLOCK, 0));
	shmctl(id, IPC_STAT, &ds);
	printf("mode %o\n", ds.shm_perm.mode);
	char *at = shmat(id, PG(0), 0);
	shmctl(id, IPC_STAT, &ds);
	printf("last %d, attached at some time %d\n", ds.shm_lpid == getpid(), ds.shm_atime > 0);
	shmdt(at);
	shmctl(id, IPC_STAT, &ds);
	printf("detached at some time %d\n", ds.shm_dtime > 0);
	set.shm_perm.uid = getuid();
	set.shm_perm.mode = 0640;
	shmctl(id, IPC_SET, &set);
	IN_CHILD(as_nobody(); TRY(shmctl(id, IPC_STAT, &ds)); TRY(shmctl(id, IPC_SET, &set)); TRY(shmctl(id, SHM_LOCK, 0));
		TRY(shmat(id, 0, SHM_RDONLY)));
	struct shminfo info;
	TRY(shmctl(0, IPC_INFO, (void *)&info) >= 0);
	printf("max %lx min %lx mni %ld all %lx\n", info.shmmax, info.shmmin, info.shmmni, info.shmall);
	struct shm_info used;
	TRY(shmctl(0, SHM_INFO, (void *)&used) >= 0);
	printf("some used %d\n", used.used_ids > 0);
	TRY(shmctl(10000, SHM_STAT, &ds));
	TRY(shmctl(id, IPC_RMID, 0));
}

int main(void)
{
	begin();
	key = 0x70770000 + (getpid() & 0xffff);
	gets();
	attaches();
	controls();
}
