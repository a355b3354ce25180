/*
 * smc - self-modifying code: patches functions on a writable and executable page and calls them, over and over.
 *
 *     smc [ROUNDS]   default 1000
 *
 * Three ways, each told apart by its own sum:
 *   patch   the caller changes the immediate of `mov eax, imm32`, then calls it.
 *   ahead   the function stores into its own next instruction, which follows in the same straight line of code. An
 *           x86 processor notices the store to code it has fetched already and starts over behind it.
 *   cross   as `patch`, but the instruction begins on one page and ends on the next, so a store to the second page
 *           must spoil an instruction that starts on the first.
 *
 * Look for: no fault but the first touch of each page, and yet every store reaches code that was executed before:
 * whoever caches decoded instructions must watch the pages they came from.
 */
#include "rt.h"

typedef unsigned function(unsigned argument);

static const uint8_t mov_ret[] = {
    0xb8, 0, 0, 0, 0, /* mov eax, imm32 */
    0xc3,             /* ret */
};

static const uint8_t store_ahead[] = {
    0x89, 0x3d, 1, 0, 0, 0, /* mov [rip+1], edi: the next instruction's immediate */
    0xb8, 0, 0, 0, 0,       /* mov eax, imm32 */
    0xc3,                   /* ret */
};

enum { IMMEDIATE = 1 }; /* where the immediate of mov_ret begins */

static void place(uint8_t *at, const uint8_t *code, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile uint8_t *)at)[i] = code[i];
}

static unsigned long patch_and_call(uint8_t *code, unsigned long rounds)
{
    unsigned long sum = 0;
    for (unsigned long i = 0; i < rounds; i++) {
        for (int byte = 0; byte < 4; byte++)
            ((volatile uint8_t *)code)[IMMEDIATE + byte] = (uint8_t)(i >> 8 * byte);
        sum += ((function *)code)(0);
    }
    return sum;
}

static unsigned long call_store_ahead(uint8_t *code, unsigned long rounds)
{
    unsigned long sum = 0;
    for (unsigned long i = 0; i < rounds; i++)
        sum += ((function *)code)((unsigned)i);
    return sum;
}

static void report(const char *way, unsigned long sum, unsigned long expected)
{
    print("%s  sum %lu\n", way, sum);
    check("every call ran the code as last patched", sum == expected);
}

int main(int argc, char **argv)
{
    unsigned long rounds = 1000;
    if (argc > 1 && (!parse_number(argv[1], &rounds) || rounds >> 32)) {
        print("usage: smc [ROUNDS]\n");
        return 2;
    }
    size_t page_size = getauxval(AT_PAGESZ);
    uint8_t *page = (uint8_t *)must("mmap", sys_mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE | PROT_EXEC,
                                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    uint8_t *ahead = page + 64;
    uint8_t *cross = page + page_size - 3;
    unsigned long expected = rounds * (rounds - 1) / 2;
    place(page, mov_ret, sizeof mov_ret);
    place(ahead, store_ahead, sizeof store_ahead);
    place(cross, mov_ret, sizeof mov_ret);

    print("%lu rounds\n", rounds);
    report("patch", patch_and_call(page, rounds), expected);
    report("ahead", call_store_ahead(ahead, rounds), expected);
    report("cross", patch_and_call(cross, rounds), expected);
    return 0;
}
