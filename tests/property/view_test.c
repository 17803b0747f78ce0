/* view_test.c - views under every policy, through the store: computed from the case afterwards, and
 * hashed by an ingest under that policy, both against the byte model (policy_model.h).
 *
 * Every list of three segments in five bytes, and random lists with wrong checksums and cut segments.
 * SEINE_LONG=1 tries many more of these. */
#include "property/policy_model.h"
#include "store/view.h"
#include "store_rig.h"

enum { LIST_MAX = 10 };

static size_t random_below(uint64_t *state, size_t limit)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (*state >> 11) % limit;
}

struct segment {
    int begin, captured_end, end;
    bool right;
    uint8_t bytes[MODEL_BYTES]; /* by position */
};

struct list {
    struct segment segments[LIST_MAX];
    int count;
};

/* What a view must be: bytes by position, and which are there. */
struct expected {
    uint8_t bytes[MODEL_BYTES];
    bool there[MODEL_BYTES];
};

/* The kept bytes, and where a right segment contradicted a wrong one: the index of the right one. */
static void keep(const struct list *l, struct expected *kept, int taken_by[MODEL_BYTES])
{
    bool provisional[MODEL_BYTES] = {false};

    memset(kept, 0, sizeof *kept);
    for (int at = 0; at < MODEL_BYTES; at++)
        taken_by[at] = -1;
    for (int i = 0; i < l->count; i++) {
        const struct segment *s = &l->segments[i];
        for (int at = s->begin; at < s->captured_end; at++) {
            bool takes = kept->there[at] && provisional[at] && s->right;
            if (kept->there[at] && !takes)
                continue;
            if (takes && kept->bytes[at] != s->bytes[at])
                taken_by[at] = i;
            kept->bytes[at] = s->bytes[at];
            kept->there[at] = true;
            provisional[at] = !s->right;
        }
    }
}

static void expect(struct expected *e, const struct list *l, size_t policy)
{
    struct model m;
    int taken_by[MODEL_BYTES], who[MODEL_SEGMENTS], part_count = 0;

    keep(l, e, taken_by);
    if (policy == 0)
        return; /* first: what is kept */
    model_init(&m);
    for (int i = 0; i < l->count; i++) {
        const struct segment *s = &l->segments[i];
        for (int begin = s->begin, end; begin < s->end; begin = end) {
            bool out = taken_by[begin] > i; /* nobody before the right one counts */
            for (end = begin + 1; end < s->end && (taken_by[end] > i) == out;)
                end++;
            if (out)
                continue;
            who[part_count] = i;
            model_take(&m, policy, part_count++, begin, end);
        }
    }
    for (int at = 0; at < MODEL_BYTES; at++) {
        if (!e->there[at] || m.owner[at] == NOBODY)
            continue;
        const struct segment *s = &l->segments[who[m.owner[at]]];
        if (at < s->captured_end) /* else what is known of it stands */
            e->bytes[at] = s->bytes[at];
    }
}

static struct span present(const struct expected *e, uint8_t to[MODEL_BYTES])
{
    size_t len = 0;
    for (int at = 0; at < MODEL_BYTES; at++) {
        if (e->there[at])
            to[len++] = e->bytes[at];
    }
    return span_of(to, len);
}

/* Flow `n` of a case: the list, from the client. */
static void tell(struct rig *r, const struct list *l, uint32_t n)
{
    struct rig_flow f;
    struct expected kept;
    int taken_by[MODEL_BYTES];

    rig_flow_init(&f, n);
    for (int i = 0; i < l->count; i++) {
        const struct segment *s = &l->segments[i];
        rig_segment_cut(r, &f, SIDE_CLIENT, s->begin, s->bytes + s->begin,
                        (size_t)(s->captured_end - s->begin), (size_t)(s->end - s->begin),
                        s->right ? RIG_RIGHT : RIG_PROVISIONAL);
    }
    keep(l, &kept, taken_by);
    for (int at = 0; at < MODEL_BYTES; at++) { /* so that the stream begins at 0 */
        if (!kept.there[at])
            r->sink->gap(r->sink, &f.flow, SIDE_CLIENT, at, 1, GAP_UNKNOWN, false);
    }
    rig_flow_end(r, &f);
}

static bool is_view_right(struct reader *reader, int64_t stream_id, const struct expected *e,
                          const struct policy *policy)
{
    struct view *view;
    struct stream_piece piece;
    struct error err = {0};
    int64_t next = 0;
    bool right = true;
    enum status status = view_open(&view, reader, stream_id, policy, &err);

    while (status == STATUS_OK && (status = view_next(view, &piece, &err)) == STATUS_OK) {
        right = right && piece.position == next && piece.length > 0 &&
                next + piece.length <= MODEL_BYTES;
        for (int64_t i = 0; i < piece.length && right; i++)
            right = piece.cause ? !e->there[next + i]
                                : e->there[next + i] && e->bytes[next + i] == piece.bytes.data[i];
        next += piece.length;
    }
    view_close(view);
    if (status != STATUS_END)
        printf("\n%s\n", err.text);
    return status == STATUS_END && right && next == MODEL_BYTES;
}

