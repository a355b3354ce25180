/*
 * matrix - the product of two N x N matrices of doubles (default 64), once along rows and once along columns.
 *
 * Look for: both orders execute the same additions and multiplications, but the inner loop of the second walks down a
 * column, a row's length at each step: for N = 512 that is a new page with each load.
 */
#include "rt.h"

enum { MAX_N = 512 };

static double a[MAX_N * MAX_N], b[MAX_N * MAX_N], c[MAX_N * MAX_N], d[MAX_N * MAX_N];

static void along_rows(size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                c[i * n + j] += a[i * n + k] * b[k * n + j];
}

static void along_columns(size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < n; k++)
                d[i * n + j] += a[i * n + k] * b[k * n + j];
}

int main(int argc, char **argv)
{
    unsigned long n = 64;
    if (argc > 1 && (!parse_number(argv[1], &n) || n < 1 || n > MAX_N)) {
        print("usage: matrix [N], N from 1 to %u\n", MAX_N);
        return 2;
    }
    for (size_t i = 0; i < n * n; i++) {
        a[i] = (double)(i % 7) + 0.5;
        b[i] = (double)(i % 11) - 3.25;
    }
    along_rows(n);
    along_columns(n);
    double trace = 0;
    for (size_t i = 0; i < n; i++) {
        check("both orders give the same", c[i * n + i] == d[i * n + i]);
        trace += c[i * n + i];
    }
    print("trace of the product, times 16: %lu\n", (unsigned long)(trace * 16));
    return 0;
}
