/* queue.c - whose turn a slot is, under one lock. A slot holds work for many microseconds, so that the
 * lock costs nothing beside it. */
#include "pipeline/queue.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>

enum { STACK_LEN = 512 << 10 }; /* SQLite asks for less; a limit on memory counts all of it */

bool queue_init(struct queue *q, unsigned count)
{
    *q = (struct queue){.count = count};
    if (pthread_mutex_init(&q->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&q->changed, NULL) != 0) {
        pthread_mutex_destroy(&q->lock);
        return false;
    }
    return true;
}

void queue_release(struct queue *q)
{
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
}

unsigned queue_room(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->filled - q->emptied == q->count)
        pthread_cond_wait(&q->changed, &q->lock);
    unsigned slot = (unsigned)(q->filled % q->count);
    pthread_mutex_unlock(&q->lock);
    return slot;
}

uint64_t queue_fill(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    uint64_t turn = ++q->filled;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return turn;
}

bool queue_next(struct queue *q, unsigned *slot)
{
    pthread_mutex_lock(&q->lock);
    while (q->filled == q->emptied && !q->closed)
        pthread_cond_wait(&q->changed, &q->lock);
    bool has = q->filled != q->emptied;
    *slot = (unsigned)(q->emptied % q->count);
    pthread_mutex_unlock(&q->lock);
    return has;
}

void queue_empty(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->emptied++;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

uint64_t queue_emptied(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    uint64_t emptied = q->emptied;
    pthread_mutex_unlock(&q->lock);
    return emptied;
}

void queue_wait(struct queue *q, uint64_t turn)
{
    pthread_mutex_lock(&q->lock);
    while (q->emptied < turn)
        pthread_cond_wait(&q->changed, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

bool threads_have_cores(void)
{
    cpu_set_t cores;

    return sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 1;
}

void threads_run_on(void)
{
    const struct sched_param none = {.sched_priority = 0};

    if (sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &none);
}

struct start {
    void (*work)(void *context);
    void *context;
};

static void *begin(void *start)
{
    struct start s = *(struct start *)start;

    free(start);
    s.work(s.context);
    return NULL;
}

bool thread_start(pthread_t *thread, void (*work)(void *context), void *context)
{
    struct start *start = malloc(sizeof *start);
    pthread_attr_t attributes;
    sigset_t all, before;

    if (!start || pthread_attr_init(&attributes) != 0) {
        free(start);
        return false;
    }
    *start = (struct start){work, context};
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_attr_setstacksize(&attributes, STACK_LEN) == 0 &&
                   pthread_create(thread, &attributes, begin, start) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (!started)
        free(start);
    return started;
}
