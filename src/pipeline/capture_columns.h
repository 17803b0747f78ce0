/* capture_columns.h - a frame and its headers, as columns of the table capture(). */
#ifndef SEINE_PIPELINE_CAPTURE_COLUMNS_H
#define SEINE_PIPELINE_CAPTURE_COLUMNS_H

#include "capture/frame.h"
#include "dissect/packet.h"
#include "store/sqlite.h"

#include <stdbool.h>

/* The frame at hand. It is dissected when a column of a header is asked for, and so only then. */
struct capture_row {
    struct frame frame;
    bool dissected; /* the two below are those of the frame */
    enum verdict verdict;
    struct packet packet;
};

/* The words by which the table is declared. */
extern const char capture_declaration[];

/* Some of its columns, by their places there. */
enum { CAPTURE_FRAME, CAPTURE_TIME_NS, CAPTURE_FILE = 46 };

/* The value of any of its columns but the hidden `file`. */
void capture_row_column(struct capture_row *row, sqlite3_context *context, int column);

#endif
