/*
 * exec - a process that becomes another program: first itself anew, then the sample `hello`, which lies beside it.
 *
 * execve keeps the process (its id, its parent, its open files) and throws away the address space: page tables, heap,
 * stack and all, and builds a new one from the file it is given.
 *
 * Look for: the variable has its first value again after the program has executed itself, though the process is the same; a
 * descriptor marked close-on-exec is gone and the other one is not; and the parent, which waits, gets the exit status of
 * a program that it did not start.
 */
#include "rt.h"

enum { PATH_BYTES = 256, NUMBER_BYTES = 24 };

/* volatile, or the compiler would print what it knows instead of what is in memory. */
static volatile int variable = 1;

/* The sample hello beside this program, whose path argv[0] is. */
static bool find_hello(char *path, const char *program)
{
    static const char hello[] = "hello";
    size_t folder = 0;
    for (size_t i = 0; program[i]; i++)
        if (program[i] == '/')
            folder = i + 1;
    if (folder == 0 || folder + sizeof hello > PATH_BYTES)
        return false;
    for (size_t i = 0; i < folder; i++)
        path[i] = program[i];
    for (size_t i = 0; i < sizeof hello; i++)
        path[folder + i] = hello[i];
    return true;
}

static const char *decimal(char *text, unsigned long value)
{
    char *at = text + NUMBER_BYTES - 1;
    *at = 0;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    return at;
}

static const char *const no_environment[] = { NULL };

/* The child: changes what exec will undo, and starts this program again. */
static int before_exec(const char *program)
{
    char pid[NUMBER_BYTES], kept_fd[NUMBER_BYTES], closed_fd[NUMBER_BYTES];
    int kept = (int)must("open", sys_open(program, O_RDONLY));
    int closed = (int)must("open", sys_open(program, O_RDONLY));
    must("fcntl", sys_fcntl(closed, F_SETFD, FD_CLOEXEC));
    variable = 2;
    print("before exec   variable %d at 0x%lx, two descriptors open, one of them close-on-exec\n", variable,
          (uintptr_t)&variable);
    const char *const argv[] = { program, "again", decimal(pid, (unsigned long)sys_getpid()),
                                 decimal(kept_fd, (unsigned long)kept), decimal(closed_fd, (unsigned long)closed), NULL };
    must("execve", sys_execve(program, argv, no_environment));
    return 1;
}

/* The same process in a new address space: looks around, and becomes hello. */
static int after_exec(const char *program, char **arguments)
{
    unsigned long pid, kept, closed;
    char path[PATH_BYTES];
    check("the arguments are numbers", parse_number(arguments[0], &pid) && parse_number(arguments[1], &kept) &&
                                           parse_number(arguments[2], &closed));
    print("after exec    variable %d at 0x%lx\n", variable, (uintptr_t)&variable);
    print("              the process id is the same: %s\n", (unsigned long)sys_getpid() == pid ? "yes" : "no");
    print("              the first descriptor is open: %s\n", sys_fcntl((int)kept, F_GETFD, 0) == 0 ? "yes" : "no");
    print("              the close-on-exec one is open: %s\n",
          sys_fcntl((int)closed, F_GETFD, 0) == -EBADF ? "no" : "yes");
    check("hello lies beside this program", find_hello(path, program));
    const char *const argv[] = { path, "an argument", NULL };
    must("execve", sys_execve(path, argv, no_environment));
    return 1;
}

int main(int argc, char **argv)
{
    char path[PATH_BYTES];
    if (argc == 5 && same_text(argv[1], "again"))
        return after_exec(argv[0], argv + 2);
    if (argc != 1 || !find_hello(path, argv[0])) {
        print("usage: exec, started by a path with a slash\n");
        return 2;
    }
    long process = must("fork", sys_fork());
    if (process == 0)
        return before_exec(argv[0]);
    int status = wait_for(process);
    print("parent        the child ended with status %d and the parent's variable is %d\n", status, variable);
    return status;
}
