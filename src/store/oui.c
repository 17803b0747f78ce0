/* oui.c - the lists of the IEEE.
 *
 *     oui.csv, mam.csv, oui36.csv, iab.csv      registry,assignment,organization,address
 *     manuf                                     prefix[/bits] TAB short name TAB name
 *
 * An assignment is 24, 28 or 36 bits. Names lie in one buffer, each with a NUL behind it. */
#include "store/oui.h"

#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t key;  /* the assigned bits at the top of 48, and how many they are below */
    uint32_t name; /* where it begins */
};

enum {
    ENTRIES_MAX = OUI_MEMORY_MAX / 2 / (int)sizeof(struct entry),
    NAMES_MAX = OUI_MEMORY_MAX / 2,
    FIELD_MAX = 200, /* bytes of a name that are kept */
    MAC_BITS = 48,
};

struct oui_list {
    struct entry *entries;
    size_t count, room;
    bool sorted;
    struct buffer names;
};

struct oui_list *oui_new(void)
{
    struct oui_list *list = calloc(1, sizeof *list);
    if (list)
        buffer_init(&list->names, NAMES_MAX);
    return list;
}

void oui_free(struct oui_list *list)
{
    if (!list)
        return;
    free(list->entries);
    buffer_release(&list->names);
    free(list);
}

static uint64_t key_of(uint64_t address, unsigned bits)
{
    return (address >> (MAC_BITS - bits) << (MAC_BITS - bits)) << 8 | bits;
}

static bool is_assignment(unsigned bits)
{
    return bits == 24 || bits == 28 || bits == 36;
}

/* False when nothing was added. */
static bool add(struct oui_list *list, uint64_t address, unsigned bits, const char *name)
{
    size_t at = list->names.len;

    if (!is_assignment(bits) || !*name)
        return false;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 4096;
        if (room > ENTRIES_MAX)
            room = ENTRIES_MAX;
        if (room == list->room)
            return false;
        struct entry *more = realloc(list->entries, room * sizeof *more);
        if (!more)
            return false;
        list->entries = more;
        list->room = room;
    }
    if (!buffer_add(&list->names, name, strlen(name) + 1))
        return false;
    list->entries[list->count++] = (struct entry){key_of(address, bits), (uint32_t)at};
    list->sorted = false;
    return true;
}

static int digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Hex digits with separators among them, from the top of 48 bits on. Says how many bits they are; 0 when
 * something else is there, or more. */
static unsigned parse_hex(uint64_t *address, const char *text, const char *separators)
{
    unsigned bits = 0;

    *address = 0;
    for (; *text; text++) {
        int value = digit(*text);
        if (value < 0 && bits > 0 && strchr(separators, *text))
            continue;
        if (value < 0 || bits == MAC_BITS)
            return 0;
        bits += 4;
        *address |= (uint64_t)value << (MAC_BITS - bits);
    }
    return bits;
}

bool oui_parse_mac(uint8_t mac[6], const char *text)
{
    uint64_t address;

    if (strlen(text) > 17 || parse_hex(&address, text, ":-.") != MAC_BITS)
        return false;
    for (int i = 0; i < 6; i++)
        mac[i] = (uint8_t)(address >> (40 - 8 * i));
    return true;
}

/* Reads one field of a CSV line into `to`, as far as it has room. Returns the character behind it: a comma,
 * a line feed, or EOF. */
static int read_field(char to[FIELD_MAX], FILE *file)
{
    size_t len = 0;
    bool quoted = false;
    int c;

    while ((c = getc_unlocked(file)) != EOF) {
        if (c == '"') /* "" inside quotes is one, which is left out with the rest */
            quoted = !quoted;
        else if (!quoted && (c == ',' || c == '\n'))
            break;
        else if (c != '\r' && len < FIELD_MAX - 1)
            to[len++] = (char)c;
    }
    while (len > 0 && to[len - 1] == ' ')
        len--;
    to[len] = 0;
    return c;
}

bool oui_add_csv(struct oui_list *list, const char *path)
{
    enum { ASSIGNMENT = 1, NAME = 2 };
    char field[FIELD_MAX], name[FIELD_MAX];
    FILE *file = fopen(path, "re");
    bool any = false;
    int end = 0;

    while (file && end != EOF) {
        uint64_t address = 0;
        unsigned bits = 0;
        name[0] = 0;
        for (int i = 0; i == 0 || end == ','; i++) {
            end = read_field(i == NAME ? name : field, file);
            if (i == ASSIGNMENT)
                bits = parse_hex(&address, field, "");
        }
        any = add(list, address, bits, name) || any;
    }
    if (file)
        fclose(file);
    return any;
}

bool oui_add_manuf(struct oui_list *list, const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    bool any = false;

    while (file && fgets(line, sizeof line, file)) {
        char *rest = line;
        line[strcspn(line, "\r\n")] = 0;
        char *prefix = strsep(&rest, "\t"), *brief = strsep(&rest, "\t"),
             *name = strsep(&rest, "\t");
        if (!brief)
            continue;
        char *slash = strchr(prefix, '/');
        if (slash)
            *slash++ = 0;
        prefix[strcspn(prefix, " ")] = 0;
        uint64_t address;
        unsigned bits = parse_hex(&address, prefix, ":-.");
        if (slash && bits > 0)
            bits = (unsigned)strtoul(slash, NULL, 10);
        name = name && *name ? name : brief;
        if (strlen(name) >= FIELD_MAX)
            name[FIELD_MAX - 1] = 0;
        any = add(list, address, bits, name) || any;
    }
    if (file)
        fclose(file);
    return any;
}

void oui_add_system(struct oui_list *list)
{
    static const char *const registries[] = {"oui.csv", "mam.csv", "oui36.csv", "iab.csv"};
    static const char *const folders[] = {"/var/lib/ieee-data", "/usr/share/ieee-data"};
    bool any = false;

    for (size_t f = 0; f < sizeof folders / sizeof folders[0] && !any; f++) {
        for (size_t i = 0; i < sizeof registries / sizeof registries[0]; i++) {
            char path[64];
            snprintf(path, sizeof path, "%s/%s", folders[f], registries[i]);
            any = oui_add_csv(list, path) || any;
        }
    }
    if (!any)
        any = oui_add_manuf(list, "/usr/share/wireshark/manuf");
    if (!any)
        oui_add_manuf(list, "/etc/manuf");
}

/* Of equal ones the one that was added first comes first. */
static int by_key(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return left->name < right->name ? -1 : left->name > right->name;
}

static const char *find_key(const struct oui_list *list, uint64_t key)
{
    size_t low = 0, high = list->count; /* the first that is not below it is in [low, high] */

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->entries[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == list->count || list->entries[low].key != key)
        return NULL;
    return (const char *)list->names.data + list->entries[low].name;
}

const char *oui_find(struct oui_list *list, const uint8_t mac[6])
{
    static const unsigned longest_first[] = {36, 28, 24};
    uint64_t address = 0;
    const char *name = NULL;

    for (int i = 0; i < 6; i++)
        address = address << 8 | mac[i];
    if (!list->sorted && list->count > 0)
        qsort(list->entries, list->count, sizeof *list->entries, by_key);
    list->sorted = true;
    for (size_t i = 0; i < sizeof longest_first / sizeof longest_first[0] && !name; i++)
        name = find_key(list, key_of(address, longest_first[i]));
    return name;
}
