/* filter.h - a capture filter in libpcap's language, compiled once for each link type. */
#ifndef SEINE_CAPTURE_FILTER_H
#define SEINE_CAPTURE_FILTER_H

#include "base/error.h"
#include "capture/frame.h"

#include <stdbool.h>

struct filter;
struct bpf_program; /* libpcap's */

/* Checks `text` against Ethernet, then against the link types that know words which Ethernet does
 * not, so that a mistyped filter fails before anything is read. The text is copied. STATUS_FAILED
 * with libpcap's own words, and *filter NULL. */
enum status filter_new(struct filter **filter, const char *text, struct error *err);
void filter_free(struct filter *filter); /* NULL is allowed */

/* Whether the frame passes. Compiles on the first frame of a link type; a link type for which
 * libpcap cannot compile the filter passes nothing, and is told by filter_remark(), as are link
 * types beyond the first 64. */
bool filter_accepts(struct filter *filter, const struct frame *frame);

/* The filter compiled for whole frames of one link type; those that it accepts, it cuts to snap_len.
 * Released with pcap_freecode(). STATUS_FAILED with libpcap's own words. */
enum status filter_compile(struct bpf_program *code, const char *text, uint32_t link_type,
                           uint32_t snap_len, struct error *err);

/* The registered link type of what libpcap, on this system, calls `dlt`. */
uint32_t filter_link_type(int dlt);

/* Sentences that the user should see once: that this filter names ports and a later IP fragment was
 * refused, which has none; that a frame was refused that would have passed without its VLAN tag;
 * that the filter cannot be compiled for a link type. Returns the next one that the frames so far
 * gave rise to and that was not yet told, or NULL. Borrowed from the filter. */
const char *filter_remark(struct filter *filter);

#endif
