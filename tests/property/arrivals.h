/* arrivals.h - the segments of one direction, in the order in which they arrive: what a test feeds
 * to reassembly, and to the model of it (byte_model.h).
 *
 * Three ways in: a picture, the generator (generator.h), or arrivals_add(). Two ways out: the list
 * itself, for whoever pushes segments by hand, and a script of craft, for whoever wants frames.
 *
 * A picture writes an arrival as letters@position, each letter a byte; '~' at its end are bytes
 * that were sent but cut off by the snap length:
 *
 *     "AAA@0 CC@5 BB@3 DD~~@7 x@-1" */
#ifndef SEINE_TESTS_ARRIVALS_H
#define SEINE_TESTS_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arrival {
    int64_t position; /* 0 is the first byte after the SYN, if there is one */
    uint8_t *bytes;   /* owned: all `len`, also those that are not captured */
    size_t len;       /* as sent; never 0 */
    size_t captured;  /* at most len: the rest was cut off */
};

struct arrivals {
    struct arrival *list; /* owned */
    size_t count;
    size_t room; /* arrivals allocated */
};

void arrivals_init(struct arrivals *a);
void arrivals_release(struct arrivals *a);

/* Copies the bytes. */
void arrivals_add(struct arrivals *a, int64_t position, const uint8_t *bytes, size_t len,
                  size_t captured);

/* Adds what the picture shows. A picture that makes no sense is a bug of the test: it aborts. */
void arrivals_draw(struct arrivals *a, const char *picture);

/* The picture of a list, for a message; bytes that are no letters or digits are shown as '?'. For
 * free(). */
char *arrivals_picture(const struct arrivals *a);

/* Moves every arrival by `distance`. */
void arrivals_shift(struct arrivals *a, int64_t distance);

/* Moves the list so that its first arrival is at 0, as positions count where no SYN was seen.
 * Returns the distance that was added. */
int64_t arrivals_rebase(struct arrivals *a);

/* Adds the arrivals of `from` to `to`, the one at order[0] first. */
void arrivals_add_ordered(struct arrivals *to, const struct arrivals *from, const size_t order[]);

/* All orders of n things: start with 0, 1, 2, ...; false after the last, when it is back there.
 *
 *     size_t order[5] = {0, 1, 2, 3, 4};
 *     do { ... } while (order_next(order, 5)); */
bool order_next(size_t order[], size_t count);

/* The initial sequence number with which the byte at `position` has sequence number 0. */
uint32_t isn_wrapping_at(int64_t position);

enum arrivals_opening {
    OPENING_HANDSHAKE, /* SYN, SYN-ACK, ACK: positions are as in the list */
    OPENING_NONE,      /* data at once: what reads it must count from the first arrival, and so
                          compares with a list after arrivals_rebase() */
};

/* The list as a script of craft, sent by the client, one line an arrival; `isn` is the client's.
 * Lines may be added after it (`c FIN`), and settings before, as long as frames stay Ethernet and
 * IPv4 without tags: what is cut off is written as a snap length. For free(). */
char *arrivals_script(const struct arrivals *a, uint32_t isn, enum arrivals_opening opening);

#endif
