/*
 * getpagesize - the page size as the kernel tells it (AT_PAGESZ), and as it can be found out.
 *
 * mprotect takes only page-aligned addresses. Asked for the addresses 1, 2, 4, 8 ... bytes into a mapping, it says
 * EINVAL until the first one that begins a page.
 *
 * Look for: the refused calls change nothing and cause no page fault; the accepted one splits the mapping in two.
 */
#include "rt.h"

int main(void)
{
    size_t told = getauxval(AT_PAGESZ);
    size_t length = 1 << 20;
    char *region = (char *)must("mmap", sys_mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                                 -1, 0));
    size_t step = 1;
    unsigned refused = 0;
    for (; step < length; step *= 2) {
        long result = sys_mprotect(region + step, 1, PROT_READ);
        if (result == 0)
            break;
        check("the only error is EINVAL", result == -EINVAL);
        refused++;
    }
    print("AT_PAGESZ   %lu bytes\n", told);
    print("by probing  %lu bytes, after %u addresses that mprotect refused\n", step, refused);
    check("both agree", step == told);
    return 0;
}
