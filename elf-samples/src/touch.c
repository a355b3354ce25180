/*
 * touch - touches the pages of one mapping in the order of its arguments, and says how many of the touches faulted.
 *
 * The mapping is at 0x10000000, and page n of it at n * 4096 from there. Without arguments the order is the example of
 * many a textbook: 7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1.
 *
 * Look for: with enough memory each page faults once. With room for three pages the policy decides:
 * `pagewalk run --resident-limit 3@0x10000000 --reclaim fifo` gives 15 faults, `lru-exact` 12, and `opt`, which has to be
 * told the future, 9. Belady's example, 1 2 3 4 1 2 5 1 2 3 4 5, gives fifo 9 faults with three pages, and 10 with four.
 */
#include "rt.h"

enum { PAGE = 4096, MAX_PAGES = 1024 };

static const char *const TEXTBOOK[] = {"7", "0", "1", "2", "0", "3", "0", "4", "2", "3",
                                       "0", "3", "2", "1", "2", "0", "1", "7", "0", "1"};
static uint8_t *const MAPPING = (uint8_t *)0x10000000;

/* Touched by the rehearsal, in which everything but the mapping gets its page. */
static uint8_t rehearsal[PAGE];
static uint8_t touched[MAX_PAGES];

/* ru_minflt and ru_majflt: what a page costs that comes back from the swap device counts as well. */
static unsigned long page_faults(void)
{
    unsigned long usage[18];
    must("getrusage", syscall3(SYS_getrusage, 0, (long)usage, 0));
    return usage[8] + usage[9];
}

/*
 * A touch is one store: a load before it would fault by itself, for the shared zero page. What is stored tells of the
 * touch, so that a page that lost its content is found out. Returns how many touches faulted.
 */
static unsigned long touch_all(volatile uint8_t *pages, size_t stride, const char *const *order, unsigned long touches)
{
    unsigned long before = page_faults();
    for (unsigned long i = 0; i < touches; i++) {
        unsigned long page = 0;
        parse_number(order[i], &page);
        touched[page] = (uint8_t)(i | 1);
        pages[page * stride] = touched[page];
    }
    return page_faults() - before;
}

int main(int argc, char **argv)
{
    const char *const *order = argc > 1 ? (const char *const *)argv + 1 : TEXTBOOK;
    unsigned long touches = argc > 1 ? (unsigned long)argc - 1 : sizeof TEXTBOOK / sizeof *TEXTBOOK;
    unsigned long last = 0, distinct = 0;
    for (unsigned long i = 0; i < touches; i++) {
        unsigned long page = 0;
        if (!parse_number(order[i], &page) || page >= MAX_PAGES) {
            print("usage: touch [PAGE...], each below %d\n", MAX_PAGES);
            return 2;
        }
        distinct += touched[page] == 0;
        touched[page] = 1;
        last = page > last ? page : last;
    }
    size_t size = (last + 1) * PAGE;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    must("mmap", sys_mmap(MAPPING, size, PROT_READ | PROT_WRITE, flags, -1, 0));
    touch_all(rehearsal, 0, order, touches);
    unsigned long faults = touch_all(MAPPING, PAGE, order, touches);
    print("%lu touches of %lu pages, %lu faults\n", touches, distinct, faults);
    for (unsigned long page = 0; page <= last; page++)
        if (touched[page])
            check("a page holds what was written to it last", MAPPING[page * PAGE] == touched[page]);
    return 0;
}
