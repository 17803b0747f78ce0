/* places.c - where a packet was seen, as a number that keys have room for.
 *
 * A path has its number from tunnels.h. Where more makes a place, what makes it is written down as a
 * text of four hexadecimal digits each, which gets its number from a second table of that kind:
 *
 *     path 3, tags 10 and 20, interface 1    ->    "0003000a0014i00000001" */
#include "reassembly/places.h"

#include "reassembly/tunnels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)PLACE_NONE == TUNNEL_NONE && (int)PLACE_OTHER == TUNNEL_OTHER,
               "a path alone is a place");

struct places {
    struct tunnels *paths; /* owned */
    struct tunnels *marks; /* owned; NULL when a path is all that can make a place */
    unsigned parts;
};

static const struct {
    const char *word;
    unsigned part;
} words[] = {{"tunnel", PLACE_TUNNEL}, {"vlan", PLACE_VLAN}, {"interface", PLACE_INTERFACE}};

enum { WORD_COUNT = sizeof words / sizeof words[0] };

bool place_parts_read(unsigned *parts, const char *text)
{
    unsigned read = 0;

    if (strcmp(text, "none") == 0) {
        *parts = 0;
        return true;
    }
    for (;;) {
        size_t len = strcspn(text, ","), i = 0;
        while (i < WORD_COUNT &&
               (strlen(words[i].word) != len || strncmp(words[i].word, text, len) != 0))
            i++;
        if (i == WORD_COUNT)
            return false;
        read |= words[i].part;
        if (!text[len])
            break;
        text += len + 1;
    }
    *parts = read;
    return true;
}

void place_parts_text(char text[PLACE_PARTS_LEN], unsigned parts)
{
    text[0] = '\0';
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (!(parts & words[i].part))
            continue;
        if (text[0])
            strcat(text, ",");
        strcat(text, words[i].word);
    }
    if (!text[0])
        strcpy(text, "none");
}
_Static_assert(sizeof "tunnel,vlan,interface" <= PLACE_PARTS_LEN, "all words fit");

struct places *places_new(size_t memory, unsigned parts)
{
    struct places *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    bool both = parts & (PLACE_VLAN | PLACE_INTERFACE);
    p->parts = parts;
    p->paths = tunnels_new(both ? memory / 2 : memory);
    p->marks = both ? tunnels_new(memory / 2) : NULL;
    if (!p->paths || (both && !p->marks)) {
        places_free(p);
        return NULL;
    }
    return p;
}

void places_free(struct places *p)
{
    if (!p)
        return;
    tunnels_free(p->paths);
    tunnels_free(p->marks);
    free(p);
}

size_t places_memory_peak(const struct places *p)
{
    return tunnels_memory_peak(p->paths) + (p->marks ? tunnels_memory_peak(p->marks) : 0);
}

static char *put_hex(char *to, uint16_t value)
{
    for (int shift = 12; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[value >> shift & 15];
    return to;
}

/* A path, each tag, 'i', an interface, a NUL. */
enum { MARK_LEN = 4 + PACKET_VLANS_MAX * 4 + 1 + 8 + 1 };

/* What makes this place, beside an untagged packet at interface 0 without a path, which is empty. */
static void mark_make(char mark[MARK_LEN], unsigned parts, uint16_t path, const struct packet *p)
{
    const unsigned vlan_count = parts & PLACE_VLAN ? p->vlan_count : 0;
    const uint32_t interface_id = parts & PLACE_INTERFACE ? p->frame->interface_id : 0;
    char *to = mark;

    if (path != TUNNEL_NONE || vlan_count > 0 || interface_id > 0) {
        to = put_hex(to, path);
        for (unsigned i = 0; i < vlan_count; i++)
            to = put_hex(to, p->vlans[i]);
        *to++ = 'i';
        to = put_hex(to, (uint16_t)(interface_id >> 16));
        to = put_hex(to, (uint16_t)interface_id);
    }
    *to = '\0';
}

/* Apart, so that those who need no mark make no room for one. */
__attribute__((noinline)) static uint16_t number_of_mark(struct places *p, uint16_t path,
                                                         const struct packet *packet)
{
    char mark[MARK_LEN];

    mark_make(mark, p->parts, path, packet);
    return tunnels_number(p->marks, NULL, mark);
}

uint16_t places_number(struct places *p, const char **tunnel, const struct packet *packet)
{
    uint16_t path = TUNNEL_NONE;

    if (tunnel)
        *tunnel = NULL;
    if (packet->tunnel[0])
        path = tunnels_number(p->paths, tunnel, packet->tunnel);
    if (!(p->parts & PLACE_TUNNEL))
        path = TUNNEL_NONE;
    return p->marks ? number_of_mark(p, path, packet) : path; /* which it nearly never is */
}

bool places_are_paths(const struct places *p)
{
    return p->parts == PLACE_TUNNEL;
}

bool places_is_shared(const struct places *p, uint16_t number)
{
    return p->marks && number == PLACE_OTHER;
}
