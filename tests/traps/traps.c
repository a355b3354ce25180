// Prints what Linux delivers for each exception: the signal, si_code, si_addr, and in the frame the trap number, the error
// code, the distance of RIP from the instruction, and RF and TF. traps.txt is what this prints natively.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { TF = 0x100, RF = 0x10000, AC = 0x40000 };

static sigjmp_buf back;
static uint64_t start;
static char *page;

static void put_flags_back(void) {
    __asm__ volatile("pushfq; andq $~0x44100, (%%rsp); popfq" ::: "cc", "memory");
}

static void show(int signal, siginfo_t *info, void *context) {
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    put_flags_back();
    uint64_t rip = regs[REG_RIP], addr = (uint64_t)info->si_addr;
    printf("signal %d code %d addr %s trap %lld error %llx rip %+ld flags %llx\n", signal, info->si_code,
           addr == 0 ? "0" : addr == rip ? "rip" : addr - (uint64_t)page < 8192 ? "page" : "other",
           (long long)regs[REG_TRAPNO], (long long)regs[REG_ERR], (long)(rip - start),
           (unsigned long long)regs[REG_EFL] & (RF | TF | AC));
    siglongjmp(back, 1);
}

#define CLOBBERS "rax", "rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r11", "xmm0", "memory", "cc"
// RAX and RDI are the address.
#define CASE(name, code, at)                                                                                          \
    do {                                                                                                              \
        printf("%-28s ", name);                                                                                        \
        if (!sigsetjmp(back, 1)) {                                                                                    \
            __asm__ volatile("lea 1f(%%rip), %%rcx; mov %%rcx, %0; mov %1, %%rax; mov %%rax, %%rdi; xor %%ecx, %%ecx;" \
                             "1: " code : "=m"(start) : "r"((uint64_t)(at)) : CLOBBERS);                              \
            put_flags_back();                                                                                         \
            printf("completes\n");                                                                                    \
        }                                                                                                             \
    } while (0)
#define PLAIN(code) CASE(code, code, page)
// With alignment checks on, and without them again.
#define CHECKED(code, offset) \
    CASE("AC: " code " +" #offset, "pushfq; orl $0x40000, (%%rsp); popfq; " code, page + (offset))

static int steps;
extern char stepped[];

static void step(int signal, siginfo_t *info, void *context) {
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf("step %d: signal %d code %d trap %lld at %+ld flags %llx\n", steps++, signal, info->si_code,
           (long long)regs[REG_TRAPNO], (long)(regs[REG_RIP] - (uint64_t)stepped),
           (unsigned long long)regs[REG_EFL] & (RF | TF));
    if (signal == SIGSEGV)
        regs[REG_RIP]++;
}

static void handle(void (*handler)(int, siginfo_t *, void *)) {
    static char stack[1 << 16];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, 0);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    const int signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV};
    for (int i = 0; i < 5; i++)
        sigaction(signals[i], &action, 0);
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    page = mmap((void *)0x10000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(page, 0, 8192);
    munmap(page + 4096, 4096);
    handle(show);

    PLAIN("ud2");
    PLAIN("int3");
    PLAIN("int1");
    PLAIN(".byte 0xcd, 3");
    PLAIN("int $4");
    PLAIN("int $1");
    PLAIN("int $0x10");
    PLAIN("int $0x81");
    PLAIN("div %%ecx");
    PLAIN("hlt");
    PLAIN("cli");
    PLAIN("in $0x60, %%al");
    PLAIN("rep insb");
    PLAIN("rdmsr");
    PLAIN("mov %%cr0, %%rax");
    PLAIN(".byte 0x0f, 0x20, 0xc8");
    PLAIN("mov %%dr0, %%rax");
    PLAIN("lgdt (%%rax)");
    PLAIN("swapgs");
    PLAIN("sysretq");
    PLAIN("monitor");
    PLAIN(".byte 0x0f, 0x01, 0xca");
    PLAIN("xsetbv");
    PLAIN("mov $2, %%ecx; xgetbv");
    PLAIN("xsaves (%%rdi)");
    PLAIN("xsave 16(%%rdi)");
    PLAIN("lock cmpxchg8b 4096(%%rdi)");
    PLAIN("mov %%eax, 4096(%%rdi)");
    CASE("canonical: load", "mov (%%rax), %%rcx", 1ull << 47);
    CASE("canonical: push", "mov %%rsp, %%r8; mov %%rax, %%rsp; push %%rax", 1ull << 47);
    CASE("canonical: jmp", "jmp *%%rax", 1ull << 47);
    CASE("canonical: wrgsbase", "wrgsbase %%rax", 1ull << 47);
    PLAIN("mov $0x33, %%eax; mov %%eax, %%es; xor %%eax, %%eax; mov %%eax, %%es");
    PLAIN("mov $0x10, %%eax; mov %%eax, %%ds");
    PLAIN("mov $3, %%eax; mov %%eax, %%ss");
    PLAIN(".byte 0x8e, 0xc8");
    PLAIN("push $0x33; lea 9f(%%rip), %%rax; push %%rax; lretq; 9:");
    PLAIN("push $0x30; push %%rax; lretq");
    PLAIN("push $0; push %%rax; lretq");
    PLAIN("mov $0x1f00, %%edx; mov %%edx, (%%rax); ldmxcsr (%%rax); xorps %%xmm0, %%xmm0; divss %%xmm0, %%xmm0");
    PLAIN("movl $0x1f80, (%%rax); ldmxcsr (%%rax); fninit; movw $0x37b, (%%rax); fldcw (%%rax); fld1; fldz; "
          "fdivrp; fwait");
    PLAIN("fninit");

    CHECKED("mov (%%rax), %%dl", 1);
    CHECKED("mov (%%rax), %%dx", 1);
    CHECKED("mov %%edx, (%%rax)", 2);
    CHECKED("mov (%%rax), %%rdx", 4);
    CHECKED("movups (%%rax), %%xmm0", 1);
    CHECKED("movaps (%%rax), %%xmm0", 8);
    CHECKED("movsd (%%rax), %%xmm0", 4);
    CHECKED("fldt (%%rax); fstp %%st(0)", 8);
    CHECKED("fldt (%%rax); fstp %%st(0)", 4);
    CHECKED("fnstenv (%%rax)", 2);
    CHECKED("xsave (%%rdi)", 1);
    CHECKED("lock add %%rdx, (%%rax)", 4);
    CHECKED("mov $64, %%ecx; rep stosb", 1);
    CHECKED("mov $64, %%ecx; rep stosq", 4);
    CHECKED("mov (%%rax), %%rdx", 4100);
    CHECKED("movups (%%rax), %%xmm0", 4100);

    handle(step);
    __asm__ volatile(".globl stepped\n"
                     "pushfq; orq $0x100, (%%rsp); popfq\n"
                     "stepped: nop; mov %0, %%rsi; lea 64(%%rsi), %%rdi; mov $3, %%ecx; cld; rep movsb; mov $2, %%ecx; repe cmpsb; xor %%ecx, %%ecx\n"
                     "rep stosb; mov $39, %%eax; syscall; nop; mov %%ss, %%eax; mov %%eax, %%ss; nop; nop; int3; nop\n"
                     ".byte 0xf1; nop; hlt; nop; cmp %%eax, %%eax; je 1f; nop; 1: call 2f; 2: pop %%rax\n"
                     "pushfq; andq $~0x100, (%%rsp); popfq; nop; nop" ::"m"(page) : CLOBBERS);
    return 0;
}
