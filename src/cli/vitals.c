/* vitals.c - how a case or a folder of slices is doing. */
#include "cli/vitals.h"

#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Rows of capture_stats that are looked at, from the last one back: some ten seconds of all interfaces. */
enum { STATS_ROWS = 24 * VITALS_INTERFACES };

struct patient {
    char *path;
    struct folder *folder;   /* NULL for a case */
    struct reader *reader;   /* the case, while it is open */
    struct open_slice *open; /* or the slice, likewise */
    struct slice learned;    /* what a case, or the newest slice, said when it was last asked */
};

enum status patient_open(struct patient **patient, const char *path, struct folder_ear ear,
                         struct error *err)
{
    struct patient *p = calloc(1, sizeof *p);

    *patient = NULL;
    if (!p || !(p->path = strdup(path))) {
        free(p);
        return error_no_memory(err, "opening %s: no memory", path);
    }
    if (folder_is_one(path)) {
        enum status status = folder_open(&p->folder, path, ear, err);
        if (status != STATUS_OK) {
            patient_close(p);
            return status;
        }
    }
    *patient = p;
    return STATUS_OK;
}

void patient_rest(struct patient *p)
{
    if (p->open) {
        folder_unpin(p->folder, p->open);
        folder_rest(p->folder);
    } else {
        reader_close(p->reader);
    }
    p->open = NULL;
    p->reader = NULL;
}

void patient_close(struct patient *p)
{
    if (!p)
        return;
    patient_rest(p);
    folder_close(p->folder);
    free(p->path);
    free(p);
}

bool patient_is_folder(const struct patient *p)
{
    return p->folder != NULL;
}

struct reader *patient_reader(struct patient *p)
{
    return p->reader;
}

/* Opens the case, or the newest slice that can be opened. */
static enum status open_newest(struct patient *p, struct vitals *v, struct error *err)
{
    struct folder_wish wish;
    if (!p->folder)
        return reader_open(&p->reader, p->path, err);
    enum status status = folder_refresh(p->folder, err);
    folder_wish_all(&wish);
    while (status == STATUS_OK) {
        status = folder_next(p->folder, &v->slice, v->slice, true, &wish, err);
        if (status == STATUS_END)
            return error_set(err, "%s has no slice that can be read", p->path);
        if (status == STATUS_OK)
            status = folder_pin(p->folder, &p->open, v->slice, err);
        if (status == STATUS_OK) {
            p->reader = open_slice_reader(p->open);
            return STATUS_OK;
        }
        if (status == STATUS_END)
            status = STATUS_OK; /* it has gone, or was told to be broken: the one before it */
    }
    return status;
}

static enum status failed(struct patient *p, struct error *err)
{
    return reader_fault(p->reader, err);
}

/* Adds what one case or slice has to the sums. */
static void add_slice(struct vitals *v, const struct slice *s)
{
    v->bytes += s->bytes;
    v->unread += !s->known;
    if (!s->known)
        return;
    v->flows += s->flows;
    v->frames += s->frames;
    if (s->first_ns > s->last_ns)
        return;
    if (!v->has_time || s->first_ns < v->first_ns)
        v->first_ns = s->first_ns;
    if (!v->has_time || s->last_ns > v->last_ns)
        v->last_ns = s->last_ns;
    v->has_time = true;
}

/* The write-ahead log beside a case. */
static int64_t log_bytes(const char *path)
{
    struct stat file;
    char *log;

    if (asprintf(&log, "%s-wal", path) < 0)
        return 0;
    int64_t bytes = stat(log, &file) == 0 ? (int64_t)file.st_size : 0;
    free(log);
    return bytes;
}

static enum status read_sums(struct patient *p, struct vitals *v, struct error *err)
{
    struct slice newest = {.number = v->slice};
    struct stat file;
    enum status status = STATUS_OK;

