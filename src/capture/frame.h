/* frame.h - one captured frame, as a view: what every source of frames produces, and all that it
 * produces. */
#ifndef SEINE_CAPTURE_FRAME_H
#define SEINE_CAPTURE_FRAME_H

#include "base/span.h"

#include <stdint.h>

struct frame {
    struct span bytes;  /* as captured, from the link header on; borrowed from the source */
    uint32_t wire_len;  /* bytes on the wire; more than bytes.len when the snap length cut it. A
                              file that says less is believed to mean bytes.len */
    uint32_t link_type; /* LINKTYPE_ value as registered at tcpdump.org/linktypes.html, 16 bits */
    uint32_t
        interface_id; /* 0, 1, ... in the order in which this capture described its interfaces */
    uint32_t evidence_id; /* which capture; set by the pipeline, 0 from the source itself */
    uint64_t number; /* 1, 2, ... within the capture, as Wireshark shows it; refused ones count */
    uint64_t offset; /* where bytes[0] lies in the capture's uncompressed content */
    int64_t time_ns; /* nanoseconds since 1970-01-01 UTC by the capture's clock; may be negative */
};

#endif
