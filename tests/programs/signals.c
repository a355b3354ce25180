/* Signal handlers, masks, pending signals, siginfo, nested delivery, SA_RESETHAND, alarm by timer. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

static volatile sig_atomic_t count, depth, deepest;

static void plain(int number)
{
    count++;
    if (++depth > deepest)
        deepest = depth;
    if (number == SIGUSR1 && count < 4)
        raise(SIGUSR2);
    depth--;
}

static void detailed(int number, siginfo_t *info, void *context)
{
    printf("%s: code %d, own pid %d, value %d\n", strsignal(number), info->si_code, info->si_pid == getpid(), info->si_value.sival_int);
}

static char *page;
static void repair(int number, siginfo_t *info, void *context)
{
    printf("fault: signal %d code %d offset %ld\n", number, info->si_code, (long)((char *)info->si_addr - page));
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static double keep_floats(double x)
{
    for (int i = 0; i < 50; i++) {
        x = x * 1.01 + 0.5;
        raise(SIGUSR2);
    }
    return x;
}

int main(void)
{
    signal(SIGUSR1, plain);
    signal(SIGUSR2, plain);
    raise(SIGUSR1);
    printf("count %d deepest %d\n", count, deepest);
    sigset_t set, old, pending;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1), raise(SIGUSR1);
    sigpending(&pending);
    printf("pending %d %d, count %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGTERM), count);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("count %d\n", count);
    struct sigaction action = { .sa_sigaction = detailed, .sa_flags = SA_SIGINFO | SA_RESETHAND };
    sigaction(SIGTERM, &action, NULL);
    kill(getpid(), SIGTERM);
    sigaction(SIGTERM, NULL, &action);
    printf("reset %d\n", action.sa_handler == SIG_DFL);
    action = (struct sigaction) { .sa_sigaction = detailed, .sa_flags = SA_SIGINFO };
    sigaction(SIGRTMIN, &action, NULL);
    for (int i = 0; i < 3; i++)
        sigqueue(getpid(), SIGRTMIN, (union sigval) { .sival_int = i });
    printf("floats %.17g\n", keep_floats(0.1));
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    pipe(ends), close(ends[0]);
    printf("write to a closed pipe: %zd errno %d\n", write(ends[1], "x", 1), errno);
    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    action = (struct sigaction) { .sa_sigaction = repair, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &action, NULL);
    page[77] = 'x';
    printf("repaired %c\n", page[77]);
    count = 0;
    signal(SIGALRM, plain);
    setitimer(ITIMER_REAL, &(struct itimerval) { .it_value = { .tv_usec = 20000 } }, NULL);
    printf("pause %d errno %d count %d\n", pause(), errno, count);
    alarm(1);
    printf("sleep %d count %d\n", nanosleep(&(struct timespec) { .tv_sec = 5 }, NULL), count);
    printf("bad signal %d errno %d\n", kill(getpid(), 99), errno);
    return 0;
}
