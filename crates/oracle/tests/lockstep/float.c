// Floating point in all widths: matrices, series, the mathematical library, formatting and parsing. Usage: float ROUNDS
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 16 };
static double a[N][N], b[N][N], c[N][N];
static float x[256], y[256];
static unsigned char pixels[1024];

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    double total = 0;
    long double exact = 0;
    for (int r = 1; r <= rounds; r++) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) a[i][j] = sin(i * r + j), b[i][j] = 1.0 / (i + j + r), c[i][j] = 0;
        for (int i = 0; i < N; i++)
            for (int k = 0; k < N; k++)
                for (int j = 0; j < N; j++) c[i][j] += a[i][k] * b[k][j];
        for (int i = 0; i < 256; i++) x[i] = (float)i / r, y[i] = sqrtf(x[i]) - x[i] * 0.25f;
        float dot = 0, low = 0;
        for (int i = 0; i < 256; i++) dot += x[i] * y[255 - i], low = y[i] < low ? y[i] : low;
        for (int i = 0; i < 1024; i++) pixels[i] = (unsigned char)(pixels[i] * 3 + i * r >> 1);
        int bright = 0;
        for (int i = 0; i < 1024; i++) bright += pixels[i] > 100 ? pixels[i] - 100 : 0;
        for (int i = 1; i < 40; i++) exact += 1.0L / ((long double)i * i) - (long double)r / (i + 0.5L);
        total += c[r % N][(r * 7) % N] + dot + low + bright + exp(-r) + log1p(r) + pow(r, 0.3) + fmod(r * 1e10, 3.7) + cbrt(r);
        total += (double)(long)(total * 1000) + (double)(unsigned)r + lrint(total) + floor(total) - ceil(total / 3) + round(dot);
        char text[128];
        snprintf(text, sizeof text, "%.17g %a %Lg %g", total, total, exact, (double)dot);
        total = strtod(text, 0) + strtof("0x1.8p3", 0);
        total = isfinite(total) && fabs(total) < 1e12 ? total : 1;
    }
    printf("%.17g %.20Lg\n", total, exact);
    return 0;
}
