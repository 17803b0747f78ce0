/* flow_indexes.c - the indexes of the flows of a fresh case, sorted and written past SQLite.
 *
 *     leaves of flows ──► what the indexes hold ──► sorted by each key ──► leaves of each index
 *
 * SQLite makes an index by reading the whole table, once for each, and sorts records; that is at the end, when
 * nothing else is to be done meanwhile. Here the table is read once, and what is sorted is a few words a row; where there is
 * a thread that has nothing to do any more, it reads half of it, and sorts for the next index while one is written. SQLite still
 * declares the indexes: for that moment it is shown a table without rows. */
#include "store/schema.h"
#include "store/writer.h"

#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS = 18, /* of a flow, up to the last one that is wanted: schema.sql */
    CLIENT_IP = 3,
    SERVER_IP = 5,
    SERVER_PORT = 6,
    FIRST_NS = 11,
    CLIENT_BYTES = 16,
    SERVER_BYTES = 17,

    TEXT_MOST = 64, /* an address is shorter */
    WORD = 8,
    WORDS_LEN = 2 * WORD, /* bytes of a text that its key has: all of nearly any IPv4 address */
    KEYS_COST = 2 * 24,   /* bytes a flow, to sort one index */
    FLOW_COST = 96 + KEYS_COST, /* the same, with what is kept of it */
};

/* Those of indexes.sql that lead to flows. */
enum { BY_CLIENT, BY_SERVER, BY_TIME, INDEXES };
static const char *const names[INDEXES] = {"flows_client_ip", "flows_server_ip", "flows_first_ns"};

struct ip_text {
    uint64_t words[2]; /* the first bytes of its text */
    uint32_t
        rest; /* where its other bytes are, among those of its reader; IN_SECOND: of the second one */
    uint32_t len;
};

enum { READERS = 2 };
#define IN_SECOND (UINT32_C(1) << 31)

/* A flow, as far as its indexes hold it. */
struct indexed {
    struct ip_text client, server;
    int64_t flow_id, first_ns, client_bytes, server_bytes;
    uint32_t server_port;
};

/* What is sorted. Flows come by their ids, so that the order of places is that of the flows. */
struct key {
    uint64_t words[2]; /* of an address, or a number as one without a sign */
    uint32_t place;    /* of its flow */
    uint32_t len;      /* of an address */
};
_Static_assert(2 * sizeof(struct key) <= KEYS_COST &&
                   sizeof(struct indexed) + KEYS_COST <= FLOW_COST,
               "what is charged is what is taken");

struct building;

/* An index that is sorted. */
struct sorting {
    const struct building *of;
    int which;
    struct key *keys, *other; /* owned; the other is what sorting takes */
    uint64_t turn;            /* of who sorts it; 0: it is sorted */
};

/* Who reads half of the flows, or all: the first from the front, the second from the end backwards, where the other does
 * not come. */
struct reader_of_flows {
    struct building *of;
    unsigned part, parts;
    size_t count;
    struct buffer rests; /* of addresses that are longer than WORDS_LEN */
    struct leaves leaves;
    struct leaves_tree tree;
    enum status status;
    bool failed;
};

struct building {
    struct indexed *flows; /* owned */
    size_t count, room;
    struct sorting sortings[2];
    bool two; /* of them; else all are sorted in the first */
    struct reader_of_flows readers[READERS];
};

/* ---- flows ---- */

static uint64_t word_of(const uint8_t *bytes, size_t len)
{
    uint8_t word[WORD] = {0};

    memcpy(word, bytes, len < WORD ? len : WORD);
    return load_be64(span_of(word, WORD), 0);
}

static bool ip_keep(struct reader_of_flows *r, struct ip_text *to, const struct row_value *value)
{
    const size_t len = (size_t)value->number;

    if (value->type != SQLITE_TEXT || len > TEXT_MOST)
        return false;
    *to = (struct ip_text){.words = {word_of(value->bytes, len)},
                           .rest = (uint32_t)r->rests.len | (r->part > 0 ? IN_SECOND : 0),
                           .len = (uint32_t)len};
    if (len > WORD)
        to->words[1] = word_of(value->bytes + WORD, len - WORD);
    return len <= WORDS_LEN || buffer_add(&r->rests, value->bytes + WORDS_LEN, len - WORDS_LEN);
}

