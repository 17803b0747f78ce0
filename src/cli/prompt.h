/* prompt.h - lines from standard input, with line editing on a terminal. */
#ifndef SEINE_CLI_PROMPT_H
#define SEINE_CLI_PROMPT_H

#include <stdbool.h>

struct prompt;

/* NULL, after a sentence, when there is no memory. The history of lines lives as long as this. */
struct prompt *prompt_new(void);
void prompt_free(struct prompt *p); /* NULL is allowed */

bool prompt_is_terminal(const struct prompt *p);

/* The next line with its line feed; NULL at the end; empty when the user took back with Ctrl-C what
 * was typed. `more`: an unfinished statement goes on. May be written to; dies at the next call. */
char *prompt_line(struct prompt *p, bool more);

#endif
