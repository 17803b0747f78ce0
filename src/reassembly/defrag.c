/* defrag.c - IP fragments made whole.
 *
 *     datagram   pieces, sorted   [0 .. 1480)          [2960 .. 3000)   total 3000
 *                bytes            ..............       .......
 *                frames           all that came, in order of arrival */
#include "reassembly/defrag.h"

#include "base/budget.h"
#include "base/table.h"
#include "dissect/dissect.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t WAIT_NS = 60 * 1000000000ll;

/* Two fragments belong together when all of this is equal. Without padding. */
struct datagram_key {
    struct address src, dst;
    uint32_t id;
    uint8_t protocol; /* 0 for IPv6, whose fragments are known by addresses and id (RFC 8200 4.5) */
    uint8_t ip_version;
    uint16_t place; /* equal addresses elsewhere may be other hosts */
};
_Static_assert(sizeof(struct datagram_key) == 40,
               "a key with padding would make equal keys differ");

struct datagram {
    struct datagram_key key;
    UT_hash_handle hh; /* in the order in which their first fragments came */
    uint8_t
        first[offsetof(struct packet, carriers)]; /* what the fragment at 0 says beside its payload;
                                                         carriers have been told of */
    bool has_first, refused;
    bool of_aggregate; /* a fragment of it was one of several packets of its frame */
    bool has_total;
    uint32_t total;   /* bytes on the wire, known from the last fragment */
    uint32_t covered; /* bytes on the wire that have come */
    uint32_t ip_len;  /* of the fragments together */
    int64_t first_ns;
    struct piece *pieces; /* sorted, disjoint on the wire */
    uint32_t piece_count, piece_room;
    struct frame *frames;
    uint32_t frame_count, frame_room;
    uint8_t *bytes;
    uint32_t bytes_room;
    size_t charged;
};

/* What a datagram costs before it has anything: four heaps of its own, each with what the C library keeps
 * beside it, and its part of the table's buckets. */
enum { MALLOC_COST = 16, BUCKETS_COST = 3 * sizeof(UT_hash_bucket) };
enum { DATAGRAM_COST = sizeof(struct datagram) + 4 * MALLOC_COST + BUCKETS_COST };

struct defrag {
    struct sink *sink;
    const struct policy *policy;
    struct budget budget;
    struct datagram *waiting; /* uthash's head */
    struct datagram *done;    /* the one last made whole, whose bytes are lent out */
    struct places *places;    /* owned */
    void (*carried)(void *whom, const struct packet *packet); /* NULL: nobody is told */
    void *whom;
};

struct defrag *defrag_new(struct sink *sink, size_t memory, const struct policy *policy,
                          unsigned place_parts)
{
    struct defrag *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->places = places_new(memory / 16, place_parts);
    if (!d->places) {
        free(d);
        return NULL;
    }
    d->sink = sink;
    d->policy = policy;
    budget_init(&d->budget, memory - memory / 16);
    return d;
}

static void datagram_free(struct defrag *d, struct datagram *g)
{
    if (!g)
        return;
    budget_give(&d->budget, g->charged);
    free(g->pieces);
    free(g->frames);
    free(g->bytes);
    free(g);
}

static void forget(struct defrag *d, struct datagram *g)
{
    HASH_DEL(d->waiting, g);
    datagram_free(d, g);
}

static void give_up(struct defrag *d, struct datagram *g, enum oddity why)
{
    if (!g->refused)
        d->sink->oddity(d->sink, NULL, &g->frames[0], why, NULL);
    forget(d, g);
}

void defrag_end(struct defrag *d)
{
    while (d->waiting)
        give_up(d, d->waiting, ODDITY_FRAGMENTS_INCOMPLETE);
    datagram_free(d, d->done);
    d->done = NULL;
}

void defrag_free(struct defrag *d)
{
    if (!d)
        return;
    while (d->waiting)
        forget(d, d->waiting);
    datagram_free(d, d->done);
    places_free(d->places);
    free(d);
}

static void expire(struct defrag *d, int64_t now)
{
    while (d->waiting && now > d->waiting->first_ns && now - d->waiting->first_ns > WAIT_NS)
        give_up(d, d->waiting, ODDITY_FRAGMENTS_INCOMPLETE);
}

