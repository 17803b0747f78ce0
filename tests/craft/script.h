/* script.h - words, lines and attributes: reads what a script says, and knows nothing of packets.
 *
 * The first mistake is remembered as a sentence in the struct script; after it no word follows, so
 * that whoever reads on comes to an end. */
#ifndef SEINE_TESTS_CRAFT_SCRIPT_H
#define SEINE_TESTS_CRAFT_SCRIPT_H

#include "craft/craft.h"
#include "craft/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script {
    const char *at; /* borrowed: what is still to be read */
    int line;       /* 1, 2, ... */
    bool failed;
    struct craft_error *err; /* borrowed */
};

void script_init(struct script *s, const char *text, struct craft_error *err);

/* Always false, so that a parser can end in `return script_fail(...)`. */
bool script_fail(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Goes to the next line that has a word; false at the end or after a mistake. */
bool script_next_line(struct script *s);

struct script_word {
    char text[512]; /* a bare word */
    bool is_data;   /* or "..." or hex:..., whose bytes went to `data` */
};

/* The next word of this line; false at its end. `data` may be NULL where none is expected. */
bool script_word(struct script *s, struct script_word *word, struct wire_bytes *data);

bool script_integer(struct script *s, int64_t *value, const char *text, int64_t low, int64_t high);

/* 1.5 or -0.000000001 */
bool script_seconds(struct script *s, int64_t *time_ns, const char *text);

struct script_number {
    bool given;
    int64_t value;
};

enum { SCRIPT_LIST_MAX = 64 };

struct script_list {
    bool given;
    size_t count;
    int64_t values[SCRIPT_LIST_MAX];
};

struct script_address {
    bool given;
    struct wire_address value;
};

enum script_kind {
    KIND_TCP = 1, /* bits: an attribute belongs to several */
    KIND_UDP = 2,
    KIND_ICMP = 4,
    KIND_IP = 8,
    KIND_RAW = 16,
    KIND_SCTP = 32,
};

/* A line that makes frames, as it was written. */
struct script_frame {
    enum script_kind kind;
    bool from_server;
    struct wire_bytes data; /* owned; script_frame_release() */
    uint8_t named_flags;    /* of TCP: the words SYN, ACK, ... */
    struct script_number position;
    bool position_from_next;

    struct script_number flags, ack, seq, win, urg, mss, ws, quote, proto, offset;
    struct script_number tag, tsn; /* of SCTP */
    char chunks[128];              /* the names of its chunks, with '+' between them */
    struct script_number ttl, id, iplen, pad, snap, wire, rep, poke_at, len;
    struct script_list ts, sack, vlan, frag, order, echo, reply, unreachable, exceeded, type;
    struct script_address from;
    struct wire_bytes options, poke; /* owned */
    bool noack, sackok, bad_checksum, offload, no_checksum, adler, bad_ip_checksum, df, more;
};

/* Reads the rest of a line into `f`, which has its kind and may have attributes from before. */
bool script_frame_read(struct script *s, struct script_frame *f);

/* The same for `every`: attributes only, of any kind. */
bool script_every_read(struct script *s, struct script_frame *f);
void script_frame_copy(struct script_frame *to, const struct script_frame *from);
void script_frame_release(struct script_frame *f);

#endif
