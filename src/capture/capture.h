/* capture.h - where frames come from: one capture, opened, walked in place, closed.
 *
 *     bytes of the evidence            uncompressed content            frames
 *     ─────────────────────── inflate ─────────────────────── format ─────────►  capture_next()
 *      mapped file | stream            window that moves on     pcap | pcapng
 *      | memory                                             | snoop | ERF
 *
 * A regular file that nobody has open for writing is mapped in windows that move forward, up to 64
 * captures at once; anything else (pipe, standard input, a file that still grows, .gz, .zst) is
 * read through a window of bounded size. The formats see only "the bytes at this offset" and do not
 * know which.
 *
 * Formats: classic pcap (both byte orders, micro- and nanoseconds, the Kuznetzov variant), pcapng
 * (draft-ietf-opsawg-pcapng), snoop as Solaris writes it (RFC 1761) and Surveyor's variant, and
 * Endace's ERF. This has no magic: it is known by the chain of its first records, from a pipe once
 * eight have come. Compression is recognised by its magic, never by the name: gzip of any number of
 * members, zstd of any number of frames (of those that ask for at most 128 MiB).
 *
 * What a capture says beside frames (interfaces, comments, statistics, secrets) goes to a listener
 * as it is met, always before the next frame is returned, and never before the first is asked for.
 *
 * Damage never loses what came before: capture_next() returns every frame before the damage, then
 * STATUS_DAMAGED with a sentence that names the frame number and the offset. */
#ifndef SEINE_CAPTURE_CAPTURE_H
#define SEINE_CAPTURE_CAPTURE_H

#include "base/budget.h"
#include "base/error.h"
#include "capture/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

/* An interface as the capture describes it. A classic pcap has one, without a name; of a snoop file
 * and an ERF, each link type of a port is one. */
struct capture_interface {
    uint32_t interface_id;
    uint32_t link_type;
    uint32_t snap_len; /* bytes; 0 is no limit, or not said */
    struct span name;  /* as written, not trusted; empty when not said */
    struct span description;
    struct span filter;
    uint64_t ticks_per_second; /* of the timestamps as written */
};

/* Cumulative counters of one interface (pcapng: interface statistics block; snoop and ERF: what was
 * lost before a record, told where it is not what it was). */
struct capture_statistics {
    uint32_t interface_id;
    int64_t time_ns;              /* when they were taken */
    int64_t received;             /* isb_ifrecv; -1 when not said, as each below */
    int64_t dropped_by_interface; /* isb_ifdrop */
    int64_t accepted_by_filter;   /* isb_filteraccept */
    int64_t dropped_by_system;    /* isb_osdrop */
};

/* Windows of a mapped capture that others may look at yet while one is read (capture_listener.lets_go). */
enum { CAPTURE_BEHIND = 4 };

/* Who is told. Each function may be NULL. Spans die when the call returns. */
struct capture_listener {
    void (*interface)(void *context, const struct capture_interface *interface);

    /* Text that a person or program left in the capture. `frame` is the number of the frame that it
     * belongs to, or 0 for the capture as a whole; `kind` is a fixed word: comment, hardware, os,
     * application. */
    void (*note)(void *context, uint64_t frame, const char *kind, struct span text);

    void (*statistics)(void *context, const struct capture_statistics *statistics);

    /* Keys (pcapng: decryption secrets block): `type` is the block's secrets type as a number. */
    void (*secrets)(void *context, uint32_t type, struct span data);

    /* Every byte of the evidence as it lies on the disk (still compressed), in order, each once, as
     * they are read: for hashing. Begins within capture_open(). After capture_next() has returned
     * STATUS_END or STATUS_DAMAGED every byte up to the end has been told, those behind the damage
     * too. Those of a mapped capture come a window at a time, and are unmapped when the listener
     * has returned from the call after the next: until then another thread may look at them. */
    void (*evidence_bytes)(void *context, struct span bytes);

    void *context; /* handed to each, borrowed */

    /* The listener lets the pages of such a window go, so that other threads may be further behind, and one of them have
     * that work: what it was told CAPTURE_BEHIND calls ago is not looked at any more when it returns. It is unmapped a
     * call later then. */
    bool lets_go;
};

struct capture_options {
    struct capture_listener listener;
    /* Bytes; 0 is the default, 8 MiB mapped and 1 MiB streamed. It grows for a longer record, up
     * to 256 MiB mapped or in memory and 64 MiB streamed: what is longer than that is damage. */
    size_t window_len;

    size_t map_len,
        stream_len; /* the same for mapped ones and for streamed ones alone, where window_len is 0 */

    /* What is charged for windows over streams, for uncompressing, and for the interfaces of a pcapng.
     * Where it has no room, a record or a section is damage, and zstd content that asks for more cannot
     * be read. May be NULL, and is borrowed until capture_close(). */
    struct budget *memory;

    bool stream; /* read even what could be mapped; for tests */
};

/* Bytes of a file from its first on that capture_memory() may want to see. */
enum { CAPTURE_HEAD_LEN = 18 };

/* What uncompressing a capture that begins like this takes of `memory`; 0 of one that is not compressed.
 * Content that asks for more later on is not foreseen. */
size_t capture_memory(struct span head);

/* Opens a capture and reads its file header. `path` "-" is standard input. `options` may be NULL.
 * STATUS_FAILED, with a sentence and *capture NULL, when there is no such file, it cannot be read,
 * it is a folder, or its file header is not whole or not that of a capture.
 *
 * The end of a regular file is the end it had now: what is appended while it is read is left
 * out. */
enum status capture_open(struct capture **capture, const char *path,
                         const struct capture_options *options, struct error *err);

/* The same on `bytes`, which are borrowed until capture_close(). `name` stands in sentences. */
enum status capture_open_memory(struct capture **capture, const char *name, struct span bytes,
                                const struct capture_options *options, struct error *err);

/* The next frame. Its bytes live until the next call on this capture; of a capture of which
 * capture_is_mapped() is true, until its window has moved on twice, and each move is told through
 * evidence_bytes before anything is unmapped. A window moves when it has been read through, or
 * sooner where a record is longer than it.
 *
 * STATUS_OK; STATUS_END after the last frame; STATUS_DAMAGED at a cut or damage (the sentence names
 * frame and offset; an unfinished last record is that too); STATUS_FAILED when reading failed.
 * After anything but STATUS_OK no further frame comes, and the same status is returned again. */
enum status capture_next(struct capture *capture, struct frame *frame, struct error *err);

/* Closes and frees; NULL is allowed. */
void capture_close(struct capture *capture);

/* What it is: "pcap", "pcapng", "snoop", "erf", and with ".gz" or ".zst" behind it. Static. */
const char *capture_format(const struct capture *capture);
bool capture_is_mapped(const struct capture *capture);

/* Bytes of the evidence as it lies on the disk; 0 while unknown: of a pipe they are known at its
 * end. */
uint64_t capture_size(const struct capture *capture);

/* How many of these bytes have been read, for progress. */
uint64_t capture_position(const struct capture *capture);

/* True once a mapped file turned out to be shorter than it was, or not to be readable: frames
 * returned since may hold zeros that are not in the evidence, so the run must end as failed.
 * capture_next() looks by itself and then returns STATUS_FAILED; ask once more when done with its
 * last frame. */
bool capture_shrank(const struct capture *capture);

#endif
