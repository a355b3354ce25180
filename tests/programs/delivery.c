/* Signals between processes: siginfo, queues, restarts and interruptions, masks, timers, floating point in handlers. */
#define _GNU_SOURCE
#include "say.h"
#include <fenv.h>
#include <setjmp.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile sig_atomic_t count, last, seen[70], order[64];

static void counts(int number)
{
    order[count++ & 63] = number;
    seen[number]++;
    last = number;
}

static siginfo_t info;
static void keeps(int number, siginfo_t *i, void *context)
{
    info = *i;
    counts(number);
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigaction(number, &action, NULL);
}

static void detail(int number, int flags)
{
    struct sigaction action = { .sa_sigaction = keeps, .sa_flags = flags | SA_SIGINFO };
    sigaction(number, &action, NULL);
}

/* A child that kills or writes after a while. */
static pid_t later(int milliseconds, int number, int fd)
{
    pid_t child = fork();
    if (child == 0) {
        nap(milliseconds);
        if (number)
            kill(getppid(), number);
        nap(100);
        if (fd >= 0)
            write(fd, "byte", 4);
        _exit(0);
    }
    return child;
}

static void restarts(void)
{
    char byte[8];
    int ends[2];
    pipe(ends);
    handle(SIGUSR1, counts, SA_RESTART);
    pid_t child = later(50, SIGUSR1, ends[1]);
    say("with SA_RESTART: read %s", TOLD(read(ends[0], byte, 4)));
    waitpid(child, NULL, 0);
    handle(SIGUSR1, counts, 0);
    child = later(50, SIGUSR1, ends[1]);
    say("without: read %s", TOLD(read(ends[0], byte, 4)));
    say("again: read %s", TOLD(read(ends[0], byte, 4)));
    say("count %d", count);
    waitpid(child, NULL, 0);
    handle(SIGUSR1, counts, SA_RESTART);
    child = later(50, SIGUSR1, -1);
    int status;
    say("waitpid restarts: %d", waitpid(child, &status, 0) == child);
    child = later(50, SIGUSR1, -1);
    say("nanosleep does not: %s", TOLD(nanosleep(&(struct timespec) { 20 }, NULL)));
    waitpid(child, NULL, 0);
    child = later(50, SIGUSR1, -1);
    say("poll does not: %s", TOLD(poll(NULL, 0, 20000)));
    waitpid(child, NULL, 0);
    child = later(50, SIGUSR1, -1);
    say("pause: %s", TOLD(pause()));
    waitpid(child, NULL, 0);
    child = fork();
    if (child == 0) {
        nap(50);
        kill(getppid(), SIGCONT);
        kill(getppid(), SIGWINCH);
        nap(50);
        write(ends[1], "x", 1);
        _exit(0);
    }
    say("ignored signals do not interrupt: %s", TOLD(read(ends[0], byte, 1)));
    waitpid(child, NULL, 0);
    close(ends[0]), close(ends[1]);
}

static void infos(void)
{
    detail(SIGUSR1, 0), detail(SIGCHLD, 0), detail(SIGRTMIN, 0), detail(SIGALRM, 0);
    kill(getpid(), SIGUSR1);
    say("kill: code %d, own pid %d, uid %d", info.si_code, info.si_pid == getpid(), info.si_uid == getuid());
    raise(SIGUSR1);
    say("raise: code %d", info.si_code);
    sigqueue(getpid(), SIGUSR1, (union sigval) { .sival_int = 42 });
    say("sigqueue: code %d value %d", info.si_code, info.si_value.sival_int);
    sigset_t block, old;
    sigemptyset(&block), sigaddset(&block, SIGCHLD);
    int ends[4] = { SIGKILL, SIGTERM, SIGSTOP, 0 };
    for (int i = 0; i < 4; i++) {
        info.si_code = 0;
        sigprocmask(SIG_BLOCK, &block, &old);
        pid_t child = fork();
        if (child == 0) {
            if (ends[i])
                raise(ends[i]);
            _exit(17);
        }
        sigsuspend(&old);
        say("SIGCHLD: code %d status %d pid %d", info.si_code, info.si_status, info.si_pid == child);
        sigprocmask(SIG_SETMASK, &old, NULL);
        if (ends[i] == SIGSTOP)
            kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0)
            ;
    }
    detail(SIGCHLD, SA_NOCLDSTOP);
    count = 0;
    pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    int status;
    waitpid(child, &status, WUNTRACED);
    say("SA_NOCLDSTOP: %s, count %d", end(status), count);
    kill(child, SIGCONT);
    while (count == 0)
        pause();
    reap("and then", child);
    signal(SIGCHLD, SIG_IGN);
    child = fork();
    if (child == 0)
        _exit(3);
    say("ignored SIGCHLD leaves no zombie: %s", TOLD(waitpid(child, &status, 0)));
    signal(SIGCHLD, SIG_DFL);
    struct itimerval timer = { .it_value = { .tv_usec = 10000 } };
    setitimer(ITIMER_REAL, &timer, NULL);
    pause();
    say("SIGALRM: code %d", info.si_code);
}

