/* top_screen.c - a screen of lines, by ncurses. */
#include "cli/top_screen.h"

#include "base/buffer.h"
#include "base/escape.h"

#include <curses.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MOST = 1024, ESCAPE_MOST = 8, WARNING_PAIR = 1 };

static SCREEN *screen;
static volatile sig_atomic_t stopped; /* the signal that came */

static void on_stop(int number)
{
    stopped = number;
}

/* What would end the process gives the terminal back first. The call that waits for a key ends with it. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_stop};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

enum status screen_open(struct error *err)
{
    const char *term = getenv("TERM");

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return error_set(err, "standard input or output is no terminal");
    setlocale(LC_CTYPE, "");
    screen = newterm(NULL, stdout, stdin);
    if (!screen)
        return error_set(err, "the terminal '%s' is not known", term ? term : "");
    set_term(screen);
    catch_signals(); /* after curses has set its own */
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    keypad(stdscr, TRUE);
    if (has_colors() && !(getenv("NO_COLOR") && *getenv("NO_COLOR"))) {
        start_color();
        use_default_colors();
        init_pair(WARNING_PAIR, COLOR_RED, -1);
    }
    return STATUS_OK;
}

void screen_close(void)
{
    if (!screen)
        return;
    endwin();
    delscreen(screen);
    screen = NULL;
}

void screen_obey(void)
{
    if (stopped) {
        signal(stopped, SIG_DFL);
        raise(stopped);
    }
}

void screen_size(int *rows, int *columns)
{
    getmaxyx(stdscr, *rows, *columns);
}

void screen_clear(void)
{
    erase();
}

void screen_line(int row, enum screen_style style, const char *text)
{
    static const attr_t attributes[] = {[SCREEN_PLAIN] = A_NORMAL,
                                        [SCREEN_BOLD] = A_BOLD,
                                        [SCREEN_REVERSE] = A_REVERSE,
                                        [SCREEN_WARNING] = A_BOLD};
    uint8_t room[LINE_MOST * ESCAPE_MOST + 1];
    struct buffer safe = {.data = room, .room = sizeof room, .ceiling = sizeof room};
    size_t len = strnlen(text, LINE_MOST);
    int rows, columns;

    screen_size(&rows, &columns);
    if (row < 0 || row >= rows)
        return;
    escape_for_terminal(&safe, span_of(text, len));
    attr_set(attributes[style], style == SCREEN_WARNING && has_colors() ? WARNING_PAIR : 0, NULL);
    mvaddnstr(row, 0, buffer_text(&safe), columns);
    if (style == SCREEN_REVERSE) { /* a bar, to the edge */
        int y, x;
        getyx(stdscr, y, x);
        if (y == row)
            hline(' ' | A_REVERSE, columns - x);
    }
    attr_set(A_NORMAL, 0, NULL);
}

void screen_show(void)
{
    refresh();
}

int screen_key(int wait_ms)
{
    if (stopped)
        return SCREEN_STOPPED;
    timeout(wait_ms);
    int key = getch();
    if (stopped)
        return SCREEN_STOPPED;
    switch (key) {
    case ERR:
        return SCREEN_NOTHING;
    case KEY_RESIZE:
        return SCREEN_RESIZED;
    case KEY_UP:
        return SCREEN_UP;
    case KEY_DOWN:
        return SCREEN_DOWN;
    case KEY_PPAGE:
        return SCREEN_PAGE_UP;
    case KEY_NPAGE:
        return SCREEN_PAGE_DOWN;
    case KEY_HOME:
        return SCREEN_HOME;
    default:
        return key >= 0 && key < 256 ? key : SCREEN_NOTHING;
    }
}
