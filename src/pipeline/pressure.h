/* pressure.h - what is done when frames come faster than they can be written, step by step.
 *
 *     full        0%      25%        70%        80%        90%
 *     step          return │          │ long     │ new      │ all but
 *                  after 1 s          │ streams  │ streams  │ flows
 *
 * How full that is which stands between reading and writing (batches, rings) decides. A step up comes at once, or
 * a tenth of a second after the one before; one back when it has been little for a second. */
#ifndef SEINE_PIPELINE_PRESSURE_H
#define SEINE_PIPELINE_PRESSURE_H

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PRESSURE_LONG_MOST = 4 << 20, PRESSURE_LONG_LEAST = 64 << 10 };

/* All zero is the beginning. */
struct pressure {
    enum store_shed level;
    uint64_t above;     /* streams that are longer keep no more; valid above SHED_NOTHING */
    int64_t changed_ns; /* when the last step was taken */
    int64_t little_ns;  /* since when it is little; 0: it is not */
};

/* It is that full, in percent. True when a step was taken. `now_ns` is above 0. */
bool pressure_see(struct pressure *p, unsigned full, int64_t now_ns);

/* What is done when the disk has so many bytes left of so many in all, with what was done before. */
enum store_shed pressure_of_disk(enum store_shed before, uint64_t left, uint64_t all);

/* From how many bytes on a disk has little left, of so many: older cases go then, if there are any. */
uint64_t pressure_disk_little(uint64_t all);

/* The sentence for the step that was taken last. */
void pressure_text(char *text, size_t room, const struct pressure *p);

#endif
