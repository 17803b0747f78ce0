/* verify_rebuilt.c - every row of a case proved: the captures are ingested anew, and give the same rows.
 *
 *     evidence ──► the runs of the case once more ──► a case in TMPDIR ┐ verify_rows.c
 *     the case that is verified ───────────────────────────────────────┘
 *
 * Equal input and options give equal rows. So whatever the case says that its captures do not is found,
 * even by one who has the seal computed again. Only what the captures cannot know is taken from the
 * case: where they lay (`source`), which run read them, and which had no fingerprint, since they came
 * through a pipe. */
#include "pipeline/rebuilding.h"

#include "pipeline/ingest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One run of the case, as it is to be repeated. Texts are owned, but for the captures'. */
struct recipe {
    size_t first, count; /* which rows of evidence */
    const char **captures;
    char *filter, *fragment_policy, *key;
    char **policies;
    size_t policy_count;
    bool merge, no_hash, reference;
    int64_t memory;
};

bool rebuilt_is_stopped(const struct rebuilding *b)
{
    const struct verify_options *options = b->v->options;
    return options->stop && *options->stop;
}

void rebuilt_differs(struct rebuilding *b, const char *format, ...)
{
    char what[640];
    va_list args;

    b->differs = true;
    if (b->scratch && sqlite3_errcode(b->scratch) == SQLITE_NOMEM)
        b->v->no_memory = true;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (b->version[0])
        verification_say(b->v, PROOF_NOT_POSSIBLE,
                         "rebuilt: %s; but the case was made by seine %s, and this is seine %s",
                         what, b->version, b->v->options->version);
    else
        verification_say(b->v, PROOF_FAILS, "rebuilt: %s", what);
}

/* The same of a run whose options make no sense. */
static void say_why(struct rebuilding *b, uint32_t evidence_id, const char *of,
                    const struct error *why)
{
    verification_note(b->v, why);
    rebuilt_differs(b, "evidence %" PRIu32 ": %s%s", evidence_id, of, why->text);
}

/* ---- which runs ---- */

/* Whether all evidence is there, as it was; says what is not. */
static bool has_all_evidence(struct verification *v)
{
    if (v->row_count == 0)
        verification_say(v, PROOF_FAILS, "rebuilt: the case has no evidence");
    for (size_t i = 0; i < v->row_count; i++) {
        const struct evidence_row *row = &v->rows[i];
        const char *status = reader_evidence_status(v->reader, row->status);
        const char *why = NULL;
        if (v->exhibits[i].place.found == FOUND_NOT)
            why = "is not there";
        else if (!v->exhibits[i].same)
            why = "has changed";
        else if (strcmp(status, "open") == 0 || strcmp(status, "interrupted") == 0)
            why = "was not read to its end";
        if (!why)
            continue;
        verification_say(v, PROOF_NOT_POSSIBLE, "rebuilt: evidence %" PRIu32 " %s",
                         row->evidence_id, why);
        return false;
    }
    return v->row_count > 0;
}

static void recipe_release(struct recipe *r)
{
    for (size_t i = 0; i < r->policy_count; i++)
        free(r->policies[i]);
    free(r->policies);
    free(r->captures);
    free(r->filter);
    free(r->fragment_policy);
    free(r->key);
}

static bool add_policy(struct recipe *r, const char *policy)
{
    char **more = realloc(r->policies, (r->policy_count + 1) * sizeof *more);
    if (!more)
        return false;
    r->policies = more;
    r->policies[r->policy_count] = strdup(policy);
    return r->policies[r->policy_count++] != NULL;
}

/* Takes one option of a run. False with a sentence in `why` when there is no such option. */
static bool take_option(struct recipe *r, const char *key, const char *index, const char *type,
                        const char *value, struct error *why)
{
    bool is_text = strcmp(type, "text") == 0, taken = true;

    if (strcmp(key, "filter") == 0 && is_text && !r->filter) {
        r->filter = strdup(value);
        taken = r->filter != NULL;
    } else if (strcmp(key, "frag_policy") == 0 && is_text && !r->fragment_policy) {
        r->fragment_policy = strdup(value);
        taken = r->fragment_policy != NULL;
    } else if (strcmp(key, "key") == 0 && is_text && !r->key) {
        r->key = strdup(value);
        taken = r->key != NULL;
    } else if (strcmp(key, "policy") == 0 && is_text && index[0]) {
        taken = add_policy(r, value);
    } else if (strcmp(key, "merge") == 0 && strcmp(type, "true") == 0) {
        r->merge = true;
    } else if (strcmp(key, "payload") == 0 && is_text && strcmp(value, "reference") == 0) {
        r->reference = true;
    } else {
        error_set(why, "its option '%.60s' is not known here", key);
        return false;
    }
    if (!taken)
        error_no_memory(why, "no memory");
    return taken;
}

