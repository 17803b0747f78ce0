/* option_text.c - options as JSON. */
#include "pipeline/option_text.h"

#include <string.h>

enum { TEXT_MOST = 1 << 20 };

static void add_text(struct option_text *o, const char *text)
{
    o->failed = o->failed || !buffer_add_text(&o->text, text);
}

/* A string, quotes and all. */
static void add_string(struct option_text *o, const char *value)
{
    bool done = buffer_add_text(&o->text, "\"");
    for (const char *c = value; *c && done; c++) {
        if (*c == '"' || *c == '\\')
            done = buffer_print(&o->text, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            done = buffer_print(&o->text, "\\u%04x", (unsigned)*c);
        else
            done = buffer_add_byte(&o->text, (uint8_t)*c);
    }
    o->failed = o->failed || !done || !buffer_add_text(&o->text, "\"");
}

static void add_name(struct option_text *o, const char *name)
{
    if (o->has_some)
        add_text(o, ",");
    o->has_some = true;
    add_string(o, name);
    add_text(o, ":");
}

void option_text_begin(struct option_text *o)
{
    *o = (struct option_text){.has_some = false};
    buffer_init(&o->text, TEXT_MOST);
    add_text(o, "{");
}

void option_text_add(struct option_text *o, const char *name, const char *value)
{
    if (!value)
        return;
    add_name(o, name);
    add_string(o, value);
}

void option_text_add_list(struct option_text *o, const char *name, const char *const *values,
                          size_t count)
{
    if (count == 0)
        return;
    add_name(o, name);
    for (size_t i = 0; i < count; i++) {
        add_text(o, i == 0 ? "[" : ",");
        add_string(o, values[i]);
    }
    add_text(o, "]");
}

void option_text_add_number(struct option_text *o, const char *name, unsigned long long value)
{
    add_name(o, name);
    o->failed = o->failed || !buffer_print(&o->text, "%llu", value);
}

void option_text_add_flag(struct option_text *o, const char *name, bool set)
{
    if (!set)
        return;
    add_name(o, name);
    add_text(o, "true");
}

char *option_text_end(struct option_text *o)
{
    add_text(o, "}");
    char *copy = o->failed ? NULL : strdup(buffer_text(&o->text));
    buffer_release(&o->text);
    return copy;
}
