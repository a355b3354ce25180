/* poll, select and their kin on pipes and files, eventfd, and what wakes them up. */
#define _GNU_SOURCE
#include "say.h"
#include <sys/eventfd.h>
#include <sys/select.h>

static volatile sig_atomic_t signals;
static void counts(int number)
{
    signals++;
}

static pid_t later(int milliseconds, int fd, const char *text)
{
    pid_t child = fork();
    if (child == 0) {
        nap(milliseconds);
        if (text)
            write(fd, text, strlen(text));
        _exit(0);
    }
    return child;
}

static void tell(const char *what, struct pollfd *fds, int count, int result)
{
    char text[128] = "";
    for (int i = 0; i < count; i++)
        sprintf(text + strlen(text), " %#x", fds[i].revents);
    say("%s: %d events%s", what, result, text);
}

static void polls(void)
{
    int a[2], b[2];
    pipe(a), pipe(b);
    struct pollfd fds[5] = { { a[0], POLLIN }, { a[1], POLLOUT }, { b[0], POLLIN }, { -1, POLLIN }, { 500, POLLIN } };
    tell("empty pipes", fds, 4, poll(fds, 4, 0));
    tell("a bad descriptor", fds, 5, poll(fds, 5, 0));
    write(a[1], "x", 1);
    tell("one to read", fds, 4, poll(fds, 4, -1));
    char byte;
    read(a[0], &byte, 1);
    pid_t child = later(30, b[1], "later");
    fds[1].events = 0;
    tell("waits for the child", fds, 3, poll(fds, 3, -1));
    waitpid(child, NULL, 0);
    close(b[1]);
    char text[8];
    tell("data and the end", fds + 2, 1, poll(fds + 2, 1, 0));
    read(b[0], text, 8);
    tell("the end", fds + 2, 1, poll(fds + 2, 1, 0));
    close(a[0]);
    fds[1].events = POLLOUT;
    tell("no reader", fds + 1, 1, poll(fds + 1, 1, 0));
    close(a[1]);
    say("timeout: %s", TOLD(poll(NULL, 0, 20)));
    int null = open("/dev/null", O_RDWR), file = open("keys", O_RDONLY);
    struct pollfd always[2] = { { null, POLLIN | POLLOUT }, { file, POLLIN | POLLOUT } };
    tell("files are always ready", always, 2, poll(always, 2, 0));
    say("nowhere: %s", TOLD(poll((struct pollfd *)8, 1, 0)));
    pipe(a);
    fcntl(a[1], F_SETFL, O_NONBLOCK);
    static char page[4096];
    while (write(a[1], page, sizeof page) > 0)
        ;
    struct pollfd full = { a[1], POLLOUT };
    tell("full", &full, 1, poll(&full, 1, 0));
    child = fork();
    if (child == 0) {
        nap(20);
        read(a[0], page, sizeof page);
        _exit(0);
    }
    tell("room again", &full, 1, poll(&full, 1, -1));
    waitpid(child, NULL, 0);
    close(a[0]), close(a[1]), close(null), close(file);
}

static void selects(void)
{
    int a[2];
    pipe(a);
    fd_set in, out, except;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    FD_SET(a[0], &in);
    FD_SET(a[1], &out);
    FD_SET(a[0], &except);
    struct timeval soon = { 0, 20000 };
    int result = select(a[1] + 1, &in, &out, &except, NULL);
    say("select %d: in %d out %d", result, FD_ISSET(a[0], &in), FD_ISSET(a[1], &out));
    FD_ZERO(&in);
    FD_SET(a[0], &in);
    result = select(a[0] + 1, &in, NULL, NULL, &soon);
    say("timeout %d: in %d, time left %ld.%06ld", result, FD_ISSET(a[0], &in), (long)soon.tv_sec, (long)soon.tv_usec);
    pid_t child = later(20, a[1], "x");
    FD_SET(a[0], &in);
    soon = (struct timeval) { 50, 0 };
    result = select(a[0] + 1, &in, NULL, NULL, &soon);
    say("woken %d: in %d, time left %d", result, FD_ISSET(a[0], &in), soon.tv_sec >= 40 && soon.tv_sec < 50);
    waitpid(child, NULL, 0);
    FD_ZERO(&in);
    FD_SET(40, &in);
    say("bad descriptor: %s", TOLD(select(41, &in, NULL, NULL, NULL)));
    say("negative: %s", TOLD(select(-1, NULL, NULL, NULL, NULL)));
    sigset_t block, old;
    sigemptyset(&block), sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, &old);
    signal(SIGUSR1, counts);
    raise(SIGUSR1);
    say("pselect lets a signal in: %s", TOLD(pselect(0, NULL, NULL, NULL, &(struct timespec) { 20 }, &old)));
    raise(SIGUSR1);
    say("ppoll too: %s", TOLD(ppoll(NULL, 0, &(struct timespec) { 20 }, &old)));
    say("signals %d", signals);
    sigprocmask(SIG_SETMASK, &old, NULL);
    read(a[0], &block, 1);
    close(a[0]), close(a[1]);
}

static void events(void)
{
    uint64_t value = 5;
    int fd = eventfd(3, EFD_NONBLOCK);
    say("write %s", TOLD(write(fd, &value, 8)));
    say("read %s", TOLD(read(fd, &value, 8)));
    say("value %llu", (unsigned long long)value);
    say("empty: %s", TOLD(read(fd, &value, 8)));
    say("short: %s", TOLD(read(fd, &value, 4)));
    value = -1;
    say("too much: %s", TOLD(write(fd, &value, 8)));
    value = -2;
    say("most: %s", TOLD(write(fd, &value, 8)));
    value = 1;
    say("full: %s", TOLD(write(fd, &value, 8)));
    struct pollfd poll_fd = { fd, POLLIN | POLLOUT };
    tell("full eventfd", &poll_fd, 1, poll(&poll_fd, 1, 0));
    close(fd);
    fd = eventfd(0, EFD_SEMAPHORE);
    pid_t child = fork();
    if (child == 0) {
        value = 3;
        nap(20);
        write(fd, &value, 8);
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        read(fd, &value, 8);
        say("semaphore %llu", (unsigned long long)value);
    }
    reap("writer", child);
    say("bad flags: %s", TOLD(eventfd(0, 0x10)));
}

/* A server that polls the pipes of eight clients. */
static void server(void)
{
    enum { CLIENTS = 8 };
    struct pollfd fds[CLIENTS];
    long sums[CLIENTS] = { 0 };
    for (int i = 0; i < CLIENTS; i++) {
        int ends[2];
        pipe(ends);
        if (fork() == 0) {
            for (int n = 0; n <= 50 * i; n++)
                write(ends[1], &n, sizeof n);
            _exit(0);
        }
        close(ends[1]);
        fds[i] = (struct pollfd) { ends[0], POLLIN };
    }
    for (int open = CLIENTS; open > 0;) {
        poll(fds, CLIENTS, -1);
        for (int i = 0; i < CLIENTS; i++) {
            int n;
            if (fds[i].revents == 0)
                continue;
            if (read(fds[i].fd, &n, sizeof n) == sizeof n)
                sums[i] += n;
            else
                close(fds[i].fd), fds[i].fd = -1, open--;
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        say("client %d: %ld", i, sums[i]);
    while (wait(NULL) > 0)
        ;
}

int main(void)
{
    polls();
    selects();
    events();
    server();
    return 0;
}
