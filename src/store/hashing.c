/* hashing.c - the running hashes of streams.
 *
 *     slot that goes ──► a row, by SQLite
 *           └──────────► lent ──► its digest, by the worker ──► back to the shelf
 *
 * SHA-256 of a full chunk costs more than its row, so that both go on at once. */
#include "store/writer.h"

/* Until a buffer's bytes have been hashed. */
static void wait_for(const struct store *s, struct lent *lent)
{
    if (lent->turn > 0)
        s->worker->wait(s->worker->context, lent->turn);
    lent->turn = 0;
}

static void give_back(struct store *s, struct lent *lent)
{
    wait_for(s, lent);
    memory_give(&s->memory, lent->data, lent->size_class);
    *lent = (struct lent){0};
}

void hashing_wait(struct store *s, struct digest *d)
{
    for (unsigned i = 0; i < HASHING_LENT; i++)
        if (s->lent[i].digest == d)
            wait_for(s, &s->lent[i]);
}

void hashing_add(struct store *s, struct digest *d, struct span bytes)
{
    hashing_wait(s, d);
    digest_add(d, bytes);
}

void hashing_end(struct store *s, struct digest *d, char hex[DIGEST_HEX_LEN + 1])
{
    hashing_wait(s, d);
    digest_end(d, hex);
}

static void hash_some(void *digest, struct span bytes)
{
    digest_add(digest, bytes);
}

void hashing_lend(struct store *s, struct digest *d, struct span bytes, struct slot *slot)
{
    struct lent *lent = &s->lent[s->lent_next];

    s->lent_next = (s->lent_next + 1) % HASHING_LENT;
    give_back(s, lent);
    *lent = (struct lent){.digest = d, .data = slot->data, .size_class = slot->size_class};
    slot->data = NULL;
    if (s->worker)
        lent->turn = s->worker->give(s->worker->context, hash_some, d, bytes);
    else
        digest_add(d, bytes);
}

void hashing_return(struct store *s)
{
    for (unsigned i = 0; i < HASHING_LENT; i++)
        give_back(s, &s->lent[i]);
}