    newest.bytes = stat(reader_path(p->reader), &file) == 0 ? (int64_t)file.st_size : 0;
    const struct slice *l = &p->learned;
    int64_t log = log_bytes(reader_path(p->reader));
    if (l->known && !l->growing && l->number == newest.number && l->bytes == newest.bytes && !log)
        newest = *l; /* closed: it has not changed, and to count its flows takes time */
    else
        status = slice_learn(&newest, p->reader, err);
    if (status != STATUS_OK)
        return status;
    p->learned = newest;
    add_slice(v, &newest);
    v->bytes += log;
    v->newest_first_id = newest.first_flow_id;
    v->newest_last_id = newest.last_flow_id;
    for (size_t i = 0; p->folder && i < folder_slice_count(p->folder); i++) {
        const struct slice *s = folder_slice_at(p->folder, i);
        v->slice_count++;
        if (s->number != v->slice)
            add_slice(v, s);
    }
    return STATUS_OK;
}

/* Whether it is being written, by the states of its evidence. */
static enum status read_state(struct patient *p, struct vitals *v, struct error *err)
{
    sqlite3_stmt *row;
    int rc;
    enum status status = reader_prepare(
        p->reader, &row,
        "SELECT DISTINCT status FROM evidence WHERE status IN ('open', 'interrupted')", err);

    if (status != STATUS_OK)
        return status;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        const char *is = (const char *)sqlite3_column_text(row, 0);
        bool open = is && strcmp(reader_evidence_status(p->reader, is), "open") == 0;
        if (open)
            v->state = VITALS_WRITTEN;
        else if (v->state != VITALS_WRITTEN)
            v->state = VITALS_INTERRUPTED;
    }
    sqlite3_finalize(row);
    if (v->state == VITALS_INTERRUPTED && reader_sees_pause(p->reader))
        v->state = VITALS_PAUSED;
    return rc == SQLITE_DONE ? STATUS_OK : failed(p, err);
}

static enum status read_budget(struct patient *p, struct vitals *v, struct error *err)
{
    sqlite3_stmt *row;
    enum status status = reader_prepare(
        p->reader, &row, "SELECT memory FROM runs ORDER BY run_id DESC LIMIT 1", err);

    if (status != STATUS_OK)
        return status;
    int rc = sqlite3_step(row);
    if (rc == SQLITE_ROW)
        v->memory_budget = sqlite3_column_int64(row, 0);
    else if (rc != SQLITE_DONE)
        status = failed(p, err);
    sqlite3_finalize(row);
    return status;
}

/* The columns of capture_stats that are read; cases of an earlier seine have not all of them. */
enum {
    STATS_EVIDENCE,
    STATS_INTERFACE,
    STATS_TIME,
    STATS_VITALS,
    STATS_DETAIL = STATS_VITALS + VITAL_COUNT,
    STATS_MEMORY,
    STATS_COLUMNS
};

static const char *const stats_columns[] = {
    [STATS_EVIDENCE] = "evidence_id",
    [STATS_INTERFACE] = "interface_id",
    [STATS_TIME] = "time_ns",
    [STATS_VITALS + VITAL_RECEIVED] = "received",
    [STATS_VITALS + VITAL_BY_SOCKET] = "dropped_by_system",
    [STATS_VITALS + VITAL_BY_INTERFACE] = "dropped_by_interface",
    [STATS_VITALS + VITAL_BY_BACKLOG] = "dropped_by_backlog",
    [STATS_VITALS + VITAL_SHED] = "shed",
    [STATS_VITALS + VITAL_FREEZES] = "freezes",
    [STATS_DETAIL] = "detail",
    [STATS_MEMORY] = "memory",
};

/* The question for them: NULL in place of what the case lacks. */
static enum status stats_prepare(struct patient *p, sqlite3_stmt **row, struct error *err)
{
    bool has[STATS_COLUMNS] = {false};
    struct buffer sql;
    enum status status =
        reader_prepare(p->reader, row, "SELECT name FROM pragma_table_info('capture_stats')", err);

