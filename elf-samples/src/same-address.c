/*
 * same-address - two processes, the same virtual address, different contents.
 *
 * After a fork parent and child each map a page at the same address, and they have a variable at the same address too,
 * since it is the same program. They take turns, so that each reads after the other has written. Beside these lies a page
 * that was mapped with MAP_SHARED before the fork: there the same address does mean the same memory.
 *
 * Look for: each process finds its own words at the private addresses, however often the other writes there, because
 * each has page tables of its own, and CR3 says whose are in use. In the shared page the last writer's words are found.
 */
#include "rt.h"

enum { ROUNDS = 3, TEXT_BYTES = 32 };

/* An address that nothing else uses: the program lies below, the heap follows it, and mappings are far above. */
static char *const meeting_point = (char *)0x200000000;

static char variable[TEXT_BYTES] = "as in the file";
static char *private_page, *shared_page;
static size_t page_size;

static char *map(char *where, int flags)
{
    return (char *)must("mmap", sys_mmap(where, page_size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0));
}

/* "parent, round 1" */
static void put_text(char *to, const char *who, unsigned round)
{
    static const char middle[] = ", round ";
    for (; *who; who++)
        *to++ = *who;
    for (const char *c = middle; *c; c++)
        *to++ = *c;
    *to++ = (char)('0' + round);
    *to = 0;
}

static void look(const char *who)
{
    print("%-7s finds \"%s\" at 0x%lx, \"%s\" in its variable, \"%s\" in the shared page\n", who, private_page,
          (uintptr_t)private_page, variable, shared_page);
}

/* A turn is a byte that goes from one to the other by a pipe: who holds it may go on. */
static void give_turn(int fd)
{
    check("the turn was given", sys_write(fd, "", 1) == 1);
}

static void wait_for_turn(int fd)
{
    char byte;
    check("the turn came", sys_read(fd, &byte, 1) == 1);
}

static void take_part(const char *who, int turns_in, int turns_out)
{
    private_page = map(meeting_point, MAP_PRIVATE | MAP_FIXED_NOREPLACE);
    check("the page is where it was asked for", private_page == meeting_point);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        wait_for_turn(turns_in);
        look(who);
        put_text(private_page, who, round);
        put_text(variable, who, round);
        put_text(shared_page, who, round);
        give_turn(turns_out);
    }
}

int main(void)
{
    struct pipe_ends to_child, to_parent;
    page_size = getauxval(AT_PAGESZ);
    shared_page = map(NULL, MAP_SHARED);
    must("pipe", sys_pipe(&to_child));
    must("pipe", sys_pipe(&to_parent));
    give_turn(to_parent.write_end);

    long process = must("fork", sys_fork());
    if (process == 0) {
        take_part("child", to_child.read_end, to_parent.write_end);
        return 0;
    }
    take_part("parent", to_parent.read_end, to_child.write_end);
    check("the child is content", wait_for(process) == 0);
    look("parent");
    return 0;
}
