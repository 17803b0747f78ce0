/* prompt.c - lines from standard input, with libedit on a terminal. */
#include "cli/prompt.h"

#include "cli/terminal.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HISTORY_LINES = 500 };

struct prompt {
    EditLine *edit; /* NULL: not a terminal, or libedit did not want it */
    History *history;
    bool terminal;
    bool more;
    char *line; /* owned */
    size_t room;
};

static char *prompt_text(EditLine *edit)
{
    static char first[] = "seine> ", next[] = "  ...> ";
    struct prompt *p = NULL;
    el_get(edit, EL_CLIENTDATA, &p);
    return p && p->more ? next : first;
}

static void edit_begin(struct prompt *p)
{
    HistEvent event;
    p->edit = el_init("seine", stdin, stdout, stderr);
    p->history = history_init();
    if (!p->edit)
        return;
    el_set(p->edit, EL_CLIENTDATA, p);
    el_set(p->edit, EL_PROMPT, prompt_text);
    el_set(p->edit, EL_EDITOR, "emacs");
    el_set(p->edit, EL_SIGNAL, 1); /* give the terminal back before a signal does what it does */
    if (p->history) {
        history(p->history, &event, H_SETSIZE, HISTORY_LINES);
        el_set(p->edit, EL_HIST, history, p->history);
    }
    el_source(p->edit, NULL); /* the user's own keys */
}

struct prompt *prompt_new(void)
{
    struct prompt *p = calloc(1, sizeof *p);
    if (!p) {
        say("no memory to read statements");
        return NULL;
    }
    p->terminal = isatty(STDIN_FILENO) != 0;
    if (p->terminal && isatty(STDOUT_FILENO))
        edit_begin(p);
    return p;
}

void prompt_free(struct prompt *p)
{
    if (!p)
        return;
    if (p->edit)
        el_end(p->edit);
    if (p->history)
        history_end(p->history);
    free(p->line);
    free(p);
}

bool prompt_is_terminal(const struct prompt *p)
{
    return p->terminal;
}

/* Copies libedit's line, which is its own, and remembers it. */
static char *edited_line(struct prompt *p)
{
    static char start_over[] = "";
    int len = 0;
    errno = 0;
    const char *line = el_gets(p->edit, &len);
    if (!line || len <= 0) {
        putchar('\n'); /* Ctrl-C and Ctrl-D leave the prompt where it is */
        return errno == EINTR ? start_over : NULL;
    }
    free(p->line);
    p->line = strdup(line);
    if (p->history && line[strspn(line, " \t\r\n")] != 0) {
        HistEvent event;
        history(p->history, &event, H_ENTER, line);
    }
    return p->line;
}

char *prompt_line(struct prompt *p, bool more)
{
    p->more = more;
    fflush(stdout);
    if (p->edit)
        return edited_line(p);
    return getline(&p->line, &p->room, stdin) < 0 ? NULL : p->line;
}
