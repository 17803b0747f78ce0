/* again.h - captures many times over, as if other hosts had the same conversations. */
#ifndef BENCH_AGAIN_H
#define BENCH_AGAIN_H

#include <stdint.h>

/* Writes the frames of the captures one after the other (classic pcap of Ethernet, either byte order),
 * and from the first again, until `bytes` have been written: always whole captures. Every turn has
 * addresses of its own: the last three bytes of an IPv4 address, and three bytes of the first half of an
 * IPv6 one, are changed, in the outermost IP header. Checksums that were right are right again; what was
 * wrong stays wrong. What an ICMP error quotes and what lies in a tunnel keeps its addresses.
 *
 * Returns 0, or 1 after a sentence on standard error. */
int make_again(uint64_t bytes, char **paths, int count);

#endif
