/* progress.c - one line on a terminal that says how far an ingest has come. */
#include "cli/progress.h"

#include "cli/terminal.h"
#include "cli/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { REDRAW_NS = 200000000, SETTLED_NS = 1000000000 };

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void progress_init(struct progress *p, bool quiet)
{
    int64_t now = clock_ns();
    *p = (struct progress){
        .shows = !quiet && terminal_redraws(stderr), .started_ns = now, .drawn_ns = now};
}

/* Appends what fits, NUL included. */
static void append(char *text, size_t room, const char *more)
{
    size_t len = strlen(text);
    snprintf(text + len, room - len, "%s", more);
}

/* The last part of a path, with '?' for all that is not plain ASCII: its columns are its bytes. */
static void append_name(char *text, size_t room, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = strlen(text);
    for (const char *at = slash ? slash + 1 : path; *at && len + 1 < room; at++)
        text[len++] = *at >= 0x20 && *at < 0x7f ? *at : '?';
    text[len] = 0;
}

void progress_text(char *text, size_t room, const struct ingest_progress *now, int64_t elapsed_ns,
                   int width)
{
    char one[VALUE_TEXT_MAX], line[3 * VALUE_TEXT_MAX];
    double seconds = elapsed_ns > 0 ? (double)elapsed_ns / 1e9 : 1e-9;
    double rate = (double)now->bytes_done / seconds;
    uint64_t all = now->bytes_all;
    uint64_t done = all > 0 && now->bytes_done > all ? all : now->bytes_done;

    if (room > (size_t)width + 1)
        room = (size_t)width + 1;
    *text = 0;
    if (all > 0) {
        snprintf(line, sizeof line, "%3d%%  ", (int)((double)done / (double)all * 100));
        append(text, room, line);
    }
    size_text(one, done);
    append(text, room, one);
    if (all > 0) {
        size_text(one, all);
        append(text, room, " of ");
        append(text, room, one);
    }
    if (elapsed_ns >= SETTLED_NS) { /* before, the numbers only jump */
        size_text(one, (uint64_t)rate);
        snprintf(line, sizeof line, "  %s/s", one);
        append(text, room, line);
        if (all > 0 && rate > 0) {
            duration_text(one, (int64_t)((double)(all - done) / rate + 0.999) * 1000000000);
            snprintf(line, sizeof line, "  %s left", one);
            append(text, room, line);
        }
    }
    count_text(one, now->frames);
    snprintf(line, sizeof line, "  %s frames", one);
    append(text, room, line);
    count_text(one, now->flows);
    snprintf(line, sizeof line, "  %s flows  ", one);
    append(text, room, line);
    if (now->source)
        append_name(text, room, now->source);
}

void progress_show(struct progress *p, const struct ingest_progress *now)
{
    int64_t clock = clock_ns();
    if (!p->shows || clock - p->drawn_ns < REDRAW_NS)
        return;
    char text[256];
    progress_text(text, sizeof text, now, clock - p->started_ns, terminal_width(stderr) - 1);
    fprintf(stderr, "\r%s\033[K", text);
    fflush(stderr);
    p->drawn = true;
    p->drawn_ns = clock;
}

void progress_wipe(struct progress *p)
{
    if (!p->drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->drawn = false;
}
