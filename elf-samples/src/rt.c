/* rt.c - _start and the helpers that rt.h declares. The linker drops what a sample does not use. */
#include "rt.h"

/* ---- Start and end --------------------------------------------------------------------------------------------- */

/*
 * At the entry point rsp points to argc, then argv, a null, the environment, a null, the auxiliary vector. The ABI
 * asks for rbp = 0 in the outermost frame and for rsp to be a multiple of 16 at a call.
 */
__asm__(".section .text._start, \"ax\", @progbits\n"
        ".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "    xorl %ebp, %ebp\n"
        "    movq %rsp, %rdi\n"
        "    andq $-16, %rsp\n"
        "    call start_main\n"
        "    hlt\n"
        ".size _start, . - _start\n"
        ".text\n");

int main(int argc, char **argv);

uintptr_t entry_stack_pointer;
static const unsigned long *auxiliary_vector;

__attribute__((used, noreturn)) void start_main(uintptr_t *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    char **environment = argv + argc + 1;
    while (*environment)
        environment++;
    auxiliary_vector = (const unsigned long *)(environment + 1);
    entry_stack_pointer = (uintptr_t)stack;
    sys_exit(main(argc, argv));
}

unsigned long getauxval(unsigned long type)
{
    for (const unsigned long *entry = auxiliary_vector; entry[0] != AT_NULL; entry += 2)
        if (entry[0] == type)
            return entry[1];
    return 0;
}

/* ---- Output ---------------------------------------------------------------------------------------------------- */

static char line[512];
static size_t line_length;

static void flush(void)
{
    sys_write(1, line, line_length);
    line_length = 0;
}

static void put_char(char c)
{
    line[line_length++] = c;
    if (c == '\n' || line_length == sizeof line)
        flush();
}

_Noreturn void sys_exit(int status)
{
    if (line_length)
        flush();
    for (;;)
        syscall3(SYS_exit_group, status, 0, 0);
}

/* A conversion of a format: %[-][0][width][l]letter. */
struct conversion {
    bool left, zeros, is_long;
    size_t width;
};

static void put_padded(const char *text, size_t length, struct conversion c)
{
    size_t padding = c.width > length ? c.width - length : 0;
    for (size_t i = 0; !c.left && i < padding; i++)
        put_char(c.zeros ? '0' : ' ');
    for (size_t i = 0; i < length; i++)
        put_char(text[i]);
    for (size_t i = 0; c.left && i < padding; i++)
        put_char(' ');
}

static void put_number(unsigned long value, unsigned base, bool negative, struct conversion c)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (negative)
        digits[--at] = '-';
    put_padded(digits + at, sizeof digits - at, c);
}

static const char *parse_conversion(const char *format, struct conversion *c)
{
    *c = (struct conversion){ 0 };
    for (;; format++) {
        if (*format == '-')
            c->left = true;
        else if (*format == '0')
            c->zeros = true;
        else
            break;
    }
    for (; *format >= '0' && *format <= '9'; format++)
        c->width = c->width * 10 + (size_t)(*format - '0');
    for (; *format == 'l'; format++)
        c->is_long = true;
    return format;
}

void print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%') {
            put_char(*format);
            continue;
        }
        struct conversion c;
        format = parse_conversion(format + 1, &c);
        if (*format == 's') {
            const char *text = va_arg(arguments, const char *);
            put_padded(text, text_length(text), c);
        } else if (*format == 'd') {
            long value = c.is_long ? va_arg(arguments, long) : va_arg(arguments, int);
            put_number(value < 0 ? -(unsigned long)value : (unsigned long)value, 10, value < 0, c);
        } else if (*format == 'u' || *format == 'x') {
            unsigned long value = c.is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned);
            put_number(value, *format == 'x' ? 16 : 10, false, c);
        } else if (*format == 'c') {
            put_char((char)va_arg(arguments, int));
        } else {
            put_char(*format);
        }
    }
    va_end(arguments);
}

long must(const char *what, long result)
{
    /* The kernel's errors are -4095 to -1; no valid address lies there. */
    if (result < 0 && result >= -4095) {
        print("%s failed: errno %ld\n", what, -result);
        sys_exit(1);
    }
    return result;
}

void check(const char *what, bool holds)
{
    if (!holds) {
        print("FAILED: %s\n", what);
        sys_exit(1);
    }
}

/* ---- Text ------------------------------------------------------------------------------------------------------ */

bool parse_number(const char *text, unsigned long *number)
{
    unsigned long value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *text - '0', &value))
            return false;
    }
    *number = value;
    return true;
}

bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

size_t text_length(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

/* ---- Signals --------------------------------------------------------------------------------------------------- */

/* x86-64 has no trampoline in the kernel: a handler returns to this address, which ends the signal. */
void signal_restorer(void);
__asm__(".section .text.signal_restorer, \"ax\", @progbits\n"
        ".globl signal_restorer\n"
        ".type signal_restorer, @function\n"
        "signal_restorer:\n"
        "    movl $15, %eax\n" /* SYS_rt_sigreturn */
        "    syscall\n"
        ".size signal_restorer, . - signal_restorer\n"
        ".text\n");

struct kernel_sigaction {
    signal_handler *handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

long set_handler(int signo, signal_handler *handler, unsigned long flags)
{
    struct kernel_sigaction action = {
        .handler = handler,
        .flags = flags | SA_SIGINFO | SA_RESTORER,
        .restorer = signal_restorer,
    };
    return syscall6(SYS_rt_sigaction, signo, (long)&action, 0, sizeof action.mask, 0, 0);
}

/* ---- What the compiler may call on its own ----------------------------------------------------------------------- */

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

void *memset(void *to, int byte, size_t size)
{
    void *result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
    return result;
}
