/*
 * stack-alloca - grows the stack by alloca: blocks of one page, two pages, three pages and so on.
 *
 *     stack-alloca [KIB]      until KIB kibibytes are taken (default 1024), touching each page
 *     stack-alloca overflow   until the stack limit (RLIMIT_STACK): ends with SIGSEGV
 *
 * Look for: a block moves the stack pointer by many pages at once, and none of them exists until it is touched. The
 * pages are touched from the block's top to its bottom, so each fault lies just below the page before.
 */
#include "rt.h"

enum { KIB = 1024, MIB = 1024 * KIB };

struct usage {
    unsigned long blocks, bytes, pages;
};

/* Takes growing blocks in one frame until the bytes are reached; all of them live until it returns. */
__attribute__((noipa)) static struct usage grow(unsigned long goal, unsigned long page_size, bool tell)
{
    struct usage used = { 0 };
    while (used.bytes < goal) {
        unsigned long size = (used.blocks + 1) * page_size;
        unsigned long before = used.bytes / MIB;
        if (size > goal - used.bytes)
            size = goal - used.bytes;
        volatile char *block = __builtin_alloca(size);
        for (unsigned long left = size; left > 0; left -= left < page_size ? left : page_size) {
            block[left - 1] = 1;
            used.pages++;
        }
        used.blocks++;
        used.bytes += size;
        if (tell && used.bytes / MIB > before)
            print("%lu MiB used, block %lu of %lu bytes\n", used.bytes / MIB, used.blocks, size);
    }
    return used;
}

int main(int argc, char **argv)
{
    unsigned long page_size = getauxval(AT_PAGESZ);
    unsigned long kib = 1024;
    if (argc > 1 && same_text(argv[1], "overflow")) {
        print("taking blocks until the stack limit\n");
        grow(1024UL * MIB, page_size, true);
        check("a stack limit below 1 GiB is set", false);
    }
    if (argc > 1 && (!parse_number(argv[1], &kib) || kib > 1024 * KIB)) {
        print("usage: stack-alloca [KIB | overflow]\n");
        return 2;
    }
    struct usage used = grow(kib * KIB, page_size, false);
    print("blocks      %lu, the largest at most %lu bytes\n", used.blocks, used.blocks * page_size);
    print("bytes used  %lu\n", used.bytes);
    print("touches     %lu, one for each %lu bytes\n", used.pages, page_size);
    return 0;
}
