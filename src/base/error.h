/* error.h - what went wrong in the world, as one sentence.
 *
 * Three kinds of trouble have three mechanisms: a bug of ours is an assert; odd traffic is a verdict
 * or an oddity, and no error at all; a file, disk, database or memory that fails is a `status` and a
 * sentence in a `struct error`. The sentence says what was tried, on what, and what was found. It
 * may quote bytes from outside: whoever prints it escapes it. */
#ifndef SEINE_BASE_ERROR_H
#define SEINE_BASE_ERROR_H

#include <stdbool.h>

enum status {
    STATUS_OK = 0,
    STATUS_END, /* nothing more to come; not an error */
    STATUS_DAMAGED, /* the evidence is cut off or makes no sense from here on; what came before stands */
    STATUS_FAILED, /* the world failed: the sentence says how */
};

struct error {
    char text[640]; /* a sentence without a final stop or line feed; empty while nothing failed */
    bool no_memory; /* it failed for want of memory, which says nothing about what was read */
    bool
        no_room; /* or of room on the disk, which may come back: who sets the sentence sets it behind */
};

/* Writes the sentence (cut at the buffer's end) and returns STATUS_FAILED, so that a failing function
 * can end in `return error_set(err, ...)`. An earlier sentence is replaced. `err` may be NULL. */
enum status error_set(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for want of memory. */
enum status error_no_memory(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for STATUS_DAMAGED. */
enum status error_damaged(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts `format` and ": " before the sentence that is there: who was asked, then what happened. */
void error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
