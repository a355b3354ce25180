/*
 * regions - one object in each region of an address space, and the mapping that holds it.
 *
 * The mapping lines have the form of /proc/self/maps, but the program works them out itself: segments of the file
 * from its program headers (AT_PHDR), the heap from brk, the stack's top from the highest string on it (AT_EXECFN).
 *
 * Look for: code and constants never writable, data never executable; data and bss in one segment, of which only the
 * first part comes from the file; and the distance between the heap, which grows up, and mmap and the stack, which
 * grow down. Natively the last three lie elsewhere in each run; without address-space randomization they do not move.
 */
#include "rt.h"

enum { PT_LOAD = 1, PF_X = 1, PF_W = 2, PF_R = 4 };

struct program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

static const char constant[] = "a constant in rodata";
static volatile int initialised = 42;
static alignas(4096) volatile char zeroed[4 * 4096];

static uintptr_t page_size;

static uintptr_t page_down(uintptr_t address)
{
    return address & ~(page_size - 1);
}

static uintptr_t page_up(uintptr_t address)
{
    return page_down(address + page_size - 1);
}

static void row(const char *region, const char *object, const volatile void *address)
{
    print("%-8s%-14s0x%012lx  ", region, object, (uintptr_t)address);
}

static void mapping(uintptr_t start, uintptr_t end, unsigned flags, unsigned long offset, const char *name)
{
    print("%08lx-%08lx %c%c%cp %08lx  %s\n", start, end, flags & PF_R ? 'r' : '-', flags & PF_W ? 'w' : '-',
          flags & PF_X ? 'x' : '-', offset, name);
}

/* Prints the mapping that holds an address of the program's file: one segment is one mapping, or two with a bss. */
static void segment_mapping(const volatile void *object)
{
    const struct program_header *header = (const struct program_header *)getauxval(AT_PHDR);
    uintptr_t address = (uintptr_t)object;
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++, header++) {
        uintptr_t start = page_down(header->vaddr);
        uintptr_t file_end = page_up(header->vaddr + header->filesz);
        uintptr_t end = page_up(header->vaddr + header->memsz);
        if (header->type != PT_LOAD || address < start || address >= end)
            continue;
        if (address < file_end)
            mapping(start, file_end, header->flags, page_down(header->offset), "file");
        else
            mapping(file_end, end, header->flags, 0, "zeros after the file's part");
    }
}

int main(void)
{
    volatile char local = 1;
    page_size = getauxval(AT_PAGESZ);

    print("region  object        address         mapping\n");
    row("text", "main", (const void *)main);
    segment_mapping((const void *)main);
    row("rodata", "constant", constant);
    segment_mapping(constant);
    row("data", "initialised", &initialised);
    segment_mapping(&initialised);
    zeroed[0] = local;
    row("bss", "zeroed", zeroed);
    segment_mapping(zeroed);

    uintptr_t heap = page_up(sys_brk(0));
    uintptr_t heap_end = sys_brk(heap + 8 * page_size);
    check("brk grew the heap", heap_end == heap + 8 * page_size);
    *(volatile char *)heap = 1;
    row("heap", "first byte", (void *)heap);
    mapping(heap, heap_end, PF_R | PF_W, 0, "[heap]");

    size_t length = 4 * page_size;
    uintptr_t block = (uintptr_t)must("mmap", sys_mmap(NULL, length, PROT_READ | PROT_WRITE,
                                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    *(volatile char *)block = 1;
    row("mmap", "block", (void *)block);
    mapping(block, block + length, PF_R | PF_W, 0, "anonymous");

    const char *highest = (const char *)getauxval(AT_EXECFN);
    row("stack", "local", &local);
    mapping(page_down((uintptr_t)&local), page_up((uintptr_t)highest + text_length(highest) + 1), PF_R | PF_W, 0,
            "[stack], the part in use");

    print("\nfree between heap and mmap: %lu of the %lu GiB (47 bits) that a program has\n",
          (block - heap_end) >> 30, (1UL << 47) >> 30);
    return 0;
}
