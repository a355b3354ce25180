/* The calling convention: structures by value, variable arguments, alloca and variable-length arrays in recursion. */
#include <alloca.h>
#include <complex.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct small { char a; short b; };
struct mixed { double d; long n; };
struct floats { float x, y, z; };
struct large { long v[10]; };
struct packed { char c; long double l; } __attribute__((packed));
struct bits { unsigned a : 3, b : 7, c : 22; long long d : 40; };
union both { double d; uint64_t n; };

__attribute__((noinline)) static struct small f_small(struct small s) { return (struct small) { s.a + 1, s.b - 1 }; }
__attribute__((noinline)) static struct mixed f_mixed(struct mixed m, int k) { return (struct mixed) { m.d * k, m.n + k }; }
__attribute__((noinline)) static struct floats f_floats(struct floats f) { return (struct floats) { f.z, f.x, f.y }; }
__attribute__((noinline)) static struct large f_large(struct large l) { for (int i = 0; i < 10; i++) l.v[i] *= i; return l; }
__attribute__((noinline)) static struct packed f_packed(struct packed p) { p.l /= 3; return p; }
__attribute__((noinline)) static struct bits f_bits(struct bits b) { b.a++; b.b--; b.c ^= b.a; b.d = -b.d; return b; }
__attribute__((noinline)) static double many(int a, double b, long c, float d, char e, double f, short g, long double h, int i, int j, double k, double l, double m, double n, double o, double p)
{
    return a + b * c + d * e + f * g + (double)h + i - j + k - l + m * n - o / p;
}

static double sum(const char *kinds, ...)
{
    va_list list, copy;
    va_start(list, kinds);
    va_copy(copy, list);
    double total = 0;
    for (const char *k = kinds; *k; k++)
        switch (*k) {
        case 'i': total += va_arg(list, int); break;
        case 'l': total += va_arg(list, long); break;
        case 'd': total += va_arg(list, double); break;
        case 'L': total += va_arg(list, long double); break;
        case 's': total += strlen(va_arg(list, char *)); break;
        case 'm': total += va_arg(list, struct mixed).d; break;
        }
    total += kinds[0] == 'i' ? va_arg(copy, int) : 0;
    va_end(list), va_end(copy);
    return total;
}

__attribute__((noinline)) static unsigned stack(int depth)
{
    unsigned char array[depth * 13 + 1], *block = alloca(depth * 29 + 7);
    memset(array, depth, sizeof array);
    memset(block, depth * 3, depth * 29 + 7);
    unsigned below = depth ? stack(depth - 1) : 1;
    for (size_t i = 0; i < sizeof array; i++)
        below = below * 31 + array[i];
    return below * 31 + block[depth * 29 + 6];
}

__attribute__((noinline)) static unsigned long ackermann(unsigned long m, unsigned long n)
{
    return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

static int apply(int (*f)(int), int n) { return n ? f(apply(f, n - 1)) : 1; }
static int triple(int x) { return x * 3; }

int main(int argc, char **argv)
{
    struct small s = f_small((struct small) { 'x', -5 });
    struct mixed m = f_mixed((struct mixed) { 1.5, 100 }, 7);
    struct floats f = f_floats((struct floats) { 1.25f, 2.5f, 5.0f });
    struct large l = f_large((struct large) { { 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 } });
    struct packed p = f_packed((struct packed) { 'p', 1.0L });
    struct bits b = f_bits((struct bits) { 7, 0, 12345, -99 });
    printf("%c %d | %g %ld | %g %g %g | %ld %ld | %c %La | %u %u %u %lld\n", s.a, s.b, m.d, m.n, f.x, f.y, f.z, l.v[2], l.v[8], p.c, p.l, b.a,
           b.b, b.c, (long long)b.d);
    printf("many %a\n", many(1, 2.5, 3, 4.5f, 5, 6.5, 7, 8.5L, 9, 10, 11.5, 12.5, 13.5, 14.5, 15.5, 16.5));
    printf("sum %g\n", sum("iildLsmdddddddiiiiiL", 1, 2, 3L, 4.5, 5.5L, "six", (struct mixed) { 7.25, 0 }, .1, .2, .3, .4, .5, .6, .7, 1, 2, 3, 4, 5, 9.5L));
    printf("stack %u\n", stack(300));
    printf("ackermann %lu\n", ackermann(2, 300));
    printf("apply %d\n", apply(triple, 15));
    int outer = 5;
    int nested(int x) { return x + outer; }
    printf("nested %d\n", nested(6));
    printf("union %llx\n", (unsigned long long)((union both) { .d = -2.5 }).n);
    double complex z = (1 + 2 * I) * (3 - I) / (2 + I);
    printf("complex %g %g\n", creal(z), cimag(z));
    static const void *const labels[] = { &&zero, &&one, &&two };
    for (int i = 0; i < 3; i++) {
        goto *labels[(i * 2) % 3];
        zero: printf("zero "); continue;
        one: printf("one "); continue;
        two: printf("two "); continue;
    }
    printf("argc %d\n", argc);
    return 3;
}