/* Reads JSON such as {"filter":"tcp","policy":["bsd"],"merge":true}. In a database of its own, in which
 * nothing of the case stands for json_each(). */
static bool take_options(struct verification *v, struct recipe *r, const char *json,
                         struct error *why)
{
    static const char sql[] =
        "SELECT o.key, coalesce(p.key, ''), coalesce(p.type, o.type), coalesce(p.value, o.value, "
        "'')"
        " FROM json_each(?1) AS o LEFT JOIN"
        " json_each(CASE o.type WHEN 'array' THEN o.value ELSE '[]' END) AS p";
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    int step = SQLITE_ERROR;
    bool taken = true;

    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
            SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK) {
        sqlite3_bind_text(s, 1, json, -1, SQLITE_STATIC);
        while (taken && (step = sqlite3_step(s)) == SQLITE_ROW)
            taken = take_option(r, verification_text(v, s, 0), verification_text(v, s, 1),
                                verification_text(v, s, 2), verification_text(v, s, 3), why);
    }
    if (taken && step != SQLITE_DONE) {
        v->no_memory = v->no_memory || !db || sqlite3_errcode(db) == SQLITE_NOMEM;
        error_set(why, "its options make no sense: %s", sqlite3_errmsg(db));
        taken = false;
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return taken;
}

