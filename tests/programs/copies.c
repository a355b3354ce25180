/* What parent and child share and what they do not: private and shared mappings, stack, heap, data, changed after fork. */
#define _GNU_SOURCE
#include "say.h"
#include <sys/syscall.h>

enum { PAGE = 4096, PAGES = 300 };

static char data[4 * PAGE] = { 1 };
static char zeros[4 * PAGE];

static uint64_t mix(const char *bytes, size_t size)
{
    uint64_t sum = 1469598103934665603u;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ (uint8_t)bytes[i]) * 1099511628211u;
    return sum;
}

static char *anonymous(size_t size, int flags)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
}

static void stores(void)
{
    char *area = anonymous(PAGES * PAGE, MAP_PRIVATE), *both = anonymous(PAGES * PAGE, MAP_SHARED);
    for (int i = 0; i < PAGES; i++)
        area[i * PAGE + i] = both[i * PAGE + i] = i;
    say("before: %016llx", (unsigned long long)mix(area, PAGES * PAGE));
    pid_t child = fork();
    if (child == 0) {
        say("child sees: %016llx", (unsigned long long)mix(area, PAGES * PAGE));
        for (int i = 0; i < PAGES; i += 3)
            area[i * PAGE] = both[i * PAGE] = 77;
        data[0] = zeros[PAGE] = 88;
        say("child has: %016llx", (unsigned long long)mix(area, PAGES * PAGE));
        _exit(0);
    }
    reap("child", child);
    say("parent keeps: %016llx %d %d", (unsigned long long)mix(area, PAGES * PAGE), data[0], zeros[PAGE]);
    say("shared: %016llx", (unsigned long long)mix(both, PAGES * PAGE));
    munmap(area, PAGES * PAGE), munmap(both, PAGES * PAGE);
}

/* Several generations, each of which changes a page and leaves the others. */
static void generations(int depth, char *area)
{
    area[depth * PAGE] = 'a' + depth;
    if (depth < 6) {
        pid_t child = fork();
        if (child == 0) {
            generations(depth + 1, area);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    char seen[8] = "";
    for (int i = 0; i < 7; i++)
        seen[i] = area[i * PAGE] ? area[i * PAGE] : '.';
    say("generation %d sees %s", depth, seen);
}

static void layouts(void)
{
    char *area = anonymous(8 * PAGE, MAP_PRIVATE);
    memset(area, 'x', 8 * PAGE);
    pid_t child = fork();
    if (child == 0) {
        munmap(area, 2 * PAGE);
        mprotect(area + 2 * PAGE, PAGE, PROT_READ);
        mmap(area + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        say("child: new page %d, next %c", area[3 * PAGE], area[4 * PAGE]);
        area[2 * PAGE] = 1;
        _exit(0);
    }
    reap("child", child);
    memset(area, 'y', 8 * PAGE);
    say("parent still writes all: %c%c", area[0], area[8 * PAGE - 1]);
    mprotect(area, PAGE, PROT_READ);
    child = fork();
    if (child == 0) {
        mprotect(area, PAGE, PROT_READ | PROT_WRITE);
        area[0] = 'c';
        _exit(area[0] == 'c' ? 0 : 1);
    }
    reap("rights are each one's own", child);
    say("parent: %c", area[0]);
    madvise(area + PAGE, PAGE, MADV_DONTFORK);
    child = fork();
    if (child == 0) {
        say("child after DONTFORK: %c", area[2 * PAGE]);
        _exit(area[PAGE]);
    }
    reap("touches the page that was left out", child);
    madvise(area + 2 * PAGE, PAGE, 18 /* MADV_WIPEONFORK */);
    child = fork();
    if (child == 0)
        _exit(area[2 * PAGE]);
    reap("wiped page", child);
    child = fork();
    if (child == 0) {
        madvise(area + 4 * PAGE, PAGE, MADV_DONTNEED);
        _exit(area[4 * PAGE]);
    }
    reap("dropped page", child);
    say("parent: %c", area[4 * PAGE]);
}

/* musl has no sbrk. */
static char *brk_to(char *where)
{
    return (char *)syscall(SYS_brk, where);
}

static void brk_and_stack(void)
{
    char *top = brk_to(0), local[3 * PAGE];
    brk_to(top + 3 * PAGE);
    memset(top, 'h', 3 * PAGE), memset(local, 's', sizeof local);
    pid_t child = fork();
    if (child == 0) {
        brk_to(top + PAGE);
        local[0] = top[0] = 'c';
        brk_to(top + 2 * PAGE);
        say("child: zero again %d", top[PAGE]);
        _exit(0);
    }
    reap("child", child);
    say("parent: %c %c %c %d", top[0], top[3 * PAGE - 1], local[0], brk_to(0) == top + 3 * PAGE);
}

static void file(void)
{
    char name[] = "/tmp/copiesXXXXXX";
    int fd = mkstemp(name);
    ftruncate(fd, 2 * PAGE);
    pwrite(fd, "file", 4, 0);
    char *both = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *own = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    own[PAGE] = 'p';
    pid_t child = fork();
    if (child == 0) {
        memcpy(both, "FILE", 4);
        own[PAGE + 1] = 'c';
        say("child: %.4s %.4s %.2s", both, own, own + PAGE);
        _exit(0);
    }
    reap("child", child);
    char text[5] = "";
    pread(fd, text, 4, 0);
    say("parent: %.4s %.4s %.2s, read %s", both, own, own + PAGE, text);
    unlink(name);
}

/* The kernel stores into pages that are shared copy on write: read(), wait status, pipe(). */
static void kernel_stores(void)
{
    char *page = anonymous(2 * PAGE, MAP_PRIVATE);
    strcpy(page, "before");
    int ends[2], *status = (int *)(page + PAGE - 2);
    pipe(ends);
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(66);
        write(ends[1], "by read", 8);
        read(ends[0], page, 8);
        waitpid(grandchild, status, 0);
        say("child: %s, status across pages: %s", page, end(*status));
        _exit(0);
    }
    reap("child", child);
    say("parent: %s %d", page, *status);
}

int main(void)
{
    stores();
    generations(0, anonymous(8 * PAGE, MAP_PRIVATE));
    layouts();
    brk_and_stack();
    file();
    kernel_stores();
    return 0;
}
