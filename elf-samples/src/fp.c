/*
 * fp - floating-point arithmetic in SSE2 (double, float) and x87 (long double), each result as its bits.
 *
 * IEEE 754 leaves no choice in these operations, so any x86-64 prints the same. The inputs are volatile: otherwise
 * the compiler would compute the results and the processor would only print them.
 *
 * Look for: 0.1 + 0.2 is not 0.3, but is one bit off; 0/0 gives x86's default NaN, which is negative; an integer
 * out of range becomes the integer indefinite, 0x8000000000000000; x87 has 64 bits of significand, SSE2's double 53.
 */
#include "rt.h"

enum { MXCSR_RC_SHIFT = 13, MXCSR_FLAGS = 0x3f, MXCSR_DEFAULT = 0x1f80 };

static volatile double zero = 0.0, one = 1.0, two = 2.0, three = 3.0, tenth = 0.1, fifth = 0.2, big = 1e308,
                       tiny = 2.2250738585072014e-308;
static volatile float onef = 1.0f, threef = 3.0f, tenthf = 0.1f, bigf = 3e38f;
static volatile long double onel = 1.0L, twol = 2.0L, threel = 3.0L, tenthl = 0.1L,
                            tinyl = 3.3621031431120935063e-4932L;

static void show_double(const char *what, double value)
{
    union { double value; uint64_t bits; } u = { .value = value };
    print("double       %-22s %016lx\n", what, u.bits);
}

static void show_float(const char *what, float value)
{
    union { float value; uint32_t bits; } u = { .value = value };
    print("float        %-22s %08x\n", what, u.bits);
}

static void show_long_double(const char *what, long double value)
{
    union { long double value; struct { uint64_t significand; uint16_t sign_exponent; } bits; } u = { .value = value };
    print("long double  %-22s %04x %016lx\n", what, u.bits.sign_exponent, u.bits.significand);
}

static void show_integer(const char *what, long value)
{
    print("integer      %-22s %016lx\n", what, (unsigned long)value);
}

static uint32_t get_mxcsr(void)
{
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return mxcsr;
}

static void set_mxcsr(uint32_t mxcsr)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr) : "memory");
}

static void doubles(void)
{
    double sum = 0;
    for (int i = 1; i <= 1000; i++)
        sum += one / i;
    show_double("0.1 + 0.2", tenth + fifth);
    show_double("1 - 0.1", one - tenth);
    show_double("1 / 3", one / three);
    show_double("sqrt(2)", __builtin_sqrt(two));
    show_double("1 + 1/2 + .. + 1/1000", sum);
    show_double("1e308 * 3", big * three);
    show_double("smallest normal / 3", tiny / three);
    show_double("0 / 0", zero / zero);
    show_double("-0 + 0", -zero + zero);
    show_integer("(long)(1e308)", (long)big);
    show_integer("(long)(-2/3 * 1e15)", (long)(-two / three * 1e15));
}

/* 1/3 and -1/3 in the four rounding modes of MXCSR.RC. */
static void rounding_modes(void)
{
    static const char *const names[] = { "nearest", "down", "up", "to zero" };
    for (unsigned mode = 0; mode < 4; mode++) {
        set_mxcsr(MXCSR_DEFAULT | mode << MXCSR_RC_SHIFT);
        /* Volatile keeps the divisions between the two loads of MXCSR. */
        volatile double plus = one / three, minus = -one / three;
        set_mxcsr(MXCSR_DEFAULT);
        union { double value; uint64_t bits; } p = { .value = plus }, m = { .value = minus };
        print("rounding     %-8s 1/3 %016lx -1/3 %016lx\n", names[mode], p.bits, m.bits);
    }
}

/* The sticky exception flags, bit by bit: invalid, denormal, zero divide, overflow, underflow, precision. */
static void sticky_flags(void)
{
    volatile double sink;
    set_mxcsr(MXCSR_DEFAULT);
    sink = one / three;
    print("mxcsr flags  %-22s %02x\n", "1 / 3", get_mxcsr() & MXCSR_FLAGS);
    sink = one / zero;
    print("mxcsr flags  %-22s %02x\n", "and 1 / 0", get_mxcsr() & MXCSR_FLAGS);
    sink = big * big;
    print("mxcsr flags  %-22s %02x\n", "and 1e308 * 1e308", get_mxcsr() & MXCSR_FLAGS);
    (void)sink;
}

static void floats(void)
{
    float sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += tenthf;
    show_float("1 / 3", onef / threef);
    show_float("sqrt(3)", __builtin_sqrtf(threef));
    show_float("0.1 added 1000 times", sum);
    show_float("3e38 * 3", bigf * threef);
    show_float("(float)0.1", (float)tenth);
    show_double("(double)0.1f", (double)tenthf);
}

static void long_doubles(void)
{
    long double factorial = onel;
    for (int i = 2; i <= 30; i++)
        factorial *= i;
    show_long_double("0.1 * 3", tenthl * threel);
    show_long_double("1 / 3", onel / threel);
    show_long_double("sqrt(2)", __builtin_sqrtl(twol));
    show_long_double("30!", factorial);
    show_long_double("smallest normal / 3", tinyl / threel);
    show_long_double("from 0.1", (long double)tenth);
    show_double("from 1/3 in x87", (double)(onel / threel));
    show_integer("(long)(30! / 29!)", (long)(factorial / (factorial / (30 * onel))));
}

int main(void)
{
    doubles();
    rounding_modes();
    sticky_flags();
    floats();
    long_doubles();
    return 0;
}
