/* checksums.c - what a checksum is worth, judged per flow and side, never per host.
 *
 * One that a network card should have filled in is no fault. A wrong one, while this side has never
 * shown a right one, may be how its captures look: it counts, provisionally. Once the side has shown a
 * right one, a wrong one is refused, as its receiver would. A side that leaves them to its card may
 * show wrong ones too, where the card was to cut a segment into several; but that needs payload, so a
 * wrong one without any was sent by somebody else. */
#include "reassembly/history.h"
#include "reassembly/tcp_stream.h"

bool checksum_judge(const struct segment_context *at, struct flow *f, enum side side,
                    const struct packet *p, bool *provisional)
{
    struct side_state *us = &f->sides[side];

    switch (p->checksum) {
    case CHECKSUM_OFFLOAD:
        us->checksum_left = true;
        at->sink->oddity(at->sink, f, p->frame, ODDITY_CHECKSUM_OFFLOAD, NULL);
        return true;
    case CHECKSUM_WRONG:
        history_add(f, side, 'C');
        at->sink->oddity(at->sink, f, p->frame,
                         p->bad_ip_checksum ? ODDITY_BAD_IP_CHECKSUM : ODDITY_BAD_CHECKSUM, NULL);
        *provisional = !us->checksum_right && !(us->checksum_left && p->payload_len == 0);
        return *provisional;
    case CHECKSUM_RIGHT:
    case CHECKSUM_NONE:
    case CHECKSUM_UNKNOWN:
        return true;
    }
    return true;
}
