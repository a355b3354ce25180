/* mmap, munmap, mremap, mprotect, madvise and brk: contents and errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };
static sigjmp_buf back;
static volatile int code;
static void caught(int number, siginfo_t *info, void *context) { code = number * 10 + info->si_code; siglongjmp(back, 1); }

static int touch(volatile char *at, int store)
{
    code = 0;
    if (!sigsetjmp(back, 1)) {
        char c = *at;
        if (store)
            *at = c;
    }
    return code;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &action, NULL), sigaction(SIGBUS, &action, NULL);
    char *a = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(a, 'a', 16 * PAGE);
    munmap(a + 4 * PAGE, 2 * PAGE);
    mprotect(a + 8 * PAGE, PAGE, PROT_READ);
    mprotect(a + 9 * PAGE, PAGE, PROT_NONE);
    for (int i = 3; i < 11; i++)
        printf("page %d: read %d write %d\n", i, touch(a + i * PAGE, 0), touch(a + i * PAGE, 1));
    char *fixed = mmap(a + 4 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("fixed %d, zero %d\n", fixed == a + 4 * PAGE, fixed[5]);
    printf("noreplace %d errno %d\n", mmap(a, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED, errno);
    madvise(a, 2 * PAGE, MADV_DONTNEED);
    printf("dontneed %d %c\n", a[100], a[2 * PAGE]);
    char *b = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(b + 3 * PAGE, "moved along");
    b = mremap(b, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    printf("mremap %s, new tail %d\n", b + 3 * PAGE, b[60 * PAGE]);
    b = mremap(b, 64 * PAGE, 2 * PAGE, 0);
    printf("shrunk: %d\n", touch(b + 3 * PAGE, 0));
    int fd = open("text", O_RDONLY);
    struct stat st;
    fstat(fd, &st);
    char *file = mmap(NULL, st.st_size + 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    printf("file %.30s, tail %d, beyond %d\n", file, file[st.st_size], touch(file + (st.st_size + PAGE) / PAGE * PAGE, 0));
    file[0] = '#';
    char first;
    pread(fd, &first, 1, 0);
    printf("copy %c, file %c\n", file[0], first == '#' ? '!' : '=');
    char *shifted = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    printf("offset %d\n", memcmp(shifted, file + PAGE, PAGE));
    printf("shared write %d errno %d\n", mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED, errno);
    printf("misaligned %d errno %d\n", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 100) == MAP_FAILED, errno);
    printf("empty %d errno %d\n", mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, errno);
    printf("bad fd %d errno %d\n", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED, errno);
    printf("absurd %d errno %d\n", mmap(NULL, (size_t)1 << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, errno);
    printf("mprotect hole %d errno %d\n", mprotect((void *)0x10000000000, PAGE, PROT_READ), errno);
#ifdef __GLIBC__ /* musl leaves the break to its malloc */
    char *heap = sbrk(0);
    sbrk(10 * PAGE);
    heap[9 * PAGE] = 5;
    sbrk(-9 * PAGE);
    printf("brk moved %td\n", (char *)sbrk(0) - heap);
#endif
    unsigned char code[] = { 0x8d, 0x04, 0x77, 0xc3 }; /* lea eax, [rdi + 2 * rsi]; ret */
    unsigned char *jit = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(jit, code, sizeof code);
    mprotect(jit, PAGE, PROT_READ | PROT_EXEC);
    printf("jit %d\n", ((int (*)(int, int))jit)(3, 5));
    mprotect(jit, PAGE, PROT_READ);
    if (!sigsetjmp(back, 1))
        ((int (*)(int, int))jit)(1, 1);
    printf("not executable %d\n", touch((char *)jit, 0));
    unsigned char vector[4];
    printf("mincore %d\n", mincore(a, 4 * PAGE, vector));
    char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[PAGE] = 's';
    printf("shared anonymous %c %d\n", shared[PAGE], shared[0]);
    return 0;
}
