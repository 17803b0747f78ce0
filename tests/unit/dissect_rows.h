/* dissect_rows.h - tables of frames, each looked at whole, cut at every length, and broken. */
#ifndef SEINE_TESTS_DISSECT_ROWS_H
#define SEINE_TESTS_DISSECT_ROWS_H

#include "dissect_picture.h"

struct row {
    const char *what;
    uint32_t link_type;
    const char *picture;
    const char *expected;
    size_t captured; /* bytes; 0 when all are */
};

#define TCP4 V4("002b", "06") TCP ABC
#define TCP6 V6("0017", "06") TCP ABC
#define UDP4 V4("001f", "11") UDP("000b") ABC
#define OK_TCP4 "ok tcp 10.0.0.1:1234 > 10.0.0.2:80 'abc'"
#define OK_UDP4 "ok udp 10.0.0.1:1234 > 10.0.0.2:53 'abc'"
#define OK_TCP6 "ok tcp 2001:db8::1:1234 > 2001:db8::2:80 'abc'"

static uint8_t bytes[PICTURE_MAX];

static inline void check(const struct row *row)
{
    char line[LINE_MAX_LEN];
    struct packet packet;
    struct frame frame;

    size_t len = picture_bytes(bytes, row->picture);
    size_t captured = row->captured ? row->captured : len;
    picture_dissect(line, &packet, &frame, row->link_type, bytes, captured, len);
    if (strcmp(line, row->expected) != 0)
        printf("\n    %s\n      wanted %s\n      got    %s\n", row->what, row->expected, line);
    CU_ASSERT_STRING_EQUAL(line, row->expected);
}

#define EACH(rows, call)                                             \
    for (size_t i_ = 0; i_ < sizeof(rows) / sizeof((rows)[0]); i_++) \
    call(&(rows)[i_])

/* The part of a line before the payload, which a cut does not change. */
static inline bool is_same_start(const char *a, const char *b)
{
    const char *quote = strchr(a, '\'');
    return quote ? strncmp(a, b, (size_t)(quote - a)) == 0 : strcmp(a, b) == 0;
}

/* Of what is cut inside a tunnel over UDP, that is a guess, the datagram outside is left. */
static inline bool is_outside(enum verdict verdict, const struct packet *p,
                              const struct packet *whole)
{
    return verdict == VERDICT_OK && p->transport == 17 && p->tunnel_count < whole->tunnel_count;
}

/* Likewise where a tunnel is known only by what it holds, and where the packet is one attribute of
 * several. */
static inline bool is_unrecognised(enum verdict verdict, const struct packet *p,
                                   const struct packet *whole)
{
    if (verdict == VERDICT_OTHER_LINK)
        return p->ip_version == 0;
    return (verdict == VERDICT_OTHER_NETWORK || verdict == VERDICT_OTHER_TRANSPORT) &&
           p->tunnel_count < whole->tunnel_count;
}

static inline void cut_everywhere(const struct row *row)
{
    char whole_line[LINE_MAX_LEN], line[LINE_MAX_LEN];
    struct packet whole, packet;
    struct frame frame, cut_frame;

    size_t len = picture_bytes(bytes, row->picture);
    enum verdict verdict =
        picture_dissect(whole_line, &whole, &frame, row->link_type, bytes, len, len);
    if (verdict >= VERDICT_TRUNCATED || verdict == VERDICT_UNKNOWN_LINK)
        return;
    const unsigned failures = CU_get_number_of_failures();
    bool reached = false;
    for (size_t cut = 0; cut < len; cut++) {
        /* By the snap length: it is known that more was there. */
        enum verdict v =
            picture_dissect(line, &packet, &cut_frame, row->link_type, bytes, cut, len);
        if (is_outside(v, &packet, &whole))
            continue;
        reached |= v == verdict;
        CU_ASSERT_EQUAL(v, reached ? verdict : VERDICT_TRUNCATED);
        if (v == VERDICT_OK) {
            CU_ASSERT(is_same_start(whole_line, line));
            CU_ASSERT_EQUAL(packet.payload_len, whole.payload_len);
        }
        if (v == VERDICT_FRAGMENT)
            CU_ASSERT_EQUAL(packet.ip_payload_len, whole.ip_payload_len);

        /* On the wire, or as if it were: nothing more was there. */
        v = picture_dissect(line, &packet, &cut_frame, row->link_type, bytes, cut, cut);
        CU_ASSERT(v == verdict || v == VERDICT_MALFORMED || is_outside(v, &packet, &whole) ||
                  is_unrecognised(v, &packet, &whole));
    }
    if (CU_get_number_of_failures() > failures)
        printf("\n    %s\n", row->what);
}

static uint64_t random_state;

/* xorshift64*: the same numbers on every machine. */
static inline uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 2685821657736338717ULL >> 32) % limit;
}

static inline void mutate(const struct row *row)
{
    static uint8_t mutant[PICTURE_MAX];
    char line[LINE_MAX_LEN], again[LINE_MAX_LEN];
    struct packet packet;
    struct frame frame;

    size_t len = picture_bytes(bytes, row->picture);
    for (unsigned round = 0; len > 0 && round < 500; round++) {
        memcpy(mutant, bytes, len);
        for (uint32_t i = 0, n = 1 + random_below(4); i < n; i++) {
            static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
            uint32_t at = random_below((uint32_t)len), kind = random_below(3);
            if (kind == 0)
                mutant[at] = (uint8_t)random_below(256);
            else if (kind == 1)
                mutant[at] ^= (uint8_t)(1U << random_below(8));
            else
                mutant[at] = edges[random_below(sizeof(edges))];
        }
        size_t cut = random_below(4) ? len : random_below((uint32_t)len + 1);
        size_t wire_len = random_below(2) ? len : cut;
        picture_dissect(line, &packet, &frame, row->link_type, mutant, cut, wire_len);
        picture_dissect(again, &packet, &frame, row->link_type, mutant, cut, wire_len);
        CU_ASSERT_STRING_EQUAL(line, again);
        if (packet.transport == TRANSPORT_TCP) {
            struct tcp_options options;
            tcp_options(&packet.tcp, &options);
            CU_ASSERT(options.sack_count <= 4);
        }
    }
}

static inline void random_seed(void)
{
    const char *given = getenv("SEINE_SEED");
    unsigned long long seed = given ? strtoull(given, NULL, 0) : 20240807;

    printf("SEINE_SEED=%llu ", seed);
    random_state = seed ? seed : 1;
}

#endif
