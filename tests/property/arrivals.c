/* arrivals.c - lists of segments: drawn, moved, put in other orders, written for craft. */
#include "property/arrivals.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void arrivals_init(struct arrivals *a)
{
    *a = (struct arrivals){0};
}

void arrivals_release(struct arrivals *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->list[i].bytes);
    free(a->list);
    arrivals_init(a);
}

void arrivals_add(struct arrivals *a, int64_t position, const uint8_t *bytes, size_t len,
                  size_t captured)
{
    assert(len > 0 && captured <= len);
    uint8_t *copy = malloc(len);
    if (a->count == a->room) {
        a->room = a->room * 2 + 16;
        a->list = realloc(a->list, a->room * sizeof(*a->list));
    }
    if (!copy || !a->list)
        abort();
    memcpy(copy, bytes, len);
    a->list[a->count++] = (struct arrival){position, copy, len, captured};
}

void arrivals_draw(struct arrivals *a, const char *picture)
{
    const char *at = picture + strspn(picture, " ");
    while (*at != '\0') {
        size_t captured = strcspn(at, "~@ ");
        size_t len = captured + strspn(at + captured, "~");
        char *end = NULL;
        long long position = at[len] == '@' ? strtoll(at + len + 1, &end, 10) : 0;
        if (len == 0 || !end || end == at + len + 1 || (*end != ' ' && *end != '\0')) {
            fprintf(stderr, "no arrival is drawn like this: %s\n", at);
            abort();
        }
        arrivals_add(a, position, (const uint8_t *)at, len, captured);
        at = end + strspn(end, " ");
    }
}

char *arrivals_picture(const struct arrivals *a)
{
    char *picture = NULL;
    size_t picture_len;
    FILE *out = open_memstream(&picture, &picture_len);
    if (!out)
        abort();
    for (size_t i = 0; i < a->count; i++) {
        const struct arrival *it = &a->list[i];
        if (i > 0)
            fputc(' ', out);
        for (size_t k = 0; k < it->len; k++)
            fputc(k >= it->captured ? '~' : isalnum(it->bytes[k]) ? it->bytes[k] : '?', out);
        fprintf(out, "@%" PRId64, it->position);
    }
    fclose(out);
    return picture;
}

void arrivals_shift(struct arrivals *a, int64_t distance)
{
    for (size_t i = 0; i < a->count; i++)
        a->list[i].position += distance;
}

int64_t arrivals_rebase(struct arrivals *a)
{
    int64_t distance = a->count > 0 ? -a->list[0].position : 0;
    arrivals_shift(a, distance);
    return distance;
}

void arrivals_add_ordered(struct arrivals *to, const struct arrivals *from, const size_t order[])
{
    for (size_t i = 0; i < from->count; i++) {
        const struct arrival *it = &from->list[order[i]];
        arrivals_add(to, it->position, it->bytes, it->len, it->captured);
    }
}

static void swap(size_t *a, size_t *b)
{
    size_t kept = *a;
    *a = *b;
    *b = kept;
}

/* The next order as in a dictionary: raise the last place that can be raised by something to its
 * right, by as little as possible, and sort what follows, which is falling until then. */
bool order_next(size_t order[], size_t count)
{
    size_t rise = count;
    for (size_t i = 1; i < count; i++) {
        if (order[i - 1] < order[i])
            rise = i - 1;
    }
    size_t falling = rise == count ? 0 : rise + 1;
    if (rise < count) {
        size_t with = falling;
        for (size_t i = falling; i < count; i++) {
            if (order[i] > order[rise])
                with = i;
        }
        swap(&order[rise], &order[with]);
    }
    for (size_t low = falling, high = count; low + 1 < high; low++, high--)
        swap(&order[low], &order[high - 1]);
    return rise < count;
}

uint32_t isn_wrapping_at(int64_t position)
{
    return UINT32_MAX - (uint32_t)position; /* isn + 1 + position is 2^32 */
}

char *arrivals_script(const struct arrivals *a, uint32_t isn, enum arrivals_opening opening)
{
    enum { HEADERS = 14 + 20 + 20 }; /* Ethernet, IPv4, TCP without options */
    char *script = NULL;
    size_t script_len;
    FILE *out = open_memstream(&script, &script_len);
    if (!out)
        abort();
    fprintf(out, "isn client %" PRIu32 "\n", isn);
    if (opening == OPENING_HANDSHAKE)
        fprintf(out, "c SYN; s SYN ACK; c\n");
    for (size_t i = 0; i < a->count; i++) {
        const struct arrival *it = &a->list[i];
        fprintf(out, "c @%" PRId64 " hex:", it->position);
        for (size_t k = 0; k < it->len; k++)
            fprintf(out, "%02x", it->bytes[k]);
        if (it->captured < it->len)
            fprintf(out, " snap=%zu", HEADERS + it->captured);
        fputc('\n', out);
    }
    fclose(out);
    return script;
}
