/* Files through stdio: written, read back, sought in, buffered in three ways, renamed and removed. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include <dirent.h>

static void line_by_line(const char *name)
{
    FILE *in = fopen(name, "r");
    char *line = NULL;
    size_t size = 0, lines = 0, bytes = 0;
    for (ssize_t n; (n = getline(&line, &size, in)) > 0; lines++)
        bytes += n;
    printf("%s: %zu lines, %zu bytes, at %ld, eof %d\n", name, lines, bytes, ftell(in), !!feof(in));
    rewind(in);
    char chunk[777];
    unsigned sum = 0;
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, in));)
        while (n--)
            sum = sum * 31 + (unsigned char)chunk[n];
    fseek(in, -9, SEEK_END);
    printf("sum %u, tail %.8s\n", sum, fgets(chunk, sizeof chunk, in));
    ungetc('!', in);
    printf("%c %d\n", fgetc(in), fgetc(in));
    fclose(in);
    free(line);
}

int main(void)
{
    line_by_line("text");
    line_by_line("numbers");
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    for (int i = 0; i < 100; i++)
        fprintf(memory, "%d;", i * i);
    fclose(memory);
    printf("memory %zu %.20s\n", size, text);

    char folder[] = "/tmp/pagewalk-stdio-XXXXXX";
    if (!mkdtemp(folder) || chdir(folder))
        return perror("mkdtemp"), 1;
    FILE *out = fopen("made", "w+");
    setvbuf(out, NULL, _IOFBF, 100);
    for (int i = 0; i < 1000; i++)
        fprintf(out, "line %d\n", i);
    fseek(out, 5000, SEEK_SET);
    fputs("<patched>", out);
    fflush(out);
    struct stat st;
    fstat(fileno(out), &st);
    printf("size %lld mode %o\n", (long long)st.st_size, st.st_mode & 07777);
    fseek(out, 4990, SEEK_SET);
    char buffer[64] = "";
    fread(buffer, 1, 30, out);
    printf("[%s]\n", buffer);
    ftruncate(fileno(out), 5010);
    fclose(out);
    out = fopen("made", "a");
    setbuf(out, NULL);
    fputs("appended", out);
    fclose(out);
    stat("made", &st);
    printf("size %lld\n", (long long)st.st_size);
    printf("rename %d, link %d, symlink %d\n", rename("made", "renamed"), link("renamed", "hard"), symlink("renamed", "soft"));
    printf("open %p errno %d %s\n", (void *)fopen("made", "r"), errno, strerror(errno));
    lstat("hard", &st);
    printf("links %d\n", (int)st.st_nlink);
    printf("readlink %zd %.7s\n", readlink("soft", buffer, sizeof buffer), buffer);
    mkdir("sub", 0750);
    close(open("sub/file", O_CREAT | O_WRONLY | O_EXCL, 0640));
    printf("again %d errno %d\n", open("sub/file", O_CREAT | O_EXCL | O_WRONLY, 0600), errno);
    printf("rmdir %d errno %d\n", rmdir("sub"), errno);
    struct dirent **names;
    int n = scandir(".", &names, NULL, alphasort);
    for (int i = 0; i < n; i++)
        printf("entry %s %d\n", names[i]->d_name, names[i]->d_type);
    int fd = open("hard", O_RDWR);
    printf("pread %zd %.6s", pread(fd, buffer, 6, 10), buffer);
    printf(" pwrite %zd lseek %lld\n", pwrite(fd, "XY", 2, 6000), (long long)lseek(fd, 0, SEEK_END));
    printf("hole %d\n", pread(fd, buffer, 2, 5500) == 2 ? buffer[0] : -1);
    int copy = dup(fd);
    lseek(copy, 3, SEEK_SET);
    printf("shared offset %lld\n", (long long)lseek(fd, 0, SEEK_CUR));
    printf("closed %d errno %d\n", (close(fd), read(fd, buffer, 1)) == -1, errno);
    unlink("sub/file"), unlink("renamed"), unlink("hard"), unlink("soft"), rmdir("sub");
    chdir("/");
    printf("removed %d\n", rmdir(folder));
    FILE *temporary = tmpfile();
    fprintf(temporary, "%s", "scratch");
    rewind(temporary);
    printf("tmpfile %s\n", fgets(buffer, sizeof buffer, temporary));
    fputs("to standard error\n", stderr);
    perror("perror says");
    return 0;
}
