/* guard.h - what happens when a mapped file becomes shorter under us.
 *
 * Touching a page of a map that the file no longer reaches is a SIGBUS. Our handler looks whether
 * the page belongs to a guarded range; if so it lays zeros there, from the page to the end of the
 * range, notes that it did, and the read goes on with the zeros: whoever reads looks at
 * guard_flag() before believing them. Any other SIGBUS goes to whoever handled it before us.
 *
 * Ranges may be touched by other threads than the one that maps them. */
#ifndef SEINE_CAPTURE_GUARD_H
#define SEINE_CAPTURE_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct guard;

/* How many guards there can be at once, and ranges in each. */
enum { GUARD_COUNT = 64, GUARD_RANGES = 6 };

/* NULL when all are taken, or the handler cannot be installed: then do not map, but read. */
struct guard *guard_new(void);
void guard_free(struct guard *g); /* NULL is allowed */

/* From now on the guard's range `which` is this one. Before it is unmapped: guard_forget(). */
void guard_watch(struct guard *g, size_t which, const void *start, size_t len);
void guard_forget(struct guard *g, size_t which);

/* True once the handler has laid zeros into one of the guard's ranges. Lives as long as the
 * guard. */
const atomic_bool *guard_flag(const struct guard *g);

#endif
