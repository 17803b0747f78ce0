/* texts.h - the words of a case: a full-text index of what is readable in its payload, in a file beside it.
 *
 *     case.db        streams ── chunks
 *     case.db.text   texts (stream_id, position, length) ── words (FTS5, without content)
 *
 * A text is a run of readable characters of a stream: printable ones of ASCII or UTF-8, blanks and line ends,
 * at least TEXT_LEAST bytes of them, cut at a blank before TEXT_MOST. None reaches over a gap. The index has
 * the words and where they are; the content itself stays in the case, which is not touched: its seal is what it
 * was, and what is derived from it cannot be taken for evidence. It names the seal that the case had, and is
 * of no use with another one.
 *
 * The file is written in one transaction: after a kill it has what it had before, or nothing. */
#ifndef SEINE_SEARCH_TEXTS_H
#define SEINE_SEARCH_TEXTS_H

#include "search/search.h"

enum { TEXT_LEAST = 6, TEXT_MOST = 1024 };

/* "case.db.text"; freed by the caller, NULL without memory. */
char *texts_path(const char *case_path);

/* Whether there is one for the case as it is. */
enum texts_state { TEXTS_NONE, TEXTS_THERE, TEXTS_STALE };
enum status texts_state(enum texts_state *state, struct reader *reader, struct error *err);

struct texts_cost {
    uint64_t payload; /* bytes that are looked at */
    uint64_t bytes;   /* of the file */
    int64_t ns;
};
/* What it may cost, from the first bytes of some streams. */
enum status texts_estimate(struct texts_cost *cost, struct reader *reader, struct error *err);

/* Builds it, anew where there is one. *skipped counts streams that could not be read, since their
 * evidence is not there. */
enum status texts_build(uint64_t *count, uint64_t *bytes, uint64_t *skipped, struct reader *reader,
                        size_t memory, struct error *err);

/* Removes the file; STATUS_OK also where there is none. */
enum status texts_drop(struct reader *reader, struct error *err);

/* The texts in which a query of FTS5 matches, as hits: the whole text each, in order of their streams and
 * positions. STATUS_FAILED also where the query makes no sense to FTS5. */
struct texts;
enum status texts_open(struct texts **texts, struct reader *reader, const char *query,
                       struct error *err);
enum status texts_next(struct texts *texts, struct search_hit *hit, struct error *err);
uint64_t
texts_lacking(const struct texts *texts); /* streams that were not to be read when it was made */
void texts_close(struct texts *texts);    /* NULL is allowed */

#endif
