/* top_command.c - seine top: how a capture is doing, every second, on the whole terminal.
 *
 *     seine  /var/lib/seine  being written  slice 12 of 40, 3.2 GiB          10:15:01
 *     frames 1,204/s  lost 0 lately, 17 in all  memory 61.0 of 256.0 MiB
 *     eth0  received 1,204,551  dropped 17 socket 0 interface 0 backlog
 *      FLOW  PROTO  CLIENT           SERVER            PACKETS     BYTES  BYTES/S  STATE
 *      ...
 *     newest
 *      ...
 *
 * What a look costs does not grow with the case. Of conversations, TALKS_MOST are known at a time: those that
 * are new since the last look, up to NEW_MOST, are added, all that are known are read again by their ids, and those
 * go that are neither among the largest nor among the newest. So what was large before the first look is found once,
 * then, if the slice has not too many to look through. */
#include "cli/commands.h"

#include "cli/confine.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "cli/top_capture.h"
#include "cli/top_screen.h"
#include "cli/values.h"
#include "cli/vitals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOOK_MS = 1000,
    TALKS_MOST = 1000,
    LARGEST_KEPT = 500,    /* of these, when it is tidied up; the rest are the newest */
    NEW_MOST = 2000,       /* that one look adds */
    SCANNED_MOST = 200000, /* flows that the first look goes through for the largest */
    END_MOST = 56,         /* bytes of an address and port */
};

enum { INTERFACE };

static const struct option_word options[] = {
    [INTERFACE] =
        {"interface", 'i', "IFACE",
         "Capture from this interface, for as long as it is looked at, and keep nothing."},
    {0},
};

struct talk {
    int64_t flow_id;
    char protocol[8];
    char client[END_MOST], server[END_MOST]; /* from the case: escaped on their way to the screen */
    char state[16];
    int64_t packets, bytes, first_ns, last_ns;
};

enum sort_by { BY_BYTES, BY_RATE, BY_PACKETS, BY_LAST, BY_FLOW, SORT_COUNT };

static const struct {
    char key;
    const char *name;
} sorts[SORT_COUNT] = {
    [BY_BYTES] = {'b', "bytes"},    [BY_RATE] = {'r', "rate"},   [BY_PACKETS] = {'p', "packets"},
    [BY_LAST] = {'l', "last seen"}, [BY_FLOW] = {'n', "newest"},
};

struct top {
    struct patient *patient;
    struct top_capture *capture; /* of -i; NULL without */
    const char *path;
    struct vitals vitals;
    char trouble[400]; /* why the last look failed; empty: it did not */
    char told[400];    /* the last that was told of a slice */
    uint32_t slice;    /* whose conversations are known */
    int64_t seen;      /* the highest flow_id of them */
    size_t count;
    struct talk talks[TALKS_MOST + NEW_MOST];
    enum sort_by sort;
    size_t skipped; /* lines that were scrolled past */
};

/* ---- what is known ---- */

#define TALK_COLUMNS                                                                     \
    "f.flow_id, f.protocol, " SQL_CLIENT ", " SQL_SERVER ", f.state,"                    \
    " f.client_packets + f.server_packets, f.client_bytes + f.server_bytes, f.first_ns," \
    " f.last_ns FROM flows AS f"

static void text_column(char *to, size_t room, sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    snprintf(to, room, "%s", text ? text : "?");
}

static void talk_take(struct talk *t, sqlite3_stmt *row)
{
    t->flow_id = sqlite3_column_int64(row, 0);
    text_column(t->protocol, sizeof t->protocol, row, 1);
    text_column(t->client, sizeof t->client, row, 2);
    text_column(t->server, sizeof t->server, row, 3);
    text_column(t->state, sizeof t->state, row, 4);
    t->packets = sqlite3_column_int64(row, 5);
    t->bytes = sqlite3_column_int64(row, 6);
    t->first_ns = sqlite3_column_int64(row, 7);
    t->last_ns = sqlite3_column_int64(row, 8);
}

/* Bytes a second while it lasted; a shorter one counts as a second. */
static double rate_of(const struct talk *t)
{
    double ns = (double)t->last_ns - (double)t->first_ns;
    return (double)t->bytes * 1e9 / (ns < 1e9 ? 1e9 : ns);
}

static int compare(int64_t a, int64_t b)
{
    return (a < b) - (a > b); /* the larger first */
}

static enum sort_by sorted_by; /* for qsort(), which hands nothing on */