/* Grows an array of `g` to hold `need` items, making room by giving up older datagrams. */
static void *grow(struct defrag *d, struct datagram *g, void *array, uint32_t *room, uint32_t need,
                  size_t item_len)
{
    if (need <= *room)
        return array;
    uint32_t wanted = *room ? *room : 4;
    while (wanted < need)
        wanted *= 2;
    size_t more = (wanted - *room) * item_len;
    while (!budget_take(&d->budget, more)) {
        struct datagram *oldest = d->waiting;
        if (oldest == g)
            oldest = oldest->hh.next;
        if (!oldest)
            return NULL;
        give_up(d, oldest, ODDITY_FRAGMENTS_EVICTED);
    }
    void *grown = realloc(array, wanted * item_len);
    if (!grown) {
        budget_give(&d->budget, more);
        return NULL;
    }
    g->charged += more;
    *room = wanted;
    return grown;
}

static struct datagram *datagram_of(struct defrag *d, const struct packet *p)
{
    struct datagram_key key = {.src = p->ends.src,
                               .dst = p->ends.dst,
                               .id = p->fragment_id,
                               .protocol = p->ip_version == 4 ? p->ip_protocol : 0,
                               .ip_version = p->ip_version,
                               .place = places_number(d->places, NULL, p)};
    struct datagram *g = NULL;
    HASH_FIND(hh, d->waiting, &key, sizeof key, g);
    if (g)
        return g;
    while (!budget_take(&d->budget, DATAGRAM_COST)) {
        if (!d->waiting)
            return NULL;
        give_up(d, d->waiting, ODDITY_FRAGMENTS_EVICTED);
    }
    g = calloc(1, sizeof *g);
    if (!g) {
        budget_give(&d->budget, DATAGRAM_COST);
        return NULL;
    }
    g->charged = DATAGRAM_COST;
    g->key = key;
    g->first_ns = p->frame->time_ns;
    HASH_ADD(hh, d->waiting, key, sizeof g->key, g);
    if (!g->hh.tbl) {
        datagram_free(d, g);
        return NULL;
    }
    TABLE_BOUND(g->hh, HASH_COUNT(d->waiting) * BUCKETS_COST);
    return g;
}

/* The frame that brought the byte of a fragment at position `start`, its index in g->frames, and
 * how far that goes: not further than `end`. A fragment that came in fragments of the datagram
 * around it has them from several; what the snap length cut of that datagram, from the last. */
static struct piece piece_of(const struct datagram *g, uint32_t start, uint32_t end,
                             const struct packet *p)
{
    struct piece piece = {.start = start,
                          .wire_len = end - start,
                          .frame = g->frame_count - 1,
                          .offset = p->ip_payload_offset + (start - p->fragment_at)};
    if (!p->pieces)
        return piece;
    const uint64_t at = (uint64_t)(p->ip_payload.data - p->whole.data) + (start - p->fragment_at);
    for (uint32_t i = 0; i < p->piece_count; i++) {
        const struct piece *outer = &p->pieces[i];
        if (at < outer->start || at >= (uint64_t)outer->start + outer->len)
            continue;
        const uint64_t left = outer->start + outer->len - at;
        piece.frame = g->frame_count - p->frame_count + outer->frame;
        piece.offset = offset_after(outer->offset, at - outer->start);
        if (piece.wire_len > left)
            piece.wire_len = (uint32_t)left;
        break;
    }
    return piece;
}

/* Puts positions [start, end) of a fragment that one frame brought in as a piece before index
 * `at`. */
