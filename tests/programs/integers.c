/* 64- and 128-bit arithmetic, shifts, rotates, bit counts, overflow and conversions, over a grid of awkward numbers. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

typedef unsigned __int128 u128;
typedef __int128 i128;

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static const uint64_t grid[] = {
    0, 1, 2, 3, 7, 10, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
    0x123456789abcdef, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001, 0xfffffffffffffffe, 0xffffffffffffffff,
};

static void show(const char *what, u128 x)
{
    printf(" %s %" PRIx64 ":%" PRIx64, what, (uint64_t)(x >> 64), (uint64_t)x);
}

__attribute__((noinline)) static void pair(uint64_t a, uint64_t b)
{
    int64_t s = a, t = b, sum, product;
    uint32_t a32 = a, b32 = b;
    uint16_t a16 = a, b16 = b;
    uint8_t a8 = a, b8 = b;
    unsigned n = b & 63;
    printf("%" PRIx64 " %" PRIx64 ":", a, b);
    printf(" %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64, a + b, a - b, a * b, a & b, a ^ b);
    if (b)
        printf(" div %" PRIu64 " %" PRIu64, a / b, a % b);
    if (t && !(s == INT64_MIN && t == -1))
        printf(" idiv %" PRId64 " %" PRId64, s / t, s % t);
    printf(" shift %" PRIx64 " %" PRIx64 " %" PRIx64 " rot %" PRIx64 " %" PRIx64, a << n, a >> n, (uint64_t)(s >> n),
           (a << n) | (a >> (-n & 63)), (a >> n) | (a << (-n & 63)));
    printf(" over %d %d", __builtin_add_overflow(s, t, &sum), __builtin_mul_overflow(s, t, &product));
    printf(" 32 %x %x %x %d", a32 + b32, a32 * b32, a32 << (b32 & 31), (int32_t)a32 >> (b32 & 31));
    printf(" 16 %x %x 8 %x %x %d", (uint16_t)(a16 + b16), (uint16_t)(a16 * b16), (uint8_t)(a8 - b8), (uint8_t)(a8 * b8), (int8_t)a8 < (int8_t)b8);
    printf(" cmp %d%d%d%d", a < b, a <= b, s < t, s <= t);
    show("mul", (u128)a * b);
    show("imul", (i128)s * t);
    u128 wide = ((u128)a << 64) | b;
    show("shl", wide << n);
    show("sar", (i128)wide >> n);
    show("add", wide + ((u128)b << 64 | a));
    if (a)
        show("div", wide / a), show("mod", wide % (a | 1)), show("idiv", (i128)wide / (int64_t)(a | 1));
    putchar('\n');
}

int main(void)
{
    for (size_t i = 0; i < LENGTH(grid); i++) {
        uint64_t a = grid[i];
        printf("%" PRIx64 ": pop %d swap %" PRIx64 " %x %x", a, __builtin_popcountll(a), __builtin_bswap64(a), __builtin_bswap32(a), __builtin_bswap16(a));
        if (a)
            printf(" clz %d ctz %d ffs %d", __builtin_clzll(a), __builtin_ctzll(a), __builtin_ffsll(a));
        printf(" double %a %a float %a long double %La", (double)a, (double)(int64_t)a, (float)a, (long double)a);
        if (a < 0x8000000000000000)
            printf(" back %" PRIu64 " %" PRId64, (uint64_t)(double)a, a < 0x7fffffff00000000 ? (int64_t)(float)a : 0);
        printf(" wide %a %a\n", (double)((u128)a << 40 | a), (double)-(i128)((u128)a << 3));
        for (size_t j = 0; j < LENGTH(grid); j++)
            pair(a, grid[j]);
    }
    return 0;
}
