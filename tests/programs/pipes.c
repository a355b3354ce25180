/* Pipes between processes: capacity, atomic writes, the end, EPIPE, non-blocking, dup2, descriptors passed by fork. */
#define _GNU_SOURCE
#include "say.h"
#include <sys/ioctl.h>
#include <sys/uio.h>

static char buffer[1 << 20];

static void basics(void)
{
    int ends[2], copy;
    pipe(ends);
    say("flags %o %o", fcntl(ends[0], F_GETFL) & O_ACCMODE, fcntl(ends[1], F_GETFL) & O_ACCMODE);
    say("write %s", TOLD(write(ends[1], "hello", 5)));
    int ready;
    ioctl(ends[0], FIONREAD, &ready);
    say("ready %d, read %s", ready, TOLD(read(ends[0], buffer, 3)));
    say("wrong end: read %s", TOLD(read(ends[1], buffer, 1)));
    say("wrong end: write %s", TOLD(write(ends[0], buffer, 1)));
    say("seek %s", TOLD(lseek(ends[0], 0, SEEK_CUR)));
    say("pread %s", TOLD(pread(ends[0], buffer, 1, 0)));
    say("nowhere: %s", TOLD(pipe((int *)8)));
    say("bad flags: %s", TOLD(pipe2(ends, 0x10)));
    copy = dup(ends[1]);
    close(ends[1]);
    say("rest %zd", read(ends[0], buffer, 100));
    close(copy);
    say("end %zd", read(ends[0], buffer, 100));
    close(ends[0]);
    pipe2(ends, O_NONBLOCK | O_CLOEXEC);
    say("flags %o %o, cloexec %d", fcntl(ends[0], F_GETFL), fcntl(ends[1], F_GETFL), fcntl(ends[0], F_GETFD));
    say("empty: %s", TOLD(read(ends[0], buffer, 1)));
    long total = 0;
    for (ssize_t n; (n = write(ends[1], buffer, 4096)) > 0;)
        total += n;
    say("holds %ld, then errno %d", total, errno);
    say("size %s", TOLD(fcntl(ends[1], F_GETPIPE_SZ)));
    read(ends[0], buffer, 100);
    say("after 100 bytes were read: %s", TOLD(write(ends[1], buffer, 4096)));
    read(ends[0], buffer, 4096);
    say("after a page more: %s", TOLD(write(ends[1], buffer, 4096)));
    say("set size %s", TOLD(fcntl(ends[1], F_SETPIPE_SZ, 200000)));
    say("too small for what it holds: %s", TOLD(fcntl(ends[1], F_SETPIPE_SZ, 4096)));
    struct stat stat;
    fstat(ends[0], &stat);
    say("fifo %d, size %ld", S_ISFIFO(stat.st_mode), (long)stat.st_size);
    close(ends[0]), close(ends[1]);
}

static void broken(void)
{
    int ends[2];
    pipe(ends);
    close(ends[0]);
    pid_t child = fork();
    if (child == 0) {
        write(ends[1], "x", 1);
        _exit(0);
    }
    reap("writer", child);
    signal(SIGPIPE, SIG_IGN);
    say("ignored: %s", TOLD(write(ends[1], "x", 1)));
    signal(SIGPIPE, SIG_DFL);
    close(ends[1]);
    /* A writer that sleeps in a full pipe wakes up when the reader goes. */
    pipe(ends);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        signal(SIGPIPE, SIG_IGN);
        ssize_t wrote = write(ends[1], buffer, sizeof buffer);
        say("partial write %d", wrote > 0 && wrote < (ssize_t)sizeof buffer);
        say("then %s", TOLD(write(ends[1], buffer, 1)));
        _exit(4);
    }
    close(ends[1]);
    read(ends[0], buffer, 10000);
    nap(20);
    close(ends[0]);
    reap("writer", child);
}

/* Records up to PIPE_BUF never mix. */
static void atomic(void)
{
    int ends[2];
    pipe(ends);
    for (int writer = 0; writer < 4; writer++)
        if (fork() == 0) {
            char record[512];
            memset(record, 'a' + writer, sizeof record);
            for (int i = 0; i < 200; i++)
                write(ends[1], record, sizeof record);
            _exit(0);
        }
    close(ends[1]);
    int counts[4] = { 0 }, mixed = 0, got;
    char record[512];
    while ((got = read(ends[0], record, sizeof record)) > 0) {
        for (int i = 1; i < got; i++)
            mixed += record[i] != record[0];
        counts[record[0] - 'a'] += got;
    }
    while (wait(NULL) > 0)
        ;
    say("records: %d %d %d %d, mixed %d", counts[0], counts[1], counts[2], counts[3], mixed);
    close(ends[0]);
}