static int talk_order(const void *a, const void *b)
{
    const struct talk *x = a, *y = b;
    int order = 0;

    switch (sorted_by) {
    case BY_BYTES:
        order = compare(x->bytes, y->bytes);
        break;
    case BY_RATE:
        order = (rate_of(x) < rate_of(y)) - (rate_of(x) > rate_of(y));
        break;
    case BY_PACKETS:
        order = compare(x->packets, y->packets);
        break;
    case BY_LAST:
        order = compare(x->last_ns, y->last_ns);
        break;
    case BY_FLOW:
    case SORT_COUNT:
    default:
        break;
    }
    return order ? order : compare(x->flow_id, y->flow_id);
}

static void talks_sort(struct talk *talks, size_t count, enum sort_by by)
{
    sorted_by = by;
    qsort(talks, count, sizeof *talks, talk_order);
}

/* Forgets what is neither large nor new. */
static void talks_tidy(struct top *t)
{
    if (t->count <= TALKS_MOST)
        return;
    talks_sort(t->talks, t->count, BY_BYTES);
    talks_sort(t->talks + LARGEST_KEPT, t->count - LARGEST_KEPT, BY_FLOW);
    t->count = TALKS_MOST;
}

static enum status look_failed(struct top *t, struct error *err)
{
    struct reader *reader = patient_reader(t->patient);
    return reader_fault(reader, err);
}

/* Reads again what is known. What has gone is forgotten. */
static enum status talks_again(struct top *t, struct error *err)
{
    sqlite3_stmt *row;
    size_t kept = 0;
    enum status status = reader_prepare(patient_reader(t->patient), &row,
                                        "SELECT " TALK_COLUMNS " WHERE f.flow_id = ?1", err);

    for (size_t i = 0; status == STATUS_OK && i < t->count; i++) {
        sqlite3_bind_int64(row, 1, t->talks[i].flow_id);
        int rc = sqlite3_step(row);
        if (rc == SQLITE_ROW)
            talk_take(&t->talks[kept++], row);
        else if (rc != SQLITE_DONE)
            status = look_failed(t, err);
        sqlite3_reset(row);
    }
    sqlite3_finalize(row);
    t->count = kept;
    return status;
}

/* Adds what `sql` gives, with ids above ?1, no more than ?2. */
static enum status talks_add(struct top *t, const char *sql, int most, struct error *err)
{
    sqlite3_stmt *row;
    int rc = SQLITE_DONE;
    enum status status = reader_prepare(patient_reader(t->patient), &row, sql, err);

    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(row, 1, t->seen);
    sqlite3_bind_int(row, 2, most);
    while (t->count < sizeof t->talks / sizeof *t->talks && (rc = sqlite3_step(row)) == SQLITE_ROW)
        talk_take(&t->talks[t->count++], row);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        status = look_failed(t, err);
    sqlite3_finalize(row);
    return status;
}

/* Two ways of adding may have found the same. */
static void talks_unique(struct top *t)
{
    size_t kept = 0;

    talks_sort(t->talks, t->count, BY_FLOW);
    for (size_t i = 0; i < t->count; i++) {
        if (kept == 0 || t->talks[kept - 1].flow_id != t->talks[i].flow_id)
            t->talks[kept++] = t->talks[i];
    }
    t->count = kept;
}

static enum status talks_read(struct top *t, struct error *err)
{
    const struct vitals *v = &t->vitals;
    bool fresh = t->slice != v->slice || t->count == 0;
    enum status status = STATUS_OK;

    if (t->slice != v->slice) {
        t->count = 0;
        t->seen = INT64_MIN;
        t->slice = v->slice;
    }
    if (t->count == 0)
        t->seen = INT64_MIN;
    if (v->newest_first_id > v->newest_last_id)
        return STATUS_OK; /* there are none */
    if (fresh && (uint64_t)v->newest_last_id - (uint64_t)v->newest_first_id < SCANNED_MOST)
        status = talks_add(
            t,
            "SELECT " TALK_COLUMNS
            " WHERE f.flow_id > ?1 ORDER BY f.client_bytes + f.server_bytes DESC LIMIT ?2",
            LARGEST_KEPT, err);
    else if (!fresh)
        status = talks_again(t, err);
    if (status == STATUS_OK)
        status = talks_add(
            t, "SELECT " TALK_COLUMNS " WHERE f.flow_id > ?1 ORDER BY f.flow_id DESC LIMIT ?2",
            fresh ? TALKS_MOST : NEW_MOST, err);
    talks_unique(t);
    if (status == STATUS_OK && t->count > 0)
        t->seen = t->talks[0].flow_id;
    talks_tidy(t);
    return status;
}

