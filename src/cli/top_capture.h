/* top_capture.h - a live capture for the time that somebody looks at it: seine live, as a process of its own, into a
 * case in a temporary folder, of which nothing stays. */
#ifndef SEINE_CLI_TOP_CAPTURE_H
#define SEINE_CLI_TOP_CAPTURE_H

#include "base/error.h"

#include <stdbool.h>

struct top_capture;

/* Starts it, and waits until there is a case. Frames are cut behind their headers, so that it stays small.
 * STATUS_FAILED: it did not begin, and the sentence is what it said. */
enum status top_capture_start(struct top_capture **capture, const char *interface,
                              struct error *err);
const char *top_capture_path(const struct top_capture *capture); /* of the case */

/* Whether it goes on; false with what it said last when it has ended by itself. */
bool top_capture_runs(struct top_capture *capture, struct error *err);

/* Ends it, and removes what it left; NULL is allowed. */
void top_capture_end(struct top_capture *capture);

#endif
