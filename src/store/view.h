/* view.h - a stream as a receiver with another overlap policy has it, computed from the case alone.
 *
 *     chunks      AAAAAAAAAAAA          the first that was accepted of each position
 *     conflicts       xxx  yy           what later arrivals said instead
 *     view        AAAAxxxAAAAA          each position from the arrival that the policy takes
 *
 * The arrivals are replayed in their order; see receiver.h for what a receiver does with them. Refused
 * ones are not taken. Where a right segment took positions over from one with a wrong checksum, nobody
 * before it counts. Where the snap length cut the bytes of the arrival that is taken, those of the chunk
 * stand. A segment that came in IP fragments is judged fragment by fragment.
 *
 * A stream in which nothing conflicts is the same under every policy, and is read as it lies. Else
 * only positions in conflict cost more. Memory: a receiver (4 MiB at most), and 64 bytes for each
 * conflict over the position at hand. */
#ifndef SEINE_STORE_VIEW_H
#define SEINE_STORE_VIEW_H

#include "base/digest.h"
#include "reassembly/policy.h"
#include "store/reader.h"

enum { VIEW_CONFLICTS_MAX = 1 << 20 }; /* over one position; more is STATUS_FAILED */

struct view;

/* `policy` NULL is the stream's own: that of the receiver when it was ingested. */
enum status view_open(struct view **view, struct reader *reader, int64_t stream_id,
                      const struct policy *policy, struct error *err);

/* Before the first piece: may pass over pieces that lie before `position`, as where nothing conflicts. */
enum status view_seek(struct view *view, int64_t position, struct error *err);

/* The next piece, as stream_cursor_next() gives them: the same gaps at the same places. */
enum status view_next(struct view *view, struct stream_piece *piece, struct error *err);
void view_close(struct view *view); /* NULL is allowed */

/* The policy of a stream: what stands in its row, `first` where nothing does. */
enum status view_policy(const struct policy **policy, struct reader *reader, int64_t stream_id,
                        struct error *err);

/* SHA-256 over the bytes of a view, in order, gaps left out. */
enum status view_hash(char hex[DIGEST_HEX_LEN + 1], struct reader *reader, int64_t stream_id,
                      const struct policy *policy, struct error *err);

#endif
