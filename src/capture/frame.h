/* frame.h - one captured frame, as a view: what every source of frames produces, and all that it
 * produces. */
#ifndef SEINE_CAPTURE_FRAME_H
#define SEINE_CAPTURE_FRAME_H

#include "base/span.h"

#include <stdint.h>

struct frame {
    /* As captured, from the link header on; borrowed from the source. */
    struct span bytes;

    /* Bytes on the wire: more than bytes.len when the snap length cut it. A file that says less is
     * believed to mean bytes.len. */
    uint32_t wire_len;

    /* LINKTYPE_ value as registered at tcpdump.org/linktypes.html, 16 bits. The DLT_ values 11, 12,
     * 14 and 19, which some files have in its place, are mended. */
    uint32_t link_type;

    /* How many of the last bytes on the wire are a frame check sequence, as far as the capture
     * says. They are part of wire_len and, where they were captured, of `bytes`. */
    uint8_t fcs_len;

    uint32_t interface_id; /* 0, 1, ... in the order in which this capture described them */
    uint32_t evidence_id;  /* which capture; set by the pipeline, 0 from the source itself */

    /* 1, 2, ... within the capture, as Wireshark shows it: refused frames count, and so do those
     * blocks of a pcapng, such as custom ones, to which it gives a number too. */
    uint64_t number;

    uint64_t offset; /* where bytes[0] lies in the capture's uncompressed content */
    int64_t time_ns; /* since 1970-01-01 UTC by the capture's clock; may be negative */
};

#endif
