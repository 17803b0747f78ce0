/* kept.h - bytes that a case keeps, at any place of any stream. */
#ifndef SEINE_SEARCH_KEPT_H
#define SEINE_SEARCH_KEPT_H

#include "store/layout.h"
#include "store/reader.h"

#include <stdbool.h>

struct kept;

/* The reader, and the evidence that it may have, are borrowed. */
enum status kept_open(struct kept **kept, struct reader *reader, struct error *err);
void kept_close(struct kept *kept); /* NULL is allowed */

/* Whether some payload is in its evidence, and not in the case. */
bool kept_by_reference(const struct kept *kept);

/* Reads [begin, end) of a stream, at most LAYOUT_LEN positions: present[i] says whether there is a
 * byte, which is bytes[i] then. */
enum status kept_read(struct kept *kept, uint8_t *bytes, bool *present, int64_t stream_id,
                      int64_t begin, int64_t end, struct error *err);

/* Lays `run`, which begins at `position`, over what was read of [begin, end). */
void kept_lay(uint8_t *bytes, bool *present, int64_t begin, int64_t end, int64_t position,
              struct span run);

#endif