/* The screen is taken: what there is to tell goes on it. */
static void hear(void *context, const char *sentence, bool missing)
{
    struct top *t = context;
    (void)missing;
    snprintf(t->told, sizeof t->told, "%s", sentence);
}

static void look(struct top *t)
{
    struct error err = {0};
    enum status status = patient_read(t->patient, &t->vitals, &err);

    if (status == STATUS_OK)
        status = talks_read(t, &err);
    patient_rest(t->patient);
    if (status == STATUS_OK && t->capture && !top_capture_runs(t->capture, &err))
        status = STATUS_FAILED;
    snprintf(t->trouble, sizeof t->trouble, "%s", status == STATUS_OK ? "" : err.text);
}

/* ---- the screen ---- */

static const char *state_word(enum vitals_state state)
{
    return state == VITALS_WRITTEN       ? "being written"
           : state == VITALS_INTERRUPTED ? "interrupted"
           : state == VITALS_PAUSED      ? "paused: no room on the disk"
                                         : "closed";
}

static void draw_title(const struct top *t, int columns)
{
    const struct vitals *v = &t->vitals;
    char line[1024], size[VALUE_TEXT_MAX], now[16] = "";
    time_t seconds = time(NULL);
    struct tm utc;

    size_text(size, v->bytes < 0 ? 0 : (uint64_t)v->bytes);
    if (gmtime_r(&seconds, &utc))
        strftime(now, sizeof now, "%H:%M:%SZ", &utc);
    int len = snprintf(line, sizeof line, "seine  %.300s  %s", t->path, state_word(v->state));
    if (v->slice_count && len < (int)sizeof line)
        len += snprintf(line + len, sizeof line - (size_t)len, "  slice %" PRIu32 " of %" PRIu64,
                        v->slice, v->slice_count);
    if (len < (int)sizeof line)
        len += snprintf(line + len, sizeof line - (size_t)len, "  %s", size);
    int gap = columns - len - (int)strlen(now);
    if (gap > 1 && len < (int)sizeof line)
        snprintf(line + len, sizeof line - (size_t)len, "%*s%s", gap, "", now);
    screen_line(0, SCREEN_REVERSE, line);
}

static void draw_load(const struct top *t)
{
    const struct vitals *v = &t->vitals;
    char line[512], flows[VALUE_TEXT_MAX], lately[VALUE_TEXT_MAX], lost[VALUE_TEXT_MAX],
        rate[32] = "-", memory[2 * VALUE_TEXT_MAX + 8] = "-", size[VALUE_TEXT_MAX];
    double frames = vitals_rate(v);

    if (frames >= 0)
        snprintf(rate, sizeof rate, "%.0f/s", frames);
    count_text(flows, v->flows < 0 ? 0 : (uint64_t)v->flows);
    count_text(lately, (uint64_t)vitals_lost(v, true));
    count_text(lost, (uint64_t)vitals_lost(v, false));
    if (v->memory_budget >= 0) {
        size_text(size, (uint64_t)v->memory_budget);
        snprintf(memory, sizeof memory, "of %s", size);
    }
    if (v->memory_used >= 0) {
        char used[VALUE_TEXT_MAX];
        size_text(used, (uint64_t)v->memory_used);
        snprintf(memory, sizeof memory, "%s of %s", used, size);
    }
    snprintf(line, sizeof line, "frames %s   lost %s lately, %s in all   flows %s   memory %s",
             rate, lately, lost, flows, memory);
    screen_line(1, vitals_lost(v, true) > 0 ? SCREEN_WARNING : SCREEN_BOLD, line);
}

static int draw_interfaces(const struct top *t, int row, int most)
{
    const struct vitals *v = &t->vitals;
    char line[512], received[VALUE_TEXT_MAX], dropped[3][VALUE_TEXT_MAX];
    static const enum vital by[] = {VITAL_BY_SOCKET, VITAL_BY_INTERFACE, VITAL_BY_BACKLOG};

    for (int i = 0; i < v->interface_count && i < most; i++) {
        const struct vitals_interface *of = &v->interfaces[i];
        count_text(received,
                   of->total[VITAL_RECEIVED] < 0 ? 0 : (uint64_t)of->total[VITAL_RECEIVED]);
        for (int d = 0; d < 3; d++) {
            if (of->said[by[d]])
                count_text(dropped[d], of->total[by[d]] < 0 ? 0 : (uint64_t)of->total[by[d]]);
            else
                snprintf(dropped[d], sizeof dropped[d], "-");
        }
        snprintf(line, sizeof line,
                 "%-12.63s received %s   dropped by socket %s, interface %s, backlog %s", of->name,
                 received, dropped[0], dropped[1], dropped[2]);
        screen_line(row++, SCREEN_PLAIN, line);
    }
    if (v->detail[0])
        screen_line(row++, SCREEN_WARNING, v->detail);
    return row;
}

