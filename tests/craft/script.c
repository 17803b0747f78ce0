/* script.c - words, then the attributes that one table names. */
#include "craft/script.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void script_init(struct script *s, const char *text, struct craft_error *err)
{
    *s = (struct script){.at = text, .line = 1, .err = err};
}

bool script_fail(struct script *s, const char *format, ...)
{
    if (s->failed)
        return false;
    s->failed = true;
    int len = snprintf(s->err->text, sizeof(s->err->text), "line %d: ", s->line);
    va_list args;
    va_start(args, format);
    vsnprintf(s->err->text + len, sizeof(s->err->text) - (size_t)len, format, args);
    va_end(args);
    return false;
}

/* How many characters are among those of `set`, or are not. strspn() and strcspn() say the same, but sanitizers
 * that check strings strictly have them read all that follows: the whole script, for each word. */
static size_t run_of(const char *text, const char *set, bool among)
{
    size_t len = 0;
    while (text[len] != '\0' && (strchr(set, text[len]) != NULL) == among)
        len++;
    return len;
}

static void skip_blanks(struct script *s)
{
    s->at += run_of(s->at, " \t\r", true);
    if (*s->at == '#')
        s->at += run_of(s->at, "\n", false);
}

bool script_next_line(struct script *s)
{
    for (skip_blanks(s); *s->at == '\n' || *s->at == ';'; skip_blanks(s)) {
        if (*s->at++ == '\n')
            s->line++;
    }
    return !s->failed && *s->at != '\0';
}

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));
    return found ? (int)(found - digits) : -1;
}

/* Two digits at `text`, or -1; never reads past a NUL. */
static int hex_byte(const char *text)
{
    int high = hex_value(text[0]);
    int low = high < 0 ? -1 : hex_value(text[1]);
    return low < 0 ? -1 : high * 16 + low;
}

/* One escape, the backslash being read; a byte's value or -1. */
static int read_escape(struct script *s)
{
    static const char names[] = "rnt0\\\"";
    static const char values[] = "\r\n\t\0\\\"";
    char name = *s->at;
    if (name == '\0')
        return -1;
    s->at++;
    if (name == 'x') {
        int value = hex_byte(s->at);
        s->at += value < 0 ? 0 : 2;
        return value;
    }
    const char *found = strchr(names, name);
    return found ? (unsigned char)values[found - names] : -1;
}

static bool read_text(struct script *s, struct wire_bytes *data)
{
    for (s->at++; *s->at != '"';) {
        if (*s->at == '\0' || *s->at == '\n')
            return script_fail(s, "the text has no closing quote");
        int value = (unsigned char)*s->at++;
        if (value == '\\') {
            value = read_escape(s);
            if (value < 0)
                return script_fail(s, "an escape is one of \\r \\n \\t \\0 \\\\ \\\" \\x41");
        }
        wire_u8(data, (uint8_t)value);
    }
    s->at++;
    return true;
}

/* Pairs of digits up to the first character that is none. */
static bool read_hex(struct script *s, struct wire_bytes *data, const char **at)
{
    for (; hex_value(**at) >= 0; *at += 2) {
        int value = hex_byte(*at);
        if (value < 0)
            return script_fail(s, "hex digits come in pairs");
        wire_u8(data, (uint8_t)value);
    }
    return true;
}

bool script_word(struct script *s, struct script_word *word, struct wire_bytes *data)
{
    *word = (struct script_word){.is_data = false};
    skip_blanks(s);
    if (s->failed || *s->at == '\0' || *s->at == '\n' || *s->at == ';')
        return false;

    bool is_text = *s->at == '"';
    if (is_text || strncmp(s->at, "hex:", 4) == 0) {
        if (!data)
            return script_fail(s, "bytes mean nothing here");
        word->is_data = true;
        if (!is_text)
            s->at += 4;
        return is_text ? read_text(s, data) : read_hex(s, data, &s->at);
    }

    size_t len = run_of(s->at, " \t\r\n;#\"", false);
    if (len >= sizeof(word->text))
        return script_fail(s, "a word of %zu characters is too long", len);
    memcpy(word->text, s->at, len);
    s->at += len;
    return true;
}

bool script_integer(struct script *s, int64_t *value, const char *text, int64_t low, int64_t high)
{
    char *end;
    *value = strtoll(text, &end, 0);
    if (end == text || *end != '\0')
        return script_fail(s, "'%s' is no number", text);
    if (*value < low || *value > high)
        return script_fail(s, "%s is not between %lld and %lld", text, (long long)low,
                           (long long)high);
    return true;
}

