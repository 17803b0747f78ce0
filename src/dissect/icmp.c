/* icmp.c - a view of an ICMP or ICMPv6 message. */
#include "dissect/icmp.h"

size_t icmp_need(struct span rest)
{
    (void)rest;
    return 8;
}

bool icmp_view(struct span *rest, struct icmp *i)
{
    return span_take(rest, icmp_need(*rest), &i->header);
}

bool icmp_is_error(uint8_t type)
{
    enum { UNREACHABLE = 3, SOURCE_QUENCH = 4, REDIRECT = 5, TIME_EXCEEDED = 11, PARAMETER = 12 };

    return type == UNREACHABLE || type == SOURCE_QUENCH || type == REDIRECT ||
           type == TIME_EXCEEDED || type == PARAMETER;
}

bool icmpv6_is_error(uint8_t type)
{
    return type < 128; /* RFC 4443 2.1 */
}
