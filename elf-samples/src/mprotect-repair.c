/*
 * mprotect-repair - writes to read-only pages; a SIGSEGV handler makes each page writable, and the store goes through.
 *
 * This is how garbage collectors and checkpointers learn which pages a program writes. The handler returns to the
 * instruction that faulted, which is executed again from its start.
 *
 * Look for: si_code SEGV_ACCERR (a mapping is there, but forbids the access). The processor's error code tells two
 * cases apart that the signal does not: page 0 was read before, so its entry is present (0x7 = P, W and U); the
 * others were never touched, so there is nothing to protect yet (0x6 = W and U). Each page faults once: the second
 * round of stores raises no signal.
 */
#include "rt.h"

enum { PAGES = 4, PAGE_FAULT_VECTOR = 14 };

static volatile char *region;
static size_t page_size;
static volatile unsigned faults;

static void repair(int signo, struct siginfo *info, struct user_context *context)
{
    size_t offset = (size_t)((char *)info->address - region);
    size_t page = offset / page_size;
    uint64_t error = context->registers.err;
    check("the signal is a SIGSEGV inside the region", signo == SIGSEGV && offset < PAGES * page_size);
    check("the processor raised #PF", context->registers.trapno == PAGE_FAULT_VECTOR);
    check("CR2 is the address in the signal", context->registers.cr2 == (uintptr_t)info->address);
    faults++;
    print("fault %u: si_code %d (%s), page %lu + 0x%lx, error code 0x%lx (P=%lu W=%lu U=%lu)\n", faults, info->code,
          info->code == SEGV_ACCERR ? "SEGV_ACCERR" : "SEGV_MAPERR", page, offset % page_size, error, error & 1,
          error >> 1 & 1, error >> 2 & 1);
    must("mprotect", sys_mprotect((char *)region + page * page_size, page_size, PROT_READ | PROT_WRITE));
}

int main(void)
{
    page_size = getauxval(AT_PAGESZ);
    region = (char *)must("mmap", sys_mmap(NULL, PAGES * page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    must("rt_sigaction", set_handler(SIGSEGV, repair, 0));

    print("%d read-only pages; page 0 is read first and holds %d\n", PAGES, region[0]);
    for (int round = 1; round <= 2; round++) {
        for (size_t page = 0; page < PAGES; page++) {
            volatile char *target = region + page * page_size + 0x10 * (page + 1);
            *target = (char)(round * 10 + (int)page);
            check("the store went through", *target == (char)(round * 10 + (int)page));
        }
        print("round %d: %d stores done, %u faults so far\n", round, PAGES, faults);
    }
    check("each page faulted once", faults == PAGES);
    return 0;
}