static bool piece_put(struct defrag *d, struct datagram *g, uint32_t at, struct piece piece,
                      const struct packet *p)
{
    const uint32_t start = piece.start, end = start + piece.wire_len;
    void *pieces = grow(d, g, g->pieces, &g->piece_room, g->piece_count + 1, sizeof *g->pieces);
    if (!pieces)
        return false;
    g->pieces = pieces;
    void *bytes = grow(d, g, g->bytes, &g->bytes_room, end, 1);
    if (!bytes)
        return false;
    g->bytes = bytes;

    struct span data = span_after(p->ip_payload, start - p->fragment_at);
    data = span_first(data, end - start);
    if (data.len > 0)
        memcpy(g->bytes + start, data.data, data.len);
    memmove(g->pieces + at + 1, g->pieces + at, (g->piece_count - at) * sizeof *g->pieces);
    piece.len = (uint32_t)data.len;
    g->pieces[at] = piece;
    g->piece_count++;
    g->covered += end - start;
    return true;
}

/* Puts all of [start, end) in, and moves `*at` behind it. */
static bool pieces_put(struct defrag *d, struct datagram *g, uint32_t *at, uint32_t start,
                       uint32_t end, const struct packet *p)
{
    while (start < end) {
        struct piece piece = piece_of(g, start, end, p);
        if (!piece_put(d, g, *at, piece, p))
            return false;
        start += piece.wire_len;
        (*at)++;
    }
    return true;
}

/* The positions that both the fragment and piece `i` have captured; may be empty. */
static struct range common(const struct datagram *g, uint32_t i, const struct packet *p)
{
    const struct piece *piece = &g->pieces[i];
    struct range both = {piece->start, (int64_t)piece->start + piece->len};
    int64_t mine = (int64_t)p->fragment_at + (int64_t)p->ip_payload.len;

    if (both.begin < p->fragment_at)
        both.begin = p->fragment_at;
    if (both.end > mine)
        both.end = mine;
    return both;
}

/* Whether the fragment says something else than piece `i` where both have bytes. */
static bool differs(const struct datagram *g, uint32_t i, const struct packet *p)
{
    struct range both = common(g, i, p);

    return both.begin < both.end &&
           memcmp(g->bytes + both.begin, p->ip_payload.data + (both.begin - p->fragment_at),
                  (size_t)(both.end - both.begin)) != 0;
}

enum { SHOWN = 32, CONFLICT_TEXT_MAX = 256 }; /* bytes of each version; of the sentence */

static void add_hex(char hex[2 * SHOWN + 4], const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len && i < SHOWN; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    strcpy(hex + 2 * (len < SHOWN ? len : SHOWN), len > SHOWN ? "..." : "");
}

/* Both versions of the first run of bytes in which the fragment differs from piece `i`. */
static void describe_conflict(char text[CONFLICT_TEXT_MAX], const struct datagram *g, uint32_t i,
                              const struct packet *p)
{
    struct range both = common(g, i, p);
    const uint8_t *held = g->bytes + both.begin;
    const uint8_t *came = p->ip_payload.data + (both.begin - p->fragment_at);
    size_t at = 0, most = (size_t)(both.end - both.begin);
    char held_hex[2 * SHOWN + 4], came_hex[2 * SHOWN + 4];

    while (held[at] == came[at])
        at++;
    size_t end = at + 1;
    while (end < most && held[end] != came[end])
        end++;
    add_hex(held_hex, held + at, end - at);
    add_hex(came_hex, came + at, end - at);
    snprintf(text, CONFLICT_TEXT_MAX,
             "byte %" PRId64 " of the datagram: frame %" PRIu64 " has %s, frame %" PRIu64 " %s",
             both.begin + (int64_t)at, g->frames[g->pieces[i].frame].number, held_hex,
             p->frame->number, came_hex);
}

/* Takes [begin, end), which it has a part of, from piece `*i`. `*i` is afterwards the first piece behind
 * begin. False when there is no memory. */
