/* relay.h - the sink behind which the writer works on a thread of its own.
 *
 *     reading, dissection, reassembly ──► [batch][batch][batch] ──► the writer's sink
 *              one thread                  messages, in order          another
 *
 * The writer hears the same calls in the same order, whether there is a thread or not; so the rows are
 * the same. What is asked of the writer beside (evidence, interfaces, checkpoints) is asked after
 * relay_settle(), when it is idle.
 *
 * Bytes of payload are not copied where they last: a mapped capture tells, before it unmaps anything
 * (capture.h), and relay_passed() and relay_wait() hold it back until the writer has seen what lies
 * there. Elsewhere messages carry copies.
 *
 * Ceilings: the batches take relay_memory(). A number of a flow takes RELAY_NUMBER_COST bytes here, and lives
 * for as long as its flow, so their ceiling is the flow table's: relay_numbers_memory() is to be set aside
 * beside it. A message that is longer than a batch (a datagram of many fragments) is told without one, the
 * writer being idle. */
#ifndef SEINE_PIPELINE_RELAY_H
#define SEINE_PIPELINE_RELAY_H

#include "reassembly/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay;

struct relay_options {
    struct sink *to; /* borrowed */
    bool threaded;
    size_t memory; /* bytes for batches */

    /* Called after each batch on the writer's thread, or without one by relay_failed(): false when the
     * writer has failed. */
    bool (*after)(void *context);

    /* Called with each note, on the writer's thread, or without one by relay_note(). May be NULL. */
    void (*note)(void *context, struct span note);
    void *context;
};

/* What batches take of a budget of so many bytes, threaded or not. */
size_t relay_memory(size_t budget);

/* Bytes that the number of a flow takes: a pointer of the writer's, in a table that grows by a quarter, and
 * four for when it is given back. */
enum { RELAY_NUMBER_COST = 14 };

/* What numbers of flows take of a budget of so many bytes, threaded or not: enough for as many flows as a
 * table has that got at most 23/64 of the budget. */
size_t relay_numbers_memory(size_t budget);

/* Where no thread can be had, it works without. NULL when there is no memory. */
struct relay *relay_new(const struct relay_options *options);

/* Ends the thread, after all has been told. NULL is allowed. */
void relay_free(struct relay *r);

/* Whom reassembly tells. */
struct sink *relay_sink(struct relay *r);

/* Whether bytes of frames stay, from here on, until relay_wait() was called for them. */
void relay_frames_last(struct relay *r, bool lasting);

/* A place in the order of what is told: all so far. Hands it to the writer. */
uint64_t relay_passed(struct relay *r);

/* The place of what was told last, without handing anything over, and up to which place the writer has been
 * told. How many batches it has before it, and how many there are: as many, and who tells more waits. */
uint64_t relay_place(const struct relay *r);
uint64_t relay_told(struct relay *r);
unsigned relay_backlog(struct relay *r);
unsigned relay_batches(const struct relay *r);

/* Has bytes handed to `note` after all that was told before. At most RELAY_NOTE_MOST. */
enum { RELAY_NOTE_MOST = 4096 };
void relay_note(struct relay *r, const void *note, size_t len);

/* Waits until the writer has been told all up to that place. */
void relay_wait(struct relay *r, uint64_t place);

/* Waits until it has been told all. */
void relay_settle(struct relay *r);

/* Whether the writer has failed, as far as is known. Does not wait. */
bool relay_failed(struct relay *r);

#endif
