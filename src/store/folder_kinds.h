/* folder_kinds.h - what the tables of many cases are made of: columns, their roles, and how ids are shown.
 *
 * Not written down anywhere: schema.sql is run once in an empty database, and what SQLite then says of its tables,
 * columns and indexes is taken. Only the role of a column goes by its name: it says which slices may have a value, and
 * what is added to it where ids are shifted. */
#ifndef SEINE_STORE_FOLDER_KINDS_H
#define SEINE_STORE_FOLDER_KINDS_H

#include "base/buffer.h"
#include "store/folder.h"

/* Columns of a table are bits of 64, of which SQLite keeps the last for "and all others". */
enum { COLUMNS_MAX = 62 };

enum role {
    ROLE_PLAIN,
    ROLE_FLOW,           /* says which slice */
    ROLE_STREAM,         /* likewise */
    ROLE_EVIDENCE,       /* likewise */
    ROLE_TIME,           /* likewise */
    ROLE_SLICE,          /* the number of the slice; no column of it */
    ROLE_OTHER_FLOW,     /* shifted as flow_id is, and says nothing of the slice */
    ROLE_OTHER_EVIDENCE, /* likewise */
    ROLE_LOOSE,  /* an id that slices may have in common: shown with the slice's block in front */
    ROLE_STATUS, /* of evidence: "interrupted" where nobody writes any more */
};

struct column {
    char *name;
    enum role role;
    char type;    /* of the values: 'i', 't' or 'b' */
    bool indexed; /* the first of an index, so that a slice finds an equal value without a scan */
    bool key;     /* of the primary key */
    bool hidden;
};

/* One table of all slices. */
struct kind {
    char *name;                             /* in the slices */
    char *shown;                            /* here */
    unsigned key;                           /* for open_slice_columns() */
    struct column columns[COLUMNS_MAX + 1]; /* the last is `slice` */
    const char *names[COLUMNS_MAX];         /* of those that slices have */
    int count;                              /* likewise */
    int rowid;    /* the column that is the rowid of a slice's table; -1: there is none such */
    bool decoded; /* segments, frames and stream_bytes, which are in no file */
    bool
        called; /* stream_bytes: its hidden columns are arguments, of which the stream must be there */
    bool
        streams; /* its flow_id says what its stream_id is, which is indexed: 2 * flow_id, or 1 more */
};

struct kinds {
    struct kind *kinds; /* owned */
    size_t count;
};

/* All tables of `model`, a database with the schema of a case, and those that are decoded, which are registered
 * there. Ended by kinds_release() also when it fails. */
enum status kinds_read(struct kinds *kinds, sqlite3 *model, struct error *err);
void kinds_release(struct kinds *kinds); /* zeros are allowed */

/* Puts the words by which a virtual table is declared into an empty buffer; false for want of memory. */
bool kind_declaration(struct buffer *to, const struct kind *kind);

/* What is added to a slice's own value to have the one that is shown. */
int64_t role_shift(const struct slice *slice, enum role role);

/* An id as it is shown: of ROLE_LOOSE, one that slices may have in common, or any other. */
int64_t role_shown(const struct slice *slice, enum role role, int64_t id);

#endif
