/* nflog.h - views of what Linux's netfilter hands to a program with a packet (LINKTYPE_NFLOG),
 * of the netlink message around it (LINKTYPE_NETLINK), and of one attribute of either.
 *
 *     netlink:   length 4 | type 2 | flags 2 | sequence 4 | port 4 | ...
 *     nflog:     family 1 | version 1 | resource 2 | attributes
 *     attribute: length 2 | type 2 | value, to a multiple of 4 | ...
 *
 * Lengths and types are in the byte order of the host that captured; it can be told from the
 * length, which is small. */
#ifndef SEINE_DISSECT_NFLOG_H
#define SEINE_DISSECT_NFLOG_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum nflog_family { NFLOG_IPV4 = 2, NFLOG_IPV6 = 10 };

enum nflog_attribute_type { NFLOG_PAYLOAD = 9, NFQUEUE_PAYLOAD = 10 };

enum netlink_type { NETLINK_NFQUEUE = 0x0300, NETLINK_NFLOG = 0x0400 };

struct netlink {
    struct span header; /* 16 bytes */
};

/* How many bytes the header takes. */
size_t netlink_need(struct span rest);

/* Takes the header off the front of `rest`; false, with nothing changed, when it is not there. */
bool netlink_view(struct span *rest, struct netlink *n);

static inline bool netlink_is_big_endian(const struct netlink *n)
{
    return load_be32(n->header, 0) < load_le32(n->header, 0);
}
static inline uint16_t netlink_type(const struct netlink *n)
{
    return netlink_is_big_endian(n) ? load_be16(n->header, 4) : load_le16(n->header, 4);
}

struct nflog {
    struct span header; /* 4 bytes */
};

size_t nflog_need(struct span rest);
bool nflog_view(struct span *rest, struct nflog *n);

static inline uint8_t nflog_family(const struct nflog *n)
{
    return load_u8(n->header, 0);
}

struct nflog_attribute {
    struct span header; /* 4 bytes; its value stays in `rest` */
};

/* How many bytes the header takes; 0 when it says that it is shorter than itself. */
size_t nflog_attribute_need(struct span rest);
bool nflog_attribute_view(struct span *rest, struct nflog_attribute *a);

static inline bool nflog_attribute_is_big_endian(const struct nflog_attribute *a)
{
    return load_be16(a->header, 0) < load_le16(a->header, 0);
}

/* Bytes of the value. */
static inline uint16_t nflog_attribute_len(const struct nflog_attribute *a)
{
    uint16_t len =
        nflog_attribute_is_big_endian(a) ? load_be16(a->header, 0) : load_le16(a->header, 0);
    return (uint16_t)(len - 4);
}
static inline uint16_t nflog_attribute_type(const struct nflog_attribute *a)
{
    uint16_t type =
        nflog_attribute_is_big_endian(a) ? load_be16(a->header, 2) : load_le16(a->header, 2);
    return type & 0x3fff; /* without the marks of nesting and byte order */
}

#endif
