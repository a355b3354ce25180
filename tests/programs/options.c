/* getopt_long, the environment, and what a program learns of itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    static const struct option longs[] = { { "long", required_argument, NULL, 'l' }, { "flag", no_argument, NULL, 'f' }, { 0 } };
    argv[0] = "options"; /* getopt names the program in its complaints */
    for (int c; (c = getopt_long(argc, argv, "ab:c::", longs, NULL)) != -1;)
        printf("option %c argument %s\n", c, optarg ? optarg : "none");
    while (optind < argc)
        printf("rest %s\n", argv[optind++]);
    for (char **e = environ; *e; e++)
        printf("%s\n", *e);
    setenv("NEW", "value", 1), unsetenv("HOME"), putenv("LANG=changed");
    printf("%s %s %s\n", getenv("NEW"), getenv("HOME") ? "home" : "none", getenv("LANG"));
    char folder[4096];
    printf("cwd %s\n", getcwd(folder, sizeof folder));
    printf("page %ld, auxv page %lu, secure %lu\n", sysconf(_SC_PAGESIZE), getauxval(AT_PAGESZ), getauxval(AT_SECURE));
    printf("uid %d %d gid %d %d\n", getuid() == geteuid(), (int)getuid(), getgid() == getegid(), (int)getgid());
    struct utsname name;
    uname(&name);
    printf("%s %s\n", name.sysname, name.machine);
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    printf("stack %d\n", limit.rlim_cur >= 1 << 20);
    printf("tty %d %d errno %d\n", isatty(0), isatty(1), errno);
    char line[100];
    while (fgets(line, sizeof line, stdin))
        printf("stdin %s", line);
    return argc;
}
