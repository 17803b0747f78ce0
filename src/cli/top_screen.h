/* top_screen.h - a screen of lines, by ncurses.
 *
 * The one place that knows curses. Whatever is put on it is escaped on the way (base/escape.h) and cut at the
 * edge, so that no byte from outside reaches the terminal as it is. */
#ifndef SEINE_CLI_TOP_SCREEN_H
#define SEINE_CLI_TOP_SCREEN_H

#include "base/error.h"

#include <stdbool.h>

enum screen_key {
    SCREEN_NOTHING = -1, /* the time is over */
    SCREEN_RESIZED = -2,
    SCREEN_UP = -3,
    SCREEN_DOWN = -4,
    SCREEN_PAGE_UP = -5,
    SCREEN_PAGE_DOWN = -6,
    SCREEN_HOME = -7,
    SCREEN_STOPPED = -8, /* a signal wants the program to end: screen_obey() does that */
};

enum screen_style { SCREEN_PLAIN, SCREEN_BOLD, SCREEN_REVERSE, SCREEN_WARNING };

/* Takes the terminal over. STATUS_FAILED: there is none, or curses does not know it; then nothing has changed. */
enum status screen_open(struct error *err);

/* Gives the terminal back as it was. */
void screen_close(void);

/* Ends the process by the signal that came while the screen was open; returns when none came. */
void screen_obey(void);

void screen_size(int *rows, int *columns);
void screen_clear(void);

/* A line from its left edge; `text` may hold anything. Outside of the screen nothing is put. */
void screen_line(int row, enum screen_style style, const char *text);
void screen_show(void);

/* A key: a character, or one of enum screen_key. Waits no longer than `wait_ms`. */
int screen_key(int wait_ms);

#endif
