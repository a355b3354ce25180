/*
 * sieve - primes below N (default 2,000,000) by the sieve of Eratosthenes: integer work with a stride that grows.
 *
 * Look for: the outer loop walks pages one after the other, but striking out multiples of a prime above 4096 touches
 * a new page with each store, so the same instruction meets few TLB misses early on and almost nothing else later.
 */
#include "rt.h"

enum { DEFAULT_LIMIT = 2000000, MAX_LIMIT = 64 << 20 };

static unsigned char composite[MAX_LIMIT];

int main(int argc, char **argv)
{
    unsigned long limit = DEFAULT_LIMIT;
    if (argc > 1 && (!parse_number(argv[1], &limit) || limit < 2 || limit > MAX_LIMIT)) {
        print("usage: sieve [N], N from 2 to %u\n", MAX_LIMIT);
        return 2;
    }
    unsigned long count = 0;
    for (unsigned long i = 2; i < limit; i++) {
        if (composite[i])
            continue;
        count++;
        for (unsigned long j = i * i; j < limit; j += i)
            composite[j] = 1;
    }
    print("%lu primes below %lu\n", count, limit);
    return 0;
}
