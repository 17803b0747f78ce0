/* names.c - the words of the case for what this room tells. */
#include "reassembly/history.h"
#include "reassembly/sink.h"

#include <assert.h>
#include <string.h>

const char *refusal_name(enum refusal why)
{
    static const char *const names[REFUSAL_COUNT] = {
        [REFUSED_NOT] = "not",
        [REFUSED_CHECKSUM] = "bad_checksum",
        [REFUSED_OUT_OF_WINDOW] = "out_of_window",
        [REFUSED_BEFORE_START] = "before_start",
        [REFUSED_KEEPALIVE] = "keepalive",
        [REFUSED_SETTLED] = "settled",
        [REFUSED_NO_MEMORY] = "no_memory",
        [REFUSED_OLD_TIMESTAMP] = "old_timestamp",
        [REFUSED_SHED] = "shed",
        [REFUSED_EARLIER] = "earlier_slice",
    };
    assert(why < REFUSAL_COUNT);
    return names[why];
}

const char *gap_cause_name(enum gap_cause cause)
{
    static const char *const names[GAP_CAUSE_COUNT] = {
        [GAP_UNKNOWN] = "unknown",
        [GAP_CAPTURE_LOSS] = "capture_loss",
        [GAP_NETWORK_LOSS] = "network_loss",
        [GAP_TRUNCATED] = "truncated",
        [GAP_REFUSED] = "refused",
        [GAP_EVICTED] = "evicted",
        [GAP_SHED] = "shed",
    };
    assert(cause < GAP_CAUSE_COUNT);
    return names[cause];
}

const char *oddity_name(enum oddity kind)
{
    static const char *const names[ODDITY_COUNT] = {
        [ODDITY_TRUNCATED] = "truncated",
        [ODDITY_MALFORMED] = "malformed",
        [ODDITY_BAD_IP_CHECKSUM] = "bad_ip_checksum",
        [ODDITY_FRAGMENT_OVERLAP] = "fragment_overlap",
        [ODDITY_FRAGMENTS_INCOMPLETE] = "fragments_incomplete",
        [ODDITY_FRAGMENTS_EVICTED] = "fragments_evicted",
        [ODDITY_FRAGMENT_CONFLICT] = "fragment_conflict",
        [ODDITY_BAD_CHECKSUM] = "bad_checksum",
        [ODDITY_CHECKSUM_OFFLOAD] = "checksum_offload",
        [ODDITY_OUT_OF_WINDOW] = "out_of_window",
        [ODDITY_BEFORE_START] = "before_start",
        [ODDITY_KEEPALIVE_DATA] = "keepalive_data",
        [ODDITY_SETTLED] = "settled",
        [ODDITY_NO_MEMORY] = "no_memory",
        [ODDITY_OLD_TIMESTAMP] = "old_timestamp",
        [ODDITY_WINDOW_UNKNOWN] = "window_unknown",
        [ODDITY_RESET_OUT_OF_WINDOW] = "reset_out_of_window",
        [ODDITY_RESET_IGNORED] = "reset_ignored",
        [ODDITY_DATA_AFTER_RESET] = "data_after_reset",
        [ODDITY_DATA_AFTER_FIN] = "data_after_fin",
        [ODDITY_FIN_MOVED] = "fin_moved",
        [ODDITY_SYN_CHANGED] = "syn_changed",
        [ODDITY_NO_ACK_FLAG] = "no_ack_flag",
        [ODDITY_SYN_IN_CONNECTION] = "syn_in_connection",
        [ODDITY_SYN_DATA] = "syn_data",
        [ODDITY_SYN_DATA_IGNORED] = "syn_data_ignored",
        [ODDITY_URGENT] = "urgent",
        [ODDITY_FLOW_EVICTED] = "flow_evicted",
        [ODDITY_CAPTURE_DAMAGED] = "capture_damaged",
        [ODDITY_AGGREGATE] = "aggregate",
        [ODDITY_OLD_CHECKSUM] = "old_checksum",
        [ODDITY_WRONG_TAG] = "wrong_tag",
        [ODDITY_BAD_CHUNK] = "bad_chunk",
        [ODDITY_KEY_SHARED] = "key_shared",
        [ODDITY_TUNNEL_DIFFERS] = "tunnel_differs",
        [ODDITY_PAYLOAD_SHED] = "payload_shed",
        [ODDITY_FRAMES_SHED] = "frames_shed",
    };
    assert(kind < ODDITY_COUNT);
    return names[kind];
}

const char *flow_protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case TRANSPORT_TCP:
        return "tcp";
    case TRANSPORT_UDP:
        return "udp";
    case TRANSPORT_SCTP:
        return "sctp";
    case TRANSPORT_ICMP:
        return "icmp";
    default:
        assert(protocol == TRANSPORT_ICMPV6);
        return "icmpv6";
    }
}

const char *flow_state_name(uint8_t state)
{
    static const char *const names[] = {
        [FLOW_ONE_WAY] = "one_way",         [FLOW_TWO_WAY] = "two_way",
        [FLOW_ATTEMPT] = "attempt",         [FLOW_HANDSHAKE] = "handshake",
        [FLOW_ESTABLISHED] = "established", [FLOW_MIDSTREAM] = "midstream",
        [FLOW_CLOSING] = "closing",         [FLOW_CLOSED] = "closed",
        [FLOW_REJECTED] = "rejected",       [FLOW_RESET] = "reset",
    };
    assert(state < sizeof names / sizeof names[0]);
    return names[state];
}

const char *flow_end_name(uint8_t end)
{
    static const char *const names[] = {
        [END_CAPTURE] = "capture_end", [END_FIN] = "fin",       [END_RESET] = "reset",
        [END_TIMEOUT] = "timeout",     [END_REUSED] = "reused", [END_EVICTED] = "evicted",
        [END_CONTINUED] = "continued",
    };
    assert(end < sizeof names / sizeof names[0]);
    return names[end];
}

uint16_t flow_port(const struct flow *f, enum side side)
{
    if (f->key.protocol == TRANSPORT_ICMP || f->key.protocol == TRANSPORT_ICMPV6)
        return (uint16_t)f->sides[side].icmp;
    return (side == SIDE_CLIENT) == f->client_is_low ? f->key.low_port : f->key.high_port;
}

enum { NUMBER_BITS = 5, NUMBERS_A_WORD = 12 };
_Static_assert(2 * (sizeof HISTORY_LETTERS - 1) < HISTORY_LEN &&
                   2 * (sizeof HISTORY_LETTERS - 1) <= 2 * NUMBERS_A_WORD,
               "all letters of both sides have room");

void history_append(struct flow *f, unsigned number)
{
    unsigned count = 0; /* of those that stand */

    for (uint32_t seen = f->history_seen; seen; seen &= seen - 1)
        count++;
    f->letters[count / NUMBERS_A_WORD] |= (uint64_t)number
                                          << NUMBER_BITS * (count % NUMBERS_A_WORD);
    f->history_seen = (f->history_seen | 1u << number) & HISTORY_SEEN_MOST;
}

void history_text(char text[HISTORY_LEN], const struct flow *f)
{
    unsigned count = 0;

    for (uint32_t seen = f->history_seen; seen; seen &= seen - 1) {
        uint64_t word =
            f->letters[count / NUMBERS_A_WORD] >> NUMBER_BITS * (count % NUMBERS_A_WORD);
        unsigned number = word & ((1u << NUMBER_BITS) - 1);
        char letter = HISTORY_LETTERS[number / 2];
        text[count++] = number % 2 == SIDE_CLIENT || letter == '^' ? letter : (char)(letter | 0x20);
    }
    text[count] = '\0';
}
