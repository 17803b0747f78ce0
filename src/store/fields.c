/* fields.c - finds the SELECT behind a name in views.sql. */
#include "store/fields.h"

#include "store/schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool fields_select(struct buffer *to, const char *view)
{
    char head[80];
    int len = snprintf(head, sizeof head, "\nCREATE VIEW %s AS\n", view);
    const char *from = strstr(views_sql, head);

    assert(from && len < (int)sizeof head);
    from += len;
    const char *end = strstr(from, ";\n");
    assert(end);
    return buffer_add(to, from, (size_t)(end - from));
}
