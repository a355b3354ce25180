/*
 * hello-pie - "hello, world" as a static position-independent executable (ELF type ET_DYN, no interpreter).
 *
 * The file is linked at address 0 and the kernel puts it where it likes. Code finds its data relative to rip and needs
 * no correction, but a pointer stored in data does: the linker left a table of relative relocations, and with no
 * dynamic loader the program must apply it itself.
 *
 * Look for: the first store to the page that holds the pointers, made by apply_relocations(); in an ordinary static
 * program that page would never have been written.
 *
 * With the argument `addresses` it prints the load address too, which natively differs from run to run.
 */
#include "rt.h"

enum { DT_NULL = 0, DT_RELA = 7, DT_RELASZ = 8, R_X86_64_RELATIVE = 8 };

struct dynamic_entry {
    uint64_t tag, value;
};

struct relocation {
    uint64_t offset, info, addend;
};

/* The linker defines both: the first byte of the image, and its dynamic section. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const struct dynamic_entry _DYNAMIC[] __attribute__((visibility("hidden")));

/* Pointers in data: before the relocations they hold link-time addresses, small numbers near 0. */
static const char *const words[] = { "hello", ", ", "world", "\n" };

static unsigned long apply_relocations(uintptr_t base)
{
    const struct relocation *table = NULL;
    size_t bytes = 0;
    for (const struct dynamic_entry *entry = _DYNAMIC; entry->tag != DT_NULL; entry++) {
        if (entry->tag == DT_RELA)
            table = (const struct relocation *)(base + entry->value);
        if (entry->tag == DT_RELASZ)
            bytes = entry->value;
    }
    size_t count = bytes / sizeof *table;
    for (size_t i = 0; i < count; i++) {
        check("the linker left only R_X86_64_RELATIVE", (uint32_t)table[i].info == R_X86_64_RELATIVE);
        *(volatile uint64_t *)(base + table[i].offset) = base + table[i].addend;
    }
    return count;
}

int main(int argc, char **argv)
{
    uintptr_t base = (uintptr_t)__ehdr_start;
    /* Read through volatile, or the compiler would use the constants it knows instead of the memory. */
    const char *const volatile *word = words;
    uintptr_t before = (uintptr_t)word[0];
    unsigned long count = apply_relocations(base);
    uintptr_t after = (uintptr_t)word[0];

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        print("%s", word[i]);
    print("load address      a multiple of the page size: %s\n", base % getauxval(AT_PAGESZ) == 0 ? "yes" : "no");
    print("entry point       load address + 0x%lx (AT_ENTRY)\n", getauxval(AT_ENTRY) - base);
    print("program headers   load address + 0x%lx (AT_PHDR)\n", getauxval(AT_PHDR) - base);
    print("main              load address + 0x%lx\n", (uintptr_t)main - base);
    print("relocations       %lu of type R_X86_64_RELATIVE\n", count);
    print("words[0]          0x%lx before, load address + 0x%lx after\n", before, after - base);
    if (argc > 1 && same_text(argv[1], "addresses"))
        print("load address      0x%lx\n", base);
    return 0;
}
