/*
 * pipe - two processes that talk through two pipes: a question and an answer at a time, then more than a pipe holds.
 *
 * A pipe is a buffer in the kernel. Whoever reads an empty one or writes a full one sleeps until the other side has done
 * something, so each word below costs two switches of address space, and 200,000 bytes cost several.
 *
 * Look for: the end of a pipe. A reader sees it only when the last write end is closed, so each process first closes the
 * ends it does not use; a writer without a reader gets EPIPE, and SIGPIPE if it does not ignore it.
 */
#include "rt.h"

enum { BULK_BYTES = 200000, CHUNK_BYTES = 5000 };

static struct pipe_ends to_child, to_parent;
static uint8_t buffer[CHUNK_BYTES];

/* Writes all of it; a pipe may take less at once. */
static void send(int fd, const void *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;)
        sent += (size_t)must("write", sys_write(fd, (const char *)bytes + sent, size - sent));
}

/* Reads exactly so much, or less if the pipe ends before. */
static size_t receive(int fd, void *bytes, size_t size)
{
    size_t received = 0;
    long count = 1;
    while (received < size && count > 0) {
        count = must("read", sys_read(fd, (char *)bytes + received, size - received));
        received += (size_t)count;
    }
    return received;
}

/* Turns letters into capitals. */
static void answer_words(unsigned words)
{
    for (; words > 0; words--) {
        char word[8];
        check("a word came", receive(to_child.read_end, word, sizeof word) == sizeof word);
        for (size_t i = 0; i < sizeof word; i++)
            if (word[i] >= 'a' && word[i] <= 'z')
                word[i] = (char)(word[i] - 'a' + 'A');
        send(to_parent.write_end, word, sizeof word);
    }
}

static void answer_bulk(void)
{
    struct {
        unsigned long bytes, sum;
    } answer = { 0, 0 };
    size_t size;
    while ((size = receive(to_child.read_end, buffer, sizeof buffer)) > 0) {
        answer.bytes += size;
        for (size_t i = 0; i < size; i++)
            answer.sum += buffer[i];
    }
    print("child: the pipe has ended after %lu more bytes\n", answer.bytes);
    send(to_parent.write_end, &answer, sizeof answer);
}

static int child(unsigned words)
{
    must("close", sys_close(to_child.write_end));
    must("close", sys_close(to_parent.read_end));
    answer_words(words);
    answer_bulk();
    return 0;
}

static void ask(const char *text)
{
    char word[8] = { 0 }, reply[8];
    for (size_t i = 0; text[i] && i < sizeof word - 1; i++)
        word[i] = text[i];
    send(to_child.write_end, word, sizeof word);
    check("an answer came", receive(to_parent.read_end, reply, sizeof reply) == sizeof reply);
    print("parent: sent %s, got %s\n", word, reply);
}

static unsigned long send_bulk(void)
{
    unsigned long sum = 0;
    for (size_t at = 0; at < BULK_BYTES; at += CHUNK_BYTES) {
        for (size_t i = 0; i < CHUNK_BYTES; i++)
            sum += buffer[i] = (uint8_t)((at + i) * 7 % 251);
        send(to_child.write_end, buffer, CHUNK_BYTES);
    }
    return sum;
}

int main(void)
{
    static const char *const words[] = { "page", "table", "walk" };
    unsigned count = sizeof words / sizeof *words;
    unsigned long answer[2];

    must("pipe", sys_pipe(&to_child));
    must("pipe", sys_pipe(&to_parent));
    print("parent: a pipe holds %ld bytes\n", must("fcntl", sys_fcntl(to_child.write_end, F_GETPIPE_SZ, 0)));
    long process = must("fork", sys_fork());
    if (process == 0)
        return child(count);
    must("close", sys_close(to_child.read_end));
    must("close", sys_close(to_parent.write_end));
    for (unsigned i = 0; i < count; i++)
        ask(words[i]);

    unsigned long sum = send_bulk();
    must("close", sys_close(to_child.write_end));
    check("an answer came", receive(to_parent.read_end, answer, sizeof answer) == sizeof answer);
    print("parent: sent %u bytes with sum %lu, child got %lu with sum %lu\n", BULK_BYTES, sum, answer[0], answer[1]);
    check("they are the same", answer[0] == BULK_BYTES && answer[1] == sum);
    check("the child is content", wait_for(process) == 0);
    check("its pipe has ended", receive(to_parent.read_end, answer, 1) == 0);

    signal_handler *const ignore = (signal_handler *)1; /* SIG_IGN */
    must("rt_sigaction", set_handler(SIGPIPE, ignore, 0));
    must("pipe", sys_pipe(&to_child));
    must("close", sys_close(to_child.read_end));
    check("without a reader a write is EPIPE", sys_write(to_child.write_end, "x", 1) == -EPIPE);
    print("parent: a write that nobody can read gives EPIPE\n");
    return 0;
}
