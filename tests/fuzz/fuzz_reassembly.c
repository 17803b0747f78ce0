/* fuzz_reassembly.c - any bytes as a script of segments between a few ends.
 *
 * The first byte says how it is played. As a `model`, one client sends data alone, whose positions,
 * lengths, bytes and cuts come from the input: what is told must be what the byte model of
 * tests/property says, byte for byte, with every conflict and hole. As `anything`, it is
 * a script of any packets (script.h), and the promises of sink.h must be kept, in short memory too,
 * and kept the same way twice. */
#include "fuzz/fuzz.h"

#include "craft/craft.h"
#include "fuzz/player.h"
#include "fuzz/stage.h"
#include "property/byte_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRIVALS_MAX = 300 };
enum { MEMORY_AMPLE = 4 << 20, MEMORY_SHORT = 96 * 1024 };

/* ---- a model ---- */

/* What happens beside the client's data. */
struct around {
    bool handshake;
    uint32_t isn;
    int64_t acked; /* the server acknowledges all below it; 0: it does not */
    int64_t fin;   /* position of the client's FIN; -1: none */
};

static void read_arrivals(struct arrivals *a, struct fuzz_input *in)
{
    for (unsigned i = 0; i < ARRIVALS_MAX && in->len > 0; i++) {
        uint8_t bytes[256];
        int64_t position = fuzz_u16(in) % 1024;
        size_t len = 1 + fuzz_u8(in) % 128u;
        uint8_t how = fuzz_u8(in);
        size_t cut = how & 0x40 ? (how & 0x3f) % (len + 1) : 0;
        for (size_t k = 0; k < len; k++) /* the same at every position, but where it is altered */
            bytes[k] = (uint8_t)('a' + craft_pattern(position + (int64_t)k) % 26);
        if (how & 0x80)
            bytes[(how & 0x3f) % len] = (uint8_t)('A' + i % 26);
        arrivals_add(a, position, bytes, len, len - cut);
    }
}

static void play_arrivals(struct player *p, const struct arrivals *a, const struct around *how)
{
    struct ends e = ends_of(0);
    struct wire_tcp tcp = {.seq = how->isn, .window = 65535, .flags = TCP_SYN};
    struct wire_tcp answer = {.seq = SERVER_ISN, .ack = how->isn + 1, .window = 65535};

    if (how->handshake) {
        answer.flags = TCP_SYN | TCP_ACK;
        player_tcp(p, &e, false, &tcp, NULL, 0, 0, WHOLE);
        player_tcp(p, &e, true, &answer, NULL, 0, 0, WHOLE);
    }
    answer.seq++;
    answer.flags = tcp.flags = TCP_ACK;
    tcp.ack = answer.seq;
    if (how->handshake) {
        tcp.seq = how->isn + 1;
        player_tcp(p, &e, false, &tcp, NULL, 0, 0, WHOLE);
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct arrival *it = &a->list[i];
        tcp.seq = how->isn + 1 + (uint32_t)it->position;
        player_tcp(p, &e, false, &tcp, it->bytes, it->len, it->len - it->captured, WHOLE);
    }
    if (how->acked > 0) {
        answer.ack = how->isn + 1 + (uint32_t)how->acked;
        player_tcp(p, &e, true, &answer, NULL, 0, 0, WHOLE);
    }
    if (how->fin >= 0) {
        tcp.flags = TCP_FIN | TCP_ACK;
        tcp.seq = how->isn + 1 + (uint32_t)how->fin;
        player_tcp(p, &e, false, &tcp, NULL, 0, 0, WHOLE);
    }
}

/* The stream as it must be drawn: the model's picture, and holes around it. */
static char *expected_stream(const struct model *m, const struct around *how)
{
    int64_t start = how->handshake ? 0 : m->low, low = m->low;
    int64_t last = low + (int64_t)m->cell_count, end = last;
    char *picture = model_picture(m), *text;
    size_t len;
    FILE *out = fuzz_must(open_memstream(&text, &len));

    end = how->acked > end ? how->acked : end;
    end = how->fin > end ? how->fin : end;
    if (start != 0)
        fprintf(out, "@%" PRId64 " ", start);
    for (int64_t at = start; at < low; at++)
        fputc('.', out);
    fputs(picture, out);
    for (int64_t at = last; at < end; at++)
        fputc('.', out);
    fclose(out);
    free(picture);
    return text;
}

