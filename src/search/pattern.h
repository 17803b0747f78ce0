/* pattern.h - what is searched for, and a run of bytes in which it is.
 *
 *     stream    [....][......][..]   (gap)   [.....][...]
 *     runs      |scan: feed feed feed end|   |scan: feed feed end|
 *
 * A run is bytes without a hole, fed in pieces. A match is found however the run is cut into pieces; none
 * reaches over the ends of a run, which are for the pattern the ends of a text: ^ and $ match there.
 *
 * Two libraries do the work. Hyperscan (or Vectorscan, which is the same for other machines) finds plain
 * bytes, where it is built in and the processor has what it needs; PCRE2 finds them else, and all regular
 * expressions, so that these mean the same on every machine. Both tell the same hits: the leftmost, none of
 * which overlaps the one before it.
 *
 * Bytes are bytes: no pattern is in UTF mode, and --ignore-case knows the letters of ASCII. */
#ifndef SEINE_SEARCH_PATTERN_H
#define SEINE_SEARCH_PATTERN_H

#include "base/error.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PATTERN_LEN_MAX = 8192,   /* bytes of a pattern */
    PATTERN_HELD = 65536,     /* bytes of a match in the making that are kept from piece to piece */
    PATTERN_STEPS = 10000000, /* of PCRE2 for one match: then the run is given up */
    PATTERN_HEAP_KIB = 20 << 10 /* that PCRE2 may take for one match */
};

enum pattern_kind {
    PATTERN_TEXT,  /* the bytes as they are */
    PATTERN_HEX,   /* the same in hexadecimal digits; blanks between bytes are skipped */
    PATTERN_REGEX, /* PCRE2's syntax; an empty match is none */
};

enum pattern_library { LIBRARY_BEST, LIBRARY_HYPERSCAN, LIBRARY_PCRE2 };

struct pattern;

/* STATUS_FAILED where the words are no pattern, with the library's own reason, or it was asked for a library
 * that is not built in. */
enum status pattern_compile(struct pattern **pattern, const char *text, enum pattern_kind kind,
                            bool ignore_case, enum pattern_library library, struct error *err);
void pattern_free(struct pattern *pattern); /* NULL is allowed; no scan is open any more */

bool pattern_is_regex(const struct pattern *pattern);

/* Where hits are told: positions [begin, end), begin < end, in order. */
struct pattern_sink {
    void (*found)(void *context, int64_t begin, int64_t end);
    void *context;
};

/* A run that is being fed. */
struct scan;
enum status scan_begin(struct scan **scan, struct pattern *pattern, int64_t position,
                       struct error *err);

/* The bytes that come next. STATUS_DAMAGED, with a sentence, where a regular expression took more steps
 * or memory than it may: the run was searched up to some position before these bytes' end, and the scan is
 * only good to be dropped. */
enum status scan_feed(struct scan *scan, struct span bytes, const struct pattern_sink *sink,
                      struct error *err);

/* The run ends here: what could only be told now is told. The scan is gone, whatever is returned, as after
 * scan_drop(). STATUS_DAMAGED as above. */
enum status scan_end(struct scan *scan, const struct pattern_sink *sink, struct error *err);
void scan_drop(struct scan *scan); /* NULL is allowed */

/* A run of one piece: the same as the three above, without what they cost. */
enum status pattern_scan(struct pattern *pattern, int64_t position, struct span bytes,
                         const struct pattern_sink *sink, struct error *err);

#endif
