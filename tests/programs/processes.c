/* fork, vfork, the ends of children and all ways to wait for them, orphans, zombies, what a child inherits. */
#define _GNU_SOURCE
#include "say.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>

static int value = 1;

static void exits(void)
{
    for (int code = 0; code < 600; code += 85) {
        pid_t child = fork();
        if (child == 0)
            _exit(code);
        reap("exit", child);
    }
    int signals[] = { SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGALRM, SIGPIPE, SIGUSR1 };
    for (int i = 0; i < 7; i++) {
        pid_t child = fork();
        if (child == 0) {
            kill(getpid(), signals[i]);
            _exit(55);
        }
        reap("signal", child);
    }
    pid_t child = fork();
    if (child == 0)
        *(volatile int *)0 = 1;
    reap("null", child);
    child = fork();
    if (child == 0)
        abort();
    reap("abort", child);
    child = fork();
    if (child == 0)
        __builtin_trap();
    reap("illegal", child);
}

static void waits(void)
{
    int status = 0, ends[2];
    say("no child: %s", TOLD(waitpid(-1, &status, 0)));
    pipe(ends);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ends[1]);
        read(ends[0], &byte, 1);
        _exit(7);
    }
    close(ends[0]);
    say("WNOHANG while it lives: %d", waitpid(child, &status, WNOHANG));
    say("another's: %s", TOLD(waitpid(1, &status, WNOHANG)));
    say("bad options: %s", TOLD(waitpid(child, &status, 0x1000000)));
    close(ends[1]);
    siginfo_t info = { 0 };
    say("waitid WNOWAIT %d", waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    say("  pid same %d, code %d, status %d, signo %d", info.si_pid == child, info.si_code, info.si_status, info.si_signo);
    say("a zombie takes signals: %d", kill(child, SIGTERM));
    reap("it waits still", child);
    say("once only: %s", TOLD(waitpid(child, &status, 0)));
    say("gone: %s", TOLD(kill(child, 0)));

    child = fork();
    if (child == 0) {
        /* A group of its own has a parent outside it: a terminal's stop works only in a group that is not orphaned. */
        setpgid(0, 0);
        raise(SIGSTOP);
        raise(SIGTSTP);
        _exit(3);
    }
    waitpid(child, &status, WUNTRACED);
    say("first %s", end(status));
    say("no second report: %d", waitpid(child, &status, WUNTRACED | WNOHANG));
    kill(child, SIGCONT);
    waitpid(child, &status, WUNTRACED);
    say("then %s", end(status));
    kill(child, SIGCONT);
    reap("last", child);

    child = fork();
    if (child == 0)
        for (;;)
            pause();
    kill(child, SIGSTOP);
    waitid(P_PID, child, &info, WSTOPPED);
    say("waitid stopped: code %d status %d", info.si_code, info.si_status);
    kill(child, SIGCONT);
    waitid(P_PID, child, &info, WCONTINUED);
    say("waitid continued: code %d status %d", info.si_code, info.si_status);
    kill(child, SIGKILL);
    waitid(P_ALL, 0, &info, WEXITED);
    say("waitid killed: code %d status %d", info.si_code, info.si_status);

    pid_t children[5];
    for (int i = 0; i < 5; i++)
        if ((children[i] = fork()) == 0)
            _exit(i);
    int sum = 0;
    for (int i = 0; i < 5; i++)
        if (wait(&status) > 0)
            sum += WEXITSTATUS(status);
    say("five children: sum %d, then %s", sum, TOLD(wait(NULL)));
    struct rusage usage;
    child = fork();
    if (child == 0)
        _exit(9);
    pid_t got = wait4(child, &status, 0, &usage);
    say("wait4: %d %s", got == child, end(status));
}

static void orphans(void)
{
    int ends[2];
    pipe(ends);
    pid_t child = fork();
    if (child == 0) {
        pid_t parent = getpid();
        if (fork() == 0) {
            close(ends[0]);
            while (getppid() == parent)
                nap(1);
            write(ends[1], "reparented", 10);
            _exit(0);
        }
        _exit(0);
    }
    close(ends[1]);
    reap("middle", child);
    char text[32] = "";
    read(ends[0], text, sizeof text - 1);
    say("the grandchild says: %s; it is not ours: %s", text, TOLD(wait(NULL)));

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t self = getpid();
    child = fork();
    if (child == 0) {
        if (fork() == 0) {
            while (getppid() != self)
                nap(1);
            _exit(12);
        }
        _exit(11);
    }
    reap("middle", child);
    int status;
    wait(&status);
    say("a subreaper gets the grandchild: %s", end(status));
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void inherits(void)
{
    int *page = shared(4096), fd = open("/dev/null", O_RDONLY);
    pid_t self = getpid(), group = getpgrp(), session = getsid(0);
    char *heap = strdup("on the heap");
    umask(027);
    chdir("/usr");
    pid_t child = fork();
    if (child == 0) {
        char folder[64];
        value = 2;
        heap[0] = 'O';
        page[0] = 3;
        close(fd);
        getcwd(folder, sizeof folder);
        say("child: parent %d, group %d, session %d, umask %o, folder %s", getppid() == self, getpgrp() == group,
            getsid(0) == session, umask(0), folder);
        chdir("/");
        exit(0);
    }
    reap("child", child);
    char folder[64];
    getcwd(folder, sizeof folder);
    say("parent: value %d heap %s shared %d fd %d umask %o folder %s", value, heap, page[0], fcntl(fd, F_GETFD), umask(022),
        folder);
    child = vfork();
    if (child == 0) {
        value = 4;
        _exit(5);
    }
    reap("vfork", child);
    say("vfork shares memory: %d", value);
    fd = open("/proc/self/exe", O_RDONLY);
    child = fork();
    if (child == 0) {
        lseek(fd, 100, SEEK_SET);
        _exit(0);
    }
    reap("seek", child);
    say("the offset is shared: %ld", (long)lseek(fd, 0, SEEK_CUR));
    printf("buffered once\n");
    fflush(stdout);
    child = fork();
    if (child == 0) {
        printf("buffered in the child\n");
        exit(0);
    }
    reap("buffer", child);
}

static void deaths(void)
{
    pid_t child = fork();
    if (child == 0) {
        int ends[2];
        pipe(ends);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            prctl(PR_SET_PDEATHSIG, SIGUSR2);
            write(ends[1], "x", 1);
            nap(10000);
            _exit(0);
        }
        char byte;
        read(ends[0], &byte, 1);
        _exit(0);
    }
    reap("parent of one with PDEATHSIG", child);
    struct tms before, after;
    times(&before);
    child = fork();
    if (child == 0) {
        for (volatile int i = 0; i < 20000000; i++)
            ;
        _exit(0);
    }
    reap("busy", child);
    times(&after);
    say("a child's time is counted once it is waited for: %d", after.tms_cutime >= before.tms_cutime);
    int depth = 0;
    int *deepest = shared(4096);
    while (depth < 20 && (child = fork()) == 0)
        *deepest = ++depth;
    if (child > 0) {
        int status;
        waitpid(child, &status, 0);
        if (depth > 0)
            _exit(WEXITSTATUS(status) + 1);
        say("a chain of %d: %s", *deepest, end(status));
    } else {
        _exit(1);
    }
}

int main(void)
{
    exits();
    waits();
    orphans();
    inherits();
    deaths();
    return 0;
}
