/* strtod, strtol and sscanf: numbers read back, with where they stop and errno. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const numbers[] = {
    "0", "-0.0", "1e400", "-1e400", "1e-400", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "0x1.8p3", "0x.1p-1074",
    "0x1.fffffffffffff8p0", "inf", "-Infinity", "nan", "nan(123)", "  +12.5abc", ".5", "5.", ".", "1e", "1e+", "0x", "0xg",
    "179769313486231570000000000000000000000000000000000000000000000000000000000000000000000000000000", "0.1",
    "9007199254740993", "9007199254740992.9999999", "1.00000000000000011102230246251565404236316680908203125",
    "123456789012345678901234567890.123456789e-10", "2.2250738585072011e-308",
};

static const char *const integers[] = {
    "0", "-1", "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "0x7f", "077", "zz", "  12 34", "+-3", "0b101", "",
};

int main(void)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *end, *fend, *lend;
        errno = 0;
        double d = strtod(numbers[i], &end);
        int error = errno;
        float f = strtof(numbers[i], &fend);
        long double l = strtold(numbers[i], &lend);
        printf("%-40.40s %a stop %td errno %d | %a %td | %La %td\n", numbers[i], d, end - numbers[i], error, f,
               fend - numbers[i], l, lend - numbers[i]);
    }
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        for (int base = 0; base <= 36; base += 6) {
            char *end;
            errno = 0;
            long s = strtol(integers[i], &end, base);
            int error = errno;
            printf("'%s' base %d: %ld stop %td errno %d, %lu\n", integers[i], base, s, end - integers[i], error,
                   strtoul(integers[i], NULL, base));
        }
    int a = 0, b = 0, n = 0;
    unsigned u = 0;
    double d = 0;
    float f = 0;
    long double l = 0;
    char word[32] = "", set[32] = "", c = 0;
    printf("%d: ", sscanf("12 -34 beef", "%d%i%x", &a, &b, &u));
    printf("%d %d %x\n", a, b, u);
    printf("%d: ", sscanf("3.25 1e-3 7.5L word [set] x", "%lf %f %LfL %31s [%31[a-z]] %c%n", &d, &f, &l, word, set, &c, &n));
    printf("%g %g %Lg %s %s %c %d\n", d, f, l, word, set, c, n);
    printf("%d %d\n", sscanf("", "%d", &a), sscanf("x", "%d", &a));
    printf("%d: %d %s\n", sscanf("2024-02-29", "%d-%*d-%2s", &a, word), a, word);
    int x, y, z;
    while ((n = scanf("%d %31s %31s", &x, word, set)) == 3)
        printf("stdin: %d %s %s\n", x, word, set);
    printf("end: %d, eof %d, error %d\n", n, feof(stdin) != 0, ferror(stdin) != 0);
    printf("atof %g atoi %d atoll %lld\n", atof("2.5e3x"), atoi("-77x"), atoll("1234567890123"));
    return 0;
}
