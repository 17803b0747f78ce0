/* format.h - what a capture is inside: a window, a place in it, and the format that reads there.
 *
 * The seam between capture.c and the formats. A format asks the window for bytes, always forward,
 * and makes frames of them; it never sees where they come from. */
#ifndef SEINE_CAPTURE_FORMAT_H
#define SEINE_CAPTURE_FORMAT_H

#include "capture/capture.h"
#include "capture/window.h"

/* How a source names its link types: some programs wrote the number that their system's <net/bpf.h>
 * has (DLT_) where the registered one (LINKTYPE_) belongs. Of those, the ones that mean nothing
 * else. */
uint32_t link_type_registered(uint32_t link_type);

/* Classic pcap. */
struct pcap {
    bool big_endian;
    bool lengths_swapped;  /* versions before 2.3 wrote the wire length first */
    bool lengths_doubtful; /* 2.3: some did */
    uint32_t header_len;   /* bytes of a record header */
    uint32_t ns_per_tick;
    uint32_t link_type;
    uint32_t snap_len;
    uint8_t fcs_len; /* bytes; 0 is none, or not said */
};

/* From ticks since the epoch to nanoseconds, as if_tsresol and if_tsoffset say. */
struct pcapng_clock {
    bool binary; /* a tick is 2^-exponent seconds, else 10^-exponent */
    uint8_t exponent;
    int64_t offset_s;
    uint64_t factor;  /* decimal: nanoseconds in a tick, or 1 */
    uint64_t divisor; /* decimal: ticks in a nanosecond, or 1; 0 is more than fit */
};

struct pcapng_interface {
    uint32_t interface_id; /* unique over the capture */
    uint32_t link_type;
    uint32_t snap_len; /* 0 is no limit */
    uint8_t fcs_len;   /* bytes; 0 is none, or not said */
    struct pcapng_clock clock;
};

struct pcapng {
    bool big_endian;                     /* this section */
    struct pcapng_interface *interfaces; /* owned; of this section */
    uint32_t interface_count;
    uint32_t interface_room;
    uint32_t next_interface_id;
    int64_t last_ns; /* of the last frame that said its time */
};

/* Solaris's snoop, and the files that Shomiti and Finisar made of it. */
struct snoop {
    bool of_shomiti;
    uint32_t network;       /* as written */
    uint16_t link_types[3]; /* that its records can have: each is an interface */
    uint32_t link_type_count;
    uint32_t dropped; /* as the last record told */
};

enum { ERF_PORTS = 8, ERF_LINKS = 9 };

/* An ERF has no header: what it knows comes with its records. Each pair of port and link type is an
 * interface. */
struct erf {
    uint32_t interface_ids[ERF_PORTS][ERF_LINKS]; /* one more than it is; 0 is none yet */
    uint32_t interface_count;
    uint64_t lost[ERF_PORTS]; /* records that the card could not store, so far */
    uint64_t said[4];         /* hashes of what metadata said last, by kind of note */
};

struct capture;

/* The rules. `recognises` looks at the beginning: STATUS_OK when it is this format's, STATUS_END
 * when it is not, STATUS_FAILED, with a sentence, when reading failed. It asks the window for bytes
 * from offset 0 on only, so that the next one finds them still there. `open` reads the file header and sets `offset`: STATUS_OK, STATUS_END when the content
 * ends inside it, else a sentence in capture->error; it tells nothing. `begin`, before the first
 * frame, tells what `open` learned. `next` fills the frame but its number, and moves `offset`
 * behind it: STATUS_OK, or why not, with a sentence in capture->error unless it is STATUS_END.
 * `close` may be NULL. */
struct format {
    const char *names[3]; /* as it is, in gzip, in zstd */
    enum status (*recognises)(struct capture *c);
    enum status (*open)(struct capture *c);
    void (*begin)(struct capture *c);
    enum status (*next)(struct capture *c, struct frame *frame);
    void (*close)(struct capture *c);
};

extern const struct format format_pcap, format_pcapng, format_snoop, format_erf;

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct capture {
    struct window *window; /* owned */
    uint64_t offset;       /* in the content: where the next record begins */
    uint64_t frame_count;  /* numbers given so far */
    const struct format *format;
    bool begun;
    enum status status; /* STATUS_OK while frames come */
    enum packing packing;
    char *name;    /* owned; as in sentences */
    int fd;        /* -1 in memory */
    bool owns_fd;  /* any but standard input */
    bool regular;  /* its size was known when it was opened */
    uint64_t size; /* of the evidence */
    struct evidence evidence;
    struct capture_listener listener;
    struct budget *memory; /* borrowed; may be NULL */
    struct error error;    /* how it ended */
    union {
        struct pcap pcap;
        struct pcapng pcapng;
        struct snoop snoop;
        struct erf erf;
    } as;
};

/* What the first `len` bytes are, for `recognises`: its STATUS_END when there are not so many. */
enum status capture_head(struct capture *c, struct span *head, size_t len);

/* What becomes of a record when the window could not give `len` bytes of it from `offset` on:
 * `status` is what it said. `in_header` says that these are the first ones of the record: no byte
 * of them is simply the end. */
enum status record_cut(struct capture *c, enum status status, uint64_t offset, uint64_t len,
                       bool in_header);

/* The record under way says `len` bytes of frame, and none can have so many. */
enum status record_too_long(struct capture *c, uint64_t offset, uint64_t len);

static inline void capture_note(const struct capture *c, uint64_t frame, const char *kind,
                                struct span text)
{
    if (c->listener.note && text.len > 0)
        c->listener.note(c->listener.context, frame, kind, text);
}

static inline uint32_t load_32(struct span s, size_t at, bool big_endian)
{
    return big_endian ? load_be32(s, at) : load_le32(s, at);
}

static inline uint16_t load_16(struct span s, size_t at, bool big_endian)
{
    return big_endian ? load_be16(s, at) : load_le16(s, at);
}

/* A link type that no registered number names. */
enum { LINK_TYPE_NONE = 0xffff };

#endif
