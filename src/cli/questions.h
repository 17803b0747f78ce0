/* questions.h - the questions that `seine ask` knows: each is a file of questions/, built in.
 *
 *     -- top-talkers: the addresses that moved the most bytes     its name, and what it answers
 *     --
 *     -- For each address ...                                     how to read the answer
 *     --
 *     -- --since TIME: flows that began then or later             a parameter, an option of seine ask
 *     -- --address ADDRESS needed: the address                    one that must be given
 *     -- --limit N = 20: at most so many addresses                one with a value where none is given
 *
 *     SELECT ...
 *        AND first_ns >= :since -- if since                       a line that is there if it is given
 *               evidence_bytes(...) -- if reference               or if payload of the case is in its captures,
 *      FROM stream_data -- if all                             or if no flow is left out, and it is not;
 *      FROM chosen -- if some                                 or else
 *
 * The SQL is plain: the sqlite3 shell runs a file as it is, with .parameter set. Lines with a condition leave
 * the planner nothing to guess: without --since there is no bound, and no index taken for it. */
#ifndef SEINE_CLI_QUESTIONS_H
#define SEINE_CLI_QUESTIONS_H

#include "base/buffer.h"

struct question {
    const char *name;
    const char *text; /* the file */
};

/* Ended by a NULL name. */
extern const struct question questions[];

/* The first line behind the name. Length in `*len`. */
const char *question_summary(const struct question *q, size_t *len);

/* Whether it has lines that read captures, of a case whose payload is there. */
bool question_reads_evidence(const struct question *q);

enum parameter_use { PARAMETER_NONE, PARAMETER_FREE, PARAMETER_NEEDED };

/* Whether the question has a parameter of that name, and the value that it has where none is given: `*value` is
 * cut to `value_len`, and empty when there is none. */
enum parameter_use question_parameter(const struct question *q, const char *name, char *value,
                                      size_t value_len);

/* Appends the text without the lines whose condition is not among `given`, which is ended by NULL. False when
 * the buffer has no room. */
bool question_sql(struct buffer *to, const struct question *q, const char *const *given);

#endif
