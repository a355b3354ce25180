/* setjmp and longjmp: out of deep calls, out of a signal handler, with registers and volatile variables kept. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf place;
static sigjmp_buf signal_place;

static int descend(int depth, double x)
{
    volatile char frame[100];
    frame[depth % 100] = depth;
    if (depth == 0)
        longjmp(place, 42);
    return descend(depth - 1, x * 1.5) + frame[depth % 100];
}

static void handler(int number) { siglongjmp(signal_place, number); }

static void at_exit(void) { puts("at exit"); }

int main(void)
{
    atexit(at_exit);
    volatile int rounds = 0;
    register long kept = 0x123456789;
    int value = setjmp(place);
    printf("setjmp gives %d in round %d, kept %lx\n", value, rounds, kept);
    if (rounds++ < 5)
        descend(100 * rounds, 1.0);
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    volatile int faults = 0;
    value = sigsetjmp(signal_place, 1);
    printf("sigsetjmp gives %d\n", value);
    volatile int *nowhere = NULL, zero = 0;
    switch (faults++) {
    case 0: *nowhere = 1; break;
    case 1: rounds /= zero; break;
    case 2: *(volatile int *)0xdead0000 = 2; break;
    }
    for (volatile int i = 0; i < 1000; i++)
        if (setjmp(place) == 0)
            longjmp(place, i);
    puts("done");
    exit(9);
}
