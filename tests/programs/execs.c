/* execve: what survives and what does not, its errors, scripts, posix_spawn, arguments up to the limit. */
#define _GNU_SOURCE
#include "say.h"
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>

extern char **environ;
static char self[4096];

/* What a new image finds. */
static int after(int argc, char **argv)
{
    sigset_t mask, pending;
    struct sigaction action;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigpending(&pending);
    say("  arguments %d, last <%s>, environment %s", argc, argv[argc - 1], getenv("MARK") ? getenv("MARK") : "none");
    say("  blocked: USR1 %d, pending %d", sigismember(&mask, SIGUSR1), sigismember(&pending, SIGUSR1));
    sigaction(SIGUSR2, NULL, &action);
    say("  ignored stays: %d", action.sa_handler == SIG_IGN);
    sigaction(SIGTERM, NULL, &action);
    say("  handled is reset: %d", action.sa_handler == SIG_DFL);
    stack_t stack;
    sigaltstack(NULL, &stack);
    say("  alternate stack off: %d", stack.ss_flags == SS_DISABLE);
    say("  fd 20 %s, fd 21 %s", TOLD(fcntl(20, F_GETFD)), TOLD(fcntl(21, F_GETFD)));
    mode_t mode = umask(0);
    char folder[64];
    getcwd(folder, sizeof folder);
    say("  umask %o, folder %s, alarm %d", mode, folder, alarm(0) > 50);
    char name[17] = "";
    prctl(PR_GET_NAME, name);
    say("  name %s", name);
    return 42;
}

static void handler(int number)
{
}

static void survives(void)
{
    pid_t child = fork();
    if (child == 0) {
        static char stack[65536];
        stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
        sigset_t block;
        sigemptyset(&block), sigaddset(&block, SIGUSR1);
        sigprocmask(SIG_BLOCK, &block, NULL);
        raise(SIGUSR1);
        signal(SIGUSR2, SIG_IGN), signal(SIGTERM, handler);
        sigaltstack(&alternate, NULL);
        dup2(0, 20), dup3(0, 21, O_CLOEXEC);
        umask(031), chdir("/usr"), alarm(100);
        prctl(PR_SET_NAME, "renamed");
        char *const argv[] = { "image", "after", "an argument", NULL }, *const env[] = { "MARK=set", NULL };
        execve(self, argv, env);
        _exit(1);
    }
    reap("new image", child);
    child = vfork();
    if (child == 0) {
        execl(self, "vforked", "after", "v", NULL);
        _exit(1);
    }
    reap("after vfork", child);
    int fd = open(self, O_RDONLY);
    child = fork();
    if (child == 0) {
        char *const argv[] = { "by descriptor", "quick", NULL };
        fexecve(fd, argv, environ);
        _exit(errno);
    }
    reap("fexecve", child);
}

static int try(const char *path, char *const *argv)
{
    pid_t child = fork();
    if (child == 0) {
        execve(path, argv, environ);
        _exit(errno);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void put(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    write(fd, text, strlen(text));
    fchmod(fd, mode);
    close(fd);
}

static void errors(void)
{
    char *const argv[] = { "x", NULL };
    mkdir("new", 0755);
    put("new/plain", "no program", 0755), put("new/empty", "", 0755), put("new/off", "#!/bin/sh\n", 0644);
    put("new/nobody", "#!/no/such/interpreter\n", 0755), put("new/loop", "#!new/loop\n", 0755);
    put("new/elf", "\177ELF too short", 0755), put("new/blank", "#!   \n", 0755);
    symlink("circle", "new/circle");
    const char *const names[] = { "missing", "new/missing", "new", "new/plain", "new/empty", "new/off", "new/nobody", "new/loop",
                                  "new/elf", "new/blank", "new/circle", "keys/file", "" };
    for (int i = 0; i < 13; i++)
        say("%s: errno %d", names[i], try(names[i], argv));
    say("bad address: errno %d", try((char *)8, argv));
    say("bad argv: errno %d", try(self, (char *const *)8));
    char *text = malloc(300000);
    memset(text, 'x', 299999);
    text[299999] = 0;
    char *const big[] = { "x", "quick", text, NULL };
    say("an argument of 300,000 bytes: errno %d", try(self, big));
    text[131071] = 0;
    say("one of 131,071 bytes: %d", try(self, big));
    char **many = calloc(3000, sizeof *many);
    many[0] = "x", many[1] = "quick";
    for (int i = 2; i < 2999; i++)
        many[i] = "argument";
    say("3,000 arguments: %d", try(self, many));
    int writer = open("new/copy", O_CREAT | O_WRONLY, 0755);
    say("open for writing: errno %d", try("new/copy", argv));
    close(writer);
}

static void scripts(void)
{
    char line[5000];
    snprintf(line, sizeof line, "#!%s after\nrest\n", self);
    put("new/script", line, 0755);
    char *const argv[] = { "ignored", "one", "two", NULL };
    say("script: %d", try("new/script", argv));
    snprintf(line, sizeof line, "#! %s  one argument with blanks \n", self);
    put("new/blanks", line, 0755);
    say("blanks: %d", try("new/blanks", argv));
    put("new/second", "#!new/script\n", 0755);
    say("script of a script: %d", try("new/second", argv));
}

static void spawns(void)
{
    int ends[2], status;
    pipe(ends);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addopen(&actions, 0, "keys", O_RDONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    pid_t child;
    char *const argv[] = { "sort", "-r", NULL }, *const none[] = { "x", NULL };
    say("spawn %d", posix_spawnp(&child, "sort", &actions, &attributes, argv, environ));
    close(ends[1]);
    char text[200];
    ssize_t size = 0, got;
    while ((got = read(ends[0], text + size, sizeof text - size)) > 0)
        size += got;
    say("says %zd bytes, first %.5s", size, text);
    reap("spawned", child);
    say("missing: %d", posix_spawn(&child, "/missing", NULL, NULL, none, environ));
    say("no zombie of it: %s", TOLD(waitpid(-1, &status, 0)));
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "quick"))
        return 7;
    if (argc > 1 && strcmp(argv[1], "after") == 0)
        return after(argc, argv);
    if (argc > 1)
        return 3;
    readlink("/proc/self/exe", self, sizeof self - 1);
    survives();
    errors();
    scripts();
    spawns();
    return 0;
}
