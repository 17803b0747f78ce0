/* digest_lanes.c - SHA-256 of several messages at a time.
 *
 *     lane 0    [block][block][block][block]
 *     lane 1    [block][block]│next message of those that wait
 *     ...                     └ all lanes go on together up to here
 *
 * The rounds of one message wait for each other, whatever the processor could do meanwhile. Where it has registers
 * of sixteen words, sixteen messages go through the rounds together, a word of each in a register, which is more
 * than twice as fast as its own instructions for SHA-256 are with one; and those are a third faster (on some
 * processors twice as fast) where two messages take turns.
 *
 * Lanes take whole blocks from where they lie. What is before and behind them is libcrypto's, whose states these are; so
 * is a message that is left alone in the end. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/digest.h"

#include <stdatomic.h>
#include <string.h>

enum { LANES = 16, WORDS = 8, BLOCK = SHA256_CBLOCK };

/* A message in a lane; the lanes from the first one on are in use. */
struct lane {
    const struct digest_part *part;
    unsigned piece;   /* of the part: the one that is here */
    size_t blocks;    /* of it that are ahead */
    struct span rest; /* of it, behind them */
};

struct lanes {
    uint32_t state[WORDS][LANES]; /* a word of each lane side by side */
    const uint8_t *at[LANES];
    struct lane lanes[LANES];
    unsigned busy;
};

/* ---- processors ---- */

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

static const uint32_t round_constants[64] __attribute__((aligned(64))) = {
    /* FIPS 180-4, 4.2.2 */
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

#if defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
/* Up to gcc 13 it puts registers of 64 bytes at half of that on its own stack (PR 110027), and then they cannot be read. */
#define IN_SIXTEEN __attribute__((target("avx512f,avx512bw"), no_sanitize("address")))
#else
#define IN_SIXTEEN __attribute__((target("avx512f,avx512bw")))
#endif
#define IN_PAIRS __attribute__((target("sha,sse4.1")))
#define INLINED __attribute__((always_inline)) static inline

/* Words of the wire have their highest byte first. */
INLINED __m128i byte_order(void)
{
    return _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
}

/* What was a row for each lane is a row for each word. */
INLINED IN_SIXTEEN void transpose(__m512i rows[LANES])
{
    __m512i t[LANES];

#pragma GCC unroll 8
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) { /* quarters of a register: of four lanes, every fourth word */
        const __m512i even = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0x88);
        const __m512i odd = _mm512_shuffle_i32x4(rows[i], rows[4 + i], 0xdd);
        const __m512i even_above = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0x88);
        const __m512i odd_above = _mm512_shuffle_i32x4(rows[8 + i], rows[12 + i], 0xdd);
        t[i] = _mm512_shuffle_i32x4(even, even_above, 0x88);
        t[4 + i] = _mm512_shuffle_i32x4(odd, odd_above, 0x88);
        t[8 + i] = _mm512_shuffle_i32x4(even, even_above, 0xdd);
        t[12 + i] = _mm512_shuffle_i32x4(odd, odd_above, 0xdd);
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        rows[i] = t[i];
}

enum { XOR = 0x96, CHOOSE = 0xca, MAJORITY = 0xe8 }; /* truth tables of three bits */

