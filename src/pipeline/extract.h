/* extract.h - the original frames of a flow, out of the evidence into a pcapng. */
#ifndef SEINE_PIPELINE_EXTRACT_H
#define SEINE_PIPELINE_EXTRACT_H

#include "base/error.h"

#include <stdint.h>

/* Writes every frame that flow_frames names for `flow_id`, and reads no other, to `out_path` ("-" is
 * standard output), with the original times (nanoseconds), lengths and link types, in order of frame
 * number. The evidence is looked for where it was, beside the case, and in `folder` (may be NULL), and
 * is known by its size and fingerprint. `*frames` is how many were written. STATUS_FAILED: no such flow,
 * evidence not found or changed, out_path exists or cannot be written; no file is left then. */
enum status extract_flow(uint64_t *frames, const char *case_path, int64_t flow_id,
                         const char *out_path, const char *folder, struct error *err);

#endif