bool script_seconds(struct script *s, int64_t *time_ns, const char *text)
{
    const int64_t second = 1000000000;
    bool negative = *text == '-';
    const char *at = text + (*text == '-' || *text == '+' ? 1 : 0);
    char *end;
    if (!isdigit((unsigned char)*at))
        return script_fail(s, "'%s' is no number of seconds", text);
    long long whole = strtoll(at, &end, 10);
    int64_t fraction = 0;
    if (*end == '.') {
        end++;
        for (int64_t unit = second / 10; isdigit((unsigned char)*end); unit /= 10)
            fraction += (*end++ - '0') * unit;
    }
    if (*end != '\0')
        return script_fail(s, "'%s' is no number of seconds", text);
    if (whole > UINT32_MAX)
        return script_fail(s, "%s seconds do not fit in a pcap", text);
    *time_ns = (whole * second + fraction) * (negative ? -1 : 1);
    return true;
}

/* The attributes. A LIST may stand without values where `low_count` is 0. */
enum attribute_type { NUMBER, LIST, SWITCH, BYTES, POKE, ADDRESS };

struct attribute {
    const char *name;
    enum attribute_type type;
    size_t at; /* in struct script_frame */
    unsigned kinds;
    int64_t low, high;
    size_t low_count, high_count;
};

enum {
    TRANSPORT = KIND_TCP | KIND_UDP | KIND_ICMP | KIND_SCTP,
    PACKET = TRANSPORT | KIND_IP,
    ALL = PACKET | KIND_RAW,
};

#define AT(field) offsetof(struct script_frame, field)

#define POSITION_MAX (INT64_C(1) << 40)

/* clang-format off */
static const struct attribute attributes[] = {
    {"ack",             NUMBER,  AT(ack),             KIND_TCP, -POSITION_MAX, POSITION_MAX, 0, 0},
    {"seq",             NUMBER,  AT(seq),             KIND_TCP, 0, UINT32_MAX, 0, 0},
    {"win",             NUMBER,  AT(win),             KIND_TCP | KIND_SCTP, 0, UINT16_MAX, 0, 0},
    {"urg",             NUMBER,  AT(urg),             KIND_TCP, 0, UINT16_MAX, 0, 0},
    {"mss",             NUMBER,  AT(mss),             KIND_TCP, 0, UINT16_MAX, 0, 0},
    {"ws",              NUMBER,  AT(ws),              KIND_TCP, 0, UINT8_MAX, 0, 0},
    {"ts",              LIST,    AT(ts),              KIND_TCP, 0, UINT32_MAX, 0, 2},
    {"sack",            LIST,    AT(sack),            KIND_TCP, -POSITION_MAX, POSITION_MAX, 2, 8},
    {"sackok",          SWITCH,  AT(sackok),          KIND_TCP, 0, 0, 0, 0},
    {"options",         BYTES,   AT(options),         KIND_TCP, 0, 0, 0, 0},
    {"noack",           SWITCH,  AT(noack),           KIND_TCP, 0, 0, 0, 0},
    {"bad-checksum",    SWITCH,  AT(bad_checksum),    TRANSPORT, 0, 0, 0, 0},
    {"offload",         SWITCH,  AT(offload),         KIND_TCP | KIND_UDP | KIND_SCTP, 0, 0, 0, 0},
    {"no-checksum",     SWITCH,  AT(no_checksum),     TRANSPORT, 0, 0, 0, 0},
    {"adler",           SWITCH,  AT(adler),           KIND_SCTP, 0, 0, 0, 0},
    {"tag",             NUMBER,  AT(tag),             KIND_SCTP, 0, UINT32_MAX, 0, 0},
    {"tsn",             NUMBER,  AT(tsn),             KIND_SCTP, 0, UINT16_MAX, 0, 0},
    {"echo",            LIST,    AT(echo),            KIND_ICMP, 0, UINT16_MAX, 0, 2},
    {"reply",           LIST,    AT(reply),           KIND_ICMP, 0, UINT16_MAX, 0, 2},
    {"unreachable",     LIST,    AT(unreachable),     KIND_ICMP, 0, UINT8_MAX, 0, 1},
    {"exceeded",        LIST,    AT(exceeded),        KIND_ICMP, 0, UINT8_MAX, 0, 1},
    {"type",            LIST,    AT(type),            KIND_ICMP, 0, UINT8_MAX, 2, 2},
    {"quote",           NUMBER,  AT(quote),           KIND_ICMP, 0, UINT16_MAX, 0, 0},
    {"proto",           NUMBER,  AT(proto),           KIND_IP, 0, UINT8_MAX, 0, 0},
    {"offset",          NUMBER,  AT(offset),          KIND_IP, 0, 65528, 0, 0},
    {"more",            SWITCH,  AT(more),            KIND_IP, 0, 0, 0, 0},
    {"ttl",             NUMBER,  AT(ttl),             PACKET, 0, UINT8_MAX, 0, 0},
    {"id",              NUMBER,  AT(id),              PACKET, 0, UINT32_MAX, 0, 0},
    {"df",              SWITCH,  AT(df),              PACKET, 0, 0, 0, 0},
    {"iplen",           NUMBER,  AT(iplen),           PACKET, 0, UINT16_MAX, 0, 0},
    {"bad-ip-checksum", SWITCH,  AT(bad_ip_checksum), PACKET, 0, 0, 0, 0},
    {"from",            ADDRESS, AT(from),            PACKET, 0, 0, 0, 0},
    {"frag",            LIST,    AT(frag),            PACKET, 8, 65528, 1, SCRIPT_LIST_MAX - 1},
    {"order",           LIST,    AT(order),           PACKET, 0, UINT8_MAX, 1, SCRIPT_LIST_MAX},
    {"vlan",            LIST,    AT(vlan),            PACKET, 0, UINT16_MAX, 1, 8},
    {"len",             NUMBER,  AT(len),             PACKET, 0, UINT16_MAX, 0, 0},
    {"pad",             NUMBER,  AT(pad),             ALL, 0, UINT16_MAX, 0, 0},
    {"snap",            NUMBER,  AT(snap),            ALL, 0, UINT32_MAX, 0, 0},
    {"wire",            NUMBER,  AT(wire),            ALL, 0, UINT32_MAX, 0, 0},
    {"rep",             NUMBER,  AT(rep),             ALL, 0, 10000000, 0, 0},
    {"poke",            POKE,    AT(poke),            ALL, 0, UINT32_MAX, 0, 0},
};
/* clang-format on */

