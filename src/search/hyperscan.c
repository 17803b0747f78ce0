/* hyperscan.c - plain bytes found by Hyperscan, or by Vectorscan, which has the same calls.
 *
 * In its streaming mode a stream remembers what it needs of the pieces before, which for plain bytes is at
 * most as many as the pattern has. It tells where every match ends; where one begins follows from its
 * length.
 *
 * The library is loaded when a pattern is compiled, and not with the program: it is C++, would cost every start of
 * every command a millisecond, and be there in the long life of a capture that never searches. Where it is not
 * installed, the other engine does its work.
 *
 * While it compiles, it clears what posix_memalign() gave without a look at whether it gave anything (5.4.0), and
 * hs_set_allocator() is not asked there. So posix_memalign() of the whole program stands here: where there is no memory,
 * it lets go of what was put aside before the compiling, and asks once more. */
#include "search/engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <hs.h>
#include <stdlib.h>
#include <string.h>

/* The calls that are used, by their names. */
#define CALLS(X)             \
    X(hs_valid_platform)     \
    X(hs_compile_lit)        \
    X(hs_free_compile_error) \
    X(hs_free_database)      \
    X(hs_alloc_scratch)      \
    X(hs_free_scratch)       \
    X(hs_open_stream)        \
    X(hs_scan_stream)        \
    X(hs_close_stream)       \
    X(hs_scan)
#define POINTER(name) __typeof__(name) *name;
#define NAME(name) #name,
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* Found once, by load(). */
static struct library {
    void *handle;
    CALLS(POINTER)
} hs;

/* Names in the order of the pointers behind the handle. */
static const char *const names[] = {CALLS(NAME)};

_Static_assert(sizeof(struct library) == (1 + sizeof names / sizeof *names) * sizeof(void *),
               "a pointer for each name");

/* Both Hyperscan and the loader tell of want of memory by a sentence alone, of several that they have. */
static bool is_want_of_memory(const char *why)
{
    return why && (strstr(why, "llocate memory") || strstr(why, "out of memory"));
}

static bool load(struct error *err)
{
    if (hs.handle)
        return true;
    errno = 0;
    void *handle = dlopen("libhs.so." TEXT(HS_MAJOR), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const int reason = errno; /* some of the loader's sentences do not say why */
        if (reason == ENOMEM || is_want_of_memory(dlerror()))
            error_no_memory(err, "no memory to load Hyperscan");
        else
            error_set(err, "Hyperscan is not installed here");
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *found = dlsym(handle, names[i]);
        if (!found) {
            error_set(err, "Hyperscan is not installed here: what has its name lacks %s()",
                      names[i]);
            dlclose(handle);
            return false;
        }
        memcpy((char *)&hs + (i + 1) * sizeof found, &found, sizeof found);
    }
    hs.handle = handle; /* it stays: what it has compiled is its own */
    return true;
}

struct compiled {
    hs_database_t *stream, *block;
    hs_scratch_t *scratch;
    int64_t len; /* of the pattern */
};

struct run {
    hs_stream_t *stream;
    int64_t position; /* of its first byte */
    int64_t done;     /* the end of the last hit */
};

/* For the callback: the run, and whom to tell. */
struct telling {
    struct run *run;
    int64_t len;
    const struct pattern_sink *sink;
};

/* Put aside for one compiling, and mostly never touched; NULL when none is under way, or it was needed. */
static _Thread_local void *volatile reserve;

/* More than a compiling takes: some 2.4 MiB with the longest pattern that is taken, of 16000 bytes. */
static bool reserve_make(size_t pattern_len)
{
    enum { LEAST = 4 << 20, COST_OF_BYTE = 256 };
    reserve = malloc(LEAST + COST_OF_BYTE * pattern_len);
    return reserve != NULL;
}

/* Whether there was one. */
static bool reserve_free(void)
{
    void *had = reserve;
    reserve = NULL;
    free(had);
    return had != NULL;
}

/* Stands before that of the C library, for every library that is loaded too. */
__attribute__((visibility("default"))) int posix_memalign(void **made, size_t alignment, size_t len)
{
    const bool is_power = alignment != 0 && (alignment & (alignment - 1)) == 0;
    const int before = errno;

    if (!is_power || alignment % sizeof(void *) != 0)
        return EINVAL;
    if (len > SIZE_MAX - alignment)
        return ENOMEM;
    const size_t whole_len = (len + alignment - 1) & ~(alignment - 1);
    void *at = aligned_alloc(alignment, whole_len);
    if (!at && reserve_free())
        at = aligned_alloc(alignment, whole_len);
    errno = before;
    if (!at)
        return ENOMEM;
    *made = at;
    return 0;
}

static void compiled_free(void *compiled)
{
    struct compiled *c = compiled;

    if (!c)
        return;
    hs.hs_free_scratch(c->scratch);
    hs.hs_free_database(c->stream);
    hs.hs_free_database(c->block);
    free(c);
}

