/* flow_indexes.c - the indexes of the flows of a fresh case, sorted and written past SQLite.
 *
 *     leaves of flows ──► keys ──► sorted ──► leaves of each index
 *
 * SQLite makes an index by reading the whole table, once for each, and sorts records; that is at the end, when
 * nothing else is to be done meanwhile. Here the table is read once, and what is sorted is a few words a row. SQLite still
 * declares the indexes: for that moment it is shown a table without rows. */
#include "store/schema.h"
#include "store/writer.h"

#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS = 12, /* of a flow, up to the last one that is wanted: schema.sql */
    CLIENT_IP = 3,
    SERVER_IP = 5,
    FIRST_NS = 11,
    INDEXES = 3,

    TEXT_MOST = 64, /* an address is shorter */
    WORD = 8,
    WORDS_LEN = 2 * WORD, /* bytes of a text that its key has: all of nearly any IPv4 address */
    FLOW_COST = 4 * 32,   /* bytes a flow: its keys, and what sorting one of them takes */
};

/* A value of an index, and the flow that it leads to. */
struct key {
    uint64_t words[2]; /* the first bytes of a text, or a number as one without a sign */
    int64_t flow_id;
    uint32_t rest; /* where its other bytes are, among those of all */
    uint32_t len;  /* of a text */
};
_Static_assert((INDEXES + 1) * sizeof(struct key) <= FLOW_COST, "what is charged is what is taken");

struct building {
    struct key *keys[INDEXES], *other; /* owned; the other is what sorting takes */
    size_t count, room;
    struct buffer rests; /* of texts that are longer than WORDS_LEN */
    bool failed;
};

static const struct {
    const char *name;
    int column;
} indexes[INDEXES] = {
    {"flows_client_ip", CLIENT_IP}, {"flows_server_ip", SERVER_IP}, {"flows_first_ns", FIRST_NS}};

/* ---- keys ---- */

static uint64_t word_of(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < WORD; i++)
        word = word << 8 | (i < len ? bytes[i] : 0);
    return word;
}

static bool key_make(struct key *key, struct building *b, const struct row_value *value)
{
    *key = (struct key){.len = 0};
    if (value->type == SQLITE_INTEGER) {
        key->words[0] = (uint64_t)value->number ^ (uint64_t)1 << 63;
        return true;
    }
    const size_t len = (size_t)value->number;
    if (value->type != SQLITE_TEXT || len > TEXT_MOST)
        return false;
    key->len = (uint32_t)len;
    key->words[0] = word_of(value->bytes, len);
    if (len > WORD)
        key->words[1] = word_of(value->bytes + WORD, len - WORD);
    key->rest = (uint32_t)b->rests.len;
    return len <= WORDS_LEN || buffer_add(&b->rests, value->bytes + WORDS_LEN, len - WORDS_LEN);
}

static void see_flow(void *building, const struct row_value *row, int columns)
{
    struct building *b = building;

    (void)columns;
    if (b->count == b->room)
        b->failed = true;
    for (int i = 0; i < INDEXES && !b->failed; i++) {
        struct key *key = &b->keys[i][b->count];
        b->failed = !key_make(key, b, &row[indexes[i].column]);
        key->flow_id = row[0].number;
    }
    b->count += !b->failed;
}

/* Texts as their bytes are, then the flow; none of them has a NUL. */
static bool is_before(const struct building *b, const struct key *one, const struct key *other)
{
    if (one->words[0] != other->words[0])
        return one->words[0] < other->words[0];
    if (one->words[1] != other->words[1])
        return one->words[1] < other->words[1];
    if (one->len > WORDS_LEN && other->len > WORDS_LEN) {
        const size_t a = one->len - WORDS_LEN, z = other->len - WORDS_LEN;
        int order = memcmp(b->rests.data + one->rest, b->rests.data + other->rest, a < z ? a : z);
        if (order != 0 || a != z)
            return order != 0 ? order < 0 : a < z;
    } else if (one->len != other->len) {
        return one->len < other->len;
    }
    return one->flow_id < other->flow_id;
}

static void merge(const struct building *b, struct key *to, const struct key *from, size_t middle,
                  size_t end)
{
    const struct key *left = from, *right = from + middle;

    for (size_t i = 0; i < end; i++) {
        bool from_right =
            left == from + middle || (right < from + end && is_before(b, right, left));
        to[i] = from_right ? *right++ : *left++;
    }
}