/* What the rows of evidence from `first` on say of their run: those up to the next run. */
static enum status read_evidence(struct rebuilding *b, struct recipe *r, char **options,
                                 int64_t *run_id, bool *alike)
{
    sqlite3_stmt *s;
    int64_t first_id = b->v->rows[r->first].evidence_id;
    enum status status =
        reader_prepare(b->v->reader, &s,
                       "SELECT run_id, options FROM main.evidence WHERE evidence_id >= ?1 "
                       "ORDER BY evidence_id",
                       b->v->err);
    int step = SQLITE_DONE;

    *options = NULL;
    *alike = true;
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(s, 1, first_id);
    while (r->first + r->count < b->v->row_count && (step = sqlite3_step(s)) == SQLITE_ROW) {
        if (r->count == 0) {
            *run_id = sqlite3_column_int64(s, 0);
            *options = strdup(verification_text(b->v, s, 1));
            b->v->no_memory = b->v->no_memory || !*options;
        } else if (sqlite3_column_int64(s, 0) != *run_id) {
            break;
        }
        *alike = *alike && *options && strcmp(*options, verification_text(b->v, s, 1)) == 0;
        size_t i = r->first + r->count++;
        r->captures[r->count - 1] = b->v->exhibits[i].place.path;
        r->no_hash = r->no_hash && !b->v->rows[i].sha256[0];
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        status = verification_fault(b->v);
    sqlite3_finalize(s);
    return status;
}

static enum status read_run(struct rebuilding *b, struct recipe *r, int64_t run_id, bool *found)
{
    const char *mine = b->v->options->version;
    sqlite3_stmt *s;
    enum status status = reader_prepare(
        b->v->reader, &s, "SELECT memory, version FROM main.runs WHERE run_id = ?1", b->v->err);

    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(s, 1, run_id);
    int step = sqlite3_step(s);
    *found = step == SQLITE_ROW;
    if (*found) {
        r->memory = sqlite3_column_int64(s, 0);
        if (mine && strcmp(mine, verification_text(b->v, s, 1)) != 0)
            snprintf(b->version, sizeof b->version, "%s", verification_text(b->v, s, 1));
    } else if (step != SQLITE_DONE) {
        status = verification_fault(b->v);
    }
    sqlite3_finalize(s);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether a file is twice among those of a run: no ingest takes it a second time. */
static bool has_twins(struct verification *v, const struct recipe *r)
{
    const char **sorted = malloc(r->count * sizeof *sorted);
    bool twins = false;

    v->no_memory = v->no_memory || !sorted;
    if (!sorted)
        return false;
    memcpy(sorted, r->captures, r->count * sizeof *sorted);
    qsort(sorted, r->count, sizeof *sorted, by_path);
    for (size_t i = 1; i < r->count && !twins; i++)
        twins = strcmp(sorted[i - 1], sorted[i]) == 0;
    free(sorted);
    return twins;
}

static int64_t memory_there(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), len = sysconf(_SC_PAGESIZE);
    return pages > 0 && len > 0 ? (int64_t)pages * len : INT64_MAX;
}

/* Finds out how the run that begins with the evidence at `first` was made. *possible is false after a
 * proof that fails, or is not possible. */
static enum status read_recipe(struct rebuilding *b, struct recipe *r, size_t first, bool *possible)
{
    struct verification *v = b->v;
    struct error why = {0};
    char *options = NULL;
    int64_t run_id = 0;
    bool alike = true, has_run = false;

    *possible = false;
    *r = (struct recipe){.first = first, .no_hash = true};
    r->captures = calloc(v->row_count, sizeof *r->captures);
    if (!r->captures)
        return error_no_memory(v->err, "no memory");
    enum status status = read_evidence(b, r, &options, &run_id, &alike);
    if (status == STATUS_OK)
        status = read_run(b, r, run_id, &has_run);
    if (status == STATUS_OK) {
        uint32_t id = v->rows[first].evidence_id;
        if (r->count == 0)
            verification_say(v, PROOF_FAILS, "rebuilt: evidence %" PRIu32 ": its id makes no sense",
                             id);
        else if (!has_run || !alike)
            verification_say(v, PROOF_FAILS, "rebuilt: evidence %" PRIu32 ": %s", id,
                             has_run ? "it has other options than the others of its run"
                                     : "the run that read it is not there");
        else if (has_twins(v, r))
            rebuilt_differs(b, "evidence %" PRIu32 ": its run read a file twice", id);
        else if (!options)
            status = error_no_memory(v->err, "no memory");
        else if (!take_options(v, r, options, &why))
            say_why(b, id, "", &why);
        else if (r->memory < INGEST_MEMORY_LEAST || r->memory > memory_there())
            verification_say(v, PROOF_NOT_POSSIBLE,
                             "rebuilt: evidence %" PRIu32 " was read with a budget of %" PRId64
                             " bytes, which cannot be had here",
                             id, r->memory);
        else
            *possible = true;
    }
    free(options);
    return status;
}

/* ---- the case built anew ---- */

static enum status repeat(struct rebuilding *b, const struct recipe *r, bool *possible)
{
    struct verification *v = b->v;
    struct ingest_result result;
    struct error why = {0};
    struct ingest_options options = {
        .case_path = b->path,
        .captures = r->captures,
        .capture_count = r->count,
        .filter = r->filter,
        .merge = r->merge,
        .policies = (const char *const *)r->policies,
        .policy_count = r->policy_count,
        .fragment_policy = r->fragment_policy,
        .key = r->key,
        .reference = r->reference,
        .no_hash = r->no_hash,
        .memory = (size_t)r->memory,
        .version = v->options->version,
        .in_order = true,
        .page_size = b->page_size,
        .stop = v->options->stop,
    };

    *possible = false;
    if (ingest_check(&options, &why) != STATUS_OK) {
        say_why(b, v->rows[r->first].evidence_id, "its options: ", &why);
        return STATUS_OK;
    }
    *possible = ingest(&result, &options, &why) == STATUS_OK;
    if (*possible)
        return STATUS_OK;
    if (rebuilt_is_stopped(b))
        return error_set(v->err, "interrupted");
    verification_note(v, &why);
    verification_say(v, PROOF_NOT_POSSIBLE, "rebuilt: %s", why.text);
    return STATUS_OK;
}

static enum status repeat_runs(struct rebuilding *b, bool *possible)
{
    enum status status = STATUS_OK;

    *possible = true;
    for (size_t first = 0; first < b->v->row_count && *possible && status == STATUS_OK;) {
        struct recipe recipe;
        status = read_recipe(b, &recipe, first, possible);
        if (status == STATUS_OK && *possible)
            status = repeat(b, &recipe, possible);
        first += recipe.count > 0 ? recipe.count : b->v->row_count;
        recipe_release(&recipe);
    }
    return status;
}

/* What the captures cannot know is as the case has it. */
static bool take_names(struct rebuilding *b, size_t i)
{
    static const char *const sql[] = {
        "UPDATE evidence SET run_id = ?2, source = ?3,"
        " fingerprint = CASE WHEN ?4 THEN fingerprint END WHERE evidence_id = ?1",
        "UPDATE oddities SET detail = replace(detail, ?5, ?6)"
        " WHERE evidence_id = ?1 AND kind = 'capture_damaged'",
    };
    struct verification *v = b->v;
    const struct evidence_row *row = &v->rows[i];
    const char *name = strcmp(row->source, "-") == 0 ? "standard input" : row->source;
    sqlite3_stmt *run = NULL;
    bool done =
        reader_prepare(v->reader, &run, "SELECT run_id FROM main.evidence WHERE evidence_id = ?1",
                       NULL) == STATUS_OK;

    if (done)
        sqlite3_bind_int64(run, 1, row->evidence_id);
    done = done && sqlite3_step(run) == SQLITE_ROW;
    for (size_t k = 0; k < sizeof sql / sizeof sql[0] && done; k++) {
        sqlite3_stmt *s;
        if (sqlite3_prepare_v2(b->scratch, sql[k], -1, &s, NULL) != SQLITE_OK)
            return false;
        sqlite3_bind_int64(s, 1, row->evidence_id); /* those beyond the statement's are ignored */
        sqlite3_bind_int64(s, 2, sqlite3_column_int64(run, 0));
        sqlite3_bind_text(s, 3, row->source, -1, SQLITE_STATIC);
        sqlite3_bind_int(s, 4, row->fingerprint[0] != 0);
        sqlite3_bind_text(s, 5, v->exhibits[i].place.path, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 6, name, -1, SQLITE_STATIC);
        done = sqlite3_step(s) == SQLITE_DONE;
        sqlite3_finalize(s);
    }
    sqlite3_finalize(run);
    return done;
}

static enum status open_scratch(struct rebuilding *b)
{
    bool done =
        sqlite3_open_v2(b->path, &b->scratch, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
            SQLITE_OK &&
        sqlite3_exec(b->scratch, "PRAGMA journal_mode = MEMORY", NULL, NULL, NULL) == SQLITE_OK;

    unlink(b->path); /* whatever happens from here on, nothing stays */
    for (size_t i = 0; i < b->v->row_count && done; i++)
        done = take_names(b, i);
    return done ? STATUS_OK
                : error_set(b->v->err, "the case that was built anew: %s",
                            b->scratch ? sqlite3_errmsg(b->scratch) : "no memory");
}

/* How many frames a case says there was no memory for; -1 when it cannot be read. */
static int64_t count_unkept(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    int64_t count = -1;

    if (sqlite3_prepare_v2(db, "SELECT total(count) FROM main.oddities WHERE kind = 'no_memory'",
                           -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        count = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return count;
}

/* ---- all of it ---- */

/* A folder of our own for a case that nobody else sees. */
static enum status make_folder(struct rebuilding *b)
{
    const char *place = getenv("TMPDIR");
    sqlite3_stmt *s;

    if (!place || !*place)
        place = "/tmp";
    if ((size_t)snprintf(b->folder, sizeof b->folder, "%s/seine-XXXXXX", place) >=
            sizeof b->folder ||
        !mkdtemp(b->folder))
        b->folder[0] = 0;
    snprintf(b->path, sizeof b->path, "%s/case", b->folder);
    enum status status = reader_prepare(b->v->reader, &s, "PRAGMA main.page_size", b->v->err);
    if (status == STATUS_OK && sqlite3_step(s) == SQLITE_ROW)
        b->page_size = (uint32_t)sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return status;
}

/* What was captured is judged as it came: by the clock, by what lived in the slice before, by how much could be
 * written. An ingest of its frames is another run. */
static bool is_live(const struct verification *v)
{
    sqlite3_stmt *s = NULL;
    bool is = sqlite3_prepare_v2(reader_db(v->reader), "SELECT 1 FROM evidence WHERE kind = 'live'",
                                 -1, &s, NULL) == SQLITE_OK &&
              sqlite3_step(s) == SQLITE_ROW;
    sqlite3_finalize(s);
    return is;
}

enum status verify_rebuilt(struct verification *v)
{
    bool possible = true;

    if (!has_all_evidence(v))
        return STATUS_OK;
    if (is_live(v)) {
        verification_say(v, PROOF_NOT_POSSIBLE,
                         "rebuilt: a live run cannot be repeated: its streams are proved one by "
                         "one");
        return STATUS_OK;
    }
    struct rebuilding *b = calloc(1, sizeof *b);
    if (!b)
        return error_no_memory(v->err, "no memory");
    b->v = v;
    enum status status = make_folder(b);
    if (status == STATUS_OK && !b->folder[0]) {
        verification_say(v, PROOF_NOT_POSSIBLE, "rebuilt: no folder can be made in TMPDIR for it");
        possible = false;
    }
    if (status == STATUS_OK && possible && v->options->rebuild)
        v->options->rebuild(v->options->context);
    if (status == STATUS_OK && possible)
        status = repeat_runs(b, &possible);
    if (status == STATUS_OK && possible)
        status = open_scratch(b);
    if (status == STATUS_OK && possible)
        status = rebuilt_compare(b);
    if (b->differs && b->scratch && count_unkept(b->scratch) != count_unkept(reader_db(v->reader)))
        v->no_memory = true; /* the machine has less than when the case was made */
    v->rebuilt = status == STATUS_OK && possible && !b->differs;
    if (v->rebuilt)
        verification_say(v, PROOF_HOLDS,
                         "rebuilt: the captures, ingested anew, give its %" PRIu64 " rows",
                         b->rows);
    sqlite3_close(b->scratch);
    if (b->folder[0]) {
        unlink(b->path);
        rmdir(b->folder);
    }
    free(b);
    return status;
}
