/* pattern.c - the words of a pattern, and which library finds it. */
#include "search/pattern.h"

#include "search/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
    const struct engine *engine;
    void *compiled;
    bool is_regex;
};

struct scan {
    struct pattern *pattern; /* borrowed */
    void *own;               /* the engine's */
};

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "0d0a", "0d 0a", "0d:0a": two digits a byte. */
static enum status hex_read(uint8_t *bytes, size_t *len, const char *text, struct error *err)
{
    *len = 0;
    for (const char *at = text; *at;) {
        if (*at == ' ' || *at == ':') {
            at++;
            continue;
        }
        int high = digit_of(at[0]), low = high < 0 ? -1 : digit_of(at[1]);
        if (low < 0)
            return error_set(err, "'%.60s' is no bytes in hexadecimal digits, two a byte", text);
        assert(*len < PATTERN_LEN_MAX);
        bytes[(*len)++] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return STATUS_OK;
}

static enum status compile_with(struct pattern *p, const struct engine *engine, struct span bytes,
                                bool is_regex, bool ignore_case, struct error *err)
{
    p->engine = engine;
    return engine->compile(&p->compiled, bytes, is_regex, ignore_case, err);
}

static enum status compile(struct pattern *p, struct span bytes, bool is_regex, bool ignore_case,
                           enum pattern_library library, struct error *err)
{
#ifdef SEINE_HYPERSCAN
    if (is_regex && library == LIBRARY_HYPERSCAN)
        return error_set(err, "regular expressions are PCRE2's here");
    if (!is_regex && library != LIBRARY_PCRE2) {
        enum status status = compile_with(p, &engine_hyperscan, bytes, false, ignore_case, err);
        if (status == STATUS_OK || library == LIBRARY_HYPERSCAN)
            return status;
        /* a processor without SSSE3, or more bytes than it likes: the other one does it too */
    }
#else
    if (library == LIBRARY_HYPERSCAN)
        return error_set(err, "this seine was built without Hyperscan");
#endif
    return compile_with(p, &engine_pcre2, bytes, is_regex, ignore_case, err);
}

enum status pattern_compile(struct pattern **pattern, const char *text, enum pattern_kind kind,
                            bool ignore_case, enum pattern_library library, struct error *err)
{
    uint8_t hex[PATTERN_LEN_MAX];
    struct span bytes = span_of(text, strlen(text));

    *pattern = NULL;
    if (bytes.len > PATTERN_LEN_MAX)
        return error_set(err, "a pattern has at most %d bytes", PATTERN_LEN_MAX);
    if (kind == PATTERN_HEX) {
        size_t len;
        if (hex_read(hex, &len, text, err) != STATUS_OK)
            return STATUS_FAILED;
        bytes = span_of(hex, len);
    }
    if (bytes.len == 0)
        return error_set(err, "an empty pattern is everywhere");
    struct pattern *p = calloc(1, sizeof *p);
    if (!p)
        return error_no_memory(err, "no memory for the pattern");
    p->is_regex = kind == PATTERN_REGEX;
    enum status status = compile(p, bytes, kind == PATTERN_REGEX, ignore_case, library, err);
    if (status == STATUS_OK)
        *pattern = p;
    else
        free(p);
    return status;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    pattern->engine->free(pattern->compiled);
    free(pattern);
}

bool pattern_is_regex(const struct pattern *pattern)
{
    return pattern->is_regex;
}

enum status scan_begin(struct scan **scan, struct pattern *pattern, int64_t position,
                       struct error *err)
{
    struct scan *s = malloc(sizeof *s);

    *scan = NULL;
    if (!s)
        return error_no_memory(err, "no memory to search");
    s->pattern = pattern;
    enum status status = pattern->engine->begin(&s->own, pattern->compiled, position, err);
    if (status == STATUS_OK)
        *scan = s;
    else
        free(s);
    return status;
}

enum status scan_feed(struct scan *scan, struct span bytes, const struct pattern_sink *sink,
                      struct error *err)
{
    return bytes.len == 0
               ? STATUS_OK
               : scan->pattern->engine->feed(scan->own, scan->pattern->compiled, bytes, sink, err);
}

enum status scan_end(struct scan *scan, const struct pattern_sink *sink, struct error *err)
{
    enum status status = scan->pattern->engine->end(scan->own, scan->pattern->compiled, sink, err);
    free(scan);
    return status;
}

void scan_drop(struct scan *scan)
{
    if (!scan)
        return;
    scan->pattern->engine->drop(scan->own, scan->pattern->compiled);
    free(scan);
}

enum status pattern_scan(struct pattern *pattern, int64_t position, struct span bytes,
                         const struct pattern_sink *sink, struct error *err)
{
    return bytes.len == 0 ? STATUS_OK
                          : pattern->engine->whole(pattern->compiled, position, bytes, sink, err);
}