    if (status != STATUS_OK)
        return status;
    int rc;
    while ((rc = sqlite3_step(*row)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(*row, 0);
        for (int i = 0; name && i < STATS_COLUMNS; i++)
            has[i] = has[i] || strcmp(name, stats_columns[i]) == 0;
    }
    if (rc != SQLITE_DONE)
        status = failed(p, err);
    sqlite3_finalize(*row);
    *row = NULL;
    if (status != STATUS_OK)
        return status;
    buffer_init(&sql, 4096);
    bool room = buffer_reserve(&sql, 4096) != NULL; /* once: no part may be left out */
    buffer_add_text(&sql, "SELECT ");
    for (int i = 0; i < STATS_COLUMNS; i++)
        buffer_print(&sql, "%s%s", i ? ", " : "", has[i] ? stats_columns[i] : "NULL");
    status =
        room && buffer_print(&sql, " FROM capture_stats ORDER BY stat_id DESC LIMIT %d", STATS_ROWS)
            ? reader_prepare(p->reader, row, buffer_text(&sql), err)
            : error_no_memory(err, "no memory");
    buffer_release(&sql);
    return status;
}

static struct vitals_interface *interface_of(struct vitals *v, int64_t evidence_id,
                                             int64_t interface_id)
{
    for (int i = 0; i < v->interface_count; i++) {
        if (v->interfaces[i].evidence_id == evidence_id &&
            v->interfaces[i].interface_id == interface_id)
            return &v->interfaces[i];
    }
    if (v->interface_count == VITALS_INTERFACES)
        return NULL;
    struct vitals_interface *i = &v->interfaces[v->interface_count++];
    *i = (struct vitals_interface){
        .evidence_id = evidence_id, .interface_id = interface_id, .time_ns = INT64_MIN};
    return i;
}

/* One row, newer ones first: the first of an interface has its totals, and the last that is not older than the
 * last seconds what to take from them. */
static void take_stats(struct vitals_interface *to, sqlite3_stmt *row)
{
    int64_t time_ns = sqlite3_column_int64(row, STATS_TIME), gone_ns;
    bool first = to->time_ns == INT64_MIN;

    if (first)
        to->time_ns = time_ns;
    if (__builtin_sub_overflow(to->time_ns, time_ns, &gone_ns) || gone_ns < 0 ||
        gone_ns > (int64_t)VITALS_RECENT_S * 1000000000)
        return;
    to->recent_ns = gone_ns;
    for (int i = 0; i < VITAL_COUNT; i++) {
        int64_t value = sqlite3_column_int64(row, STATS_VITALS + i);
        if (first) {
            to->said[i] = sqlite3_column_type(row, STATS_VITALS + i) == SQLITE_INTEGER;
            to->total[i] = value;
        }
        if (!to->said[i] || __builtin_sub_overflow(to->total[i], value, &to->recent[i]) ||
            to->recent[i] < 0)
            to->recent[i] = 0; /* counted anew since */
    }
}

static enum status read_stats(struct patient *p, struct vitals *v, struct error *err)
{
    sqlite3_stmt *row;
    int rc;
    enum status status = stats_prepare(p, &row, err);

    if (status != STATUS_OK)
        return status;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(row, STATS_DETAIL);
        if (detail && !v->detail[0])
            snprintf(v->detail, sizeof v->detail, "%s", detail);
        if (v->memory_used < 0 && sqlite3_column_type(row, STATS_MEMORY) == SQLITE_INTEGER)
            v->memory_used = sqlite3_column_int64(row, STATS_MEMORY);
        if (sqlite3_column_type(row, STATS_VITALS + VITAL_RECEIVED) != SQLITE_INTEGER ||
            sqlite3_column_type(row, STATS_TIME) != SQLITE_INTEGER)
            continue;
        struct vitals_interface *i = interface_of(v, sqlite3_column_int64(row, STATS_EVIDENCE),
                                                  sqlite3_column_int64(row, STATS_INTERFACE));
        if (i)
            take_stats(i, row);
    }
    sqlite3_finalize(row);
    return rc == SQLITE_DONE ? STATUS_OK : failed(p, err);
}

