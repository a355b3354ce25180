/*
 * rt.h - the little these samples have instead of a C library.
 *
 * Three things: the system calls the samples use (raw: an error comes back as -errno, as the kernel returns it),
 * a line-buffered print() with printf's notation, and access to the auxiliary vector. The program starts at _start
 * in rt.c, which finds argc, argv and the auxiliary vector on the stack and calls main().
 */
#ifndef RT_H
#define RT_H

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Linux's numbers (x86-64) ---------------------------------------------------------------------------------- */

enum {
    SYS_read = 0, SYS_write = 1, SYS_open = 2, SYS_close = 3, SYS_fstat = 5, SYS_mmap = 9, SYS_mprotect = 10,
    SYS_munmap = 11, SYS_brk = 12, SYS_rt_sigaction = 13, SYS_rt_sigreturn = 15, SYS_pipe = 22, SYS_getpid = 39,
    SYS_fork = 57, SYS_execve = 59, SYS_wait4 = 61, SYS_fcntl = 72, SYS_getrusage = 98, SYS_sigaltstack = 131,
    SYS_exit_group = 231,
};

enum { EBADF = 9, EINVAL = 22, EPIPE = 32 };
enum { O_RDONLY = 0 };
enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum { MAP_SHARED = 0x01, MAP_PRIVATE = 0x02, MAP_ANONYMOUS = 0x20, MAP_FIXED_NOREPLACE = 0x100000 };
enum { F_GETFD = 1, F_SETFD = 2, F_GETPIPE_SZ = 1032, FD_CLOEXEC = 1 };
enum { SIGSEGV = 11, SIGPIPE = 13 };
enum { SEGV_MAPERR = 1, SEGV_ACCERR = 2 };
enum { SA_SIGINFO = 0x4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000 };
enum { AT_NULL = 0, AT_PHDR = 3, AT_PHNUM = 5, AT_PAGESZ = 6, AT_ENTRY = 9, AT_EXECFN = 31 };

/* ---- System calls ---------------------------------------------------------------------------------------------- */

/* The kernel takes its arguments in rdi, rsi, rdx, r10, r8, r9 and destroys rcx and r11. */
static inline long syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long syscall3(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long sys_read(int fd, void *buffer, size_t size)
{
    return syscall3(SYS_read, fd, (long)buffer, (long)size);
}

static inline long sys_write(int fd, const void *buffer, size_t size)
{
    return syscall3(SYS_write, fd, (long)buffer, (long)size);
}

static inline long sys_open(const char *path, int flags)
{
    return syscall3(SYS_open, (long)path, flags, 0);
}

static inline long sys_close(int fd)
{
    return syscall3(SYS_close, fd, 0, 0);
}

static inline long sys_mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
{
    return syscall6(SYS_mmap, (long)address, (long)length, protection, flags, fd, offset);
}

static inline long sys_munmap(void *address, size_t length)
{
    return syscall3(SYS_munmap, (long)address, (long)length, 0);
}

static inline long sys_mprotect(void *address, size_t length, int protection)
{
    return syscall3(SYS_mprotect, (long)address, (long)length, protection);
}

/* Returns the break as it is afterwards; brk never returns an error number, it leaves the break where it was. */
static inline uintptr_t sys_brk(uintptr_t new_break)
{
    return (uintptr_t)syscall3(SYS_brk, (long)new_break, 0, 0);
}

_Noreturn void sys_exit(int status);

/* struct stat as the kernel fills it; only the size matters here. */
struct kernel_stat {
    uint64_t dev, ino, nlink;
    uint32_t mode, uid, gid, pad;
    uint64_t rdev;
    int64_t size;
    uint64_t rest[11];
};

static inline long sys_fstat(int fd, struct kernel_stat *stat)
{
    return syscall3(SYS_fstat, fd, (long)stat, 0);
}

/* ---- Processes ------------------------------------------------------------------------------------------------- */

/* Returns the child's process id in the parent and 0 in the child. */
static inline long sys_fork(void)
{
    return syscall3(SYS_fork, 0, 0, 0);
}

/* Comes back only with an error: otherwise nothing of this program is left. */
static inline long sys_execve(const char *path, const char *const *argv, const char *const *environment)
{
    return syscall3(SYS_execve, (long)path, (long)argv, (long)environment);
}

static inline long sys_getpid(void)
{
    return syscall3(SYS_getpid, 0, 0, 0);
}

/* The two ends of a pipe. */
struct pipe_ends {
    int read_end, write_end;
};

static inline long sys_pipe(struct pipe_ends *ends)
{
    return syscall3(SYS_pipe, (long)ends, 0, 0);
}

static inline long sys_fcntl(int fd, int command, long argument)
{
    return syscall3(SYS_fcntl, fd, command, argument);
}

/* ---- Signals --------------------------------------------------------------------------------------------------- */

/* What SA_SIGINFO hands to a handler; for SIGSEGV, address is the linear address of the access that faulted. */
struct siginfo {
    int signo, error, code, pad;
    void *address;
    uint64_t rest[13];
};

/* struct sigcontext: the registers as they were, and (err, trapno, cr2) what the processor said about the fault. */
struct machine_context {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2;
};

struct signal_stack {
    void *base;
    int flags, pad;
    size_t size;
};

struct user_context {
    uint64_t flags;
    struct user_context *link;
    struct signal_stack stack;
    struct machine_context registers;
};

typedef void signal_handler(int signo, struct siginfo *info, struct user_context *context);

/* Installs a handler with SA_SIGINFO and the given further flags. */
long set_handler(int signo, signal_handler *handler, unsigned long flags);

static inline long sys_sigaltstack(const struct signal_stack *stack)
{
    return syscall3(SYS_sigaltstack, (long)stack, 0, 0);
}

/* ---- Helpers --------------------------------------------------------------------------------------------------- */

/* The value of an entry of the auxiliary vector, or 0 if the kernel gave none. */
unsigned long getauxval(unsigned long type);

/* The stack pointer as it was at _start: it points to argc. */
extern uintptr_t entry_stack_pointer;

/* printf's notation, of which it knows %s %c %d %u %x %%, the modifier l, a width, - and 0. Each line is one write(). */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);

/* Ends the program with status 1 if the result of a system call is an error, else returns it. */
long must(const char *what, long result);

/* Ends the program with status 1 and a message unless the condition holds. */
void check(const char *what, bool holds);

/* Reads an unsigned decimal number that takes up all of the text. */
bool parse_number(const char *text, unsigned long *number);

bool same_text(const char *a, const char *b);
size_t text_length(const char *text);

/* Waits until that child has ended and returns its exit status. Ends the program if a signal killed the child. */
static inline int wait_for(long child)
{
    int status = 0;
    must("wait4", syscall6(SYS_wait4, child, (long)&status, 0, 0, 0, 0));
    check("the child ended by itself", (status & 0x7f) == 0);
    return status >> 8 & 0xff;
}

/* How many page faults of this process the kernel has served so far without reading from a device. */
static inline unsigned long minor_faults(void)
{
    /* struct rusage: two times of two words each, then fourteen numbers, of which the fifth is ru_minflt. */
    unsigned long usage[18];
    must("getrusage", syscall3(SYS_getrusage, 0, (long)usage, 0));
    return usage[8];
}

#endif
