/*
 * stack-recursion - grows the stack by recursion.
 *
 *     stack-recursion [N]        N frames deep (default 1000), back again, prints depth and bytes used
 *     stack-recursion overflow   until the stack limit (RLIMIT_STACK): ends with SIGSEGV
 *
 * Look for: no system call asks for the stack. Each page of it appears by a page fault just below the mapping, which
 * the kernel answers by extending the mapping downward; on the way back nothing is given up, so a second descent to
 * the same depth does not fault at all. At the limit the same fault is no longer answered.
 */
#include "rt.h"

enum { FRAME_BYTES = 240, MIB = 1 << 20 };
enum { SAFE_BYTES = 1 << 30 }; /* with no stack limit set, it would go on until the machine's memory ends */

static const volatile char *outermost, *innermost;

/* Goes down by the given number of frames and returns the sum of the marks it finds on the way up again. */
__attribute__((noipa)) static unsigned long descend(unsigned long frames)
{
    volatile char frame[FRAME_BYTES];
    frame[0] = 1;
    innermost = frame;
    unsigned long below = frames ? descend(frames - 1) : 0;
    return below + (unsigned long)frame[0];
}

/* Goes down as long as the kernel lets it: a frame is written on each level, and each full MiB is told. */
__attribute__((noipa)) static unsigned long descend_forever(unsigned long told)
{
    volatile char frame[FRAME_BYTES];
    frame[0] = 1;
    unsigned long used = (unsigned long)(outermost - frame);
    if (used / MIB > told) {
        told = used / MIB;
        print("%lu MiB used\n", told);
    }
    if (used >= SAFE_BYTES)
        return told;
    return descend_forever(told) + (unsigned long)frame[0];
}

int main(int argc, char **argv)
{
    volatile char here = 0;
    unsigned long frames = 1000;
    outermost = &here;
    if (argc > 1 && same_text(argv[1], "overflow")) {
        print("recursing until the stack limit\n");
        descend_forever(0);
        check("a stack limit below 1 GiB is set", false);
    }
    if (argc > 1 && !parse_number(argv[1], &frames)) {
        print("usage: stack-recursion [N | overflow]\n");
        return 2;
    }
    descend(0);
    outermost = innermost;
    unsigned long marks = descend(frames);
    unsigned long used = (unsigned long)(outermost - innermost);
    unsigned long page_size = getauxval(AT_PAGESZ);
    check("every frame kept its mark", marks == frames + 1);
    print("depth       %lu frames\n", frames);
    print("bytes used  %lu, %lu a frame\n", used, frames ? used / frames : 0);
    print("pages       %lu of %lu bytes\n", (used + page_size - 1) / page_size, page_size);
    return 0;
}
