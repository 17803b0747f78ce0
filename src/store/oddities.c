/* oddities.c - what is odd, counted by flow and kind until the flow ends.
 *
 * A count is a small buffer; a flow has at most ODDITY_COUNT of them. When memory runs out they
 * become rows early, and what comes later is added to the row that is there. */
#include "store/text.h"
#include "store/writer.h"

#include <string.h>

enum { TEXT_MAX = 256 - 1 }; /* bytes of a first sentence that are kept */

/* The sentence as valid UTF-8, in a buffer of its own; NULL for none. */
static void keep_text(struct store *s, struct oddity_count *count, const char *text)
{
    if (!text)
        return;
    buffer_clear(&s->text);
    utf8_add(&s->text, span_of(text, strlen(text)));
    const char *clean = buffer_text(&s->text);
    size_t len = s->text.len;
    if (len > TEXT_MAX) {
        len = TEXT_MAX;
        while (len > 0 && ((unsigned char)clean[len] & 0xc0) == 0x80) /* not inside a character */
            len--;
    }
    unsigned size_class = memory_class(len + 1);
    count->text = keep_room(s, size_class);
    if (!count->text)
        return;
    count->text_class = (uint8_t)size_class;
    memcpy(count->text, clean, len);
    count->text[len] = 0;
}

void oddities_add(struct store *s, struct oddity_count **list, uint32_t evidence_id, uint64_t frame,
                  enum oddity kind, const char *text)
{
    bool by_evidence = list == &s->oddities;
    struct oddity_count *count;

    count = by_evidence ? s->recent_oddities[kind] : NULL;
    if (!count || count->evidence_id != evidence_id) {
        while ((count = *list) != NULL) {
            if (count->kind == kind && (!by_evidence || count->evidence_id == evidence_id))
                break;
            list = &count->next;
        }
    }
    if (!count) {
        count = keep_room(s, memory_class(sizeof *count));
        if (!count)
            return;
        *count = (struct oddity_count){
            .first = frame, .evidence_id = evidence_id, .kind = (uint8_t)kind};
        *list = count;
        keep_text(s, count, text);
    }
    if (by_evidence)
        s->recent_oddities[kind] = count;
    count->last = frame ? frame : count->last;
    count->count++;
}

/* Adds to the row that is there; false when there is none. */
static bool add_to_row(struct store *s, int64_t flow_id, const struct oddity_count *count)
{
    if (!s->oddities_indexed) /* indexes.sql has the same for the end */
        insert_run(&s->insert, "CREATE INDEX IF NOT EXISTS oddities_flow ON oddities (flow_id)");
    s->oddities_indexed = true;
    struct row *row = insert_begin(&s->insert, UPDATE_ODDITY);
    put_int(row, 1, flow_id);
    put_text(row, 2, oddity_name(count->kind));
    if (count->last)
        put_count(row, 3, count->last);
    else
        put_null(row, 3);
    put_count(row, 4, count->count);
    insert_end(&s->insert, row);
    return row && sqlite3_changes(s->file.db) > 0;
}

static void write_row(struct store *s, int64_t flow_id, const struct oddity_count *count)
{
    struct row *row = insert_begin(&s->insert, INSERT_ODDITY);
    put_int(row, 1, count->evidence_id);
    if (flow_id)
        put_int(row, 2, flow_id);
    else
        put_null(row, 2);
    put_text(row, 3, oddity_name(count->kind));
    if (count->last) {
        put_count(row, 4, count->first ? count->first : count->last);
        put_count(row, 5, count->last);
    } else {
        put_null(row, 4);
        put_null(row, 5);
    }
    put_count(row, 6, count->count);
    put_text(row, 7, count->text);
    insert_end(&s->insert, row);
}

void oddities_drop(struct store *s, struct oddity_count **list)
{
    while (*list) {
        struct oddity_count *count = *list;
        *list = count->next;
        memory_give(&s->memory, count->text, count->text_class);
        memory_give(&s->memory, count, memory_class(sizeof *count));
    }
}

void oddities_write(struct store *s, struct kept_flow *k)
{
    if (!k->oddities)
        return;
    int64_t flow_id = keep_flow_id(s, k);
    for (const struct oddity_count *count = k->oddities; count; count = count->next)
        if (!k->oddities_told || !add_to_row(s, flow_id, count))
            write_row(s, flow_id, count);
    k->oddities_told = true;
    oddities_drop(s, &k->oddities);
}

void oddities_write_evidence(struct store *s)
{
    for (const struct oddity_count *count = s->oddities; count; count = count->next)
        write_row(s, 0, count);
    oddities_drop(s, &s->oddities);
    memset(s->recent_oddities, 0, sizeof s->recent_oddities);
}