/* Room for the two ends: what the other columns leave, in equal parts. */
static int end_width(int columns)
{
    int width = (columns - 66) / 2;
    return width < 12 ? 12 : width > END_MOST ? END_MOST : width;
}

static void draw_talk(const struct talk *t, int row, int width)
{
    char line[512], packets[VALUE_TEXT_MAX], bytes[VALUE_TEXT_MAX], rate[VALUE_TEXT_MAX];

    count_text(packets, t->packets < 0 ? 0 : (uint64_t)t->packets);
    size_text(bytes, t->bytes < 0 ? 0 : (uint64_t)t->bytes);
    size_text(rate, t->bytes < 0 ? 0 : (uint64_t)rate_of(t));
    snprintf(line, sizeof line, "%14" PRId64 " %-6.6s %-*.*s %-*.*s %9s %10s %10s  %.15s",
             t->flow_id, t->protocol, width, width, t->client, width, width, t->server, packets,
             bytes, rate, t->state);
    screen_line(row, SCREEN_PLAIN, line);
}

static void draw_heading(int row, int width)
{
    char line[512];
    snprintf(line, sizeof line, "%14s %-6s %-*s %-*s %9s %10s %10s  %s", "flow", "proto", width,
             "client", width, "server", "packets", "bytes", "bytes/s", "state");
    screen_line(row, SCREEN_REVERSE, line);
}

static void draw_keys(const struct top *t, int row)
{
    char line[256];
    int len = 0;
    for (int i = 0; i < SORT_COUNT; i++)
        len += snprintf(line + len, sizeof line - (size_t)len, "%s%c %s%s",
                        i ? "  " : "sort by: ", sorts[i].key, sorts[i].name,
                        (int)t->sort == i ? "*" : "");
    snprintf(line + len, sizeof line - (size_t)len, "   arrows scroll   q quits");
    screen_line(row, SCREEN_BOLD, line);
}

/* The conversations, in the order that is wished for; below them the newest, where there is room for both. */
static void draw_talks(struct top *t, int row, int rows, int columns)
{
    enum { ROOMY = 12, NEWEST_PART = 3 };
    int width = end_width(columns), room = rows - row - 1; /* the last line has the keys */
    int newest = room >= ROOMY && t->sort != BY_FLOW ? room / NEWEST_PART : 0;

    if (room < 1)
        return;
    draw_heading(row++, width);
    talks_sort(t->talks, t->count, t->sort);
    if (t->skipped >= t->count)
        t->skipped = t->count > 0 ? t->count - 1 : 0;
    int end = rows - 1 - newest;
    for (size_t i = t->skipped; i < t->count && row < end; i++)
        draw_talk(&t->talks[i], row++, width);
    if (newest == 0)
        return;
    screen_line(end, SCREEN_REVERSE, "newest");
    talks_sort(t->talks, t->count, BY_FLOW);
    row = end + 1;
    for (size_t i = 0; i < t->count && row < rows - 1; i++)
        draw_talk(&t->talks[i], row++, width);
}

static void draw(struct top *t)
{
    int rows, columns, row = 2;

    screen_size(&rows, &columns);
    screen_clear();
    draw_title(t, columns);
    draw_load(t);
    if (t->trouble[0])
        screen_line(row++, SCREEN_WARNING, t->trouble);
    if (t->told[0])
        screen_line(row++, SCREEN_WARNING, t->told);
    row = draw_interfaces(t, row, rows / 4);
    draw_talks(t, row, rows, columns);
    draw_keys(t, rows - 1);
    screen_show();
}

