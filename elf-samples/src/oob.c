/*
 * oob - a write past the end of a mapping, which ends the program with SIGSEGV.
 *
 * The loop is wrong by one page: it writes five pages into a region of four. The page after the region is surely
 * unmapped, because the program maps it and unmaps it again.
 *
 * Look for: nothing stops the program at the region's last byte but the page table. The region ends on a page's
 * end, so the very first byte past it faults: a write, from user mode, to a page that is not present (error code
 * 0x6), at an address that no mapping holds (si_code SEGV_MAPERR).
 */
#include "rt.h"

enum { PAGES = 4 };

int main(void)
{
    size_t page_size = getauxval(AT_PAGESZ);
    size_t length = PAGES * page_size;
    volatile char *region = (char *)must("mmap", sys_mmap(NULL, length + page_size, PROT_READ | PROT_WRITE,
                                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    must("munmap", sys_munmap((char *)region + length, page_size));
    print("a region of %d pages, %lu bytes; nothing is mapped after it\n", PAGES, length);

    for (size_t page = 0; page <= PAGES; page++) {
        size_t offset = page * page_size;
        print("writing page %lu, region + 0x%lx%s\n", page, offset, page == PAGES ? ": one past the end" : "");
        for (size_t i = 0; i < page_size; i++)
            region[offset + i] = 'x';
    }
    print("not reached\n");
    return 1;
}
