/*
 * malloc - a small allocator with glibc's rule: requests below 128 KiB come from the heap, which brk moves; requests
 * of 128 KiB and more get an anonymous mapping of their own.
 *
 * (glibc applies its limit to the block with its header, so there a request of 131,049 bytes is mapped already; and
 * it raises the limit when a mapped block is freed. Neither is done here.)
 *
 * Look for: one byte more in a request changes the system call, the region and what free does. A mapped block is
 * gone after free, and touching it would be a SIGSEGV; a freed heap block stays mapped and is handed out again.
 */
#include "rt.h"

enum {
    KIB = 1024,
    MMAP_THRESHOLD = 128 * KIB, /* glibc: M_MMAP_THRESHOLD */
    TOP_PAD = 128 * KIB,        /* glibc: M_TOP_PAD, what brk takes beyond the need and what a trim leaves */
};

enum state { FREE = 0, IN_HEAP = 1, MAPPED = 2 };

/* Stands before every block. In the heap the chunks follow one another from heap_start to heap_end. */
struct chunk {
    size_t size; /* header included, a multiple of 16 */
    enum state state;
};

_Static_assert(sizeof(struct chunk) == 16, "blocks must be 16-byte aligned");

static uintptr_t heap_start, heap_end;
static size_t page_size, mappings;

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) & ~(unit - 1);
}

static struct chunk *chunk_at(uintptr_t address)
{
    return (struct chunk *)address;
}

static struct chunk *chunk_of(void *block)
{
    return (struct chunk *)block - 1;
}

/* Joins a free chunk with the free chunks that follow it. */
static void join(struct chunk *chunk)
{
    for (;;) {
        uintptr_t next = (uintptr_t)chunk + chunk->size;
        if (next == heap_end || chunk_at(next)->state != FREE)
            return;
        chunk->size += chunk_at(next)->size;
    }
}

/* The first free chunk of at least this size, or null. */
static struct chunk *first_fit(size_t size)
{
    for (uintptr_t at = heap_start; at != heap_end; at += chunk_at(at)->size) {
        if (chunk_at(at)->state != FREE)
            continue;
        join(chunk_at(at));
        if (chunk_at(at)->size >= size)
            return chunk_at(at);
    }
    return NULL;
}

/* Moves the break up and makes what is new a free chunk. */
static void grow_heap(size_t size)
{
    size_t growth = round_up(size + TOP_PAD, page_size);
    check("brk grew the heap", sys_brk(heap_end + growth) == heap_end + growth);
    chunk_at(heap_end)->size = growth;
    chunk_at(heap_end)->state = FREE;
    heap_end += growth;
}

static void *allocate_in_heap(size_t request)
{
    size_t size = round_up(request + sizeof(struct chunk), 16);
    struct chunk *chunk = first_fit(size);
    if (!chunk) {
        grow_heap(size);
        chunk = first_fit(size);
    }
    size_t rest = chunk->size - size;
    if (rest >= 2 * sizeof(struct chunk)) {
        struct chunk *remainder = chunk_at((uintptr_t)chunk + size);
        remainder->size = rest;
        remainder->state = FREE;
        chunk->size = size;
    }
    chunk->state = IN_HEAP;
    return chunk + 1;
}

static void *allocate_mapped(size_t request)
{
    size_t size = round_up(request + sizeof(struct chunk), page_size);
    struct chunk *chunk = (struct chunk *)must("mmap", sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
                                                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    chunk->size = size;
    chunk->state = MAPPED;
    mappings++;
    return chunk + 1;
}

static void *allocate(size_t request)
{
    return request < MMAP_THRESHOLD ? allocate_in_heap(request) : allocate_mapped(request);
}

/* Gives the end of the heap back to the kernel if much of it is free. */
static void trim_heap(void)
{
    struct chunk *last = NULL;
    for (uintptr_t at = heap_start; at != heap_end; at += chunk_at(at)->size) {
        last = chunk_at(at);
        if (last->state == FREE)
            join(last);
    }
    if (!last || last->state != FREE || last->size < 2 * TOP_PAD)
        return;
    size_t give_back = (last->size - TOP_PAD) & ~(page_size - 1);
    last->size -= give_back;
    heap_end -= give_back;
    check("brk shrank the heap", sys_brk(heap_end) == heap_end);
}

static void release(void *block)
{
    struct chunk *chunk = chunk_of(block);
    if (chunk->state == MAPPED) {
        must("munmap", sys_munmap(chunk, chunk->size));
        mappings--;
        return;
    }
    chunk->state = FREE;
    trim_heap();
}

/* ---- The demonstration ----------------------------------------------------------------------------------------- */

static void show(size_t request, void *block)
{
    struct chunk *chunk = chunk_of(block);
    if (chunk->state == IN_HEAP)
        print("%10lu  brk     heap + 0x%lx\n", request, (uintptr_t)block - heap_start);
    else
        print("%10lu  mmap    a mapping of %lu pages, its first page + 0x%lx\n", request, chunk->size / page_size,
              (uintptr_t)block % page_size);
}

static void show_totals(const char *when)
{
    print("%s: heap of %lu KiB, %lu mappings\n", when, (heap_end - heap_start) / KIB, mappings);
}

static uint8_t pattern(size_t block, size_t index)
{
    return (uint8_t)(index * 7 + index / 256 + block * 31);
}

int main(void)
{
    static const size_t requests[] = { 24, 1000, MMAP_THRESHOLD - 1, MMAP_THRESHOLD, 1024 * KIB, 100 * KIB };
    enum { COUNT = sizeof requests / sizeof *requests };
    uint8_t *blocks[COUNT];

    page_size = getauxval(AT_PAGESZ);
    heap_start = heap_end = round_up(sys_brk(0), page_size);

    print("   request  from    lands at\n");
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = allocate(requests[i]);
        show(requests[i], blocks[i]);
        for (size_t k = 0; k < requests[i]; k++)
            blocks[i][k] = pattern(i, k);
    }
    show_totals("all allocated");
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < requests[i]; k++)
            check("a block kept its bytes", blocks[i][k] == pattern(i, k));
    print("every byte of every block verified\n");

    for (size_t i = 0; i < COUNT; i++)
        release(blocks[i]);
    show_totals("all freed");
    void *again = allocate(16);
    print("a block of 16 bytes now lands at heap + 0x%lx\n", (uintptr_t)again - heap_start);
    return 0;
}
