// Integers and strings: sorting, searching, hashing, formatting. Usage: sort ROUNDS
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t crc(const unsigned char *p, size_t n) {
    uint32_t c = ~0u;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c >> 1 ^ (0xedb88320u & -(c & 1));
    }
    return ~c;
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 20;
    uint64_t sum = 0;
    for (int r = 0; r < rounds; r++) {
        size_t n = 100 + next() % 200;
        int64_t *v = malloc(n * sizeof *v);
        for (size_t i = 0; i < n; i++) v[i] = (int64_t)(next() >> (next() % 60)) * (next() & 1 ? 1 : -1);
        qsort(v, n, sizeof *v, by_value);
        for (size_t i = 1; i < n; i++) {
            int64_t d = v[i] - v[i - 1];
            sum += (uint64_t)v[i] / (uint64_t)(d ? d : 7) + (uint64_t)__builtin_popcountll(d) + v[i] % 1009;
            sum = sum << 5 | sum >> 59;
        }
        int64_t key = v[n / 2], *found = bsearch(&key, v, n, sizeof *v, by_value);
        char text[256];
        int len = snprintf(text, sizeof text, "%d: %zu %lld %#llx %s", r, n, (long long)*found, (unsigned long long)sum, argv[0]);
        char *copy = malloc(len + 1);
        memcpy(copy, text, len + 1);
        for (char *p = copy; *p; p++) *p ^= 0x20 * (*p >= 'a' && *p <= 'z');
        sum += crc((unsigned char *)copy, len) + strlen(copy) + (strstr(copy, "SORT") != 0) + (memchr(copy, ':', len) - (void *)copy);
        unsigned __int128 wide = (unsigned __int128)sum * next();
        sum ^= (uint64_t)(wide >> 64) + (uint64_t)(wide / 10007);
        free(copy);
        free(v);
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
