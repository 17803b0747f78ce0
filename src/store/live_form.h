/* live_form.h - the tables of a case while it is written live, when a commit a second must not cost a page a stream.
 *
 *     commit ──► recent              by commit: what came, of all flows together, on a page or two
 *                  │ every STEPS commits
 *                  └──► settled_*    by flow or stream
 *
 * arrivals, flow_frames and the index of chunk_data are ordered by stream. A row in each for each stream that brought
 * something is a page in each for each of them, written whole. So the rows of a commit lie together first, and are moved
 * when many have come, which then share pages. The names that are promised are views of both meanwhile: readers need not
 * know. At its end the case has its tables, under their names, as any other: none is copied, they are renamed; and
 * settled_places, whose rows are laid out as those of the index of chunk_data are, becomes that index.
 *
 * All of this is within the transaction that the caller has begun. SQLite's code. */
#ifndef SEINE_STORE_LIVE_FORM_H
#define SEINE_STORE_LIVE_FORM_H

#include "store/sqlite.h"

#include <stdbool.h>

enum {
    LIVE_FORM_STEPS = 256
}; /* commits that may lie apart: whoever looks for a stream looks so often */

/* All of them, so that a stream is looked up in each by the key. */
#define LIVE_FORM_STEP_LIST                                                                    \
    "(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, "  \
    "24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, " \
    "46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, " \
    "68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, " \
    "90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, "    \
    "109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, "    \
    "126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, "    \
    "143, 144, 145, 146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, "    \
    "160, 161, 162, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 174, 175, 176, "    \
    "177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 192, 193, "    \
    "194, 195, 196, 197, 198, 199, 200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, "    \
    "211, 212, 213, 214, 215, 216, 217, 218, 219, 220, 221, 222, 223, 224, 225, 226, 227, "    \
    "228, 229, 230, 231, 232, 233, 234, 235, 236, 237, 238, 239, 240, 241, 242, 243, 244, "    \
    "245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255)"

/* What a row of `recent` is: a part of flow_frames, where a row of chunk_data is, or a part of arrivals. */
enum live_form_kind { LIVE_FORM_FRAMES, LIVE_FORM_PLACE, LIVE_FORM_ARRIVALS };

/* Whether a case is in this form; false where that cannot be said. */
bool live_form_is(sqlite3 *db, const char *schema);

/* Of a case that is written: into this form, where its tables are as we declare them, and nobody else's indexes or triggers
 * are for them (else *is is false, and nothing was done), and out of it. */
int live_form_enter(sqlite3 *db, bool *is);
int live_form_leave(sqlite3 *db);

/* Moves what lies by commit to its place. */
int live_form_settle(sqlite3 *db);

/* Whether this is a view that stands for a table in this form, and is ours to the letter; and the tables that it needs. */
bool live_form_is_view(const char *name, const char *sql);
extern const char *const live_form_tables[]; /* NULL behind the last */

#endif
