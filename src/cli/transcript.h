/* transcript.h - a conversation on paper: as text, as a hex dump, or as the bare bytes.
 *
 *     > GET / HTTP/1.1                          > 00000000  47 45 54 20 2f ...  |GET / ...|
 *     < HTTP/1.1 200 OK
 *     [server: 1460 bytes missing at position 2920, capture_loss]
 *
 * Every line of payload begins with who said it, so no payload can look like a line of ours. As
 * text, lines stay lines (with or without the carriage return) and tabs stay tabs; all else that is
 * not printable is escaped. What a side leaves unfinished ends its line there. */
#ifndef SEINE_CLI_TRANSCRIPT_H
#define SEINE_CLI_TRANSCRIPT_H

#include "base/buffer.h"
#include "cli/conversation.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum transcript_form { AS_TEXT, AS_HEX, AS_RAW };

enum { TRANSCRIPT_LINE_MOST = 4096, TRANSCRIPT_ROW = 16 }; /* bytes of payload */

struct transcript {
    FILE *to; /* borrowed */
    enum transcript_form form;
    bool colours;
    enum said_by by; /* whose payload is held */
    uint8_t held[TRANSCRIPT_LINE_MOST];
    size_t held_len;   /* of a line or row that is not full */
    int64_t position;  /* of the first byte held */
    bool line_begun;   /* a part of this line is out already */
    struct buffer out; /* the line as it is written */
    uint64_t missing;  /* bytes of gaps so far, up to UINT64_MAX */
    bool no_memory;    /* a line could not be escaped, and what is written is not all */
};

void transcript_init(struct transcript *t, FILE *to, enum transcript_form form, bool colours);

/* Writes a piece: bytes, or a gap as a line of its own (as raw: nothing). */
void transcript_add(struct transcript *t, enum said_by by, const struct stream_piece *piece);

/* Writes what is held, and releases. */
void transcript_end(struct transcript *t);

#endif
