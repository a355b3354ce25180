/* Semaphores, mutexes, condition variables and barriers in memory that processes share: futexes underneath. */
#define _GNU_SOURCE
#include "say.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_PRIVATE_FLAG = 128 };

struct shared {
    sem_t items, room, turn[2];
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    pthread_barrier_t barrier;
    int counter, ready, word, head, queue[4];
    long sum;
};

static struct shared *all;

static void set_up(void)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;
    pthread_barrierattr_t barrier;
    all = shared(sizeof *all);
    sem_init(&all->items, 1, 0), sem_init(&all->room, 1, 4);
    sem_init(&all->turn[0], 1, 1), sem_init(&all->turn[1], 1, 0);
    pthread_mutexattr_init(&mutex), pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&all->mutex, &mutex);
    pthread_condattr_init(&condition), pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&all->condition, &condition);
    pthread_barrierattr_init(&barrier), pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&all->barrier, &barrier, 4);
}

static void queue(void)
{
    pid_t consumer = fork();
    if (consumer == 0) {
        for (int tail = 0; tail < 1000; tail++) {
            sem_wait(&all->items);
            all->sum += all->queue[tail % 4];
            sem_post(&all->room);
        }
        _exit(0);
    }
    for (int n = 0; n < 1000; n++) {
        sem_wait(&all->room);
        all->queue[all->head++ % 4] = n;
        sem_post(&all->items);
    }
    reap("consumer", consumer);
    say("sum %ld", all->sum);
}

static void turns(void)
{
    pid_t child = fork();
    int side = child == 0;
    for (int i = 0; i < 5; i++) {
        sem_wait(&all->turn[side]);
        say("%s %d", side ? "pong" : "ping", i);
        sem_post(&all->turn[!side]);
    }
    if (side)
        _exit(0);
    reap("pong", child);
}

static void mutexes(void)
{
    for (int i = 0; i < 6; i++)
        if (fork() == 0) {
            for (int k = 0; k < 5000; k++) {
                pthread_mutex_lock(&all->mutex);
                all->counter++;
                pthread_mutex_unlock(&all->mutex);
            }
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    say("counter %d", all->counter);
}

static void conditions(void)
{
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            pthread_mutex_lock(&all->mutex);
            while (!all->ready)
                pthread_cond_wait(&all->condition, &all->mutex);
            all->counter += 1000000;
            pthread_mutex_unlock(&all->mutex);
            pthread_barrier_wait(&all->barrier);
            _exit(0);
        }
    nap(30);
    pthread_mutex_lock(&all->mutex);
    all->ready = 1;
    pthread_cond_broadcast(&all->condition);
    pthread_mutex_unlock(&all->mutex);
    pthread_barrier_wait(&all->barrier);
    say("after the barrier %d", all->counter);
    while (wait(NULL) > 0)
        ;
}

static long futex(int operation, int value, struct timespec *time)
{
    return syscall(SYS_futex, &all->word, operation, value, time, NULL, 0);
}

static void futexes(void)
{
    struct timespec soon = { 0, 10000000 };
    say("another value: %s", TOLD(futex(FUTEX_WAIT, 1, NULL)));
    say("timeout: %s", TOLD(futex(FUTEX_WAIT, 0, &soon)));
    say("nobody waits: %s", TOLD(futex(FUTEX_WAKE, 5, NULL)));
    pid_t children[3];
    for (int i = 0; i < 3; i++)
        if ((children[i] = fork()) == 0)
            _exit(futex(FUTEX_WAIT, 0, NULL) == 0 ? 0 : errno);
    nap(100);
    say("woken: %s", TOLD(futex(FUTEX_WAKE, 2, NULL)));
    nap(50);
    say("the last: %s", TOLD(futex(FUTEX_WAKE, 100, NULL)));
    for (int i = 0; i < 3; i++)
        reap("waiter", children[i]);
    say("private futexes are each one's own:");
    pid_t child = fork();
    if (child == 0)
        _exit(futex(FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &(struct timespec) { 0, 100000000 }) < 0 ? errno : 0);
    nap(30);
    say("  woken: %s", TOLD(futex(FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL)));
    reap("  timed out", child);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec += 10000000;
    if (now.tv_nsec >= 1000000000)
        now.tv_sec++, now.tv_nsec -= 1000000000;
    say("sem_timedwait: %s", TOLD(sem_timedwait(&all->items, &now)));
    say("sem_trywait: %s", TOLD(sem_trywait(&all->items)));
}

int main(void)
{
    set_up();
    queue();
    turns();
    mutexes();
    conditions();
    futexes();
    return 0;
}
