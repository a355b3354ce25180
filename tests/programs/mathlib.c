/* math.h: each function over a grid of arguments, as bits. */
#include <complex.h>
#include <fenv.h>
#include <math.h>
#include <stdio.h>

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static const double arguments[] = {
    0.0, -0.0, 1e-310, 1e-20, 0.1, -0.3, 0.5, 0.75, 1.0, -1.0, 1.5, 2.0, -2.5, 3.0, 7.25, 10.0, -33.3, 100.0, 1234.5678, 1e6, 1e15, 1e22,
    -1e100, 1e300, INFINITY, -INFINITY, NAN,
};

static const struct { const char *name; double (*f)(double); } unary[] = {
    { "sin", sin }, { "cos", cos }, { "tan", tan }, { "asin", asin }, { "acos", acos }, { "atan", atan }, { "sinh", sinh },
    { "cosh", cosh }, { "tanh", tanh }, { "asinh", asinh }, { "acosh", acosh }, { "atanh", atanh }, { "exp", exp },
    { "exp2", exp2 }, { "expm1", expm1 }, { "log", log }, { "log2", log2 }, { "log10", log10 }, { "log1p", log1p },
    { "sqrt", sqrt }, { "cbrt", cbrt }, { "floor", floor }, { "ceil", ceil }, { "trunc", trunc }, { "round", round },
    { "rint", rint }, { "nearbyint", nearbyint }, { "fabs", fabs }, { "erf", erf }, { "erfc", erfc }, { "tgamma", tgamma },
    { "lgamma", lgamma }, { "logb", logb }, { "j0", j0 }, { "y1", y1 },
};

static const struct { const char *name; double (*f)(double, double); } binary[] = {
    { "pow", pow }, { "fmod", fmod }, { "atan2", atan2 }, { "hypot", hypot }, { "remainder", remainder }, { "fmin", fmin },
    { "fmax", fmax }, { "fdim", fdim }, { "copysign", copysign }, { "nextafter", nextafter },
};

static const struct { const char *name; float (*f)(float); } single[] = {
    { "sinf", sinf }, { "cosf", cosf }, { "expf", expf }, { "logf", logf }, { "sqrtf", sqrtf }, { "cbrtf", cbrtf },
    { "floorf", floorf }, { "rintf", rintf }, { "tanhf", tanhf }, { "exp2f", exp2f },
};

static const struct { const char *name; long double (*f)(long double); } extended[] = {
    { "sqrtl", sqrtl }, { "fabsl", fabsl }, { "floorl", floorl }, { "ceill", ceill }, { "truncl", truncl }, { "rintl", rintl },
    { "roundl", roundl }, { "logbl", logbl },
};

/* The sign of a NaN that an operation makes is the processor's; which one a library makes is no matter of ours. */
static void show(const char *name, double x, double y, double result)
{
    if (isnan(result))
        printf("%s(%g, %g) = nan\n", name, x, y);
    else
        printf("%s(%g, %g) = %a\n", name, x, y, result);
}

int main(void)
{
    for (size_t f = 0; f < LENGTH(unary); f++)
        for (size_t i = 0; i < LENGTH(arguments); i++)
            show(unary[f].name, arguments[i], 0, unary[f].f(arguments[i]));
    for (size_t f = 0; f < LENGTH(binary); f++)
        for (size_t i = 0; i < LENGTH(arguments); i++)
            for (size_t j = 0; j < LENGTH(arguments); j++)
                show(binary[f].name, arguments[i], arguments[j], binary[f].f(arguments[i], arguments[j]));
    for (size_t f = 0; f < LENGTH(single); f++)
        for (size_t i = 0; i < LENGTH(arguments); i++)
            show(single[f].name, arguments[i], 0, single[f].f(arguments[i]));
    for (size_t f = 0; f < LENGTH(extended); f++)
        for (size_t i = 0; i < LENGTH(arguments); i++)
            printf("%s(%g) = %La\n", extended[f].name, arguments[i], extended[f].f(arguments[i] / 3.0L));
    for (size_t i = 0; i < LENGTH(arguments); i++) {
        int exponent;
        double whole, fraction = modf(arguments[i], &whole), mantissa = frexp(arguments[i], &exponent);
        if (isfinite(arguments[i]))
            printf("modf %a %a frexp %a %d ldexp %a ilogb %d lrint %ld\n", fraction, whole, mantissa, exponent,
                   ldexp(arguments[i], -3), ilogb(arguments[i]), fabs(arguments[i]) < 1e15 ? lrint(arguments[i]) : 0);
        printf("class %d %d %d %d\n", fpclassify(arguments[i]), !!signbit(arguments[i]), !!isnormal(arguments[i]), !!isinf(arguments[i]));
        printf("fma %a\n", fabs(fma(arguments[i], 0.1, 0.3)));
    }
    feclearexcept(FE_ALL_EXCEPT);
    volatile double zero = 0, one = 1, big = 1e308, tiny = 1e-308;
    volatile double r = one / zero;
    printf("flags %x", fetestexcept(FE_ALL_EXCEPT));
    r = big * big;
    printf(" %x", fetestexcept(FE_ALL_EXCEPT));
    r = tiny * tiny;
    printf(" %x", fetestexcept(FE_ALL_EXCEPT));
    r = zero / zero;
    printf(" %x\n", fetestexcept(FE_ALL_EXCEPT));
    double complex z = csqrt(-3 + 4 * I) * cexp(I * 0.5);
    printf("complex %a %a %a\n", creal(z), cimag(z), cabs(z));
    return 0;
}
