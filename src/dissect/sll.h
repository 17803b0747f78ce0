/* sll.h - views of what Linux puts in place of the link header when it captures on "any"
 * (LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2 at tcpdump.org/linktypes).
 *
 *     v1: direction 2 | device 2 | address length 2 | address 8 | protocol 2 | ...
 *     v2: protocol 2 | 0 2 | interface 4 | device 2 | direction 1 | address length 1 | address 8
 *
 * The device is an ARPHRD_ value: it says what the protocol field means. */
#ifndef SEINE_DISSECT_SLL_H
#define SEINE_DISSECT_SLL_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Values of the protocol field that are no EtherType. */
enum sll_protocol {
    SLL_LLC = 0x0004,       /* include/uapi/linux/if_ether.h */
    SLL_NETFILTER = 0x000c, /* of a netlink device: NETLINK_NETFILTER */
};

/* Devices whose protocol field is no EtherType (Linux, include/uapi/linux/if_arp.h). */
enum sll_device {
    SLL_FRAME_RELAY = 770,
    SLL_WIFI = 801,
    SLL_WIFI_PRISM = 802,
    SLL_WIFI_RADIOTAP = 803,
    SLL_NETLINK = 824,
};

struct sll {
    struct span header; /* 16 bytes */
};

struct sll2 {
    struct span header; /* 20 bytes */
};

/* How many bytes the header takes. */
size_t sll_need(struct span rest);
size_t sll2_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool sll_view(struct span *rest, struct sll *s);
bool sll2_view(struct span *rest, struct sll2 *s);

static inline uint16_t sll_device(const struct sll *s)
{
    return load_be16(s->header, 2);
}
static inline uint16_t sll_protocol(const struct sll *s)
{
    return load_be16(s->header, 14);
}
static inline uint16_t sll2_device(const struct sll2 *s)
{
    return load_be16(s->header, 8);
}
static inline uint16_t sll2_protocol(const struct sll2 *s)
{
    return load_be16(s->header, 0);
}

#endif
