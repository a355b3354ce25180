/* printf of floats, long doubles and integers in many formats, with every rounding mode of the C library's own code. */
#include <float.h>
#include <fenv.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <inttypes.h>

static const double values[] = {
    0.0, -0.0, 1.0, -1.0, 0.1, 0.5, 1.5, 2.5, 0.125, 3.141592653589793, 1e10, 123456789.0, 9.999999, 99999.95, 1e-5,
    1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, 1e100, 1e22, 1e23, 0.3, 2.0 / 3, 1234.5678, INFINITY, -INFINITY, NAN,
};

static const char *const formats[] = {
    "%f", "%e", "%g", "%a", "%.0f", "%.0e", "%.17g", "%#g", "%+.3f", "% 12.4e", "%-14.2f|", "%014.3f", "%.40f", "%G", "%A", "%.3a", "%'.1f",
};

static const int modes[] = { FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO };

int main(void)
{
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            printf("%s of %zu: ", formats[f], v);
            printf(formats[f], values[v]);
            putchar('\n');
        }
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        long double x = values[v] / 3.0L;
        printf("%Lf %Le %Lg %La %.25Lg %.0Lf\n", x, x, x, x, x, x);
    }
    printf("%Lg %Lg %Lg %La\n", LDBL_MAX, LDBL_MIN, LDBL_EPSILON, LDBL_MAX);
    volatile double third = 1.0 / 3, half = 0.5;
    for (int m = 0; m < 4; m++) {
        fesetround(modes[m]);
        printf("mode %d: %.5f %.5f %.0f %.0f %Lf %g\n", m, third, -third, half, -half, third / 7.0L, strtod("0.1", NULL));
    }
    fesetround(FE_TONEAREST);
    printf("%d %i %u %x %X %o %c %s %p %%\n", INT_MIN, INT_MAX, UINT_MAX, 48879, 48879, 511, 'c', "string", (void *)0x1234);
    printf("%hhd %hd %ld %lld %zu %jd %td\n", (char)-3, (short)-4, LONG_MIN, LLONG_MAX, SIZE_MAX, INTMAX_MIN, (ptrdiff_t)-9);
    printf("%#x %#o %+d % d %05d %-5d| %5d %.5d %*d %-*d| %.*s\n", 255, 8, 5, 5, 42, 42, 42, 42, 7, 3, 7, 3, 2, "abc");
    printf("%2$s %1$d %2$.1s\n", 17, "positional");
    int count;
    printf("count%n", &count);
    printf(" %d\n", count);
    char buffer[16];
    printf("%d %s\n", snprintf(buffer, sizeof buffer, "%s-%d-%s", "truncated", 12345, "tail"), buffer);
    printf("%ls %lc\n", L"wide", L'w');
    return 0;
}
