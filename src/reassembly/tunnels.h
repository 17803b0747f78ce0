/* tunnels.h - the paths through tunnels, each with a number.
 *
 * A key has room for a number, not for a text, so each path gets one when it is first seen: 1,
 * 2, 3, ... in that order. 0 is no tunnel.
 *
 * Ceiling: `memory` bytes, and 65534 paths. What is seen after that shares the number
 * TUNNEL_OTHER and the path "other": its packets are told apart by their five-tuples only. A
 * path that has a number keeps it, so nothing that began before is torn apart. */
#ifndef SEINE_REASSEMBLY_TUNNELS_H
#define SEINE_REASSEMBLY_TUNNELS_H

#include <stddef.h>
#include <stdint.h>

enum { TUNNEL_NONE = 0, TUNNEL_OTHER = UINT16_MAX };

struct tunnels;

/* NULL when there is no memory. */
struct tunnels *tunnels_new(size_t memory);
void tunnels_free(struct tunnels *t); /* NULL is allowed */

/* The number of a path, given when there was none; TUNNEL_NONE of the empty one. `*text`, if not
 * NULL, becomes the path as it is written in the case, alive as long as the table, or NULL for
 * no tunnel. */
uint16_t tunnels_number(struct tunnels *t, const char **text, const char *path);

size_t tunnels_memory_peak(const struct tunnels *t);

#endif
