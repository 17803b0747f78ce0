/* pcre2.c - patterns found by PCRE2, piece by piece.
 *
 *     pieces    [...........][...........][...........]
 *     held                 [.]
 *     subject               [............]
 *
 * PCRE2 says where a match begins that may go on behind a piece (a partial match): from there on the bytes
 * are held, and put before the next piece. As many bytes as the pattern looks back are held in any case.
 * While a match is in the making it is tried again each time the bytes have doubled, so that the work grows
 * with the bytes whatever the pieces are.
 *
 * At PATTERN_HELD bytes of a match in the making they are taken for all there is: what matches in them is
 * told, and else the search goes on behind them. */
#include "search/engine.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

enum { JIT_STACK_LEAST = 32 << 10, JIT_STACK_MOST = 1 << 20 };

struct compiled {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack; /* NULL without a compiler for this machine */
    size_t back;            /* bytes before a match that may decide about it */
};

struct run {
    uint8_t *held; /* owned */
    size_t held_len, held_room;
    size_t start;   /* where in `held` the search goes on */
    size_t due;     /* it is tried again when there are as many bytes */
    int64_t origin; /* position of held[0] */
};

/* Bytes to be searched, of which the first is at `origin`. */
struct subject {
    struct span bytes;
    int64_t origin;
    size_t start;
};

static void compiled_free(void *compiled)
{
    struct compiled *c = compiled;

    if (!c)
        return;
    pcre2_match_data_free(c->match);
    pcre2_match_context_free(c->limits);
    pcre2_jit_stack_free(c->stack);
    pcre2_code_free(c->code);
    free(c);
}

static void prepare_jit(struct compiled *c)
{
    if (pcre2_jit_compile(c->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) != 0)
        return; /* it is slower then, no more */
    c->stack = pcre2_jit_stack_create(JIT_STACK_LEAST, JIT_STACK_MOST, NULL);
    if (c->stack)
        pcre2_jit_stack_assign(c->limits, NULL, c->stack);
}

static enum status compile(void **compiled, struct span bytes, bool is_regex, bool ignore_case,
                           struct error *err)
{
    uint32_t options =
        (is_regex ? PCRE2_NEVER_UTF | PCRE2_NEVER_UCP : PCRE2_LITERAL) | /* payload is bytes */
        (ignore_case ? PCRE2_CASELESS : 0);
    int code;
    PCRE2_SIZE at;
    uint32_t back = 0;
    struct compiled *c = calloc(1, sizeof *c);

    *compiled = NULL;
    if (!c)
        return error_no_memory(err, "no memory for the pattern");
    c->code = pcre2_compile(bytes.data, bytes.len, options, &code, &at, NULL);
    if (!c->code) {
        PCRE2_UCHAR why[200] = "";
        pcre2_get_error_message(code, why, sizeof why);
        compiled_free(c);
        if (code == PCRE2_ERROR_HEAP_FAILED)
            return error_no_memory(err, "no memory for the pattern");
        return error_set(err, "the pattern makes no sense at its byte %zu: %s", (size_t)at,
                         (const char *)why);
    }
    c->match = pcre2_match_data_create_from_pattern(c->code, NULL);
    c->limits = pcre2_match_context_create(NULL);
    if (!c->match || !c->limits) {
        compiled_free(c);
        return error_no_memory(err, "no memory for the pattern");
    }
    pcre2_set_match_limit(c->limits, PATTERN_STEPS);
    pcre2_set_heap_limit(c->limits, PATTERN_HEAP_KIB);
    prepare_jit(c);
    pcre2_pattern_info(c->code, PCRE2_INFO_MAXLOOKBEHIND, &back);
    c->back = !is_regex  ? 0
              : back > 0 ? back
                         : 1; /* 1: so that ^ knows that it is not the beginning */
    *compiled = c;
    return STATUS_OK;
}

/* PCRE2's reason, about the match that it was looking for from `position` on. */
static enum status gives_up(int code, int64_t position, struct error *err)
{
    PCRE2_UCHAR why[200] = "";

    if (code == PCRE2_ERROR_NOMEMORY)
        return error_no_memory(err, "no memory to search");
    pcre2_get_error_message(code, why, sizeof why);
    return error_damaged(err, "searched up to position %lld only: %s", (long long)position,
                         (const char *)why);
}

/* Tells what matches from s->start on, which moves to where the search goes on: the end of the bytes, or,
 * unless `at_end`, where a match begins that may go on behind them. */
