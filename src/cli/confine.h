/* confine.h - a command gives up what it does not need, before it reads what comes from strangers.
 *
 *     summary, flows, streams, sql,
 *     ask, status, top                 read: the case, or all cases that are named
 *     export                           read: the case; write in the folder of what it makes
 *     follow, extract, search,
 *     index, verify, sql --files,
 *     ask clear-text                   read: whatever the user may, since the case says where its captures
 *                                      lie, and that may be anywhere; extract writes in the folder of FILE, index in that
 *                                      of the case
 *     ingest                           read: the captures; write in the folder of the case
 *     live                             read: its settings; write in the folder of the case
 *
 * All of them write temporary files, in the folder that is meant for these: TMPDIR, or for an ingest without one
 * that of the case. Who reads a case that is being written, or was cut off in the middle of an addition, writes
 * beside it: SQLite keeps there who reads what, and rolls back.
 *
 * SEINE_SANDBOX says what is thought of a kernel that lacks a part: by default nothing; tell: a sentence each;
 * require: then nothing is done; off: nothing is given up, for debuggers and their like.
 *
 * Each is called before the first thread starts and before SQLite is used, once in a process. False, after a
 * sentence: go no further. */
#ifndef SEINE_CLI_CONFINE_H
#define SEINE_CLI_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

bool confine_to_cases(char *const *case_paths, size_t count);

/* The same for one that is shown on the whole of a terminal, of which more must be known. (top -i is not confined: it
 * starts and ends a run of another, which is.) */
bool confine_to_screen(const char *case_path);

/* `output` is a file or folder to be made, or NULL. */
bool confine_to_output(const char *case_path, const char *output);

/* `case_path` is a case to be made or added to, or a folder of cases; `settings` a file that is read again, or NULL.
 * Sockets that are open stay of use. False also where that folder cannot be written to. */
bool confine_to_interfaces(const char *case_path, const char *settings, bool by_libpcap);

/* `case_path` is NULL where there is no case; `output` is a file to be made, or NULL. */
bool confine_to_evidence(const char *case_path, const char *output);

/* `names`: a filter may have names, which are looked for in the files that the system has for them. */
bool confine_to_captures(const char *case_path, const char *const *captures, size_t capture_count,
                         bool names);

#endif
