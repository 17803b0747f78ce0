/* option_text.h - the options that change rows, as the JSON that stands in evidence.options:
 * {"filter":"tcp","policy":["bsd","10.0.0.0/8=linux"]}. */
#ifndef SEINE_PIPELINE_OPTION_TEXT_H
#define SEINE_PIPELINE_OPTION_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct option_text {
    struct buffer text;
    bool has_some;
    bool failed; /* for want of memory; what is added then is left out */
};

void option_text_begin(struct option_text *o);

/* Each adds an option; without a value, or where a flag is not set, none. */
void option_text_add(struct option_text *o, const char *name, const char *value);
void option_text_add_list(struct option_text *o, const char *name, const char *const *values,
                          size_t count);
void option_text_add_number(struct option_text *o, const char *name, unsigned long long value);
void option_text_add_flag(struct option_text *o, const char *name, bool set);

/* The text, for the caller to free(); NULL when there was no memory. */
char *option_text_end(struct option_text *o);

#endif
