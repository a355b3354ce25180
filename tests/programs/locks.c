/* Locks on files between processes: fcntl records, flock, their ends, and a deadlock. */
#define _GNU_SOURCE
#include "say.h"
#include <sys/file.h>

static char name[] = "/tmp/locksXXXXXX";

static long record(int fd, int command, int type, long start, long length)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
    return fcntl(fd, command, &lock);
}

static void ask(int fd, const char *what, long start, pid_t owner)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = 10 };
    fcntl(fd, F_GETLK, &lock);
    say("%s: type %d start %ld length %ld owner %d", what, lock.l_type, (long)lock.l_start, (long)lock.l_len, lock.l_pid == owner);
}

static void records(int fd)
{
    say("write lock %s", TOLD(record(fd, F_SETLK, F_WRLCK, 0, 100)));
    say("read lock %s", TOLD(record(fd, F_SETLK, F_RDLCK, 100, 50)));
    pid_t child = fork();
    if (child == 0) {
        ask(fd, "asked", 50, getppid());
        ask(fd, "asked", 120, getppid());
        ask(fd, "asked", 500, getppid());
        say("taken: %s", TOLD(record(fd, F_SETLK, F_WRLCK, 90, 5)));
        say("readers share: %s", TOLD(record(fd, F_SETLK, F_RDLCK, 100, 50)));
        say("writers do not: %s", TOLD(record(fd, F_SETLK, F_WRLCK, 100, 1)));
        _exit(0);
    }
    reap("child", child);
    say("its locks went with it: %s", TOLD(record(fd, F_SETLK, F_WRLCK, 100, 50)));
    say("split: %s", TOLD(record(fd, F_SETLK, F_UNLCK, 20, 10)));
    child = fork();
    if (child == 0) {
        say("the hole: %s", TOLD(record(fd, F_SETLK, F_WRLCK, 20, 10)));
        say("beside it: %s", TOLD(record(fd, F_SETLK, F_WRLCK, 19, 1)));
        _exit(0);
    }
    reap("child", child);
    int other = open(name, O_RDWR);
    close(other);
    child = fork();
    if (child == 0)
        _exit(record(fd, F_SETLK, F_WRLCK, 0, 0) == 0 ? 1 : 2);
    reap("closing any descriptor lets all go", child);
    say("wrong mode: %s", TOLD(record(open(name, O_RDONLY), F_SETLK, F_WRLCK, 0, 1)));
    say("bad type: %s", TOLD(record(fd, F_SETLK, 77, 0, 1)));
}

static void waiting(int fd)
{
    int ends[2];
    pipe(ends);
    record(fd, F_SETLK, F_WRLCK, 0, 10);
    pid_t child = fork();
    if (child == 0) {
        say("child has 10: %s", TOLD(record(fd, F_SETLK, F_WRLCK, 10, 10)));
        write(ends[1], "x", 1);
        say("child waits for 0: %s", TOLD(record(fd, F_SETLKW, F_WRLCK, 0, 10)));
        _exit(0);
    }
    char byte;
    read(ends[0], &byte, 1);
    nap(100);
    say("deadlock: %s", TOLD(record(fd, F_SETLKW, F_WRLCK, 10, 10)));
    record(fd, F_SETLK, F_UNLCK, 0, 10);
    reap("child", child);
}

static void flocks(int fd)
{
    int again = open(name, O_RDWR), copy = dup(fd);
    say("exclusive %s", TOLD(flock(fd, LOCK_EX)));
    say("another open file: %s", TOLD(flock(again, LOCK_EX | LOCK_NB)));
    say("a duplicate: %s", TOLD(flock(copy, LOCK_EX | LOCK_NB)));
    pid_t child = fork();
    if (child == 0) {
        say("inherited: %s", TOLD(flock(fd, LOCK_SH | LOCK_NB)));
        say("shared now: %s", TOLD(flock(again, LOCK_SH | LOCK_NB)));
        _exit(0);
    }
    reap("child", child);
    say("the child's change counts: %s", TOLD(flock(again, LOCK_SH | LOCK_NB)));
    flock(again, LOCK_UN), flock(fd, LOCK_EX);
    child = fork();
    if (child == 0) {
        close(fd), close(copy);
        int own = open(name, O_RDWR);
        say("waits: %s", TOLD(flock(own, LOCK_EX)));
        _exit(0);
    }
    nap(50);
    say("gives it up");
    close(fd), close(copy);
    reap("waiter", child);
    say("bad operation: %s", TOLD(flock(again, 77)));
}

/* Eight processes add to a number in a file, each under a lock. */
static void counter(void)
{
    int fd = open(name, O_RDWR), n = 0;
    pwrite(fd, &n, sizeof n, 0);
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            for (int k = 0; k < 100; k++) {
                record(fd, F_SETLKW, F_WRLCK, 0, sizeof n);
                pread(fd, &n, sizeof n, 0);
                n++;
                pwrite(fd, &n, sizeof n, 0);
                record(fd, F_SETLK, F_UNLCK, 0, sizeof n);
            }
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    pread(fd, &n, sizeof n, 0);
    say("counter %d", n);
}

int main(void)
{
    int fd = mkstemp(name);
    ftruncate(fd, 1000);
    records(fd);
    waiting(fd);
    flocks(fd);
    counter();
    unlink(name);
    return 0;
}
