/* qsort, bsearch, a tree (tsearch) and a hash table over numbers that a fixed generator makes. */
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record { uint32_t key; char text[20]; double weight; };

static uint64_t state = 12345;
static uint32_t next(void) { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; }

static int by_key(const void *a, const void *b)
{
    uint32_t x = ((const struct record *)a)->key, y = ((const struct record *)b)->key;
    return (x > y) - (x < y);
}
static int by_text(const void *a, const void *b) { return strcmp(((const struct record *)a)->text, ((const struct record *)b)->text); }
static int by_weight(const void *a, const void *b)
{
    double x = ((const struct record *)a)->weight, y = ((const struct record *)b)->weight;
    return x < y ? -1 : x > y;
}
static int descending(const void *a, const void *b) { return *(const int *)b - *(const int *)a; }

static unsigned visited;
static void visit(const void *node, VISIT which, int depth)
{
    if (which == leaf || which == postorder)
        visited = visited * 31 + **(const uint32_t *const *)node;
}

int main(void)
{
    enum { COUNT = 20000 };
    struct record *records = malloc(COUNT * sizeof *records);
    for (int i = 0; i < COUNT; i++) {
        records[i].key = next();
        sprintf(records[i].text, "item-%u", next() % 100000);
        records[i].weight = next() / 1e3 - 1e6;
    }
    int (*const orders[])(const void *, const void *) = { by_text, by_weight, by_key };
    for (int o = 0; o < 3; o++) {
        qsort(records, COUNT, sizeof *records, orders[o]);
        for (int i = 1; i < COUNT; i++)
            if (orders[o](&records[i - 1], &records[i]) > 0)
                return 1;
        printf("order %d: %u %s %.3f .. %u %s %.3f\n", o, records[0].key, records[0].text, records[0].weight, records[COUNT - 1].key,
               records[COUNT - 1].text, records[COUNT - 1].weight);
    }
    int found = 0;
    for (int i = 0; i < COUNT; i += 7) {
        struct record probe = { .key = records[i].key + i % 2 };
        found += bsearch(&probe, records, COUNT, sizeof *records, by_key) != NULL;
    }
    printf("found %d\n", found);
    void *root = NULL;
    for (int i = 0; i < 2000; i++)
        tsearch(&records[(i * 7919) % COUNT].key, &root, by_key);
    twalk(root, visit);
    printf("tree %u\n", visited);
    int small[64];
    for (int i = 0; i < 64; i++)
        small[i] = next() % 1000;
    qsort(small, 64, sizeof *small, descending);
    for (int i = 0; i < 64; i++)
        printf("%d%c", small[i], i % 16 == 15 ? '\n' : ' ');
    hcreate(512);
    for (int i = 0; i < 300; i++)
        hsearch((ENTRY) { .key = records[i].text, .data = (void *)(intptr_t)i }, ENTER);
    ENTRY *entry = hsearch((ENTRY) { .key = records[123].text }, FIND);
    printf("hash %s\n", entry ? entry->key : "none");
    srand(42), srandom(42), srand48(42);
    printf("rand %d %d %ld %.17g\n", rand(), rand(), random(), drand48());
    return 0;
}
