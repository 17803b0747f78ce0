/* engine.h - a library that finds patterns: the seam between pattern.c and each of them.
 *
 * What the calls do is said in pattern.h. A scan is of the engine's own making; pattern.c keeps the pattern
 * and hands it in. */
#ifndef SEINE_SEARCH_ENGINE_H
#define SEINE_SEARCH_ENGINE_H

#include "search/pattern.h"

struct engine {
    /* `bytes` are plain ones unless `is_regex`. */
    enum status (*compile)(void **compiled, struct span bytes, bool is_regex, bool ignore_case,
                           struct error *err);
    void (*free)(void *compiled); /* NULL is allowed */

    enum status (*begin)(void **scan, void *compiled, int64_t position, struct error *err);
    enum status (*feed)(void *scan, void *compiled, struct span bytes,
                        const struct pattern_sink *sink, struct error *err);
    enum status (*end)(void *scan, void *compiled, const struct pattern_sink *sink,
                       struct error *err);
    void (*drop)(void *scan, void *compiled);
    enum status (*whole)(void *compiled, int64_t position, struct span bytes,
                         const struct pattern_sink *sink, struct error *err);
};

extern const struct engine engine_pcre2;
#ifdef SEINE_HYPERSCAN
extern const struct engine engine_hyperscan; /* plain bytes only */
#endif

#endif