static void big_transfer(void)
{
    int there[2], back[2];
    pipe(there), pipe(back);
    pid_t child = fork();
    if (child == 0) {
        close(there[1]), close(back[0]);
        uint64_t sum = 0, bytes = 0;
        for (ssize_t n; (n = read(there[0], buffer, 7777)) > 0; bytes += n)
            for (ssize_t i = 0; i < n; i++)
                sum = sum * 31 + (uint8_t)buffer[i];
        uint64_t answer[2] = { sum, bytes };
        write(back[1], answer, sizeof answer);
        _exit(0);
    }
    close(there[0]), close(back[1]);
    uint64_t sum = 0;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof buffer; i++)
            sum = sum * 31 + (uint8_t)(buffer[i] = i * 7 + (i >> 8) + round);
        struct iovec parts[3] = { { buffer, 1000 }, { buffer + 1000, 500000 }, { buffer + 501000, sizeof buffer - 501000 } };
        ssize_t wrote = writev(there[1], parts, 3);
        say("writev all: %d", wrote == sizeof buffer);
    }
    close(there[1]);
    uint64_t answer[2];
    say("answer %s", TOLD(read(back[0], answer, sizeof answer)));
    say("same sum %d, bytes %llu", answer[0] == sum, (unsigned long long)answer[1]);
    reap("reader", child);
    close(back[0]);
}

/* a | b | c, by hand. */
static void pipeline(void)
{
    const char *const commands[3][4] = { { "cat", "keys" }, { "sort", "-r" }, { "sed", "s/^/sorted: /" } };
    int input = open("/dev/null", O_RDONLY);
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (i < 2)
            pipe(ends);
        if ((children[i] = fork()) == 0) {
            dup2(input, 0);
            if (i < 2)
                dup2(ends[1], 1), close(ends[0]), close(ends[1]);
            close(input);
            execvp(commands[i][0], (char *const *)commands[i]);
            _exit(127);
        }
        close(input);
        if (i < 2)
            close(ends[1]), input = ends[0];
    }
    int status[3];
    for (int i = 0; i < 3; i++)
        waitpid(children[i], &status[i], 0);
    for (int i = 0; i < 3; i++)
        say("%s: %s", commands[i][0], end(status[i]));
}

static void dups(void)
{
    int fd = open("/dev/null", O_WRONLY | O_APPEND);
    say("dup is the next: %d", dup(fd) == fd + 1);
    say("dup2 %s", TOLD(dup2(fd, 50)));
    say("dup2 to itself: %d", dup2(fd, fd) == fd);
    say("dup3 to itself: %s", TOLD(dup3(fd, fd, 0)));
    dup3(fd, 51, O_CLOEXEC);
    say("dup3 cloexec %s", TOLD(fcntl(51, F_GETFD)));
    say("F_DUPFD %s", TOLD(fcntl(fd, F_DUPFD, 60)));
    say("F_DUPFD_CLOEXEC %s", TOLD(fcntl(fd, F_DUPFD_CLOEXEC, 60)));
    say("  %s", TOLD(fcntl(61, F_GETFD)));
    say("bad: %s", TOLD(dup(999)));
    say("too high: %s", TOLD(dup2(fd, 1 << 24)));
    say("too high: %s", TOLD(fcntl(fd, F_DUPFD, 1 << 24)));
    fcntl(50, F_SETFL, O_NONBLOCK);
    say("flags are shared: %o", fcntl(fd, F_GETFL) & (O_NONBLOCK | O_APPEND));
    fcntl(50, F_SETFD, FD_CLOEXEC);
    say("close-on-exec is not: %s", TOLD(fcntl(fd, F_GETFD)));
    say("close %s", TOLD(close(50)));
    say("close again: %s", TOLD(close(50)));
}

int main(void)
{
    basics();
    broken();
    atomic();
    big_transfer();
    pipeline();
    dups();
    return 0;
}