/* Sixteen rounds, and the words of the next sixteen if there are such. FIPS 180-4, 6.2.2. */
INLINED IN_SIXTEEN void rounds(__m512i s[WORDS], __m512i w[16], const uint32_t *k, bool more)
{
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        /* Instead of moving each word by one, who is a and who is h moves. */
        const __m512i a = s[(16 - i) & 7], b = s[(17 - i) & 7], c = s[(18 - i) & 7];
        const __m512i e = s[(20 - i) & 7], f = s[(21 - i) & 7], g = s[(22 - i) & 7];
        const __m512i h = s[(23 - i) & 7];
        const __m512i e_mixed = _mm512_ternarylogic_epi32(
            _mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11), _mm512_ror_epi32(e, 25), XOR);
        const __m512i a_mixed = _mm512_ternarylogic_epi32(
            _mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13), _mm512_ror_epi32(a, 22), XOR);
        const __m512i sum = _mm512_add_epi32(
            _mm512_add_epi32(_mm512_add_epi32(h, w[i]), _mm512_set1_epi32((int)k[i])),
            _mm512_add_epi32(e_mixed, _mm512_ternarylogic_epi32(e, f, g, CHOOSE)));

        s[(19 - i) & 7] = _mm512_add_epi32(s[(19 - i) & 7], sum);
        s[(23 - i) & 7] = _mm512_add_epi32(
            sum, _mm512_add_epi32(a_mixed, _mm512_ternarylogic_epi32(a, b, c, MAJORITY)));
        if (!more)
            continue;
        const __m512i early = w[(i + 1) & 15], late = w[(i + 14) & 15];
        w[i] = _mm512_add_epi32(
            _mm512_add_epi32(w[i], w[(i + 9) & 15]),
            _mm512_add_epi32(
                _mm512_ternarylogic_epi32(_mm512_ror_epi32(early, 7), _mm512_ror_epi32(early, 18),
                                          _mm512_srli_epi32(early, 3), XOR),
                _mm512_ternarylogic_epi32(_mm512_ror_epi32(late, 17), _mm512_ror_epi32(late, 19),
                                          _mm512_srli_epi32(late, 10), XOR)));
    }
}

/* `count` blocks of all lanes; those that are not in use read what the first one reads. */
IN_SIXTEEN static void sixteen(struct lanes *l, size_t count)
{
    const __m512i order = _mm512_broadcast_i32x4(byte_order());
    __m512i state[WORDS];

    for (unsigned i = l->busy; i < LANES; i++)
        l->at[i] = l->at[0];
#pragma GCC unroll 8
    for (int i = 0; i < WORDS; i++)
        state[i] = _mm512_loadu_si512(l->state[i]);
    for (size_t block = 0; block < count; block++) {
        __m512i w[16], s[WORDS];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(l->at[i] + block * BLOCK), order);
        transpose(w);
#pragma GCC unroll 8
        for (int i = 0; i < WORDS; i++)
            s[i] = state[i];
        for (int i = 0; i < 48; i += 16)
            rounds(s, w, round_constants + i, true);
        rounds(s, w, round_constants + 48, false);
#pragma GCC unroll 8
        for (int i = 0; i < WORDS; i++)
            state[i] = _mm512_add_epi32(state[i], s[i]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < WORDS; i++)
        _mm512_storeu_si512(l->state[i], state[i]);
}

/* A state as the instructions for SHA-256 have it. */
struct halves {
    __m128i abef, cdgh;
};

INLINED IN_PAIRS struct halves halves_take(const struct lanes *l, unsigned lane)
{
    uint32_t s[WORDS];

    for (int i = 0; i < WORDS; i++)
        s[i] = l->state[i][lane];
    return (struct halves){
        .abef = _mm_set_epi32((int)s[0], (int)s[1], (int)s[4], (int)s[5]),
        .cdgh = _mm_set_epi32((int)s[2], (int)s[3], (int)s[6], (int)s[7]),
    };
}

INLINED IN_PAIRS void halves_give(struct lanes *l, unsigned lane, const struct halves *h)
{
    static const int words[2][4] = {{5, 4, 1, 0}, {7, 6, 3, 2}};
    uint32_t s[2][4];

    memcpy(s[0], &h->abef, sizeof s[0]);
    memcpy(s[1], &h->cdgh, sizeof s[1]);
    for (int i = 0; i < 4; i++) {
        l->state[words[0][i]][lane] = s[0][i];
        l->state[words[1][i]][lane] = s[1][i];
    }
}

