/*
 * hello - prints "hello, world" and what the kernel told it before its first instruction.
 *
 * A new program finds argc, argv, the environment and the auxiliary vector on its stack. The last one is how the
 * kernel tells a program about itself: the page size, the entry point, where its program headers lie.
 *
 * Look for: how few pages so small a program touches (headers, text, rodata, data, stack), each by a page fault at
 * its first use, and that the program itself never asked for any of them.
 */
#include "rt.h"

int main(int argc, char **argv)
{
    print("hello, world\n");
    print("page size         %lu bytes (AT_PAGESZ)\n", getauxval(AT_PAGESZ));
    print("entry point       0x%lx (AT_ENTRY)\n", getauxval(AT_ENTRY));
    print("program headers   %lu at 0x%lx (AT_PHNUM, AT_PHDR)\n", getauxval(AT_PHNUM), getauxval(AT_PHDR));
    print("stack pointer     a multiple of 16 at _start: %s\n", entry_stack_pointer % 16 == 0 ? "yes" : "no");
    for (int i = 0; i < argc; i++)
        print("argv[%d]           %s\n", i, argv[i]);
    return 0;
}
