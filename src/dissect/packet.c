/* packet.c - the words for verdicts. */
#include "dissect/packet.h"

#include <assert.h>

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[VERDICT_COUNT] = {
        [VERDICT_OK] = "ok",
        [VERDICT_FRAGMENT] = "fragment",
        [VERDICT_FILTERED] = "filtered",
        [VERDICT_ARP] = "arp",
        [VERDICT_OTHER_LINK] = "other_link",
        [VERDICT_OTHER_NETWORK] = "other_network",
        [VERDICT_OTHER_TRANSPORT] = "other_transport",
        [VERDICT_ENCRYPTED] = "encrypted",
        [VERDICT_UNKNOWN_LINK] = "unknown_link",
        [VERDICT_TRUNCATED] = "truncated",
        [VERDICT_MALFORMED] = "malformed",
        [VERDICT_BAD_CHECKSUM] = "bad_checksum",
        [VERDICT_OVERLAP] = "overlap",
    };

    assert(verdict >= 0 && verdict < VERDICT_COUNT);
    return names[verdict];
}