/* One database for streams, one for runs of one piece. */
static hs_error_t compile_both(struct compiled *c, struct span bytes, bool ignore_case,
                               struct error *err)
{
    const unsigned flags = ignore_case ? HS_FLAG_CASELESS : 0;
    hs_compile_error_t *why = NULL;
    hs_error_t code = hs.hs_compile_lit((const char *)bytes.data, flags, bytes.len, HS_MODE_STREAM,
                                        NULL, &c->stream, &why);

    if (code == HS_SUCCESS)
        code = hs.hs_compile_lit((const char *)bytes.data, flags, bytes.len, HS_MODE_BLOCK, NULL,
                                 &c->block, &why);
    if (code == HS_NOMEM || (why && is_want_of_memory(why->message)))
        error_no_memory(err, "no memory for the pattern");
    else if (code != HS_SUCCESS)
        error_set(err, "Hyperscan does not take the pattern: %s",
                  why && why->message ? why->message : "it does not say why");
    hs.hs_free_compile_error(why);
    return code;
}

static enum status compile(void **compiled, struct span bytes, bool is_regex, bool ignore_case,
                           struct error *err)
{
    (void)is_regex;
    *compiled = NULL;
    if (!load(err))
        return STATUS_FAILED;
    if (hs.hs_valid_platform() != HS_SUCCESS)
        return error_set(err, "Hyperscan does not run on this processor");
    struct compiled *c = calloc(1, sizeof *c);
    if (!c)
        return error_no_memory(err, "no memory for the pattern");
    c->len = (int64_t)bytes.len;
    if (!reserve_make(bytes.len)) {
        compiled_free(c);
        return error_no_memory(err, "no memory for the pattern");
    }
    const hs_error_t code = compile_both(c, bytes, ignore_case, err);
    reserve_free();
    if (code != HS_SUCCESS) {
        compiled_free(c);
        return STATUS_FAILED;
    }
    if (hs.hs_alloc_scratch(c->stream, &c->scratch) != HS_SUCCESS ||
        hs.hs_alloc_scratch(c->block, &c->scratch) != HS_SUCCESS) {
        compiled_free(c);
        return error_no_memory(err, "no memory for the pattern");
    }
    *compiled = c;
    return STATUS_OK;
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context)
{
    struct telling *t = context;
    (void)id, (void)from, (void)flags;

    int64_t end = t->run->position + (int64_t)to, begin = end - t->len;
    if (begin >= t->run->done) {
        t->run->done = end;
        t->sink->found(t->sink->context, begin, end);
    }
    return 0;
}

/* Nothing but a bug of ours, or want of memory, makes a scan fail. */
static enum status said(hs_error_t code, struct error *err)
{
    if (code == HS_SUCCESS)
        return STATUS_OK;
    if (code == HS_NOMEM)
        return error_no_memory(err, "no memory to search");
    return error_set(err, "Hyperscan fails with code %d", code);
}

static enum status begin(void **scan, void *compiled, int64_t position, struct error *err)
{
    struct compiled *c = compiled;
    struct run *r = malloc(sizeof *r);

    *scan = NULL;
    if (!r)
        return error_no_memory(err, "no memory to search");
    r->position = r->done = position;
    enum status status = said(hs.hs_open_stream(c->stream, 0, &r->stream), err);
    if (status == STATUS_OK)
        *scan = r;
    else
        free(r);
    return status;
}

static enum status feed(void *scan, void *compiled, struct span bytes,
                        const struct pattern_sink *sink, struct error *err)
{
    struct compiled *c = compiled;
    struct run *r = scan;
    struct telling telling = {r, c->len, sink};

    while (bytes.len > 0) {
        struct span piece = span_first(bytes, 1u << 30); /* its lengths are of 32 bits */
        hs_error_t code = hs.hs_scan_stream(r->stream, (const char *)piece.data,
                                            (unsigned)piece.len, 0, c->scratch, on_match, &telling);
        if (code != HS_SUCCESS)
            return said(code, err);
        bytes = span_after(bytes, piece.len);
    }
    return STATUS_OK;
}

static enum status end(void *scan, void *compiled, const struct pattern_sink *sink,
                       struct error *err)
{
    struct compiled *c = compiled;
    struct run *r = scan;
    struct telling telling = {r, c->len, sink};
    hs_error_t code = hs.hs_close_stream(r->stream, c->scratch, on_match, &telling);

    free(r);
    return said(code, err);
}

static void drop(void *scan, void *compiled)
{
    struct run *r = scan;
    (void)compiled;

    hs.hs_close_stream(r->stream, NULL, NULL, NULL);
    free(r);
}

static enum status whole(void *compiled, int64_t position, struct span bytes,
                         const struct pattern_sink *sink, struct error *err)
{
    struct compiled *c = compiled;
    struct run run = {.position = position, .done = position};
    struct telling telling = {&run, c->len, sink};

    if (bytes.len > 1u << 30)
        return error_set(err, "a piece of %zu bytes is too long to search", bytes.len);
    return said(hs.hs_scan(c->block, (const char *)bytes.data, (unsigned)bytes.len, 0, c->scratch,
                           on_match, &telling),
                err);
}

const struct engine engine_hyperscan = {
    .compile = compile,
    .free = compiled_free,
    .begin = begin,
    .feed = feed,
    .end = end,
    .drop = drop,
    .whole = whole,
};
