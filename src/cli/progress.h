/* progress.h - one line on a terminal that says how far an ingest has come.
 *
 * Redrawn a few times a second, wiped before anything else is printed and at the end; where
 * standard error is no terminal, or on --quiet, it never shows. */
#ifndef SEINE_CLI_PROGRESS_H
#define SEINE_CLI_PROGRESS_H

#include "pipeline/ingest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool shows;
    bool drawn;         /* a line stands on the screen */
    int64_t started_ns; /* by the monotonic clock, as the next */
    int64_t drawn_ns;
};

void progress_init(struct progress *p, bool quiet);

/* Draws the line anew, unless the last one is too fresh. */
void progress_show(struct progress *p, const struct ingest_progress *now);

/* Wipes the line, if one is there. */
void progress_wipe(struct progress *p);

/* The line's text after `elapsed_ns`: at most `width` columns, escaped. For progress_show() and
 * tests. */
void progress_text(char *text, size_t room, const struct ingest_progress *now, int64_t elapsed_ns,
                   int width);

#endif
