/* oui.h - to whom the IEEE has given the first bits of a MAC address.
 *
 * The lists are files of the system, which nobody but its owner chooses: those of Debian's ieee-data (the
 * registries of the IEEE as CSV), else Wireshark's `manuf`. They are read once, into at most OUI_MEMORY_MAX
 * bytes: what is beyond is left out, as is every line that makes no sense. */
#ifndef SEINE_STORE_OUI_H
#define SEINE_STORE_OUI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUI_MEMORY_MAX = 16 << 20 };

struct oui_list;

struct oui_list *oui_new(void);             /* empty; NULL when there is no memory */
void oui_free(struct oui_list *list);       /* NULL is allowed */
void oui_add_system(struct oui_list *list); /* what the system has, if anything */

/* One file. False when it is not there, or holds nothing of the kind. */
bool oui_add_csv(struct oui_list *list, const char *path);
bool oui_add_manuf(struct oui_list *list, const char *path);

/* The organisation, of the longest assignment that the address begins with; NULL when none is known. Lives as
 * long as the list, and until more is added. */
const char *oui_find(struct oui_list *list, const uint8_t mac[6]);

/* Six bytes as hex digits, in pairs or fours, with ':', '-' or '.' between them, or nothing. */
bool oui_parse_mac(uint8_t mac[6], const char *text);

#endif