static enum status search(struct compiled *c, struct subject *s, bool at_end,
                          const struct pattern_sink *sink, struct error *err)
{
    const PCRE2_SIZE *found = pcre2_get_ovector_pointer(c->match);

    while (s->start < s->bytes.len) {
        int code =
            pcre2_match(c->code, s->bytes.data, s->bytes.len, s->start,
                        PCRE2_NOTEMPTY | (at_end ? 0 : PCRE2_PARTIAL_HARD), c->match, c->limits);
        if (code == PCRE2_ERROR_NOMATCH) {
            s->start = s->bytes.len;
        } else if (code == PCRE2_ERROR_PARTIAL) {
            s->start = found[0];
            return STATUS_OK;
        } else if (code < 0) {
            return gives_up(code, s->origin + (int64_t)s->start, err);
        } else {
            /* \K moves the beginning, and a lookahead may put it behind the end. */
            PCRE2_SIZE begin = found[0] < found[1] ? found[0] : found[1];
            if (begin < found[1])
                sink->found(sink->context, s->origin + (int64_t)begin,
                            s->origin + (int64_t)found[1]);
            s->start = found[1] > s->start ? found[1] : s->start + 1;
        }
    }
    return STATUS_OK;
}

static enum status begin(void **scan, void *compiled, int64_t position, struct error *err)
{
    struct run *r = calloc(1, sizeof *r);
    (void)compiled;

    *scan = r;
    if (!r)
        return error_no_memory(err, "no memory to search");
    r->origin = position;
    return STATUS_OK;
}

static enum status hold(struct run *r, struct span bytes, struct error *err)
{
    if (r->held_room - r->held_len < bytes.len) {
        size_t room = r->held_len + bytes.len;
        room = room > 2 * r->held_room ? room : 2 * r->held_room;
        uint8_t *held = realloc(r->held, room);
        if (!held)
            return error_no_memory(err, "no memory to search");
        r->held = held;
        r->held_room = room;
    }
    memcpy(r->held + r->held_len, bytes.data, bytes.len);
    r->held_len += bytes.len;
    return STATUS_OK;
}

/* Keeps of a subject what the search needs to go on, and gives the memory back that nothing needs. */
static enum status keep(struct run *r, const struct compiled *c, const struct subject *s,
                        struct error *err)
{
    size_t from = s->start > c->back ? s->start - c->back : 0;
    struct span rest = span_after(s->bytes, from);
    bool in_place = r->held_len > 0;

    r->origin = s->origin + (int64_t)from;
    r->start = s->start - from;
    r->due = s->start < s->bytes.len ? 2 * rest.len : 0;
    if (in_place) {
        if (rest.len > 0)
            memmove(r->held, rest.data, rest.len);
        r->held_len = rest.len;
    } else if (rest.len > 0) {
        return hold(r, rest, err);
    }
    if (r->held_len <= c->back && r->held_room > 4096) {
        uint8_t *held = realloc(r->held, r->held_len + 1);
        if (held) {
            r->held = held;
            r->held_room = r->held_len + 1;
        }
    }
    return STATUS_OK;
}

static enum status feed(void *scan, void *compiled, struct span bytes,
                        const struct pattern_sink *sink, struct error *err)
{
    struct compiled *c = compiled;
    struct run *r = scan;
    struct subject s = {bytes, r->origin, 0};

    if (r->held_len > 0) {
        enum status status = hold(r, bytes, err);
        if (status != STATUS_OK)
            return status;
        if (r->held_len < r->due && r->held_len - r->start <= PATTERN_HELD)
            return STATUS_OK;
        s = (struct subject){span_of(r->held, r->held_len), r->origin, r->start};
    }
    enum status status = search(c, &s, false, sink, err);
    if (status == STATUS_OK && s.bytes.len - s.start > PATTERN_HELD)
        status = search(c, &s, true, sink, err);
    return status == STATUS_OK ? keep(r, c, &s, err) : status;
}

static void drop(void *scan, void *compiled)
{
    struct run *r = scan;
    (void)compiled;

    free(r->held);
    free(r);
}

static enum status end(void *scan, void *compiled, const struct pattern_sink *sink,
                       struct error *err)
{
    struct run *r = scan;
    struct subject s = {span_of(r->held, r->held_len), r->origin, r->start};
    enum status status = search(compiled, &s, true, sink, err);

    drop(r, compiled);
    return status;
}

static enum status whole(void *compiled, int64_t position, struct span bytes,
                         const struct pattern_sink *sink, struct error *err)
{
    struct subject s = {bytes, position, 0};

    return search(compiled, &s, true, sink, err);
}

const struct engine engine_pcre2 = {
    .compile = compile,
    .free = compiled_free,
    .begin = begin,
    .feed = feed,
    .end = end,
    .drop = drop,
    .whole = whole,
};
