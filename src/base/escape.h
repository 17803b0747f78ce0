/* escape.h - bytes from outside, made harmless on their way to a screen or a file of text.
 *
 * A payload can hold sequences that move a terminal's cursor, colour it, answer in the user's name, or
 * turn the direction of what follows. None passes: what is shown is plain characters, and it can be
 * read back, since a backslash is escaped as well. */
#ifndef SEINE_BASE_ESCAPE_H
#define SEINE_BASE_ESCAPE_H

#include "base/buffer.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Takes one character off the front of `from`, which is not empty. False when no valid UTF-8 begins
 * there (RFC 3629: no surrogates, nothing longer than needed, at most U+10FFFF): then one byte has
 * been taken, and `*code` is that byte. */
bool utf8_take(struct span *from, uint32_t *code);

/* Whether a character must not reach a screen: C0, DEL, C1, what sets the direction of text
 * (U+061C, U+200E..F, U+202A..E, U+2066..9) and what breaks lines (U+2028..9). */
bool is_control(uint32_t code);

/* Appends text for a screen, on one line: controls below 0x80 as \xNN, others as \u{NNNN}, bytes that
 * are no UTF-8 as \xNN, a backslash as two. False when the buffer has no room for all of it. */
bool escape_for_terminal(struct buffer *to, struct span bytes);

/* The same for the inside of a JSON string (RFC 8259): controls as \uNNNN, bytes that are no UTF-8 as
 * U+FFFD. */
bool escape_for_json(struct buffer *to, struct span bytes);

/* Appends the bytes as lower-case hex digits. */
bool escape_as_hex(struct buffer *to, struct span bytes);

#endif
