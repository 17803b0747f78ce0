/* hosts.h - who took part: the rows of `hosts`, added up in a table of fixed size.
 *
 * When the table is full its rows are merged into the database, in order of address, and it
 * starts over; so it takes no more memory for a million hosts than for one, and adding to a
 * case adds up. */
#ifndef SEINE_STORE_HOSTS_H
#define SEINE_STORE_HOSTS_H

#include "dissect/address.h"
#include "store/insert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;

struct hosts {
    struct insert *insert; /* borrowed */
    struct host *table;    /* owned; open addressing */
    size_t room, count;
};

/* `memory` bytes at most, if that is not too little to be of use. False when the machine has no
 * room. */
bool hosts_init(struct hosts *h, struct insert *insert, size_t memory);
void hosts_release(struct hosts *h); /* what was not written is lost */

/* A flow in which this address was client, or server. */
void hosts_add(struct hosts *h, const struct address *address, uint8_t ip_version, bool client,
               int64_t first_ns, int64_t last_ns);

/* A flow of this address that was added before goes on. */
void hosts_renew(struct hosts *h, const struct address *address, uint8_t ip_version,
                 int64_t first_ns, int64_t last_ns);

/* Merges what there is into the database. */
void hosts_write(struct hosts *h);

#endif
