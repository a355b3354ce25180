/*
 * More memory than there is: fills, hashes, sorts and forks over regions of anonymous memory, of a private and of a shared
 * mapping of a file, each in turn. What it prints does not depend on how much of it is in RAM.
 *
 * Usage: pressure [MEBIBYTES [SEED]] (default 2 and 1). The regions have that size each; they live one after the other.
 */
#include "say.h"

enum { PAGE = 4096 };

static uint64_t *region;
static size_t words;
static uint64_t seed = 1;

/* SplitMix64: the number of a place does not depend on the places before. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* FNV-1a by words. */
static uint64_t hash(void)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < words; i++)
        h = (h ^ region[i]) * 0x100000001b3u;
    return h;
}

static void fill(void)
{
    for (size_t i = 0; i < words; i++)
        region[i] = mix(seed * 1000003 + i);
}

/* Shell sort: passes with wide and then ever narrower strides, so that each pass uses every page. */
static void sort(void)
{
    size_t gap = 1;
    while (gap < words / 9)
        gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3)
        for (size_t i = gap; i < words; i++) {
            uint64_t value = region[i];
            size_t at = i;
            for (; at >= gap && region[at - gap] > value; at -= gap)
                region[at] = region[at - gap];
            region[at] = value;
        }
}

/* Words of pages here and there, in an order that has nothing to do with where they are. */
static void scatter(unsigned rounds)
{
    for (size_t i = 0; i < rounds * (words / 64); i++) {
        uint64_t where = mix(seed + 77 * i);
        region[where % words] ^= where;
    }
}

static int is_sorted(void)
{
    for (size_t i = 1; i < words; i++)
        if (region[i - 1] > region[i])
            return 0;
    return 1;
}

/* A child changes each fourth page and hashes the whole, while the parent changes others. */
static void fork_over(const char *name, int shared)
{
    int ready[2];
    uint64_t of_child = 0;
    if (pipe(ready))
        _exit(98);
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < words; i += 4 * PAGE / sizeof *region)
            region[i] = ~region[i];
        of_child = hash();
        _exit(write(ready[1], &of_child, sizeof of_child) != sizeof of_child);
    }
    /* What both change in a shared mapping would depend on whose turn it is. */
    int status = 0;
    if (shared)
        waitpid(child, &status, 0);
    for (size_t i = PAGE / sizeof *region; i < words; i += 4 * PAGE / sizeof *region)
        region[i] += 3;
    if (!shared)
        waitpid(child, &status, 0);
    if (read(ready[0], &of_child, sizeof of_child) != sizeof of_child)
        _exit(97);
    close(ready[0]);
    close(ready[1]);
    say("%s: child %016llx (%s), parent %016llx", name, (unsigned long long)of_child, end(status),
        (unsigned long long)hash());
}

static void work(const char *name, int flags, int fd)
{
    region = mmap(0, words * sizeof *region, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (region == MAP_FAILED) {
        say("%s: mmap: %s", name, strerror(errno));
        _exit(96);
    }
    say("%s: at first %016llx", name, (unsigned long long)hash());
    fill();
    say("%s: filled %016llx", name, (unsigned long long)hash());
    scatter(4);
    say("%s: scattered %016llx", name, (unsigned long long)hash());
    fork_over(name, flags & MAP_SHARED);
    sort();
    say("%s: sorted %016llx, %s", name, (unsigned long long)hash(), is_sorted() ? "in order" : "OUT OF ORDER");
    munmap(region, words * sizeof *region);
}

/* The file as read() sees it. */
static uint64_t file_hash(int fd)
{
    uint64_t h = 0xcbf29ce484222325u, buffer[PAGE / 8];
    lseek(fd, 0, SEEK_SET);
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;)
        for (size_t i = 0; i < got / sizeof *buffer; i++)
            h = (h ^ buffer[i]) * 0x100000001b3u;
    return h;
}

int main(int argc, char **argv)
{
    words = (argc > 1 ? strtoul(argv[1], 0, 0) : 2) * 1024 * 1024 / sizeof *region;
    seed = argc > 2 ? strtoull(argv[2], 0, 0) : 1;
    if (words == 0) {
        say("usage: pressure [MEBIBYTES [SEED]]");
        return 2;
    }
    char path[64];
    snprintf(path, sizeof path, "/tmp/pressure-%d", getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        say("open: %s", strerror(errno));
        return 1;
    }
    unlink(path);
    uint64_t page[PAGE / 8];
    for (size_t at = 0; at < words; at += PAGE / 8) {
        for (size_t i = 0; i < PAGE / 8; i++)
            page[i] = mix(~seed ^ (at + i));
        if (write(fd, page, sizeof page) != sizeof page) {
            say("write: %s", strerror(errno));
            return 1;
        }
    }
    say("file: %016llx", (unsigned long long)file_hash(fd));
    work("anonymous", MAP_PRIVATE | MAP_ANONYMOUS, -1);
    work("shared anonymous", MAP_SHARED | MAP_ANONYMOUS, -1);
    work("private file", MAP_PRIVATE, fd);
    say("file: %016llx", (unsigned long long)file_hash(fd));
    work("shared file", MAP_SHARED, fd);
    say("file: %016llx", (unsigned long long)file_hash(fd));
    return 0;
}
