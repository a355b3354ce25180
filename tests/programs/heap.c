/* malloc under stress: many sizes, each block filled, checked, resized and freed in a fixed random order. */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 99;
static uint32_t next(void) { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; }

static size_t size_of_kind(uint32_t kind)
{
    switch (kind % 8) {
    case 0: return 1 + next() % 16;
    case 1: case 2: case 3: return 1 + next() % 256;
    case 4: case 5: return 1 + next() % 4096;
    case 6: return 1 + next() % 65536;
    default: return 1 + next() % 400000;
    }
}

static void check(const unsigned char *block, size_t size, unsigned char fill)
{
    for (size_t i = 0; i < size; i += i < 64 || i + 64 > size ? 1 : 61)
        if (block[i] != fill) {
            printf("byte %zu of %zu is %d, not %d\n", i, size, block[i], fill);
            exit(1);
        }
}

int main(void)
{
    enum { SLOTS = 300, ROUNDS = 6000 };
    static struct { unsigned char *block; size_t size; unsigned char fill; } slots[SLOTS];
    uint64_t total = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int i = next() % SLOTS;
        if (slots[i].block && next() % 3) {
            check(slots[i].block, slots[i].size, slots[i].fill);
            free(slots[i].block);
            slots[i].block = NULL;
            continue;
        }
        size_t size = size_of_kind(next()), kept = size < slots[i].size ? size : slots[i].size;
        if (slots[i].block) {
            slots[i].block = realloc(slots[i].block, size);
            check(slots[i].block, kept, slots[i].fill);
        } else if (next() % 4 == 0) {
            slots[i].block = calloc(size, 1);
            check(slots[i].block, size, 0);
        } else if (next() % 8 == 0) {
            size_t alignment = 16u << next() % 9;
            if (posix_memalign((void **)&slots[i].block, alignment, size) || (uintptr_t)slots[i].block % alignment)
                return 2;
        } else {
            slots[i].block = malloc(size);
        }
        if (!slots[i].block || (uintptr_t)slots[i].block % 16)
            return 3;
        slots[i].size = size;
        slots[i].fill = next();
        memset(slots[i].block, slots[i].fill, size);
        total += size;
    }
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].block)
            check(slots[i].block, slots[i].size, slots[i].fill), free(slots[i].block);
    printf("%llu bytes in all\n", (unsigned long long)total);
    void *huge = malloc((size_t)1 << 47);
    printf("absurd: %s\n", huge ? "given" : "refused");
    char *big = malloc(20 << 20);
    memset(big, 7, 20 << 20);
    big = realloc(big, 30 << 20);
    printf("grown: %d %d\n", big[0], big[(20 << 20) - 1]);
    free(big);
    return 0;
}