static void see_flow(void *reader, const struct row_value *row, int columns)
{
    static const int numbers[] = {0, FIRST_NS, CLIENT_BYTES, SERVER_BYTES, SERVER_PORT};
    struct reader_of_flows *r = reader;
    const struct building *b = r->of;

    (void)columns;
    r->failed = r->failed || r->count == b->room;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        r->failed = r->failed || row[numbers[i]].type != SQLITE_INTEGER;
    if (r->failed)
        return;
    struct indexed *f = &b->flows[r->part == 0 ? r->count : b->room - 1 - r->count];
    *f = (struct indexed){.flow_id = row[0].number,
                          .first_ns = row[FIRST_NS].number,
                          .client_bytes = row[CLIENT_BYTES].number,
                          .server_bytes = row[SERVER_BYTES].number,
                          .server_port = (uint32_t)row[SERVER_PORT].number};
    r->failed = f->server_port != row[SERVER_PORT].number ||
                !ip_keep(r, &f->client, &row[CLIENT_IP]) ||
                !ip_keep(r, &f->server, &row[SERVER_IP]);
    r->count += !r->failed;
}

static void read_part(void *reader, struct span unused)
{
    struct reader_of_flows *r = reader;

    (void)unused;
    r->status = leaves_each_of(&r->leaves, &r->tree, r->part, r->parts, COLUMNS, see_flow, reader);
}

/* What the second one read stands in order behind what the first one did. */
static void halves_join(struct building *b)
{
    const size_t first = b->readers[0].count, second = b->readers[1].count;
    struct indexed *flows = b->flows + b->room - second;

    for (size_t i = 0; i < second / 2; i++) {
        const struct indexed swap = flows[i];
        flows[i] = flows[second - 1 - i];
        flows[second - 1 - i] = swap;
    }
    if (second > 0)
        memmove(b->flows + first, flows, second * sizeof *flows);
    b->count = first + second;
}

/* ---- sorting ---- */

static const struct ip_text *ip_of(const struct indexed *f, int which)
{
    return which == BY_CLIENT ? &f->client : &f->server;
}

static void keys_make(struct sorting *s)
{
    const struct building *b = s->of;

    for (size_t i = 0; i < b->count; i++) {
        const struct indexed *f = &b->flows[i];
        struct key *key = &s->keys[i];
        *key = (struct key){.place = (uint32_t)i};
        if (s->which == BY_TIME) {
            key->words[0] = (uint64_t)f->first_ns ^ (uint64_t)1 << 63;
        } else {
            const struct ip_text *a = ip_of(f, s->which);
            key->words[0] = a->words[0];
            key->words[1] = a->words[1];
            key->len = a->len;
        }
    }
}

static const uint8_t *rest_of(const struct building *b, const struct ip_text *a)
{
    return b->readers[a->rest & IN_SECOND ? 1 : 0].rests.data + (a->rest & ~IN_SECOND);
}

/* Of two addresses that begin alike, and go on. */
static int compare_rests(const struct building *b, int which, const struct key *one,
                         const struct key *other)
{
    const struct ip_text *a = ip_of(&b->flows[one->place], which);
    const struct ip_text *z = ip_of(&b->flows[other->place], which);
    const size_t a_len = a->len - WORDS_LEN, z_len = z->len - WORDS_LEN;
    int order = memcmp(rest_of(b, a), rest_of(b, z), a_len < z_len ? a_len : z_len);

    return order != 0 ? order : (a_len > z_len) - (a_len < z_len);
}

/* Texts as their bytes are, then the flow; none of them has a NUL. */
static bool is_before(const struct building *b, int which, const struct key *one,
                      const struct key *other)
{
    if (one->words[0] != other->words[0])
        return one->words[0] < other->words[0];
    if (one->words[1] != other->words[1])
        return one->words[1] < other->words[1];
    if (one->len > WORDS_LEN && other->len > WORDS_LEN) {
        int order = compare_rests(b, which, one, other);
        if (order != 0)
            return order < 0;
    } else if (one->len != other->len) {
        return one->len < other->len;
    }
    return one->place < other->place;
}

