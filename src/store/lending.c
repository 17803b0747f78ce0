/* lending.c - full chunks on their way to a row and to the running hash of their stream.
 *
 *     slot that goes ──► lent, in groups ─┬─► its digest, by the hasher ─┬─► back to the shelf
 *                                         └─► its row, by the worker ────┘
 *
 * The bytes of a slot may lie elsewhere, in pieces (struct loan); then it is lent all the same, so that what is charged is
 * as much.
 *
 * Either costs more than filling the chunk, so that all three go on at once; in groups, since a thread is
 * woken for each. Without a worker a buffer stays lent as long all the same, so that what is charged does not
 * depend on it. */
#include "store/writer.h"

#include <string.h>

static void wait_for_hash(const struct store *s, struct lent_group *g)
{
    if (g->hash_turn > 0)
        s->hasher->wait(s->hasher->context, g->hash_turn);
    g->hash_turn = 0;
}

static void give_back(struct store *s, struct lent_group *g)
{
    wait_for_hash(s, g);
    insert_wait(&s->insert, g->row_turn);
    g->row_turn = 0;
    for (unsigned i = 0; i < g->count; i++)
        if (!g->lents[i].more)
            memory_give(&s->memory, g->lents[i].slot, g->lents[i].slot->size_class);
    g->count = 0;
    g->bytes = 0;
}

/* ---- on their threads, where there are such ---- */

static void hash_group(void *group, struct span unused)
{
    struct lent_group *g = group;

    (void)unused;
    for (unsigned i = 0; i < g->count; i++) {
        const struct lent *lent = &g->lents[i];
        for (unsigned p = 0; lent->digest && p < lent->piece_count; p++)
            digest_add(lent->digest, span_of(lent->pieces[p].iov_base, lent->pieces[p].iov_len));
    }
}

static void write_group(void *group, struct span unused)
{
    struct lent_group *g = group;

    (void)unused;
    insert_chunks_begin(g->insert, g->count, g->alone);
    for (unsigned i = 0; i < g->count; i++)
        insert_chunk_there(g->insert, &g->lents[i].chunk, g->lents[i].pieces,
                           g->lents[i].piece_count, g->lents[i].slot->data);
    insert_chunks_end(g->insert);
}

/* ---- on the writer's ---- */

/* Has the open group hashed and written, and opens the next one. */
static void hand_over(struct store *s)
{
    struct lent_group *g = &s->lent[s->lent_open];
    bool hash = false;

    if (g->count == 0)
        return;
    for (unsigned i = 0; i < g->count; i++)
        hash = hash || g->lents[i].digest;
    g->insert = &s->insert;
    g->alone = insert_is_alone(&s->insert);
    if (s->hasher && hash)
        g->hash_turn = s->hasher->give(s->hasher->context, hash_group, g, span_of(NULL, 0));
    else if (hash)
        hash_group(g, span_of(NULL, 0));
    g->number = ++s->lent_number;
    s->lent_open = (s->lent_open + 1) % s->lent_groups;
    g->row_turn = insert_give(&s->insert, write_group, g);
    give_back(s, &s->lent[s->lent_open]);
}

void lending_close(void *store)
{
    hand_over(store);
}

void lending_lend(struct store *s, struct digest *d, const struct insert_chunk *chunk,
                  const struct loan *loan, unsigned piece_count, struct slot *slot, bool more)
{
    struct lent_group *g = &s->lent[s->lent_open];
    struct lent *lent = &g->lents[g->count++];

    lent->digest = d;
    lent->slot = slot;
    lent->more = more;
    lent->chunk = *chunk;
    lent->piece_count = loan ? piece_count : 1;
    if (loan)
        memcpy(lent->pieces, loan->pieces, piece_count * sizeof loan->pieces[0]);
    else
        lent->pieces[0] = (struct iovec){.iov_base = (void *)(uintptr_t)chunk->bytes.data,
                                         .iov_len = chunk->bytes.len};
    g->bytes += chunk->bytes.len;
    if (g->count == LENT_TOGETHER || g->bytes >= s->lent_bytes)
        hand_over(s);
}

void lending_wait(struct store *s, struct digest *d)
{
    const struct lent_group *open = &s->lent[s->lent_open];
    bool is_open = false;

    for (unsigned i = 0; i < open->count; i++)
        is_open = is_open || open->lents[i].digest == d;
    if (is_open)
        hand_over(s);
    for (unsigned g = 0; g < s->lent_groups; g++)
        for (unsigned i = 0; s->lent[g].hash_turn > 0 && i < s->lent[g].count; i++)
            if (s->lent[g].lents[i].digest == d)
                wait_for_hash(s, &s->lent[g]);
}

void lending_hash(struct store *s, struct digest *d, struct span bytes)
{
    lending_wait(s, d);
    digest_add(d, bytes);
}

void lending_end(struct store *s, struct digest *d, char hex[DIGEST_HEX_LEN + 1])
{
    lending_wait(s, d);
    digest_end(d, hex);
}

void lending_return(struct store *s)
{
    hand_over(s);
    for (unsigned g = 0; g < s->lent_groups; g++)
        give_back(s, &s->lent[g]);
}

void lending_turn(struct store *s)
{
    const uint64_t before = s->lent_before;

    hand_over(s);
    s->lent_before = s->lent_number;
    for (unsigned g = 0; g < s->lent_groups; g++)
        if (s->lent[g].number <= before)
            give_back(s, &s->lent[g]);
}