static void print_list(const struct list *l, const char *policy, const char *what)
{
    printf("\n%s under %s:", what, policy);
    for (int i = 0; i < l->count; i++) {
        const struct segment *s = &l->segments[i];
        printf(" %.*s%.*s@%d%s", s->captured_end - s->begin, (const char *)s->bytes + s->begin,
               s->end - s->captured_end, "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~", s->begin,
               s->right ? "" : "?");
    }
    putchar('\n');
}

/* The lists as an ingest under a policy has them; then, of the case of `first`, every view. */
static void check_policy(const struct list *lists, uint32_t count, size_t policy)
{
    struct policy_choice choice = {.others = policy_find(known[policy].name)};
    struct rig r;
    struct reader *reader;
    struct error err = {0};
    struct expected e;
    uint8_t bytes[MODEL_BYTES];
    char hex[DIGEST_HEX_LEN + 1];
    int64_t stream_id = 0;
    uint32_t seen = 0;
    bool right = true;

    rig_init(&r);
    r.options.policies = &choice;
    rig_open(&r);
    for (uint32_t i = 0; i < count; i++)
        tell(&r, &lists[i], i + 1);
    rig_finish(&r);
    CU_ASSERT_EQUAL_FATAL(reader_open(&reader, r.path, &err), STATUS_OK);
    sqlite3_stmt *row;
    sqlite3_prepare_v2(reader_db(reader),
                       "SELECT stream_id, sha256, policy FROM streams ORDER BY stream_id", -1, &row,
                       NULL);
    while (right && sqlite3_step(row) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(row, 2);
        stream_id = sqlite3_column_int64(row, 0);
        const struct list *l = &lists[stream_id / 2 - 1];
        expect(&e, l, policy);
        uint8_t value[DIGEST_LEN];
        digest_once(value, present(&e, bytes));
        digest_hex(hex, value);
        right = strcmp(hex, (const char *)sqlite3_column_text(row, 1)) == 0 &&
                strcmp(name ? name : "first", known[policy].name) == 0;
        if (!right)
            print_list(l, known[policy].name, "hash");
        if (right && !(right = is_view_right(reader, stream_id, &e, NULL)))
            print_list(l, known[policy].name, "own view");
        for (size_t other = 0; policy == 0 && right && other < KNOWN_COUNT; other++) {
            expect(&e, l, other);
            right = is_view_right(reader, stream_id, &e, policy_find(known[other].name));
            if (!right)
                print_list(l, known[other].name, "view");
        }
        seen++;
    }
    sqlite3_finalize(row);
    CU_ASSERT(right);
    CU_ASSERT_EQUAL(seen, count);
    reader_close(reader);
    rig_release(&r);
}

static void check_lists(const struct list *lists, uint32_t count)
{
    for (size_t policy = 0; policy < KNOWN_COUNT; policy++)
        check_policy(lists, count, policy);
}

static void every_list(void)
{
    enum { BYTES = 5, PLACES = BYTES * (BYTES + 1) / 2, LISTS = PLACES * PLACES * PLACES };
    struct list *lists = calloc(LISTS, sizeof *lists);
    int places[PLACES][2], place_count = 0;

    for (int begin = 0; begin < BYTES; begin++) {
        for (int end = begin + 1; end <= BYTES; end++) {
            places[place_count][0] = begin;
            places[place_count++][1] = end;
        }
    }
    for (int n = 0; n < LISTS; n++) {
        lists[n].count = 3;
        for (int i = 0, rest = n; i < 3; i++, rest /= PLACES) {
            struct segment *s = &lists[n].segments[i];
            *s = (struct segment){.begin = places[rest % PLACES][0],
                                  .captured_end = places[rest % PLACES][1],
                                  .end = places[rest % PLACES][1],
                                  .right = true};
            memset(s->bytes, 'A' + i, sizeof s->bytes);
        }
    }
    check_lists(lists, LISTS);
    free(lists);
}

static void random_lists(void)
{
    uint32_t count = getenv("SEINE_LONG") ? 40000 : 800;
    struct list *lists = calloc(count, sizeof *lists);
    uint64_t state = 20250801;

    for (uint32_t n = 0; n < count; n++) {
        struct list *l = &lists[n];
        l->count = 2 + (int)random_below(&state, LIST_MAX - 1);
        int rights_from = random_below(&state, 2) ? 0 : (int)random_below(&state, 5);
        size_t longest = 2 + random_below(&state, 15), letters = 2 + random_below(&state, 3);
        for (int i = 0; i < l->count; i++) {
            struct segment *s = &l->segments[i];
            int len = 1 + (int)random_below(&state, longest);
            s->begin = (int)random_below(&state, (size_t)(MODEL_BYTES / 2 - len / 2));
            s->end = s->captured_end = s->begin + len;
            if (len > 1 && random_below(&state, 8) == 0)
                s->captured_end -= (int)random_below(&state, (size_t)len);
            s->right = i >= rights_from;
            for (int at = 0; at < MODEL_BYTES; at++)
                s->bytes[at] = (uint8_t)('a' + random_below(&state, letters));
        }
    }
    check_lists(lists, count);
    free(lists);
}

static const struct test tests[] = {
    {"every list of three segments in five bytes", every_list},
    {"random lists, some with wrong checksums, some cut by the snap length", random_lists},
};
SUITE("views", tests)
