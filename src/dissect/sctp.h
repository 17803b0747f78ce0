/* sctp.h - a view of an SCTP common header, and of the chunks behind it (RFC 9260 3).
 *
 *     [ports, tag, checksum][type flags length | value   |pad][type flags length | value ...
 *      └──── 12 bytes ─────┘└───────── a chunk ──────────────┘ */
#ifndef SEINE_DISSECT_SCTP_H
#define SEINE_DISSECT_SCTP_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCTP_HEADER_LEN = 12 };

struct sctp {
    struct span header; /* 12 bytes */
};

/* How many bytes the header takes. */
size_t sctp_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool sctp_view(struct span *rest, struct sctp *s);

static inline uint16_t sctp_src_port(const struct sctp *s)
{
    return load_be16(s->header, 0);
}
static inline uint16_t sctp_dst_port(const struct sctp *s)
{
    return load_be16(s->header, 2);
}

/* The verification tag: the one that the receiver chose in its INIT or INIT ACK. */
static inline uint32_t sctp_tag(const struct sctp *s)
{
    return load_be32(s->header, 4);
}

/* The checksum, as the number that a CRC32c is: its lowest byte comes first on the wire
 * (RFC 9260 Appendix A). */
static inline uint32_t sctp_checksum(const struct sctp *s)
{
    return load_le32(s->header, 8);
}

/* The CRC32c of a packet, common header included, its checksum field taken for zero; `packet` has
 * at least the header. The second says the same slowly and plainly, and the tests hold the two
 * against each other. */
uint32_t sctp_crc32c(struct span packet);
uint32_t sctp_crc32c_plain(struct span packet);

/* The Adler-32 that RFC 2960 asked for until RFC 3309 replaced it by the CRC32c, likewise. It is
 * written in network byte order: compare it with load_be32(header, 8). */
uint32_t sctp_adler32(struct span packet);

/* IANA, SCTP chunk types: those that say something of an association. */
enum sctp_chunk_type {
    SCTP_DATA = 0,
    SCTP_INIT = 1,
    SCTP_INIT_ACK = 2,
    SCTP_SACK = 3,
    SCTP_ABORT = 6,
    SCTP_SHUTDOWN = 7,
    SCTP_SHUTDOWN_ACK = 8,
    SCTP_COOKIE_ECHO = 10,
    SCTP_COOKIE_ACK = 11,
    SCTP_SHUTDOWN_COMPLETE = 14,
    SCTP_I_DATA = 64, /* RFC 8260 2.1 */
};

enum { SCTP_CHUNK_T = 1 }; /* flag of ABORT and SHUTDOWN COMPLETE: the tag is the sender's own */

struct sctp_chunk {
    uint8_t type, flags;
    uint32_t len;      /* bytes of the value, as the chunk says */
    struct span value; /* as captured: shorter than `len` where the snap length cut it */
};

enum sctp_walk {
    SCTP_CHUNK,  /* there is one */
    SCTP_END,    /* there are no more */
    SCTP_CUT,    /* the snap length cut the header of the next one */
    SCTP_BROKEN, /* the next one says a length that it cannot have */
};

/* Takes the next chunk off the front of `rest`, with its padding. `*missing` is how many bytes follow
 * `rest` on the wire that were not captured, and is kept up to date. Each chunk takes at least four
 * bytes, so that a walk ends. */
enum sctp_walk sctp_chunk_next(struct span *rest, size_t *missing, struct sctp_chunk *chunk);

/* The user data of a DATA or I-DATA chunk, in bytes on the wire; 0 of all others, and of one that is
 * too short for its header. */
uint32_t sctp_user_len(const struct sctp_chunk *chunk);

/* Whether this, with `missing` bytes more on the wire, is an SCTP packet as far as can be told: for
 * where only a port says so. Its chunks end where it does, and its checksum, if it can be judged and
 * is not zero (RFC 9653), is right. */
bool sctp_looks_right(struct span packet, size_t missing);

#endif
