/* Process groups and sessions: setpgid, setsid, signals to groups, waiting for groups, orphaned groups. */
#define _GNU_SOURCE
#include "say.h"
#include <termios.h>

static volatile sig_atomic_t got;
static void counts(int number)
{
    got++;
}

/* A child that sleeps until a signal ends it. */
static pid_t sleeper(pid_t group)
{
    pid_t child = fork();
    if (child == 0) {
        for (;;)
            pause();
    }
    setpgid(child, group == 0 ? child : group);
    return child;
}

int main(void)
{
    int status;
    pid_t a = sleeper(0), b = sleeper(a), c = sleeper(0);
    say("groups: %d %d %d", getpgid(a) == a, getpgid(b) == a, getpgid(c) == c);
    say("sessions: %d %d", getsid(a) == getsid(0), getsid(b) == getsid(0));
    say("no such group: %s", TOLD(setpgid(a, 0x3ffffe)));
    say("negative: %s", TOLD(setpgid(a, -1)));
    say("not a child: %s", TOLD(setpgid(1, 0)));
    say("kill the group: %s", TOLD(kill(-a, SIGTERM)));
    int ended = 0;
    while (waitpid(-a, &status, 0) > 0)
        ended += WTERMSIG(status) == SIGTERM;
    say("ended of the group: %d, then errno %d", ended, errno);
    say("the other lives: %s", TOLD(kill(c, 0)));
    say("the group is gone: %s", TOLD(kill(-a, 0)));
    say("killpg: %s", TOLD(killpg(c, SIGKILL)));
    reap("other", c);

    pid_t child = fork();
    if (child == 0) {
        say("setsid: %d", setsid() == getpid());
        say("leads: %d %d", getpgrp() == getpid(), getsid(0) == getpid());
        say("again: %s", TOLD(setsid()));
        say("a leader cannot change its group: %s", TOLD(setpgid(0, 0)));
        signal(SIGUSR1, counts);
        pid_t members[3];
        for (int i = 0; i < 3; i++)
            if ((members[i] = fork()) == 0) {
                sigset_t set;
                sigemptyset(&set), sigaddset(&set, SIGUSR1);
                sigprocmask(SIG_BLOCK, &set, NULL);
                while (got == 0)
                    sigemptyset(&set), sigsuspend(&set);
                _exit(20 + i);
            }
        nap(100);
        say("kill(0): %s", TOLD(kill(0, SIGUSR1)));
        say("got it too: %d", got);
        for (int i = 0; i < 3; i++)
            reap("member", members[i]);
        _exit(0);
    }
    reap("leader", child);

    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(getpgrp() == getppid() ? 1 : 0);
        reap("groups are inherited", grandchild);
        _exit(0);
    }
    say("a child's group can be set by both: %d", setpgid(child, child) == 0 || errno == EACCES);
    reap("child", child);
    say("nothing left of it: %s", TOLD(setpgid(child, 0)));

    /* setpgid of a child that has executed another program is refused. */
    int ends[2];
    pipe2(ends, O_CLOEXEC);
    child = fork();
    if (child == 0) {
        execlp("sleep", "sleep", "100", NULL);
        _exit(127);
    }
    close(ends[1]);
    char byte;
    read(ends[0], &byte, 1);
    say("after exec: %s", TOLD(setpgid(child, child)));
    kill(child, SIGTERM);
    reap("executed", child);

    say("wait for a group of none: %s", TOLD(waitpid(-0x3ffffe, &status, 0)));
    say("not a terminal: %s", TOLD(tcgetpgrp(ends[0])));
    return 0;
}