/* `count` blocks of the first two lanes. */
IN_PAIRS static void pair(struct lanes *l, size_t count)
{
    struct halves state[2] = {halves_take(l, 0), halves_take(l, 1)};

    for (size_t block = 0; block < count; block++) {
        struct halves s[2] = {state[0], state[1]};
        __m128i w[2][4];
#pragma GCC unroll 2
        for (int lane = 0; lane < 2; lane++)
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                __m128i bytes;
                memcpy(&bytes, l->at[lane] + block * BLOCK + 16 * i, sizeof bytes);
                w[lane][i] = _mm_shuffle_epi8(bytes, byte_order());
            }
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) { /* four rounds of each */
            __m128i k;
            memcpy(&k, round_constants + 4 * i, sizeof k);
#pragma GCC unroll 2
            for (int lane = 0; lane < 2; lane++) {
                __m128i *const now = &w[lane][i & 3], *const next = &w[lane][(i + 1) & 3],
                               *const late = &w[lane][(i + 3) & 3];
                struct halves *h = &s[lane];
                const __m128i sum = _mm_add_epi32(*now, k);
                h->cdgh = _mm_sha256rnds2_epu32(h->cdgh, h->abef, sum);
                h->abef = _mm_sha256rnds2_epu32(h->abef, h->cdgh, _mm_shuffle_epi32(sum, 0x0e));
                if (i >= 12)
                    continue;
                *now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, *next),
                                     _mm_alignr_epi8(*late, w[lane][(i + 2) & 3], 4));
                *now = _mm_sha256msg2_epu32(*now, *late);
            }
        }
#pragma GCC unroll 2
        for (int lane = 0; lane < 2; lane++) {
            state[lane].abef = _mm_add_epi32(state[lane].abef, s[lane].abef);
            state[lane].cdgh = _mm_add_epi32(state[lane].cdgh, s[lane].cdgh);
        }
    }
    halves_give(l, 0, &state[0]);
    halves_give(l, 1, &state[1]);
}

static bool find(enum digest_way way)
{
    unsigned a, b, c, d;

    if (way == DIGEST_SIXTEEN)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    if (way == DIGEST_PAIRS)
        return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
               (b & bit_SHA);
    return true;
}

/* Asked once: in a virtual machine the question costs as much as a hundred blocks. */
bool digest_can(enum digest_way way)
{
    enum { UNKNOWN, NO, YES };
    static atomic_int known[DIGEST_WAYS];
    int answer = atomic_load_explicit(&known[way], memory_order_relaxed);

    if (answer == UNKNOWN) {
        answer = find(way) ? YES : NO;
        atomic_store_explicit(&known[way], answer, memory_order_relaxed);
    }
    return answer == YES;
}
#else
static void sixteen(struct lanes *l, size_t count)
{
    (void)l;
    (void)count;
}

static void pair(struct lanes *l, size_t count)
{
    (void)l;
    (void)count;
}

bool digest_can(enum digest_way way)
{
    return way == DIGEST_ALONE;
}
#endif

/* ---- lanes ---- */

static void count_bytes(SHA256_CTX *c, size_t len)
{
    const uint64_t bits = ((uint64_t)c->Nh << 32 | c->Nl) + 8 * (uint64_t)len;

    c->Nl = (SHA_LONG)bits;
    c->Nh = (SHA_LONG)(bits >> 32);
}

/* Puts the next pieces of a part into a lane. False when none of those left has a block: they are added. */
static bool lane_take(struct lanes *l, unsigned i, const struct digest_part *part, unsigned piece)
{
    SHA256_CTX *c = &part->digest->sha256;

    for (; piece < part->piece_count; piece++) {
        struct span bytes = span_of(part->pieces[piece].iov_base, part->pieces[piece].iov_len);
        if (c->num > 0) { /* up to where a block begins */
            const struct span before = span_first(bytes, BLOCK - c->num);
            digest_add(part->digest, before);
            bytes = span_after(bytes, before.len);
        }
        const size_t blocks = bytes.len / BLOCK;
        if (blocks == 0) {
            digest_add(part->digest, bytes);
            continue;
        }
        l->at[i] = bytes.data;
        l->lanes[i] = (struct lane){part, piece, blocks, span_after(bytes, blocks * BLOCK)};
        for (int word = 0; word < WORDS; word++)
            l->state[word][i] = c->h[word];
        count_bytes(c, blocks * BLOCK);
        return true;
    }
    return false;
}

/* A lane whose blocks are done goes on with its part, or gives its place to the last one. */
static void lane_end(struct lanes *l, unsigned i)
{
    const struct lane done = l->lanes[i];
    SHA256_CTX *c = &done.part->digest->sha256;

    for (int word = 0; word < WORDS; word++)
        c->h[word] = l->state[word][i];
    digest_add(done.part->digest, done.rest);
    if (lane_take(l, i, done.part, done.piece + 1))
        return;
    const unsigned last = --l->busy;
    l->at[i] = l->at[last];
    l->lanes[i] = l->lanes[last];
    for (int word = 0; word < WORDS; word++)
        l->state[word][i] = l->state[word][last];
}

