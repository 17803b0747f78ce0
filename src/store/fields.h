/* fields.h - flows under the names of other tools: the views of views.sql, as they are built in.
 *
 * A case may come from someone else, or from a seine that knew fewer of them: what is written out under
 * such a name comes from these texts, not from the view of that name in the case. */
#ifndef SEINE_STORE_FIELDS_H
#define SEINE_STORE_FIELDS_H

#include "base/buffer.h"

/* Appends the SELECT of a view that views.sql has, without its semicolon. False when the buffer has no room. */
bool fields_select(struct buffer *to, const char *view);

#endif
