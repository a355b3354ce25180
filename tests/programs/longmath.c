/* Long double functions that both libraries compute with x87 arithmetic alone, without its transcendental instructions. */
#include <math.h>
#include <stdio.h>

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static const long double arguments[] = { 0.1L, 0.5L, 1.0L, 1.5L, 2.0L, 3.25L, 10.0L };

static const struct { const char *name; long double (*f)(long double); } unary[] = {
    { "sinl", sinl }, { "cosl", cosl }, { "tanl", tanl }, { "cbrtl", cbrtl }, { "sqrtl", sqrtl },
};

int main(void)
{
    for (size_t f = 0; f < LENGTH(unary); f++)
        for (size_t i = 0; i < LENGTH(arguments); i++)
            printf("%s(%Lg) = %.17Lg\n", unary[f].name, arguments[i], unary[f].f(arguments[i]));
    for (size_t i = 0; i < LENGTH(arguments); i++)
        for (size_t j = 0; j < LENGTH(arguments); j++)
            printf("%Lg %Lg: fmod %La remainder %La nextafter %La copysign %La max %La dim %La\n", arguments[i], arguments[j], fmodl(arguments[i], arguments[j]),
                   remainderl(arguments[i], arguments[j]), nextafterl(arguments[i], arguments[j]), copysignl(arguments[i], -arguments[j]),
                   fmaxl(arguments[i], arguments[j]), fdiml(arguments[i], arguments[j]));
    return 0;
}