/* What is ahead of the first lane, by libcrypto. */
static void alone(struct lanes *l)
{
    struct lane *lane = &l->lanes[0];
    SHA256_CTX c = {.num = 0};

    for (int word = 0; word < WORDS; word++)
        c.h[word] = l->state[word][0];
    c.md_len = DIGEST_LEN;
    SHA256_Update(&c, l->at[0], lane->blocks * BLOCK);
    for (int word = 0; word < WORDS; word++)
        l->state[word][0] = c.h[word];
    lane->blocks = 0;
    lane_end(l, 0);
}

static bool is_busy(const struct lanes *l, const struct digest *d)
{
    for (unsigned i = 0; i < l->busy; i++)
        if (l->lanes[i].part->digest == d)
            return true;
    return false;
}

/* All lanes in use go on, up to where the first of them ends. */
static void go_on(struct lanes *l, void (*how)(struct lanes *l, size_t count), unsigned lanes)
{
    size_t count = l->lanes[0].blocks;

    for (unsigned i = 1; i < lanes; i++)
        count = l->lanes[i].blocks < count ? l->lanes[i].blocks : count;
    how(l, count);
    for (unsigned i = lanes; i-- > 0;) { /* who takes the place of another has been looked at */
        l->lanes[i].blocks -= count;
        l->at[i] += count * BLOCK;
        if (l->lanes[i].blocks == 0)
            lane_end(l, i);
    }
}

void digest_add_each_by(bool may_sixteen, bool may_pair, const struct digest_part parts[],
                        size_t count)
{
    enum { WORTH = 8 }; /* lanes; with less than half of them, each by itself is as fast */
    struct lanes l = {.busy = 0};
    size_t next = 0;

    while (l.busy > 0 || next < count) {
        while (l.busy < LANES && next < count && !is_busy(&l, parts[next].digest))
            l.busy += lane_take(&l, l.busy, &parts[next++], 0);
        if (may_sixteen && l.busy >= WORTH)
            go_on(&l, sixteen, l.busy);
        else if (may_pair && l.busy >= 2)
            go_on(&l, pair, 2);
        else if (l.busy > 0)
            alone(&l);
    }
}

void digest_add_each(const struct digest_part parts[], size_t count)
{
    const bool lanes = count > 1;

    digest_add_each_by(lanes && digest_can(DIGEST_SIXTEEN), lanes && digest_can(DIGEST_PAIRS),
                       parts, count);
}

/* Puts what ends a message (5.1.1 of the standard) behind the bytes that wait: one block or two. */
static size_t pad(uint8_t to[2 * BLOCK], const SHA256_CTX *c)
{
    const size_t len = c->num + 1 + sizeof(uint64_t) <= BLOCK ? BLOCK : 2 * BLOCK;
    const uint64_t bits = (uint64_t)c->Nh << 32 | c->Nl;

    memcpy(to, c->data, c->num);
    to[c->num] = 0x80;
    memset(to + c->num + 1, 0, len - c->num - 1);
    for (int i = 0; i < 8; i++)
        to[len - 1 - (size_t)i] = (uint8_t)(bits >> (8 * i));
    return len;
}

void digest_value_each(uint8_t *const values[], struct digest digests[], size_t count)
{
    uint8_t ends[LANES][2 * BLOCK];
    struct iovec pieces[LANES];
    struct digest_part parts[LANES];

    for (size_t from = 0; from < count; from += LANES) {
        const size_t some = count - from < LANES ? count - from : LANES;
        for (size_t i = 0; i < some; i++) {
            struct digest *d = &digests[from + i];
            pieces[i] = (struct iovec){ends[i], pad(ends[i], &d->sha256)};
            parts[i] = (struct digest_part){d, &pieces[i], 1};
            d->sha256.num = 0;
        }
        digest_add_each(parts, some);
        for (size_t i = 0; i < some; i++)
            for (int byte = 0; byte < DIGEST_LEN; byte++)
                values[from + i][byte] =
                    (uint8_t)(digests[from + i].sha256.h[byte / 4] >> (24 - 8 * (byte % 4)));
    }
}
