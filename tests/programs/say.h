/* What the programs with several processes share: lines that appear at once, and ends told in words. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One write for each line, so that processes can take turns. */
static void say(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    for (int at = 0, wrote; at < length; at += wrote)
        if ((wrote = write(1, line + at, length - at)) < 0)
            _exit(99);
}

static const char *end(int status)
{
    static char text[64];
    if (WIFEXITED(status))
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "killed by %d", WTERMSIG(status));
    else if (WIFSTOPPED(status))
        snprintf(text, sizeof text, "stopped by %d", WSTOPSIG(status));
    else
        snprintf(text, sizeof text, WIFCONTINUED(status) ? "continued" : "unknown %#x", status);
    return text;
}

/* What a call gave: a number, or why not. */
#define TOLD(call) told((errno = 0, (long)(call)))

static const char *told(long result)
{
    static char texts[4][32];
    static int next;
    char *text = texts[next++ % 4];
    if (result < 0)
        snprintf(text, 32, "errno %d", errno);
    else
        snprintf(text, 32, "%ld", result);
    return text;
}

/* Waits for a child and says how it ended. */
static int reap(const char *what, pid_t child)
{
    int status = 0;
    pid_t got = waitpid(child, &status, 0);
    if (got == child)
        say("%s: %s", what, end(status));
    else
        say("%s: waitpid %d errno %d", what, (int)got, errno);
    return status;
}

/* A page that parent and children share. */
static void *shared(size_t size)
{
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        say("no shared memory: errno %d", errno);
    return page;
}

static void nap(int milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        ;
}
