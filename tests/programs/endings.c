/* Every way to end: by exit through handlers, and by each signal that a program can bring on itself. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void first(void) { puts("registered first"); }
static void second(void) { puts("registered second"); }

int main(int argc, char **argv)
{
    const char *how = argv[1];
    volatile int zero = 0;
    atexit(first), atexit(second);
    printf("ending by %s\n", how);
    if (strcmp(how, "exit"))
        fflush(stdout);
    if (!strcmp(how, "abort"))
        abort();
    if (!strcmp(how, "segv"))
        *(volatile int *)8 = 1;
    if (!strcmp(how, "null-call"))
        ((void (*volatile)(void))0)();
    if (!strcmp(how, "divide"))
        return 7 / zero;
    if (!strcmp(how, "illegal"))
        __builtin_trap();
    if (!strcmp(how, "raise"))
        raise(SIGTERM);
    if (!strcmp(how, "bus")) {
        char *beyond = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, open("empty", O_RDONLY), 0);
        return beyond[4096];
    }
    return 300;
}