static char *expected_conflicts(const struct model *m)
{
    char *text;
    size_t len;
    FILE *out = fuzz_must(open_memstream(&text, &len));
    for (size_t i = 0; i < m->conflict_count; i++)
        fprintf(out, "%sclient %.*s@%" PRId64, i > 0 ? ", " : "", (int)m->conflicts[i].length,
                (const char *)m->conflicts[i].other, m->conflicts[i].position);
    fclose(out);
    return text;
}

/* Takes `expected`. */
static void must_be(const char *what, const char *found, char *expected)
{
    FUZZ_HOLDS(strcmp(found, expected) == 0, "%s\n    %s\nthe model says\n    %s", what, found,
               expected);
    free(expected);
}

static void compare(struct stage *s, const struct model *m, const struct around *how)
{
    must_be("stream", stage_client(s), expected_stream(m, how));
    must_be("conflicts", stage_conflicts(s), expected_conflicts(m));
    FUZZ_HOLDS(!*stage_refused(s), "refused: %s", stage_refused(s));
    FUZZ_HOLDS(!*stage_oddities(s), "odd: %s", stage_oddities(s));
    for (size_t i = 0; i < m->cell_count; i++) {
        uint8_t byte;
        size_t owner;
        int64_t position = m->low + (int64_t)i;
        bool held = stage_client_at(s, position, &byte, &owner);
        FUZZ_HOLDS(held == (m->cells[i].owner != MODEL_NOBODY), "%" PRId64 " is %sheld", position,
                   held ? "" : "not ");
        FUZZ_HOLDS(!held || ((int)owner == m->cells[i].owner && byte == m->cells[i].byte),
                   "%" PRId64 " is arrival %zu's", position, owner);
    }
}

static void model(struct fuzz_input *in, uint8_t mode)
{
    struct arrivals arrivals;
    struct model m;
    struct around how = {.handshake = mode & 0x20, .fin = -1};
    uint16_t wrap = fuzz_u16(in), ending = fuzz_u16(in);

    how.isn = isn_wrapping_at(wrap % 1300);
    arrivals_init(&arrivals);
    read_arrivals(&arrivals, in);
    if (arrivals.count == 0) {
        arrivals_release(&arrivals);
        return;
    }
    if (!how.handshake) /* with nothing before it, the first to arrive is at 0 */
        arrivals_rebase(&arrivals);
    model_init(&m, &arrivals);
    int64_t end = m.low + (int64_t)m.cell_count;
    if (how.handshake && ending & 1)
        how.fin = end + (ending >> 8) % 8;
    if (how.handshake && ending & 2)
        how.acked = (ending >> 4) % (how.fin >= 0 ? how.fin + 1 : end + 5);
    struct stage *stage = stage_new(MEMORY_AMPLE, false);
    struct player p = {.show = stage_frame, .context = stage};
    play_arrivals(&p, &arrivals, &how);
    stage_end(stage);
    compare(stage, &m, &how);
    stage_free(stage);
    player_release(&p);
    model_release(&m);
    arrivals_release(&arrivals);
}

/* ---- anything ---- */

static struct stage *play_anything(struct fuzz_input in, uint8_t mode)
{
    struct stage *stage = stage_new(mode & 0x10 ? MEMORY_SHORT : MEMORY_AMPLE, mode & 0x20);
    script_play(in, stage_frame, stage);
    stage_end(stage);
    return stage;
}

static void anything(const struct fuzz_input *in, uint8_t mode)
{
    struct stage *once = play_anything(*in, mode);
    if (mode & 0x40) {
        struct stage *twice = play_anything(*in, mode);
        FUZZ_HOLDS(strcmp(stage_calls(once), stage_calls(twice)) == 0, "once:\n%s\ntwice:\n%s",
                   stage_calls(once), stage_calls(twice));
        stage_free(twice);
    }
    stage_free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_input in = {data, len};
    uint8_t mode = fuzz_u8(&in);

    if (len > FUZZ_INPUT_MAX)
        return -1;
    if (mode & 0x80)
        model(&in, mode);
    else
        anything(&in, mode);
    return 0;
}
