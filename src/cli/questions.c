/* questions.c - reads the heads and conditions of the built-in questions. */
#include "cli/questions.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *question_summary(const struct question *q, size_t *len)
{
    size_t head = strlen("-- ") + strlen(q->name) + strlen(": ");

    assert(strlen(q->text) > head);
    *len = strcspn(q->text + head, "\n");
    return q->text + head;
}

bool question_reads_evidence(const struct question *q)
{
    return strstr(q->text, " -- if reference\n") != NULL;
}

enum parameter_use question_parameter(const struct question *q, const char *name, char *value,
                                      size_t value_len)
{
    char head[64];

    assert(value_len > 0);
    value[0] = 0;
    int head_len = snprintf(head, sizeof head, "\n-- --%s ", name);
    const char *at = strstr(q->text, head);
    if (!at)
        return PARAMETER_NONE;
    at += head_len;
    at += strcspn(at, " :\n"); /* its kind */
    if (strncmp(at, " needed", strlen(" needed")) == 0)
        return PARAMETER_NEEDED;
    if (strncmp(at, " = ", 3) == 0)
        snprintf(value, value_len, "%.*s", (int)strcspn(at + 3, ":\n"), at + 3);
    return PARAMETER_FREE;
}

static bool is_given(const char *word, size_t len, const char *const *given)
{
    for (; *given; given++) {
        if (strlen(*given) == len && memcmp(*given, word, len) == 0)
            return true;
    }
    return false;
}

/* The condition at the end of a line, or NULL. */
static const char *condition_find(const char *line, size_t len)
{
    static const char mark[] = " -- if ";
    const char *found = strstr(line, mark);

    return found && found < line + len ? found : NULL;
}

bool question_sql(struct buffer *to, const struct question *q, const char *const *given)
{
    for (const char *line = q->text; *line;) {
        size_t len = strcspn(line, "\n");
        const char *condition = condition_find(line, len);
        const char *word = condition ? condition + strlen(" -- if ") : NULL;
        bool kept = !condition || is_given(word, (size_t)(line + len - word), given);
        if (kept && (!buffer_add(to, line, condition ? (size_t)(condition - line) : len) ||
                     !buffer_add_byte(to, '\n')))
            return false;
        line += len + (line[len] == '\n');
    }
    return true;
}
