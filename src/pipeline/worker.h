/* worker.h - a thread that does one thing after another for another thread: hashing, mostly. */
#ifndef SEINE_PIPELINE_WORKER_H
#define SEINE_PIPELINE_WORKER_H

#include "base/span.h"
#include "store/store.h"

#include <stdint.h>

struct worker;

/* What is done with `bytes` on the worker's thread. Both belong to it until worker_wait() has said that
 * it is done. */
typedef void worker_task(void *context, struct span bytes);

/* NULL where no thread, or no memory, can be had: then whoever asks does it alone. */
struct worker *worker_new(void);

/* Ends the thread, after all has been done. NULL is allowed. */
void worker_free(struct worker *w);

/* Gives it a task; waits while too many are waiting. Returns its turn, counted from 1. */
uint64_t worker_give(struct worker *w, worker_task *task, void *context, struct span bytes);

/* Waits until the task of that turn, and all before it, are done: who gave it, or whom that one told the turn. */
void worker_wait(struct worker *w, uint64_t turn);

/* The same as the store has its tasks done; without a worker none is to be had, and `context` is NULL. */
struct store_worker worker_for_store(struct worker *w);

#endif
