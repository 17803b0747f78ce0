/* worker.c - tasks in a ring, and the thread that does them. */
#include "pipeline/worker.h"

#include "pipeline/queue.h"

#include <stdlib.h>

enum { TASKS = 64 };

struct worker {
    pthread_t thread;
    struct queue queue;
    struct {
        worker_task *task;
        void *context;
        struct span bytes;
    } tasks[TASKS];
};

static void work(void *worker)
{
    struct worker *w = worker;
    unsigned slot;

    while (queue_next(&w->queue, &slot)) {
        w->tasks[slot].task(w->tasks[slot].context, w->tasks[slot].bytes);
        queue_empty(&w->queue);
    }
}

struct worker *worker_new(void)
{
    struct worker *w = calloc(1, sizeof *w);

    if (!w || !queue_init(&w->queue, TASKS)) {
        free(w);
        return NULL;
    }
    if (!thread_start(&w->thread, work, w)) {
        queue_release(&w->queue);
        free(w);
        return NULL;
    }
    return w;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    queue_close(&w->queue);
    pthread_join(w->thread, NULL);
    queue_release(&w->queue);
    free(w);
}

uint64_t worker_give(struct worker *w, worker_task *task, void *context, struct span bytes)
{
    unsigned slot = queue_room(&w->queue);

    w->tasks[slot].task = task;
    w->tasks[slot].context = context;
    w->tasks[slot].bytes = bytes;
    return queue_fill(&w->queue);
}

void worker_wait(struct worker *w, uint64_t turn)
{
    queue_wait(&w->queue, turn);
}

static uint64_t give_task(void *worker, worker_task *task, void *of, struct span bytes)
{
    return worker_give(worker, task, of, bytes);
}

static void wait_for_task(void *worker, uint64_t turn)
{
    worker_wait(worker, turn);
}

struct store_worker worker_for_store(struct worker *w)
{
    return (struct store_worker){give_task, wait_for_task, w};
}
