/* hosts.c - who took part. */
#include "store/hosts.h"

#include "base/table.h"
#include "store/text.h"

#include <stdlib.h>
#include <string.h>

/* The whole key is compared and hashed, so it has no padding. */
struct host_key {
    struct address address;
    uint64_t ip_version;
};
_Static_assert(sizeof(struct host_key) == 24, "a key with padding would make equal keys differ");

struct host {
    struct host_key key;
    int64_t first_ns, last_ns;
    uint64_t as_client, as_server; /* the place is free when key.ip_version is 0 */
};

enum { ROOM_LEAST = 1024, ROOM_MOST = 65536 };

bool hosts_init(struct hosts *h, struct insert *insert, size_t memory)
{
    size_t room = ROOM_LEAST;

    while (room < ROOM_MOST && 2 * room * sizeof(struct host) <= memory)
        room *= 2;
    *h = (struct hosts){.insert = insert, .room = room};
    h->table = calloc(room, sizeof *h->table);
    return h->table != NULL;
}

void hosts_release(struct hosts *h)
{
    free(h->table);
    h->table = NULL;
}

static bool is_free(const struct host *host)
{
    return host->key.ip_version == 0;
}

/* The place of an address: its own, or a free one. */
static struct host *find(struct hosts *h, const struct host_key *key)
{
    size_t at = table_hash(key, sizeof *key) & (h->room - 1);

    while (!is_free(&h->table[at]) && memcmp(&h->table[at].key, key, sizeof *key) != 0)
        at = (at + 1) & (h->room - 1);
    return &h->table[at];
}

/* The address, with these times among its own. */
static struct host *see(struct hosts *h, const struct address *address, uint8_t ip_version,
                        int64_t first_ns, int64_t last_ns)
{
    struct host_key key = {*address, ip_version};
    struct host *host = find(h, &key);

    if (is_free(host)) {
        if (h->count >= h->room / 4 * 3) {
            hosts_write(h);
            host = find(h, &key);
        }
        *host = (struct host){.key = key, .first_ns = first_ns, .last_ns = last_ns};
        h->count++;
    }
    if (first_ns < host->first_ns)
        host->first_ns = first_ns;
    if (last_ns > host->last_ns)
        host->last_ns = last_ns;
    return host;
}

void hosts_add(struct hosts *h, const struct address *address, uint8_t ip_version, bool client,
               int64_t first_ns, int64_t last_ns)
{
    struct host *host = see(h, address, ip_version, first_ns, last_ns);

    host->as_client += client;
    host->as_server += !client;
}

void hosts_renew(struct hosts *h, const struct address *address, uint8_t ip_version,
                 int64_t first_ns, int64_t last_ns)
{
    see(h, address, ip_version, first_ns, last_ns);
}

static int by_address(const void *a, const void *b)
{
    return memcmp(&((const struct host *)a)->key, &((const struct host *)b)->key,
                  sizeof(struct host_key));
}

void hosts_write(struct hosts *h)
{
    size_t count = 0;

    for (size_t i = 0; i < h->room; i++)
        if (!is_free(&h->table[i]))
            h->table[count++] = h->table[i];
    qsort(h->table, count, sizeof *h->table, by_address); /* rows append, in any order of hashes */
    for (size_t i = 0; i < count; i++) {
        const struct host *host = &h->table[i];
        char ip[IP_TEXT_LEN];
        size_t len = ip_text(ip, &host->key.address, (uint8_t)host->key.ip_version);
        struct row *row = insert_begin(h->insert, UPSERT_HOST);
        put_text_len(row, 1, ip, len);
        put_blob(row, 2, span_of(host->key.address.bytes, sizeof host->key.address.bytes));
        put_int(row, 3, host->first_ns);
        put_int(row, 4, host->last_ns);
        put_count(row, 5, host->as_client);
        put_count(row, 6, host->as_server);
        insert_end(h->insert, row);
    }
    memset(h->table, 0, h->room * sizeof *h->table);
    h->count = 0;
}
