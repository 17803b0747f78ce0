/* transcript.c - a conversation on paper. */
#include "cli/transcript.h"

#include "base/escape.h"
#include "cli/terminal.h"

#include <inttypes.h>
#include <string.h>

enum { ESCAPE_MOST = 8 }; /* bytes that one byte of payload can become */

void transcript_init(struct transcript *t, FILE *to, enum transcript_form form, bool colours)
{
    *t = (struct transcript){.to = to, .form = form, .colours = colours};
    buffer_init(&t->out, ESCAPE_MOST * TRANSCRIPT_LINE_MOST + 64);
}

static const char *marker(enum said_by by)
{
    return by == BY_CLIENT ? ">" : "<";
}

static void write_colour(const struct transcript *t)
{
    fputs(colour_start(t->by == BY_CLIENT ? COLOUR_CLIENT : COLOUR_SERVER, t->colours), t->to);
}

/* Escaped, but tabs stay: they move nothing that was written before. */
static void write_text(struct transcript *t, struct span text)
{
    buffer_clear(&t->out);
    while (text.len > 0) {
        const uint8_t *tab = memchr(text.data, '\t', text.len);
        struct span piece;
        span_take(&text, tab ? (size_t)(tab - text.data) : text.len, &piece);
        t->no_memory |= !escape_for_terminal(&t->out, piece);
        if (tab) {
            t->no_memory |= !buffer_add_byte(&t->out, '\t');
            span_take(&text, 1, NULL);
        }
    }
    fwrite(t->out.data, 1, t->out.len, t->to);
}

/* Writes a part of a line, and its end where it is whole. */
static void write_line(struct transcript *t, struct span text, bool whole)
{
    write_colour(t);
    if (!t->line_begun)
        fputs(marker(t->by), t->to);
    if (!t->line_begun && text.len > 0)
        fputc(' ', t->to);
    write_text(t, text);
    fputs(colour_end(t->colours), t->to);
    if (whole)
        fputc('\n', t->to);
    t->line_begun = !whole;
}

/* How many of the last bytes may belong together with what comes next: a carriage return, or the
 * beginning of a character of several bytes. */
static size_t unfinished_len(struct span text)
{
    if (text.len > 0 && load_u8(text, text.len - 1) == '\r')
        return 1;
    for (size_t back = 1; back <= 3 && back <= text.len; back++) {
        uint8_t byte = load_u8(text, text.len - back);
        if (byte < 0x80)
            return 0;
        if (byte >= 0xc0) { /* the first of 2, 3 or 4 */
            size_t len = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return len > back ? back : 0;
        }
    }
    return 0;
}

/* Makes room by writing what is held, but for what is unfinished. */
static void text_spill(struct transcript *t)
{
    struct span held = span_of(t->held, t->held_len);
    size_t keep = unfinished_len(held);
    write_line(t, span_first(held, held.len - keep), false);
    memmove(t->held, t->held + held.len - keep, keep);
    t->held_len = keep;
}

static void add_text(struct transcript *t, struct span bytes)
{
    while (bytes.len > 0) {
        const uint8_t *feed = memchr(bytes.data, '\n', bytes.len);
        if (t->held_len == sizeof t->held)
            text_spill(t);
        size_t len = feed ? (size_t)(feed - bytes.data) : bytes.len;
        size_t room = sizeof t->held - t->held_len;
        struct span line = span_first(bytes, len < room ? len : room);
        span_take(&bytes, line.len, NULL);
        memcpy(t->held + t->held_len, line.data, line.len);
        t->held_len += line.len;
        if (!feed || len > room)
            continue;
        span_take(&bytes, 1, NULL);
        if (t->held_len > 0 && t->held[t->held_len - 1] == '\r')
            t->held_len--;
        write_line(t, span_of(t->held, t->held_len), true);
        t->held_len = 0;
    }
}

/* A position with its sign, in at least eight digits. */
static void write_position(const struct transcript *t, int64_t position)
{
    uint64_t size = position < 0 ? 0 - (uint64_t)position : (uint64_t)position;
    fprintf(t->to, "%s %s%08" PRIx64 " ", marker(t->by), position < 0 ? "-" : "", size);
}

/* "  xx xx ... xx  |abc|" into `row`; returns the end. By hand: printf would be most of the time. */
static char *row_put(char *row, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < TRANSCRIPT_ROW; i++) {
        if (i % 8 == 0)
            *row++ = ' ';
        *row++ = i < len ? digits[bytes[i] >> 4] : ' ';
        *row++ = i < len ? digits[bytes[i] & 15] : ' ';
        *row++ = ' ';
    }
    *row++ = ' ';
    *row++ = '|';
    for (size_t i = 0; i < len; i++)
        *row++ = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.';
    *row++ = '|';
    return row;
}

static void write_row(struct transcript *t)
{
    char row[5 * TRANSCRIPT_ROW];
    write_colour(t);
    write_position(t, t->position);
    fwrite(row, 1, (size_t)(row_put(row, t->held, t->held_len) - row), t->to);
    fputs(colour_end(t->colours), t->to);
    fputc('\n', t->to);
    t->position += (int64_t)t->held_len;
    t->held_len = 0;
}

static void add_hex(struct transcript *t, struct span bytes)
{
    while (bytes.len > 0) {
        struct span piece = span_first(bytes, TRANSCRIPT_ROW - t->held_len);
        span_take(&bytes, piece.len, NULL);
        memcpy(t->held + t->held_len, piece.data, piece.len);
        t->held_len += piece.len;
        if (t->held_len == TRANSCRIPT_ROW)
            write_row(t);
    }
}

/* Writes what is held, ending its line. */
static void flush_held(struct transcript *t)
{
    if (t->form == AS_HEX && t->held_len > 0)
        write_row(t);
    else if (t->form == AS_TEXT && (t->held_len > 0 || t->line_begun))
        write_line(t, span_of(t->held, t->held_len), true);
    t->held_len = 0;
}

static void write_gap(struct transcript *t, const struct stream_piece *gap)
{
    bool was_cut = strcmp(gap->cause, "truncated") == 0;
    fprintf(t->to, "%s[%s: %" PRId64 " bytes %s at position %" PRId64 ", ",
            colour_start(COLOUR_WARNING, t->colours), t->by == BY_CLIENT ? "client" : "server",
            gap->length, was_cut ? "not captured" : "missing", gap->position);
    print_escaped(t->to, gap->cause);
    fprintf(t->to, "]%s\n", colour_end(t->colours));
}

void transcript_add(struct transcript *t, enum said_by by, const struct stream_piece *piece)
{
    if (by != t->by || piece->cause)
        flush_held(t);
    t->by = by;
    if (piece->cause) {
        uint64_t length = piece->length > 0 ? (uint64_t)piece->length : 0;
        if (__builtin_add_overflow(t->missing, length, &t->missing))
            t->missing = UINT64_MAX;
        if (t->form != AS_RAW)
            write_gap(t, piece);
        return;
    }
    if (t->held_len == 0)
        t->position = piece->position;
    switch (t->form) {
    case AS_TEXT:
        add_text(t, piece->bytes);
        break;
    case AS_HEX:
        add_hex(t, piece->bytes);
        break;
    case AS_RAW:
        fwrite(piece->bytes.data, 1, piece->bytes.len, t->to);
        break;
    }
}

void transcript_end(struct transcript *t)
{
    flush_held(t);
    buffer_release(&t->out);
}
