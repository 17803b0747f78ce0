/* seal.h - one SHA-256 over all that a case says.
 *
 * Over the names and columns of every table but `runs`, and a SHA-256 of its rows: tables in order of
 * name, rows in order of their primary key, columns in order, each value as its type and its bytes,
 * unambiguously. docs/blobs.md specifies the bytes. As each table has a digest of its own, a writer that
 * appends the rows of a large one in that order can add them up as it goes, and need not read them again.
 *
 * Payload enters through the hashes in `streams`: of chunk_data and stream_data only the rows of
 * streams with one of other bytes (a policy other than `first`, and conflicts) are read, and so the seal
 * of a case of gigabytes takes no longer than its rows. Whoever compares a seal must therefore also prove
 * the streams, and count that no chunk belongs to none: `verify` does both. Payload of which no hash was
 * taken (`--no-hash`) is not in the seal at all: what proves it is the evidence.
 *
 * What is in the file is asked of the file, not of a list: a table that is not ours enters with its
 * rows, a view or trigger with its text, so that nothing can be put beside the evidence unseen.
 * Indexes and SQLite's own tables stay out: they say nothing that the rows do not, and an analyst may
 * add them (`seine index`, ANALYZE). Views of one's own belong in another file, or in TEMP.
 *
 * Kept outside the case the seal shows any change; inside, accidents only. */
#ifndef SEINE_STORE_SEAL_H
#define SEINE_STORE_SEAL_H

#include "base/digest.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* The digest of the rows of a table, from whoever wrote them all. */
struct seal_known {
    const char *table;
    uint8_t value[DIGEST_LEN];
};

/* 64 lower-case hex digits and a NUL. Reads the database as it is inside the caller's transaction. */
enum status seal_compute(sqlite3 *db, char hex[65], struct error *err);

/* The same, where the digests of some tables are known. */
enum status seal_compute_known(sqlite3 *db, char hex[65], const struct seal_known *known,
                               size_t known_count, struct error *err);

#endif
