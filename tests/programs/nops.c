/* The hints that a processor without their features takes for no-operations: prefetchw, rdssp, bndmov, cldemote, endbr and
   all their relatives. The unwinder of gcc's runtime executes rdssp before each landing, whatever CPUID says. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

static sigjmp_buf back;
static void caught(int number) { siglongjmp(back, number); }

int main(void)
{
    static const unsigned char opcodes[] = { 0x0d, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f }, prefixes[] = { 0, 0x66, 0xf2, 0xf3 };
    unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGILL, caught), signal(SIGSEGV, caught);
    for (int o = 0; o < sizeof opcodes; o++)
        for (int p = 0; p < sizeof prefixes; p++)
            for (int wide = 0; wide < 2; wide++)
                for (int modrm = 0; modrm < 256; modrm += modrm == 0x38 ? 0xc0 - 0x38 : 8) {
                    int n = 0;
                    if (prefixes[p])
                        code[n++] = prefixes[p];
                    if (wide)
                        code[n++] = 0x48;
                    code[n++] = 0x0f, code[n++] = opcodes[o], code[n++] = modrm, code[n++] = 0xc3;
                    unsigned long rax = 0x123456789abcdef0;
                    int number = sigsetjmp(back, 1);
                    if (!number)
                        __asm__ volatile("call *%1" : "+a"(rax) : "r"(code) : "memory", "rcx", "rdx");
                    printf("%02x 0f %02x %02x wide %d: signal %d rax %lx\n", prefixes[p], opcodes[o], modrm, wide, number, rax);
                }
    return 0;
}
