/*
 * fork-cow - fork, and copy on write made visible.
 *
 * fork copies page tables, not pages: afterwards both processes map the same frames, none of them writable. Whoever
 * stores first gets a fault and a copy of that one page. The program counts its own page faults (ru_minflt of
 * getrusage), so that parent and child can say what each access cost them.
 *
 * Look for: the child reads all pages without a fault, since they are its parent's. Each first store faults, each second
 * one does not. The parent never sees what the child wrote. Its own stores fault for all pages, but after the child's end
 * each page has one owner again: the fault only makes it writable, and nothing is copied.
 */
#include "rt.h"

enum { PAGES = 8, CHANGED = 3 };

static size_t page_size;
static volatile char *area;

/* What happens to the first pages of the area. */
struct action {
    size_t pages;
    char store; /* 0: only read */
};

/* Does it, and returns how many faults it took. */
static unsigned long faults_of(struct action action)
{
    unsigned long before = minor_faults();
    for (size_t i = 0; i < action.pages; i++) {
        if (action.store)
            area[i * page_size] = action.store;
        else
            (void)area[i * page_size];
    }
    return minor_faults() - before;
}

static void report(const char *who, const char *what, struct action action)
{
    char seen[PAGES + 1] = { 0 };
    unsigned long faults = faults_of(action);
    for (size_t i = 0; i < PAGES; i++)
        seen[i] = area[i * page_size];
    print("%-7s%-34s%lu faults, then sees %s\n", who, what, faults, seen);
}

/* After a fork the stack and the program's own data are shared too; this takes their faults before anything is counted. */
static void take_own_faults(void)
{
    faults_of((struct action){ 0 });
    faults_of((struct action){ 0 });
}

static int child(void)
{
    take_own_faults();
    report("child", "reads all 8 pages", (struct action){ .pages = PAGES });
    report("child", "writes c to the first 3", (struct action){ .pages = CHANGED, .store = 'c' });
    report("child", "writes C to the same 3", (struct action){ .pages = CHANGED, .store = 'C' });
    return CHANGED;
}

int main(void)
{
    page_size = getauxval(AT_PAGESZ);
    area = (char *)must("mmap", sys_mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                         -1, 0));
    take_own_faults();
    report("parent", "writes p to 8 new pages", (struct action){ .pages = PAGES, .store = 'p' });
    report("parent", "writes P to all 8", (struct action){ .pages = PAGES, .store = 'P' });

    long process = must("fork", sys_fork());
    if (process == 0)
        return child();
    int copied = wait_for(process);
    check("the child tells by its exit status how many pages it changed", copied == CHANGED);

    take_own_faults();
    report("parent", "reads all 8 pages", (struct action){ .pages = PAGES });
    report("parent", "writes q to all 8, alone again", (struct action){ .pages = PAGES, .store = 'q' });
    report("parent", "writes Q to all 8", (struct action){ .pages = PAGES, .store = 'Q' });
    return 0;
}