static bool piece_cut(struct defrag *d, struct datagram *g, uint32_t *i, uint32_t begin,
                      uint32_t end)
{
    struct piece held = g->pieces[*i];
    uint32_t held_end = held.start + held.wire_len;
    bool before = held.start<begin, behind = held_end> end;

    g->covered -= (behind ? end : held_end) - (before ? begin : held.start);
    if (before) {
        struct piece *left = &g->pieces[*i];
        left->wire_len = begin - held.start;
        if (left->len > left->wire_len)
            left->len = left->wire_len;
        (*i)++;
    }
    if (!behind) {
        if (!before) {
            g->piece_count--;
            memmove(g->pieces + *i, g->pieces + *i + 1, (g->piece_count - *i) * sizeof *g->pieces);
        }
        return true;
    }
    if (before) { /* in two: the right part is a piece more */
        void *pieces = grow(d, g, g->pieces, &g->piece_room, g->piece_count + 1, sizeof *g->pieces);
        if (!pieces)
            return false;
        g->pieces = pieces;
        memmove(g->pieces + *i + 1, g->pieces + *i, (g->piece_count - *i) * sizeof *g->pieces);
        g->piece_count++;
    }
    uint32_t skipped = end - held.start;
    g->pieces[*i] = (struct piece){.start = end,
                                   .len = held.len > skipped ? held.len - skipped : 0,
                                   .wire_len = held_end - end,
                                   .frame = held.frame,
                                   .offset = offset_after(held.offset, skipped)};
    return true;
}

/* Adds what the policy takes of the fragment. False when there is no memory for it. `text` is what it
 * contradicts first, or empty. */
static bool add(struct defrag *d, struct datagram *g, const struct packet *p,
                char text[CONFLICT_TEXT_MAX])
{
    uint32_t begin = p->fragment_at, end = begin + p->ip_payload_len, i = 0;
    uint32_t from = begin; /* all of it before this is placed */
    struct range came = {begin, end};

    text[0] = 0;
    while (i < g->piece_count && g->pieces[i].start + g->pieces[i].wire_len <= begin)
        i++;
    while (i < g->piece_count && g->pieces[i].start < end) {
        uint32_t start = g->pieces[i].start, held_end = start + g->pieces[i].wire_len;
        struct range held = {start, held_end};
        if (!text[0] && differs(g, i, p))
            describe_conflict(text, g, i, p);
        if (d->policy->takes(&held, &came)) {
            if (!piece_cut(d, g, &i, begin, end))
                return false;
            continue;
        }
        if (from < start && !pieces_put(d, g, &i, from, start, p))
            return false;
        from = held_end;
        i++;
    }
    return from >= end || pieces_put(d, g, &i, from, end, p);
}

static bool is_overlap(const struct datagram *g, const struct packet *p)
{
    uint32_t at = p->fragment_at, end = at + p->ip_payload_len;

    for (uint32_t i = 0; i < g->piece_count; i++) {
        const struct piece *piece = &g->pieces[i];
        if (piece->start >= end || piece->start + piece->wire_len <= at)
            continue;
        if (piece->start != at || piece->wire_len != p->ip_payload_len || differs(g, i, p))
            return true;
    }
    return false;
}

/* Where the last piece ends. When that is within the total, and as many bytes came, there is no
 * hole. */
static uint32_t wire_end(const struct datagram *g)
{
    const struct piece *last = g->piece_count > 0 ? &g->pieces[g->piece_count - 1] : NULL;
    return last ? last->start + last->wire_len : 0;
}

/* The whole datagram, lent to the caller. Bytes behind the first that the snap length cut are not
 * offered: what follows a hole has no place of its own in a datagram. */
static enum verdict make_whole(struct defrag *d, struct datagram *g, struct packet *p)
{
    const struct frame *frame = p->frame;
    uint32_t captured = 0, count = 0;

    while (count < g->piece_count && captured == g->pieces[count].start) {
        captured += g->pieces[count].len;
        count++;
    }
    HASH_DEL(d->waiting, g);
    d->done = g;

    memcpy(p, g->first, sizeof g->first);
    p->frame = frame;
    p->fragment = p->more_fragments = false;
    p->aggregate = g->of_aggregate;
    p->unread = false; /* further packets of the first fragment's frame */
    p->ip_len = g->ip_len;
    p->ip_payload = span_of(g->bytes, captured);
    p->ip_payload_len = g->total;
    p->pieces = g->pieces;
    p->piece_count = count;
    p->frames = g->frames;
    p->frame_count = g->frame_count;
    return dissect_transport(p);
}