/* What the interfaces are called: a live one is its evidence, one of a capture has a name there or none. */
static enum status read_names(struct patient *p, struct vitals *v, struct error *err)
{
    sqlite3_stmt *row;
    enum status status = reader_prepare(p->reader, &row,
                                        "SELECT coalesce((SELECT name FROM interfaces WHERE "
                                        "evidence_id = ?1 AND interface_id = ?2), source)"
                                        " FROM evidence WHERE evidence_id = ?1",
                                        err);

    for (int i = 0; status == STATUS_OK && i < v->interface_count; i++) {
        struct vitals_interface *to = &v->interfaces[i];
        sqlite3_bind_int64(row, 1, to->evidence_id);
        sqlite3_bind_int64(row, 2, to->interface_id);
        int rc = sqlite3_step(row);
        const char *name = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            status = failed(p, err);
        snprintf(to->name, sizeof to->name, "%s", name ? name : "?");
        sqlite3_reset(row);
        if (v->has_time && to->time_ns > v->last_ns)
            v->last_ns = to->time_ns;
    }
    sqlite3_finalize(row);
    return status;
}

/* While nothing comes there are no rows: what was lately is over then, by the clock of this machine, which is that
 * of a live capture. */
static void end_recent(struct vitals *v)
{
    enum { LATE_S = 3 }; /* that a row may come, and be seen */
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; v->state == VITALS_WRITTEN && i < v->interface_count; i++) {
        struct vitals_interface *of = &v->interfaces[i];
        if (of->time_ns / 1000000000 + VITALS_RECENT_S + LATE_S >= (int64_t)now.tv_sec)
            continue;
        memset(of->recent, 0, sizeof of->recent);
        of->recent_ns = (int64_t)VITALS_RECENT_S * 1000000000;
    }
}

static int by_name(const void *a, const void *b)
{
    const struct vitals_interface *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->evidence_id > y->evidence_id) - (x->evidence_id < y->evidence_id);
}

enum status patient_read(struct patient *p, struct vitals *v, struct error *err)
{
    patient_rest(p);
    *v = (struct vitals){.memory_budget = -1, .memory_used = -1, .newest_first_id = 1};
    enum status status = open_newest(p, v, err);
    if (status == STATUS_OK)
        status = read_sums(p, v, err);
    if (status == STATUS_OK)
        status = read_state(p, v, err);
    if (status == STATUS_OK)
        status = read_budget(p, v, err);
    if (status == STATUS_OK)
        status = read_stats(p, v, err);
    if (status == STATUS_OK)
        status = read_names(p, v, err);
    end_recent(v);
    if (status == STATUS_OK)
        qsort(v->interfaces, (size_t)v->interface_count, sizeof v->interfaces[0], by_name);
    else
        patient_rest(p);
    return status;
}

int64_t vitals_lost(const struct vitals *v, bool recent)
{
    uint64_t lost = 0; /* hostile counters may pass the end, and that is no matter */
    for (int i = 0; i < v->interface_count; i++) {
        const int64_t *counts = recent ? v->interfaces[i].recent : v->interfaces[i].total;
        lost += (uint64_t)counts[VITAL_BY_SOCKET] + (uint64_t)counts[VITAL_BY_INTERFACE];
    }
    /* the backlog is that of the machine: each interface tells the same */
    int64_t backlog = 0;
    for (int i = 0; i < v->interface_count; i++) {
        int64_t of_this =
            (recent ? v->interfaces[i].recent : v->interfaces[i].total)[VITAL_BY_BACKLOG];
        backlog = of_this > backlog ? of_this : backlog;
    }
    lost += (uint64_t)backlog;
    return lost > INT64_MAX ? INT64_MAX : (int64_t)lost;
}

double vitals_rate(const struct vitals *v)
{
    double rate = -1;
    for (int i = 0; i < v->interface_count; i++) {
        const struct vitals_interface *of = &v->interfaces[i];
        if (of->recent_ns > 0 && v->state == VITALS_WRITTEN)
            rate = (rate < 0 ? 0 : rate) +
                   (double)of->recent[VITAL_RECEIVED] * 1e9 / (double)of->recent_ns;
    }
    return rate;
}
