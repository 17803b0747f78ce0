/* folder_reader.h - many cases as one reader. */
#ifndef SEINE_STORE_FOLDER_READER_H
#define SEINE_STORE_FOLDER_READER_H

#include "store/folder.h"

/* Opens a folder of slices (one path), or several cases, as one reader: its connection has what
 * folder_tables.h says, and
 *
 *     slices(number, path, status, bytes, first_ns, last_ns, first_flow_id, last_flow_id, flows, frames,
 *            flow_shift, opened)
 *
 * with what is known of each slice: status is open, closed or, where nothing is known but the file, unread.
 * flow_shift is what was added to its own ids (folder_open_cases()), opened how often this reader
 * opened it. Reading it opens none.
 *
 * It may be used as the reader of a case, but for what needs the one file. evidence.status is here what
 * reader_evidence_status() says of each. reader_check() says that it is no case.
 *
 * `setup` (NULL: none) makes the connections to slices able to read evidence: it registers evidence_bytes() there.
 * Then evidence_bytes(evidence_id, offset, length) is here, too, and what reads streams reads it. */
enum status folder_reader_open(struct reader **reader, char *const *paths, size_t count,
                               struct folder_ear ear, const struct folder_setup *setup,
                               struct error *err);

#endif