static bool list_read(struct script *s, struct script_list *list, const struct attribute *a,
                      const char *values)
{
    *list = (struct script_list){.given = true};
    for (const char *at = values; at;) {
        char one[32];
        size_t len = strcspn(at, ",");
        if (len >= sizeof(one))
            return script_fail(s, "'%s' is no number", at);
        memcpy(one, at, len);
        one[len] = '\0';
        if (list->count == a->high_count)
            return script_fail(s, "%s= takes at most %zu numbers", a->name, a->high_count);
        if (!script_integer(s, &list->values[list->count++], one, a->low, a->high))
            return false;
        at = at[len] == ',' ? at + len + 1 : NULL;
    }
    if (list->count < a->low_count)
        return script_fail(s, "%s= takes at least %zu numbers", a->name, a->low_count);
    return true;
}

static bool hex_read(struct script *s, struct wire_bytes *bytes, const char *text)
{
    wire_release(bytes);
    if (!read_hex(s, bytes, &text))
        return false;
    return *text == '\0' || script_fail(s, "'%s' are no hex digits", text);
}

static bool poke_read(struct script *s, struct script_frame *f, const struct attribute *a,
                      char *value)
{
    char *colon = strchr(value, ':');
    if (!colon)
        return script_fail(s, "poke is written poke=OFFSET:HEX");
    *colon = '\0';
    f->poke_at.given = true;
    return script_integer(s, &f->poke_at.value, value, a->low, a->high) &&
           hex_read(s, &f->poke, colon + 1) &&
           (f->poke.len > 0 || script_fail(s, "poke= has no bytes"));
}

/* `value` is what stands after the '=', or NULL. */
static bool attribute_read(struct script *s, struct script_frame *f, const struct attribute *a,
                           char *value)
{
    void *at = (char *)f + a->at;
    bool may_be_bare = a->type == SWITCH || (a->type == LIST && a->low_count == 0);
    if (value ? a->type == SWITCH : !may_be_bare)
        return script_fail(s, value ? "'%s' takes no value" : "'%s' needs a value", a->name);

    switch (a->type) {
    case NUMBER:
        ((struct script_number *)at)->given = true;
        return script_integer(s, &((struct script_number *)at)->value, value, a->low, a->high);
    case LIST:
        return list_read(s, at, a, value);
    case SWITCH:
        *(bool *)at = true;
        return true;
    case BYTES:
        return hex_read(s, at, value);
    case POKE:
        return poke_read(s, f, a, value);
    case ADDRESS:
        ((struct script_address *)at)->given = true;
        return wire_address_parse(&((struct script_address *)at)->value, value) ||
               script_fail(s, "'%s' is no IP address", value);
    }
    return false;
}

