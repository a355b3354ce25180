/*
 * invalidate - the system calls after which a processor must forget what it knows of a page.
 *
 * A processor keeps translations that it has found in the page tables, and does not see when the kernel changes a table. So
 * whoever takes something away must say so: an INVLPG for each page, or a load of CR3. Each part below lets the processor
 * learn a translation, has the kernel change it, and uses the same address again.
 *
 * Look for: every use sees what the tables say now, never what they said before. A kernel that forgets one invalidation passes
 * on a processor that happens to have lost the translation; `pagewalk run --sanitize translations` holds it against one
 * that never loses any. With `--swap` the pages of `page-out` really leave memory, with `--thp madvise` there is a large page
 * to be split.
 */
#include "rt.h"

enum { SYS_mremap = 25, SYS_madvise = 28 };
enum { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2 };
enum { MADV_DONTNEED = 4, MADV_FREE = 8, MADV_HUGEPAGE = 14, MADV_NOHUGEPAGE = 15, MADV_PAGEOUT = 21 };
enum { PAGE = 4096, LARGE = 2 << 20 };

/* A page at an address of its own, so that it can be mapped there again. */
static volatile char *map_at(uintptr_t address, size_t length)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    return (volatile char *)must("mmap", sys_mmap((void *)address, length, PROT_READ | PROT_WRITE, flags, -1, 0));
}

/* A byte as a letter; 0 for one that was never written. */
static char seen(volatile char *at)
{
    return *at ? *at : '0';
}

enum { PLACE = 0x10000000, ELSEWHERE = 0x10002000, KEPT = 0x10004000, LARGE_PLACE = 0x20000000 };

static void unmap(void)
{
    volatile char *page = map_at(PLACE, PAGE);
    *page = 'u';
    must("munmap", sys_munmap((void *)page, PAGE));
    page = map_at(PLACE, PAGE);
    print("munmap    a new page at the same address has %c\n", seen(page));
    must("munmap", sys_munmap((void *)page, PAGE));
}

static unsigned long faults;

/* The store is made again once its page is writable. */
static void on_fault(int signo, struct siginfo *info, struct user_context *context)
{
    (void)signo, (void)context;
    faults++;
    must("mprotect", sys_mprotect((void *)((uintptr_t)info->address & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE));
}

static void protect(void)
{
    volatile char *page = map_at(PLACE, PAGE);
    *page = 'p';
    must("mprotect", sys_mprotect((void *)page, PAGE, PROT_READ));
    *page = 'P';
    print("mprotect  a store to a page made read-only has faulted %lu time, then there is %c\n", faults, seen(page));
    must("munmap", sys_munmap((void *)page, PAGE));
}

/* The child lives, and so has its part of the page, until the pipe is closed. */
static long child_that_waits(struct pipe_ends *ends)
{
    must("pipe", sys_pipe(ends));
    long child = must("fork", sys_fork());
    if (child == 0) {
        char byte;
        sys_close(ends->write_end);
        sys_read(ends->read_end, &byte, 1);
        sys_exit(*(volatile char *)PLACE);
    }
    sys_close(ends->read_end);
    return child;
}

static void fork_and_copy(void)
{
    volatile char *page = map_at(PLACE, PAGE);
    *page = 'f';
    struct pipe_ends ends;
    long child = child_that_waits(&ends);
    *page = 'F'; /* no longer the parent's alone */
    sys_close(ends.write_end);
    int childs = wait_for(child);
    print("fork      behind it the parent has stored %c, the child still sees %c\n", seen(page), (char)childs);
    must("munmap", sys_munmap((void *)page, PAGE));
}

/* The kernel itself stores to the page that is shared with the child, so the processor has no fault to learn from. */
static void copy_by_kernel(void)
{
    volatile char *page = map_at(PLACE, PAGE);
    *page = 'c';
    struct pipe_ends ends, words;
    must("pipe", sys_pipe(&words));
    must("write", sys_write(words.write_end, "C", 1));
    long child = child_that_waits(&ends);
    char before = seen(page);
    must("read", sys_read(words.read_end, (void *)page, 1));
    print("read      into a page shared with a child: %c before, %c behind\n", before, seen(page));
    sys_close(ends.write_end);
    check("the child sees what was there", wait_for(child) == 'c');
    sys_close(words.read_end);
    sys_close(words.write_end);
    must("munmap", sys_munmap((void *)page, PAGE));
}

static void page_out(void)
{
    volatile char *page = map_at(PLACE, PAGE);
    *page = 'o';
    must("madvise", syscall3(SYS_madvise, (long)page, PAGE, MADV_PAGEOUT));
    print("page-out  back in memory there is %c\n", seen(page));
    must("munmap", sys_munmap((void *)page, PAGE));
}

/* A mapping that begins or ends within a large page cannot share its entry. */
static void split(void)
{
    volatile char *area = map_at(LARGE_PLACE, LARGE);
    /* A kernel without large pages refuses; then there is nothing to split. */
    (void)syscall3(SYS_madvise, (long)area, LARGE, MADV_HUGEPAGE);
    *area = 's';
    (void)syscall3(SYS_madvise, (long)area + LARGE / 2, LARGE / 2, MADV_NOHUGEPAGE);
    print("split     a page of the first half has %c, one of the second %c\n", seen(area), seen(area + LARGE - 1));
    must("munmap", sys_munmap((void *)area, LARGE));
}

static void move(void)
{
    volatile char *page = map_at(PLACE, PAGE);
    *page = 'm';
    long moved = syscall6(SYS_mremap, (long)page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ELSEWHERE, 0);
    volatile char *elsewhere = (volatile char *)must("mremap", moved);
    page = map_at(PLACE, PAGE);
    print("mremap    the page has %c, a new one in its old place %c\n", seen(elsewhere), seen(page));
    must("munmap", sys_munmap((void *)page, PAGE));
    must("munmap", sys_munmap((void *)elsewhere, PAGE));
}

static void give_up(void)
{
    volatile char *page = map_at(PLACE, PAGE);
    *page = 'a';
    must("madvise", syscall3(SYS_madvise, (long)page, PAGE, MADV_FREE));
    *page = 'A'; /* the kernel sees by D that the page is wanted again */
    char kept = seen(page);
    must("madvise", syscall3(SYS_madvise, (long)page, PAGE, MADV_DONTNEED));
    print("madvise   a page that was given up and stored to has %c, one that is not needed %c\n", kept, seen(page));
    must("munmap", sys_munmap((void *)page, PAGE));
}

static volatile char variable = 'v';

static void execute(const char *program)
{
    const char *const argv[] = { program, "again", NULL };
    const char *const environment[] = { NULL };
    variable = 'V';
    must("execve", sys_execve(program, argv, environment));
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        print("execve    the variable has %c again\n", variable);
        return 0;
    }
    /* A page of another part in the same table: so no part gets its invalidations from a table that goes. */
    *map_at(KEPT, PAGE) = 'k';
    must("sigaction", set_handler(SIGSEGV, on_fault, 0));
    unmap();
    protect();
    fork_and_copy();
    copy_by_kernel();
    page_out();
    split();
    move();
    give_up();
    execute(argv[0]);
    return 1;
}
