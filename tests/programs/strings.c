/* string.h at every alignment and many lengths, near the end of a page where the next page is not there. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <wchar.h>
#include <wctype.h>

static uint32_t sum;
static void add(long x) { sum = sum * 16777619u ^ (uint32_t)x; }
static int sign(int x) { return (x > 0) - (x < 0); }

int main(void)
{
    char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 8192, 4096, PROT_NONE);
    char *end = pages + 8192;
    for (int length = 0; length < 300; length++) {
        char *s = end - length - 1;
        for (int i = 0; i < length; i++)
            s[i] = 'a' + i * 7 % 26;
        s[length] = 0;
        add(strlen(s)), add(strnlen(s, 50));
        char *at = strchr(s, 'z');
        add(at ? at - s : -1);
        at = strrchr(s, 'c');
        add(at ? at - s : -1);
        at = memchr(s, 'q', length);
        add(at ? at - s : -1);
        at = memrchr(s, 'q', length);
        add(at ? at - s : -1);
        add(strchrnul(s, '!') - s);
        char copy[400];
        memset(copy, '#', sizeof copy);
        strcpy(copy + length % 16, s);
        add(strcmp(copy + length % 16, s));
        copy[length % 16 + length / 2] ^= 1;
        add(sign(strcmp(copy + length % 16, s))), add(sign(memcmp(copy + length % 16, s, length))), add(sign(strncmp(copy + length % 16, s, length / 2)));
        memmove(s, s + length / 3, length - length / 3);
        memmove(s + length / 4, s, length - length / 4);
        memcpy(copy, s, length);
        memset(copy + length / 2, length, length / 3);
        for (int i = 0; i < length; i++)
            add(copy[i]);
        add(strspn(s, "abcdefgh")), add(strcspn(s, "xyz"));
        at = strpbrk(s, "mno");
        add(at ? at - s : -1);
        at = strstr(s, "ov");
        add(at ? at - s : -1);
        at = memmem(s, length, "lsz", 3);
        add(at ? at - s : -1);
        stpncpy(copy, s, 200), strncat(copy, "tail", 3);
        add(sign(strcasecmp(copy, "ABC"))), add(sign(strncasecmp(s, "AHOV", 4)));
    }
    printf("sum %08x\n", sum);
    char text[] = "one,two;;three four", *rest;
    for (char *t = strtok_r(text, ",; ", &rest); t; t = strtok_r(NULL, ",; ", &rest))
        printf("[%s]", t);
    char list[] = "a::b:c", *cursor = list;
    for (char *t; (t = strsep(&cursor, ":"));)
        printf("(%s)", t);
    putchar('\n');
    for (int e = 0; e < 135; e += 9)
        printf("%d %s\n", e, strerror(e));
    printf("%s %s %s\n", strsignal(11), basename("/a/b/c"), strdup("copied"));
    printf("%d %d %d\n", sign(strcoll("abc", "abd")), sign(strverscmp("a9", "a10")), ffs(48));
    int classes = 0;
    for (int c = 0; c < 256; c++)
        classes = classes * 31 + !!isalpha(c) + 2 * !!isdigit(c) + 4 * !!isspace(c) + 8 * !!ispunct(c) + 16 * !!isxdigit(c) + toupper(c);
    printf("classes %d\n", classes);
    wchar_t wide[64];
    swprintf(wide, 64, L"%ls-%d", L"wide", 42);
    printf("%ls %zu %d %d\n", wide, wcslen(wide), wcscmp(wide, L"wide-41") > 0, !!iswalpha(L'x'));
    return 0;
}