static void queues(void)
{
    sigset_t block, old;
    sigfillset(&block);
    for (int s = SIGRTMIN; s < SIGRTMIN + 4; s++)
        handle(s, counts, 0);
    handle(SIGUSR1, counts, 0), handle(SIGUSR2, counts, 0);
    sigprocmask(SIG_BLOCK, &block, &old);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 3; i++)
            for (int s = SIGRTMIN + 3; s >= SIGRTMIN; s--)
                sigqueue(getppid(), s, (union sigval) { .sival_int = i });
        for (int i = 0; i < 3; i++)
            kill(getppid(), SIGUSR2), kill(getppid(), SIGUSR1);
        _exit(0);
    }
    reap("sender", child);
    sigset_t pending;
    sigpending(&pending);
    say("pending: %d %d %d", sigismember(&pending, SIGRTMIN), sigismember(&pending, SIGUSR1), sigismember(&pending, SIGTERM));
    siginfo_t got;
    sigset_t one;
    sigemptyset(&one), sigaddset(&one, SIGRTMIN + 1);
    for (int i = 0; i < 4; i++) {
        int number = sigtimedwait(&one, &got, &(struct timespec) { 0, 1000000 });
        if (number > 0)
            say("sigtimedwait: %d value %d from the child %d", number - SIGRTMIN, got.si_value.sival_int, got.si_pid == child);
        else
            say("sigtimedwait: errno %d", errno);
    }
    count = 0;
    sigprocmask(SIG_SETMASK, &old, NULL);
    /* Handlers nest: the lowest number's is entered first but runs last. */
    char text[200] = "";
    for (int i = 0; i < count; i++)
        sprintf(text + strlen(text), " %d", order[i] >= SIGRTMIN ? 100 + order[i] - SIGRTMIN : order[i]);
    say("handled:%s", text);
    child = fork();
    if (child == 0) {
        sigprocmask(SIG_BLOCK, &block, NULL);
        raise(SIGTERM);
        pid_t grandchild = fork();
        sigpending(&pending);
        if (grandchild == 0)
            _exit(sigismember(&pending, SIGTERM));
        reap("pending signals are not inherited", grandchild);
        sigprocmask(SIG_SETMASK, &old, NULL);
        _exit(1);
    }
    reap("but delivered once unblocked", child);
}

static double deep(double x, int n)
{
    for (int i = 0; i < n; i++)
        x = x * 1.0001 + 0.25;
    return x;
}

static void spoils(int number)
{
    volatile double d = deep(3.0, 100);
    volatile long double l = 1.0L / 3;
    fesetround(FE_UPWARD);
    asm volatile("fninit; pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm7; movdqa %%xmm0, %%xmm15" ::: "xmm0", "xmm7", "xmm15");
    count++;
}

static void floats(void)
{
    struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, stop = { 0 };
    double calm = deep(0.5, 3000000);
    handle(SIGALRM, spoils, SA_RESTART);
    count = 0;
    setitimer(ITIMER_REAL, &every, NULL);
    double shaken = deep(0.5, 3000000);
    while (count < 3)
        shaken = deep(0.5, 3000000);
    setitimer(ITIMER_REAL, &stop, NULL);
    say("same %d %.17g, rounding kept %d", calm == shaken, shaken, fegetround() == FE_TONEAREST);
}

static jmp_buf back;
static void jumps(int number)
{
    siglongjmp(back, number);
}

static void edits(int number, siginfo_t *i, void *context)
{
    ucontext_t *user = context;
    user->uc_mcontext.gregs[REG_RAX] = 77;
    user->uc_mcontext.gregs[REG_RIP] += 2;
    sigaddset(&user->uc_sigmask, SIGUSR2);
}

static void contexts(void)
{
    struct sigaction action = { .sa_sigaction = edits, .sa_flags = SA_SIGINFO };
    sigaction(SIGILL, &action, NULL);
    long rax;
    asm volatile("ud2" : "=a"(rax));
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("a handler edits: rax %ld, USR2 blocked %d, ILL blocked %d", rax, sigismember(&now, SIGUSR2), sigismember(&now, SIGILL));
    int times = 0;
    handle(SIGSEGV, jumps, 0);
    while (times < 3) {
        if (sigsetjmp(back, 1) == 0)
            *(volatile int *)16 = 1;
        times++;
    }
    say("jumped out %d times", times);
    static char stack[65536];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack }, before;
    sigaltstack(&alternate, NULL);
    pid_t child = fork();
    if (child == 0) {
        sigaltstack(NULL, &before);
        say("a child keeps the alternate stack: %d", before.ss_sp == stack);
        _exit(0);
    }
    reap("child", child);
}

static void masks(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct sigaction action = { .sa_handler = counts };
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    alarm(100);
    pid_t child = fork();
    if (child == 0)
        _exit(alarm(0));
    reap("alarms are not inherited", child);
    say("alarm left: %d", alarm(0) > 90);
    say("KILL cannot be caught: %s", TOLD(sigaction(SIGKILL, &action, NULL)));
    say("no such signal: %s", TOLD(kill(getpid(), 65)));
    say("nobody: %s", TOLD(kill(0x3fffff, 0)));
    handle(SIGHUP, counts, SA_RESETHAND | SA_NODEFER);
    child = fork();
    if (child == 0) {
        raise(SIGHUP);
        say("once: %d", seen[SIGHUP]);
        raise(SIGHUP);
        _exit(0);
    }
    reap("twice", child);
}

int main(void)
{
    restarts();
    infos();
    queues();
    floats();
    contexts();
    masks();
    return 0;
}
