/* nic.h - what the system knows of network interfaces: what they are, and what they lost. */
#ifndef SEINE_CAPTURE_NIC_H
#define SEINE_CAPTURE_NIC_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct nic {
    unsigned index;
    unsigned hardware; /* ARPHRD_ value: what kind of link header it has */
    bool up;
};

/* Each asks through a socket that is open; any will do. */

/* STATUS_FAILED, with a sentence, when there is no interface of that name. */
enum status nic_find(struct nic *nic, int socket, const char *name, struct error *err);

/* Whether an interface of that index is still there. */
bool nic_is_there(int socket, unsigned index);

/* Asks the card for a time of each frame that comes in. STATUS_FAILED, with a sentence, where it has none or
 * we may not. */
enum status nic_stamp(int socket, const char *name, struct error *err);

/* Counters of losses, read again and again; what they lost before is left out. Its descriptors stay open, so
 * that they can be read in a sandbox. */
struct nic_losses {
    int netlink; /* owned; -1: not to be had */
    int softnet; /* owned; likewise */
    uint32_t asked;
    uint32_t backlog_last; /* as the system counts, all processors together */
    unsigned processors;
    uint64_t backlog; /* since nic_losses_open() */
};
void nic_losses_open(struct nic_losses *losses);
void nic_losses_close(struct nic_losses *losses);

/* Reads how many frames the queues between drivers and sockets dropped, into `losses->backlog`. */
bool nic_losses_read(struct nic_losses *losses);

/* What the system counts of an interface: since when, nobody says. The first three are frames that never reached the
 * system: the card had no room for them, or was given none. Drivers use `fifo` and `over` for the same, and some count
 * a frame in both. `discarded` is frames of all kinds: a driver without memory, a queue that is full, and those that
 * no protocol of this machine wanted, which a packet socket has been given before. */
struct nic_drops {
    uint64_t missed;    /* rx_missed_errors */
    uint64_t fifo;      /* rx_fifo_errors */
    uint64_t over;      /* rx_over_errors */
    uint64_t discarded; /* rx_dropped */
};
bool nic_dropped(struct nic_losses *losses, struct nic_drops *drops, unsigned index);

/* How many frames were lost since `before`, at least. A counter that fell is one of a driver that was loaded anew. */
uint64_t nic_lost_since(const struct nic_drops *before, const struct nic_drops *now);
uint64_t nic_discarded_since(const struct nic_drops *before, const struct nic_drops *now);

#endif