/* Several packets of one frame may be fragments of the same datagram. */
static bool has_frame(const struct datagram *g, const struct frame *frame)
{
    const struct frame *last = g->frame_count > 0 ? &g->frames[g->frame_count - 1] : NULL;

    return last && last->number == frame->number && last->evidence_id == frame->evidence_id;
}

/* Notes the frame of a fragment, or all those of the datagram around it. False when there is no
 * memory. */
static bool add_frames(struct defrag *d, struct datagram *g, const struct packet *p)
{
    const struct frame *from = p->pieces ? p->frames : p->frame;
    const uint32_t count = p->pieces ? p->frame_count : 1;

    if (!p->pieces && p->aggregate && has_frame(g, p->frame))
        return true;
    void *frames = grow(d, g, g->frames, &g->frame_room, g->frame_count + count, sizeof *g->frames);

    if (!frames)
        return false;
    g->frames = frames;
    memcpy(g->frames + g->frame_count, from, count * sizeof *from);
    g->frame_count += count;
    g->frames[g->frame_count - 1].bytes.data = NULL;
    return true;
}

/* One fragment. `*is_whole`: the packet has become a datagram, whatever its verdict. */
static enum verdict take(struct defrag *d, struct packet *p, bool *is_whole)
{
    struct datagram *g = datagram_of(d, p);
    if (!g || !add_frames(d, g, p)) {
        if (g && g->frame_count == 0)
            forget(d, g);
        d->sink->oddity(d->sink, NULL, p->frame, ODDITY_FRAGMENTS_EVICTED, NULL);
        return VERDICT_FRAGMENT;
    }
    g->of_aggregate |= p->aggregate;
    g->ip_len += p->ip_len;
    if (g->refused)
        return VERDICT_OVERLAP;
    if (p->ip_version == 6 && is_overlap(g, p)) {
        g->refused = true;
        return VERDICT_OVERLAP;
    }

    char conflict[CONFLICT_TEXT_MAX];
    bool added = add(d, g, p, conflict);
    uint32_t end = p->fragment_at + p->ip_payload_len;
    if (!p->more_fragments) {
        if (!conflict[0] && g->has_total && g->total != end)
            snprintf(conflict, sizeof conflict,
                     "a last fragment ends at byte %" PRIu32 ", frame %" PRIu64
                     " is one that ends at %" PRIu32,
                     g->total, p->frame->number, end);
        if (!g->has_total)
            g->total = end;
        g->has_total = true;
    }
    if (conflict[0])
        d->sink->oddity(d->sink, NULL, p->frame, ODDITY_FRAGMENT_CONFLICT, conflict);
    if (p->fragment_at == 0 && !g->has_first) {
        memcpy(g->first, p, sizeof g->first);
        g->has_first = true;
    }
    if (!added) {
        give_up(d, g, ODDITY_FRAGMENTS_EVICTED);
        return VERDICT_FRAGMENT;
    }
    if (!g->has_total || g->covered < g->total)
        return VERDICT_FRAGMENT;
    if (wire_end(g) > g->total || !g->has_first) { /* bytes behind the last fragment's end */
        give_up(d, g, ODDITY_FRAGMENT_CONFLICT);
        return VERDICT_FRAGMENT;
    }
    *is_whole = true;
    return make_whole(d, g, p);
}

void defrag_tell_carried(struct defrag *d, void (*carried)(void *whom, const struct packet *packet),
                         void *whom)
{
    d->carried = carried;
    d->whom = whom;
}

enum verdict defrag_push(struct defrag *d, struct packet *p)
{
    enum verdict verdict;
    bool is_whole;

    assert(p->fragment);
    if (!p->pieces) { /* else it is from that one, unpacked */
        datagram_free(d, d->done);
        d->done = NULL;
    }
    expire(d, p->frame->time_ns);
    do { /* in a datagram made whole there may be a tunnel, and in that a fragment of another one */
        struct datagram *around = d->done;
        d->done = NULL;
        is_whole = false;
        if (p->carrier_count > 0 && d->carried)
            d->carried(d->whom, p);
        p->carrier_count = 0;
        verdict = take(d, p, &is_whole);
        datagram_free(d, around);
    } while (is_whole && verdict == VERDICT_FRAGMENT);
    return verdict;
}
