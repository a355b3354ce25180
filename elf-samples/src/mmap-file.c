/*
 * mmap-file - the same file by a private mapping and by read().
 *
 *     mmap-file [FILE]   default: the program's own file, argv[0]
 *
 * Look for: summing the mapping faults once for each page (or for a few pages at once), read() copies instead and
 * does not. The first store to the private mapping faults again: the page is copied, the file and its page-cache
 * page stay as they were. What follows the file's end in the last page is zero, and belongs to no file.
 */
#include "rt.h"

static unsigned long sum_bytes(const volatile uint8_t *bytes, size_t size)
{
    unsigned long sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    return sum;
}

static unsigned long sum_by_read(const char *path, size_t *total, uint8_t *first)
{
    static uint8_t buffer[4096];
    int fd = (int)must("open", sys_open(path, O_RDONLY));
    unsigned long sum = 0;
    long size;
    *total = 0;
    while ((size = must("read", sys_read(fd, buffer, sizeof buffer))) > 0) {
        if (*total == 0)
            *first = buffer[0];
        sum += sum_bytes(buffer, (size_t)size);
        *total += (size_t)size;
    }
    must("close", sys_close(fd));
    return sum;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : argv[0];
    size_t page_size = getauxval(AT_PAGESZ);
    struct kernel_stat stat;

    int fd = (int)must("open", sys_open(path, O_RDONLY));
    must("fstat", sys_fstat(fd, &stat));
    size_t size = (size_t)stat.size;
    size_t mapped = (size + page_size - 1) & ~(page_size - 1);
    check("the file is not empty (mmap of no bytes is EINVAL)", size > 0);
    volatile uint8_t *map = (uint8_t *)must("mmap", sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    must("close", sys_close(fd));
    print("file         %s, %lu bytes, %lu pages\n", path, size, mapped / page_size);

    size_t read_size;
    uint8_t first = 0;
    unsigned long by_mapping = sum_bytes(map, size);
    unsigned long by_read = sum_by_read(path, &read_size, &first);
    print("by mapping   sum %lu\n", by_mapping);
    print("by read      sum %lu\n", by_read);
    check("both see the same bytes", by_mapping == by_read && read_size == size);
    check("the tail of the last page is zero", sum_bytes(map + size, mapped - size) == 0);
    print("tail         %lu bytes after the file's end, all zero\n", mapped - size);

    uint8_t flipped = (uint8_t)~map[0];
    map[0] = flipped;
    check("the private copy has the new byte", map[0] == flipped);
    check("the file has the same sum as before", sum_by_read(path, &read_size, &first) == by_mapping);
    print("first byte   0x%02x in the private copy, 0x%02x in the file\n", map[0], first);
    must("munmap", sys_munmap((void *)map, mapped));
    return 0;
}
