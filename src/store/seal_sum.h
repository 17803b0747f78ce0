/* seal_sum.h - values as the seal has them, on their way to a digest.
 *
 * The one place that knows their bytes (docs/blobs.md): the seal of a case that is read, and the writer,
 * which adds up its rows as it writes them, both come through here. A digest is fed best in long runs,
 * and most values are a few bytes, so all passes through a buffer. */
#ifndef SEINE_STORE_SEAL_SUM_H
#define SEINE_STORE_SEAL_SUM_H

#include "base/digest.h"
#include "base/span.h"
#include "store/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEAL_SUM_BUFFER = 16 * 1024 };

struct seal_sum {
    struct digest digest;
    uint8_t *buffer; /* owned; SEAL_SUM_BUFFER bytes */
    size_t len;      /* of it in use */
};

bool seal_sum_init(struct seal_sum *s); /* false when there is no memory */
void seal_sum_release(struct seal_sum *s);

/* The SHA-256 of all since the last time; starts over. */
void seal_sum_end(struct seal_sum *s, uint8_t value[DIGEST_LEN]);

void seal_bytes(struct seal_sum *s, struct span bytes);
void seal_letter(struct seal_sum *s, char letter);
void seal_mark(struct seal_sum *s, char letter, uint64_t number);  /* a letter and a number */
void seal_run(struct seal_sum *s, char letter, struct span bytes); /* a letter, a length, bytes */

/* A row begins with its mark; its values follow. */
void seal_row(struct seal_sum *s);
void seal_null(struct seal_sum *s);
void seal_int(struct seal_sum *s, int64_t value);
void seal_real(struct seal_sum *s, double value);
void seal_text(struct seal_sum *s, struct span utf8);
void seal_blob(struct seal_sum *s, struct span bytes);

/* A whole row, at once: what the calls above would make of it. */
void seal_values(struct seal_sum *s, const struct row_value *row, int columns);

/* The same, and the row laid out: most rows are short, and are looked at once for both. False: it is not short, and nothing
 * is done. */
bool seal_values_laid(struct seal_sum *s, struct record_laid *laid, const struct row_value *row,
                      int columns, bool key_apart);

#endif