static void merge(const struct building *b, int which, struct key *to, const struct key *from,
                  size_t middle, size_t end)
{
    const struct key *left = from, *right = from + middle;

    for (size_t i = 0; i < end; i++) {
        bool from_right =
            left == from + middle || (right < from + end && is_before(b, which, right, left));
        to[i] = from_right ? *right++ : *left++;
    }
}

/* Sorts by merging, and hardly looks at what is sorted already, as times are. */
static void sort(struct sorting *s)
{
    const struct building *b = s->of;

    for (size_t width = 1; width < b->count; width *= 2) {
        bool sorted = true;
        for (size_t at = 1; at < b->count && sorted; at++)
            sorted = !is_before(b, s->which, &s->keys[at], &s->keys[at - 1]);
        if (sorted)
            return;
        for (size_t at = 0; at < b->count; at += 2 * width) {
            size_t left = b->count - at;
            merge(b, s->which, s->other + at, s->keys + at, width < left ? width : left,
                  2 * width < left ? 2 * width : left);
        }
        struct key *swap = s->keys;
        s->keys = s->other;
        s->other = swap;
    }
}

static void sort_all(void *sorting, struct span unused)
{
    (void)unused;
    keys_make(sorting);
    sort(sorting);
}

static struct sorting *sorting_of(struct building *b, int which)
{
    return &b->sortings[b->two ? which % 2 : 0];
}

/* Has an index sorted; `meanwhile`: by who has nothing to do, where there is such. */
static void sort_begin(const struct store *s, struct building *b, int which, bool meanwhile)
{
    struct sorting *at = sorting_of(b, which);

    at->of = b;
    at->which = which;
    if (meanwhile)
        at->turn = s->hasher->give(s->hasher->context, sort_all, at, span_of(NULL, 0));
    else
        sort_all(at, span_of(NULL, 0));
}

static const struct key *sort_end(const struct store *s, struct building *b, int which)
{
    struct sorting *at = sorting_of(b, which);

    if (at->turn > 0)
        s->hasher->wait(s->hasher->context, at->turn);
    at->turn = 0;
    return at->keys;
}

/* ---- pages ---- */

static struct row_value number_value(int64_t number)
{
    return (struct row_value){.type = SQLITE_INTEGER, .number = number};
}

static struct row_value ip_value(const struct building *b, const struct ip_text *a,
                                 uint8_t text[TEXT_MOST])
{
    for (size_t i = 0; i < 2; i++) {
        u32_put(text + i * WORD, (uint32_t)(a->words[i] >> 32));
        u32_put(text + i * WORD + 4, (uint32_t)a->words[i]);
    }
    if (a->len > WORDS_LEN)
        memcpy(text + WORDS_LEN, rest_of(b, a), a->len - WORDS_LEN);
    return (struct row_value){.type = SQLITE_TEXT, .bytes = text, .number = a->len};
}

static enum status index_write(struct leaves *l, const struct building *b, const struct key *keys,
                               int which)
{
    struct leaves_tree tree;
    enum status status = STATUS_OK;

    if (!leaves_tree_init(&tree, l, names[which], true))
        return leaves_tree_missing(l, names[which]);
    if (b->count > 0)
        status = leaves_open(l, &tree);
    for (size_t i = 0; i < b->count && status == STATUS_OK; i++) {
        const struct indexed *f = &b->flows[keys[i].place];
        const struct row_value id = number_value(f->flow_id);
        uint8_t one[TEXT_MOST], other[TEXT_MOST];
        if (which == BY_TIME) {
            const struct row_value row[] = {number_value(f->first_ns), id};
            status = leaves_add(l, &tree, row, 2);
        } else {
            const struct row_value row[] = {ip_value(b, ip_of(f, which), one),
                                            id,
                                            which == BY_CLIENT ? ip_value(b, &f->server, other)
                                                               : number_value(f->server_port),
                                            number_value(f->client_bytes),
                                            number_value(f->server_bytes),
                                            id};
            status = leaves_add(l, &tree, row, sizeof row / sizeof row[0]);
        }
    }
    if (status == STATUS_OK)
        status = leaves_link(l);
    leaves_tree_release(&tree);
    return status;
}

