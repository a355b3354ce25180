/* Which mappings are joined: those whose pages were first used in places as far apart as they are now, and whose pages no
 * fork has shared. */
#include "memory.h"

static void *move(int from, int to, int pages)
{
	return mremap(PG(from), pages * P, pages * P, MREMAP_MAYMOVE | MREMAP_FIXED, PG(to));
}

static void new_beside_old(void)
{
	map(8, 4, RW, PRIV, -1, 0);
	map(12, 4, RW, PRIV, -1, 0);
	show("neither used");
	clear();
	map(8, 4, RW, PRIV, -1, 0);
	put(PG(8), 1);
	map(16, 4, RW, PRIV, -1, 0);
	put(PG(16), 1);
	map(12, 4, RW, PRIV, -1, 0);
	show("a bridge between two that were used");
	clear();
	map(8, 4, RW, PRIV, -1, 0);
	put(PG(8), 1);
	map(12, 4, RW | PROT_EXEC, PRIV, -1, 0);
	put(PG(12), 1);
	mprotect(PG(12), 4 * P, RW);
	show("two that only rights kept apart");
	clear();
}

static void moved(const char *name, int use_moved, int use_other)
{
	map(30, 4, RW, PRIV, -1, 0);
	map(8, 4, RW, PRIV, -1, 0);
	if (use_moved)
		put(PG(30), 1);
	if (use_other)
		put(PG(8), 1);
	move(30, 12, 4);
	show(name);
	clear();
}

static void there_and_back(void)
{
	map(8, 8, RW, PRIV, -1, 0);
	put(PG(8), 1);
	put(PG(15), 1);
	move(12, 30, 4);
	show("the tail away");
	move(30, 12, 4);
	show("and back");
	mremap(PG(8), 8 * P, 8 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, PG(30));
	put(PG(8), 2);
	map(16, 4, RW, PRIV, -1, 0);
	show("left behind, and a new one beside it");
	clear();
}

static void in_a_child(void)
{
	map(8, 4, RW, PRIV, -1, 0);
	put(PG(8), 1);
	fflush(stdout);
	if (fork() == 0) {
		map(12, 4, RW, PRIV, -1, 0);
		show("a new one beside an inherited one");
		put(PG(12), 1);
		map(16, 4, RW, PRIV, -1, 0);
		show("a new one beside one of its own");
		exit(0);
	}
	wait(NULL);
	map(12, 4, RW, PRIV, -1, 0);
	show("in the parent");
	clear();
}

int main(void)
{
	begin();
	new_beside_old();
	moved("moved, neither used", 0, 0);
	moved("moved, the other used", 0, 1);
	moved("moved, it was used", 1, 0);
	moved("moved, both used", 1, 1);
	there_and_back();
	in_a_child();
	return 0;
}