static const char *kind_name(enum script_kind kind)
{
    switch (kind) {
    case KIND_TCP:
        return "a TCP frame";
    case KIND_UDP:
        return "a UDP frame";
    case KIND_ICMP:
        return "an ICMP frame";
    case KIND_IP:
        return "an ip frame";
    case KIND_RAW:
        return "a raw frame";
    case KIND_SCTP:
        return "an SCTP frame";
    }
    return "a frame";
}

static const struct {
    const char *word;
    char letter; /* in flags=SFA */
    uint8_t flag;
} tcp_flags[] = {
    {"FIN", 'F', TCP_FIN}, {"SYN", 'S', TCP_SYN}, {"RST", 'R', TCP_RST}, {"PSH", 'P', TCP_PSH},
    {"ACK", 'A', TCP_ACK}, {"URG", 'U', TCP_URG}, {"ECE", 'E', TCP_ECE}, {"CWR", 'C', TCP_CWR},
};
enum { TCP_FLAG_COUNT = sizeof(tcp_flags) / sizeof(tcp_flags[0]) };

static bool flag_word(struct script_frame *f, const char *word)
{
    for (size_t i = 0; i < TCP_FLAG_COUNT; i++) {
        if (strcmp(word, tcp_flags[i].word) == 0) {
            f->named_flags |= tcp_flags[i].flag;
            return true;
        }
    }
    return false;
}

static bool flags_read(struct script *s, struct script_frame *f, const char *letters)
{
    f->flags = (struct script_number){.given = true};
    for (const char *at = strcmp(letters, "0") == 0 ? "" : letters; *at != '\0'; at++) {
        size_t i = 0;
        while (i < TCP_FLAG_COUNT && tcp_flags[i].letter != *at)
            i++;
        if (i == TCP_FLAG_COUNT)
            return script_fail(s, "flags= are some of SFRPAUEC, or 0: not '%s'", letters);
        f->flags.value |= tcp_flags[i].flag;
    }
    return true;
}

/* @5, @-1, @next, @next-1 */
static bool position_read(struct script *s, struct script_frame *f, const char *text)
{
    f->position = (struct script_number){.given = true};
    f->position_from_next = strncmp(text, "next", 4) == 0;
    if (f->position_from_next && text[4] == '\0')
        return true;
    return script_integer(s, &f->position.value, text + (f->position_from_next ? 4 : 0),
                          -POSITION_MAX, POSITION_MAX);
}

/* A bare word of a frame, whose kind is known, or of `every`, which allows all `kinds`. */
static bool frame_word(struct script *s, struct script_frame *f, unsigned kinds, char *word)
{
    if (kinds == KIND_TCP && flag_word(f, word))
        return true;
    if (word[0] == '@' && kinds == KIND_TCP)
        return position_read(s, f, word + 1);
    if (strncmp(word, "flags=", 6) == 0 && (kinds & KIND_TCP))
        return flags_read(s, f, word + 6);

    char *equals = strchr(word, '=');
    char *value = equals ? equals + 1 : NULL;
    if (equals)
        *equals = '\0';
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (strcmp(word, attributes[i].name) != 0)
            continue;
        if (!(attributes[i].kinds & kinds))
            return script_fail(s, "'%s' means nothing in %s", word, kind_name(f->kind));
        return attribute_read(s, f, &attributes[i], value);
    }
    return script_fail(s, "there is no attribute '%s'", word);
}

bool script_frame_read(struct script *s, struct script_frame *f)
{
    struct script_word word;
    if (f->kind == KIND_SCTP) {
        if (!script_word(s, &word, NULL) || strlen(word.text) >= sizeof(f->chunks))
            return script_fail(s, "an SCTP frame begins with the names of its chunks");
        strcpy(f->chunks, word.text);
    }
    while (script_word(s, &word, &f->data)) {
        if (!word.is_data && !frame_word(s, f, f->kind, word.text))
            return false;
    }
    if (f->len.given && f->data.len > 0)
        return script_fail(s, "the payload is either bytes or len=");
    return !s->failed;
}

bool script_every_read(struct script *s, struct script_frame *f)
{
    struct script_word word;
    while (script_word(s, &word, NULL)) {
        if (!frame_word(s, f, ALL, word.text))
            return false;
    }
    return !s->failed;
}

static void bytes_copy(struct wire_bytes *to, const struct wire_bytes *from)
{
    *to = (struct wire_bytes){0};
    wire_add(to, from->data, from->len);
}

void script_frame_copy(struct script_frame *to, const struct script_frame *from)
{
    *to = *from;
    bytes_copy(&to->data, &from->data);
    bytes_copy(&to->options, &from->options);
    bytes_copy(&to->poke, &from->poke);
}

void script_frame_release(struct script_frame *f)
{
    wire_release(&f->data);
    wire_release(&f->options);
    wire_release(&f->poke);
}
