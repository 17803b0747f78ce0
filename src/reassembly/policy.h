/* policy.h - overlap policies: who keeps a position that two segments bring.
 *
 *     held        [2 . . . 6)              what waits above the receiver's next position
 *     came            [4 . . . 8)          does it take [4, 6) from what is held?
 *
 * A policy is one small function. It is asked only about positions above the receiver's next one: what
 * has become contiguous is delivered, and no stack takes it back. `first` and `last` alone are
 * absolute: they hold over the whole stream, delivered or not. The receiver that asks is receiver.h.
 *
 * Fragments of an IP datagram have a table of their own, of the same kind: a datagram is delivered
 * when it is whole, so all of it is above the next position. docs/policies.md draws each. */
#ifndef SEINE_REASSEMBLY_POLICY_H
#define SEINE_REASSEMBLY_POLICY_H

#include "base/error.h"
#include "dissect/address.h"
#include "reassembly/ranges.h"

#include <stdbool.h>
#include <stddef.h>

struct policy {
    const char *name; /* the word of the command line and of the case */
    bool absolute;    /* over the whole stream, delivered or not */
    /* What is held is judged by the place at which it arrived, also where it has lost bytes since: a
     * stack that keeps segments whole and cuts them when it delivers. Otherwise by what is left of it. */
    bool whole;
    /* What is held is judged by the whole run that it is part of: a stack that joins what touches. */
    bool joined;
    /* Whether the segment that came takes the positions that it shares with the one that is held. */
    bool (*takes)(const struct range *held, const struct range *came);
    const char *stacks; /* who is like that */
    const char *source; /* who says so */
};

/* The policies of streams, then of fragments: the first is the default; NULL behind the last. */
const struct policy *policy_at(size_t index);
const struct policy *fragment_policy_at(size_t index);

/* By name; NULL when there is none of that name. */
const struct policy *policy_find(const char *name);
const struct policy *fragment_policy_find(const char *name);

/* Which policy a receiver has: that of the longest network that it is in, else `others`. */
struct policy_network {
    struct address network;
    unsigned bits; /* of network.bytes, so 96 more for IPv4 */
    uint8_t ip_version;
    const struct policy *policy;
};

struct policy_choice {
    const struct policy *others; /* NULL: first */
    struct policy_network
        *networks; /* owned; the longest first, of two equal ones the last given */
    size_t count;
};

void policy_choice_release(struct policy_choice *choice); /* an all-zero struct is empty */

/* Adds what `text` says: "NAME", or "NETWORK=NAME" with a network such as 10.0.0.0/8, 192.0.2.1 or
 * 2001:db8::/32. STATUS_FAILED, with a sentence, for anything else. */
enum status policy_choice_add(struct policy_choice *choice, const char *text, struct error *err);

const struct policy *policy_choose(const struct policy_choice *choice,
                                   const struct address *receiver, uint8_t ip_version);

#endif
