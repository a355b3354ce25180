/*
 * altstack - survives two stack overflows with a signal handler on an alternate stack.
 *
 * After an overflow there is no room below the stack pointer, not even for a signal frame: without SA_ONSTACK the
 * kernel could only kill the program. With it, the frame goes to the stack that sigaltstack named. The handler
 * cannot simply return, since the store would fault again, so it edits the saved context: rip and rsp are set to
 * where run_guarded() stood before, and rt_sigreturn goes there.
 *
 * Look for: the second overflow goes through the pages of the first without a fault until it reaches the limit,
 * because a stack never shrinks.
 */
#include "rt.h"

enum { FRAME_BYTES = 1000, MIB = 1 << 20, ALTERNATE_BYTES = 64 * 1024 };
enum { SAFE_BYTES = 1 << 30 }; /* with no stack limit set, it would go on until the machine's memory ends */

static alignas(16) char alternate[ALTERNATE_BYTES];
static const volatile char *outermost;
static volatile unsigned overflows;

/*
 * run_guarded(f) calls f() and returns. If f does not come back, whoever sets rip to guard_exit and rsp to
 * guard_stack_pointer makes run_guarded return to its caller all the same: rbx, rbp and r12 to r15, which belong to
 * the caller, wait on the stack.
 */
void run_guarded(void (*f)(void));
extern const char guard_exit[];
uintptr_t guard_stack_pointer;

__asm__(".section .text.run_guarded, \"ax\", @progbits\n"
        ".globl run_guarded, guard_exit\n"
        ".type run_guarded, @function\n"
        "run_guarded:\n"
        "    pushq %rbx\n"
        "    pushq %rbp\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    movq %rsp, guard_stack_pointer(%rip)\n"
        "    call *%rdi\n"
        "guard_exit:\n"
        "    addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbp\n"
        "    popq %rbx\n"
        "    ret\n"
        ".size run_guarded, . - run_guarded\n"
        ".text\n");

static void on_overflow(int signo, struct siginfo *info, struct user_context *context)
{
    char local;
    uintptr_t here = (uintptr_t)&local - (uintptr_t)alternate;
    unsigned long used = (unsigned long)(outermost - (char *)info->address);
    overflows++;
    check("the signal is a SIGSEGV", signo == SIGSEGV);
    print("overflow %u: si_code %d (%s) after %lu MiB of stack\n", overflows, info->code,
          info->code == SEGV_MAPERR ? "SEGV_MAPERR" : "SEGV_ACCERR", (used + MIB / 2) / MIB);
    print("            handler runs on the alternate stack: %s\n", here < ALTERNATE_BYTES ? "yes" : "no");
    check("the handler runs on the alternate stack", here < ALTERNATE_BYTES);
    context->registers.rip = (uintptr_t)guard_exit;
    context->registers.rsp = guard_stack_pointer;
}

__attribute__((noipa)) static unsigned long descend(unsigned long depth)
{
    volatile char frame[FRAME_BYTES];
    frame[0] = 1;
    if (outermost - frame >= SAFE_BYTES)
        return depth;
    return descend(depth + 1) + (unsigned long)frame[0];
}

static void overflow(void)
{
    descend(0);
}

int main(void)
{
    volatile char here = 0;
    outermost = &here;
    struct signal_stack stack = { .base = alternate, .size = sizeof alternate };
    must("sigaltstack", sys_sigaltstack(&stack));
    must("rt_sigaction", set_handler(SIGSEGV, on_overflow, SA_ONSTACK));
    print("alternate stack of %lu bytes installed\n", sizeof alternate);
    for (unsigned round = 1; round <= 2; round++) {
        run_guarded(overflow);
        check("a stack limit below 1 GiB is set", overflows == round);
        print("            back on the ordinary stack\n");
    }
    return 0;
}