/* Sorts by merging, and hardly looks at what is sorted already, as times are. */
static void sort(struct building *b, struct key **keys)
{
    for (size_t width = 1; width < b->count; width *= 2) {
        bool sorted = true;
        for (size_t at = 1; at < b->count && sorted; at++)
            sorted = !is_before(b, &(*keys)[at], &(*keys)[at - 1]);
        if (sorted)
            return;
        for (size_t at = 0; at < b->count; at += 2 * width) {
            size_t left = b->count - at;
            merge(b, b->other + at, *keys + at, width < left ? width : left,
                  2 * width < left ? 2 * width : left);
        }
        struct key *swap = *keys;
        *keys = b->other;
        b->other = swap;
    }
}

/* ---- pages ---- */

static enum status index_write(struct leaves *l, const struct building *b, int which)
{
    struct leaves_tree tree;
    uint8_t text[TEXT_MOST];
    struct row_value row[2] = {{.bytes = text}, {.type = SQLITE_INTEGER}};
    enum status status = STATUS_OK;

    if (!leaves_tree_init(&tree, l, indexes[which].name, true))
        return error_set(&l->error, "writing %s: %s is not there", case_file_name(l->file),
                         indexes[which].name);
    if (b->count > 0)
        status = leaves_open(l, &tree);
    for (size_t i = 0; i < b->count && status == STATUS_OK; i++) {
        const struct key *key = &b->keys[which][i];
        row[0].type = indexes[which].column == FIRST_NS ? SQLITE_INTEGER : SQLITE_TEXT;
        row[0].number = row[0].type == SQLITE_INTEGER ? (int64_t)(key->words[0] ^ (uint64_t)1 << 63)
                                                      : (int64_t)key->len;
        for (size_t at = 0; at < WORDS_LEN; at++)
            text[at] = (uint8_t)(key->words[at / WORD] >> (56 - 8 * (at % WORD)));
        if (key->len > WORDS_LEN)
            memcpy(text + WORDS_LEN, b->rests.data + key->rest, key->len - WORDS_LEN);
        row[1].number = key->flow_id;
        status = leaves_add(l, &tree, row, 2);
    }
    if (status == STATUS_OK)
        status = leaves_link(l);
    leaves_tree_release(&tree);
    return status;
}

static void release(struct building *b)
{
    for (int i = 0; i < INDEXES; i++)
        free(b->keys[i]);
    free(b->other);
    buffer_release(&b->rests);
}

/* Reads the keys of all flows. False: there is no room for them, or they are not what they should be. */
static bool read_keys(struct building *b, struct leaves *l, struct leaves_tree *flows, size_t count,
                      size_t memory)
{
    *b = (struct building){.room = count};
    if (count == 0 || count > memory / FLOW_COST)
        return false;
    buffer_init(&b->rests, memory - count * FLOW_COST);
    b->other = malloc(count * sizeof *b->other);
    b->failed = !b->other;
    for (int i = 0; i < INDEXES && !b->failed; i++) {
        b->keys[i] = malloc(count * sizeof *b->keys[i]);
        b->failed = !b->keys[i];
    }
    return !b->failed && leaves_each(l, flows, COLUMNS, see_flow, b) == STATUS_OK && !b->failed;
}

bool flow_indexes_make(struct store *s, size_t memory)
{
    struct leaves *l = &s->insert.leaves;
    struct batch *batch = &s->insert.rows[INSERT_FLOW].batch;
    struct building b;

    insert_settle(&s->insert);
    if (s->insert.failed || !l->file || !batch->leaves)
        return false;
    if (!read_keys(&b, l, &batch->tree, s->counts.flows, memory)) {
        release(&b);
        if (l->error.text[0])
            insert_fail_as(&s->insert, &l->error);
        return s->insert.failed;
    }
    enum status status = leaves_hide(l, &batch->tree);
    if (status == STATUS_OK)
        insert_run(&s->insert, indexes_sql);
    if (status == STATUS_OK && !s->insert.failed)
        status = leaves_show(l, &batch->tree);
    for (int i = 0; i < INDEXES && status == STATUS_OK && !s->insert.failed; i++) {
        sort(&b, &b.keys[i]);
        status = index_write(l, &b, i);
    }
    if (status == STATUS_OK && !s->insert.failed)
        status = leaves_end(l);
    if (status != STATUS_OK)
        insert_fail_as(&s->insert, &l->error);
    release(&b);
    return true;
}