/* ---- the loop ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False when it is the end. */
static bool obey(struct top *t, int key)
{
    int rows, columns;

    screen_size(&rows, &columns);
    size_t page = rows > 8 ? (size_t)rows - 8 : 1;
    switch (key) {
    case 'q':
    case 'Q':
    case SCREEN_STOPPED:
        return false;
    case SCREEN_UP:
        t->skipped -= t->skipped > 0;
        break;
    case SCREEN_DOWN:
        t->skipped++;
        break;
    case SCREEN_PAGE_UP:
        t->skipped -= t->skipped > page ? page : t->skipped;
        break;
    case SCREEN_PAGE_DOWN:
        t->skipped += page;
        break;
    case SCREEN_HOME:
        t->skipped = 0;
        break;
    default:
        for (int i = 0; i < SORT_COUNT; i++) {
            if (key == sorts[i].key) {
                t->sort = (enum sort_by)i;
                t->skipped = 0;
            }
        }
        break;
    }
    return true;
}

static void watch(struct top *t)
{
    int64_t next_ms = now_ms();
    int key = SCREEN_NOTHING;

    do {
        int64_t now = now_ms();
        if (now >= next_ms) {
            look(t);
            next_ms = now_ms() + LOOK_MS;
        }
        draw(t);
        now = now_ms();
        key = screen_key(next_ms > now ? (int)(next_ms - now) : 0);
    } while (obey(t, key));
}

/* Opens what is to be watched: a case that there is, or one that a capture of our own writes. What cannot be read is
 * said before the terminal is taken. */
static enum status top_open(struct top *t, const char *interface, const char *path,
                            struct error *err)
{
    enum status status = STATUS_OK;

    if (interface)
        status = top_capture_start(&t->capture, interface, err);
    if (status == STATUS_OK)
        status = patient_open(&t->patient, interface ? top_capture_path(t->capture) : path,
                              (struct folder_ear){hear, t}, err);
    if (status == STATUS_OK && !interface) {
        status = patient_read(t->patient, &t->vitals, err);
        patient_rest(t->patient);
    }
    t->path = interface ? interface : path;
    return status == STATUS_OK ? screen_open(err) : status;
}

static enum exit_status top_run(const struct command *self, const struct arguments *a)
{
    struct error err = {0};
    const char *interface = a->options[INTERFACE];
    const char *path = a->word_count > 0 ? a->words[0] : NULL;

    if (!interface == !path)
        return usage_error(self, interface ? "-i and a CASE cannot both be"
                                           : "no CASE is given, and no -i");
    if (path && !confine_to_screen(path))
        return EXIT_WORLD;
    struct top *t = calloc(1, sizeof *t);
    if (!t) {
        say("no memory to show it");
        return EXIT_WORLD;
    }
    enum status status = top_open(t, interface, path, &err);
    if (status == STATUS_OK)
        watch(t);
    screen_close();
    patient_close(t->patient);
    top_capture_end(t->capture);
    free(t);
    screen_obey();
    if (status == STATUS_OK)
        return EXIT_DONE;
    say("%s", err.text);
    return EXIT_WORLD;
}

static const char *const description[] = {
    "Shows a capture while it runs, anew every second: its rate and losses, the memory that it may "
    "use, each "
    "interface, and the conversations, the busiest first. It reads a case or a folder of slices as "
    "any reader does, and holds nobody up. Of a folder, conversations are those of the newest "
    "slice.",
    "Keys: b, r, p, l and n sort by bytes, rate, packets, time and number, so that n has the "
    "newest first; arrows "
    "and pages scroll; q quits. A conversation that goes on is renewed in the case once a minute, "
    "and so "
    "is what is shown of it.",
    "With -i it runs a capture of its own (seine live) into a temporary folder, of which nothing "
    "stays; that takes "
    "the rights that a capture takes.",
    NULL,
};

static const struct argument_word argument_words[] = {
    {"CASE", "A case that seine made, or a folder of slices."},
    {0},
};

static const struct exit_word exits[] = {
    {EXIT_DONE, "Done."},
    {EXIT_USAGE, "The command line makes no sense."},
    {EXIT_WORLD, "It could not be read, or there is no terminal that could show it."},
    {0},
};

static const struct example examples[] = {
    {"seine top /var/lib/seine", "What the service sees."},
    {"seine top -i eth0", "What goes over an interface, now."},
    {0},
};

const struct command command_top = {
    .name = "top",
    .synopsis = "CASE | -i IFACE",
    .summary = "show a capture while it runs",
    .description = description,
    .arguments = argument_words,
    .options = options,
    .exits = exits,
    .examples = examples,
    .word_least = 0,
    .word_most = 1,
    .run = top_run,
};