static void release(struct building *b)
{
    free(b->flows);
    for (int i = 0; i < 2; i++) {
        free(b->sortings[i].keys);
        free(b->sortings[i].other);
    }
    for (int i = 0; i < READERS; i++) {
        buffer_release(&b->readers[i].rests);
        leaves_tree_release(&b->readers[i].tree);
    }
}

static bool sorting_init(struct sorting *at, size_t count)
{
    *at = (struct sorting){.keys = malloc(count * sizeof *at->keys),
                           .other = malloc(count * sizeof *at->other)};
    return at->keys && at->other;
}

/* Has all flows read, by two where the hasher has nothing to do. */
static bool read_all(struct store *s, struct building *b, const struct leaves_tree *flows,
                     unsigned parts)
{
    struct leaves *l = &s->insert.leaves;
    uint64_t turn = 0;
    bool read = true;

    if (leaves_each_begin(l) != STATUS_OK)
        return false;
    for (unsigned i = 0; i < parts; i++) {
        struct reader_of_flows *r = &b->readers[i];
        r->of = b;
        r->part = i;
        r->parts = parts;
        r->leaves = leaves_reading(l);
        r->tree = (struct leaves_tree){.root = flows->root};
    }
    if (parts > 1)
        turn = s->hasher->give(s->hasher->context, read_part, &b->readers[1], span_of(NULL, 0));
    read_part(&b->readers[0], span_of(NULL, 0));
    if (turn > 0)
        s->hasher->wait(s->hasher->context, turn);
    for (unsigned i = 0; i < parts; i++) {
        struct reader_of_flows *r = &b->readers[i];
        if (r->leaves.error.text[0] && !l->error.text[0])
            l->error = r->leaves.error;
        read = read && r->status == STATUS_OK && !r->failed;
    }
    read = leaves_each_end(l) == STATUS_OK && read &&
           b->readers[0].count + b->readers[1].count <= b->room;
    if (read)
        halves_join(b);
    return read;
}

/* Reads what the indexes hold of all flows. False: there is no room for it, or it is not what it should be. */
static bool read_flows(struct building *b, struct store *s, const struct leaves_tree *flows,
                       size_t count, size_t memory)
{
    const unsigned parts = s->hasher ? READERS : 1;

    *b = (struct building){.room = count};
    if (count == 0 || count > memory / FLOW_COST || count > UINT32_MAX)
        return false;
    b->two = count <= memory / (FLOW_COST + KEYS_COST);
    const size_t left = memory - count * (size_t)(b->two ? FLOW_COST + KEYS_COST : FLOW_COST);
    for (unsigned i = 0; i < parts; i++)
        buffer_init(&b->readers[i].rests, left / parts < IN_SECOND ? left / parts : IN_SECOND - 1);
    b->flows = malloc(count * sizeof *b->flows);
    return b->flows && sorting_init(&b->sortings[0], count) &&
           (!b->two || sorting_init(&b->sortings[1], count)) && read_all(s, b, flows, parts);
}

bool flow_indexes_make(struct store *s, size_t memory)
{
    struct leaves *l = &s->insert.leaves;
    struct batch *batch = &s->insert.rows[INSERT_FLOW].batch;
    struct building b;

    insert_settle(&s->insert);
    if (s->insert.failed || !l->file || !batch->leaves)
        return false;
    if (!read_flows(&b, s, &batch->tree, s->counts.flows, memory)) {
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
    const bool meanwhile = s->hasher && b.two;
    if (meanwhile && status == STATUS_OK)
        sort_begin(s, &b, 1, true);
    for (int i = 0; i < INDEXES && status == STATUS_OK && !s->insert.failed; i++) {
        if (!meanwhile || i == 0)
            sort_begin(s, &b, i, false);
        status = index_write(l, &b, sort_end(s, &b, i), i);
        if (meanwhile && i + 2 < INDEXES && status == STATUS_OK) /* where this one was */
            sort_begin(s, &b, i + 2, true);
    }
    for (int i = 0; i < 2; i++) /* after a failure one may be under way */
        sort_end(s, &b, i);
    if (status == STATUS_OK && !s->insert.failed)
        status = leaves_end(l);
    if (status != STATUS_OK)
        insert_fail_as(&s->insert, &l->error);
    release(&b);
    return true;
}
