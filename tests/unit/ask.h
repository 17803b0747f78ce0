/* ask.h - questions in SQL and their answers, for tests. */
#ifndef SEINE_TESTS_ASK_H
#define SEINE_TESTS_ASK_H

#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* The answer to `sql`, values with | between, rows with a space; its message after a "!". */
static inline void ask(char *to, size_t room, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *row;
    size_t len = 0;
    int rc;

    to[0] = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK) {
        snprintf(to, room, "!%s", sqlite3_errmsg(db));
        return;
    }
    while ((rc = sqlite3_step(row)) == SQLITE_ROW && len < room / 2) {
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            const char *text = (const char *)sqlite3_column_text(row, i);
            len += (size_t)snprintf(to + len, room - len, "%s%s",
                                    i     ? "|"
                                    : len ? " "
                                          : "",
                                    text ? text : "-");
        }
    }
    if (rc != SQLITE_DONE)
        snprintf(to + len, room - len, "!%s", sqlite3_errmsg(db));
    sqlite3_finalize(row);
}

static inline void check(sqlite3 *db, const char *sql, const char *expected)
{
    char answer[2000];
    ask(answer, sizeof answer, db, sql);
    CU_ASSERT_STRING_EQUAL(answer, expected);
    if (strcmp(answer, expected) != 0)
        fprintf(stderr, "\n    %s\n    is    %s\n    not   %s\n", sql, answer, expected);
}

static inline void check_holds(sqlite3 *db, const char *sql, const char *words)
{
    char answer[2000];
    ask(answer, sizeof answer, db, sql);
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, words));
    if (!strstr(answer, words))
        fprintf(stderr, "\n    %s\n    is    %s\n    without %s\n", sql, answer, words);
}

#endif
