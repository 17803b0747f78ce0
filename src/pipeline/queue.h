/* queue.h - a ring of slots that one thread fills and another empties, in order.
 *
 *     filler:   queue_room() ── fills the slot ── queue_fill()
 *     emptier:  queue_next() ── uses the slot ─── queue_empty()
 *
 * The slots are the caller's, numbered 0 to count - 1; here is only whose turn each is. Turns are
 * counted from 1. What was written to a slot before queue_fill() is seen after queue_next(), and what
 * the emptier did before queue_empty() is seen after queue_room() of that slot, and after
 * queue_wait(). */
#ifndef SEINE_PIPELINE_QUEUE_H
#define SEINE_PIPELINE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;           /* of slots */
    uint64_t filled, emptied; /* turns; at most `count` apart */
    bool closed;
};

/* False when the machine has no room for it. */
bool queue_init(struct queue *q, unsigned count);
void queue_release(struct queue *q); /* after both threads are done with it */

/* Waits until a slot is free, and gives its number: the same until queue_fill(). */
unsigned queue_room(struct queue *q);

/* Hands the slot over. Returns the turn. */
uint64_t queue_fill(struct queue *q);

/* Waits for a filled slot. False when the queue was closed and all is emptied. */
bool queue_next(struct queue *q, unsigned *slot);
void queue_empty(struct queue *q);

/* Up to which turn slots have been emptied. Does not wait. */
uint64_t queue_emptied(struct queue *q);

/* Waits until the slot of this turn, and all before it, have been emptied: the filler, or whom it told the turn. */
void queue_wait(struct queue *q, uint64_t turn);

/* The filler has no more. */
void queue_close(struct queue *q);

/* Whether there are cores for more than one of them. */
bool threads_have_cores(void);

/* Has threads that are started from here on, and this one, run on for as long as they may instead of yielding to each that wakes
 * (SCHED_BATCH, sched(7)): for a run that nobody waits for frame by frame. Where the process is scheduled otherwise already
 * that stays. To be called before a sandbox forbids it. */
void threads_run_on(void);

/* Starts a thread that empties a queue. It gets no signal but SIGBUS, which is of what is mapped
 * (capture/guard.h): the others are for the thread that reads. False where there is none to be had. */
bool thread_start(pthread_t *thread, void (*work)(void *context), void *context);

#endif
