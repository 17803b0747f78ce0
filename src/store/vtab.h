/* vtab.h - what the virtual tables of seine have in common. */
#ifndef SEINE_STORE_VTAB_H
#define SEINE_STORE_VTAB_H

#include "base/error.h"
#include "store/sqlite.h"

/* Fails with a sentence. */
static inline int vtab_fail(sqlite3_vtab *vtab, const struct error *err)
{
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = sqlite3_mprintf("%s", err->text);
    return SQLITE_ERROR;
}

enum { VTAB_NONE = -1, VTAB_UNUSABLE = -2 };

/* Which constraint says what the argument in hidden column `column` is. VTAB_UNUSABLE where there is one, but not
 * for this plan: another is needed. */
static inline int vtab_argument(const sqlite3_index_info *info, int column)
{
    int found = VTAB_NONE;

    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].iColumn != column ||
            info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (!info->aConstraint[i].usable)
            return VTAB_UNUSABLE;
        found = i;
    }
    return found;
}

/* It becomes the value `place` of xFilter, counted from 1. An argument says what is asked for, and is nothing
 * to compare rows with: so that a NULL may stand for what is not said. */
static inline void vtab_take(sqlite3_index_info *info, int constraint, int place)
{
    info->aConstraintUsage[constraint].argvIndex = place;
    info->aConstraintUsage[constraint].omit = 1;
}

/* A plan without an argument that must be there: the last one that SQLite would take, as for a part of an OR,
 * where it leaves out what holds for all of it. Whoever is asked for rows by it says what is needed. */
static inline int vtab_needs_more(sqlite3_index_info *info)
{
    info->idxNum = VTAB_NONE;
    info->estimatedCost = 1e99;
    info->estimatedRows = 1000000000;
    return SQLITE_OK;
}

#endif
