/* craft.c - goes through a script line by line: settings are remembered, frames are sent. */
#include "craft/maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t craft_pattern(int64_t position)
{
    return (uint8_t)(((uint64_t)position + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

struct pair *maker_pair(struct maker *m)
{
    for (size_t i = 0; i < m->pair_count; i++) {
        struct pair *p = &m->pairs[i];
        if (wire_end_equal(&p->ends[CLIENT], &m->ends[CLIENT]) &&
            wire_end_equal(&p->ends[SERVER], &m->ends[SERVER]))
            return p;
    }
    m->pairs = realloc(m->pairs, (m->pair_count + 1) * sizeof(*m->pairs));
    if (!m->pairs)
        abort();
    struct pair *p = &m->pairs[m->pair_count++];
    *p = (struct pair){.ends = {m->ends[CLIENT], m->ends[SERVER]}};
    p->sides[CLIENT].isn = 1000;
    p->sides[SERVER].isn = 5000;
    return p;
}

static bool set_link(struct maker *m)
{
    static const struct {
        const char *name;
        enum wire_link link;
    } links[] = {
        {"ethernet", LINK_ETHERNET}, {"raw", LINK_RAW},   {"null", LINK_NULL}, {"loop", LINK_LOOP},
        {"sll", LINK_SLL},           {"sll2", LINK_SLL2}, {"ppp", LINK_PPP},
    };
    struct script_word word;
    if (m->out->count > 0)
        return script_fail(&m->script, "link comes before the first frame: a pcap has only one");
    script_word(&m->script, &word, NULL);
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (strcmp(word.text, links[i].name) == 0) {
            m->link = links[i].link;
            return true;
        }
    }
    return script_fail(&m->script, "'%s' is no link type", word.text);
}

static bool set_end(struct maker *m, int side)
{
    struct script_word word;
    script_word(&m->script, &word, NULL);
    return wire_end_parse(&m->ends[side], word.text) ||
           script_fail(&m->script, "'%s' is not IP:PORT or [IPv6]:PORT", word.text);
}

static bool set_client(struct maker *m)
{
    return set_end(m, CLIENT);
}

static bool set_server(struct maker *m)
{
    return set_end(m, SERVER);
}

/* client N, server N, or both */
static bool set_isn(struct maker *m)
{
    struct script_word who;
    struct script_word number;
    int64_t isn;
    while (script_word(&m->script, &who, NULL)) {
        bool is_server = strcmp(who.text, "server") == 0;
        if (!is_server && strcmp(who.text, "client") != 0)
            return script_fail(&m->script, "isn is of the client or the server, not '%s'",
                               who.text);
        script_word(&m->script, &number, NULL);
        if (!script_integer(&m->script, &isn, number.text, 0, UINT32_MAX))
            return false;
        maker_pair(m)->sides[is_server] = (struct side){.isn = (uint32_t)isn};
    }
    return true;
}

static bool set_at(struct maker *m)
{
    struct script_word word;
    int64_t time_ns;
    script_word(&m->script, &word, NULL);
    if (!script_seconds(&m->script, &time_ns, word.text))
        return false;
    bool relative = word.text[0] == '+' || word.text[0] == '-';
    m->next_ns = relative ? m->last_ns + time_ns : time_ns;
    return m->next_ns >= 0 || script_fail(&m->script, "a pcap has no times before 1970");
}

static bool set_step(struct maker *m)
{
    struct script_word word;
    script_word(&m->script, &word, NULL);
    return script_seconds(&m->script, &m->step_ns, word.text) &&
           (m->step_ns >= 0 || script_fail(&m->script, "a step back is written: at %s", word.text));
}

static bool set_tunnel(struct maker *m)
{
    static const char *const names[] = {
        [TUNNEL_NONE] = "none",
        [TUNNEL_IPIP] = "ipip",
        [TUNNEL_GRE] = "gre",
        [TUNNEL_VXLAN] = "vxlan",
    };
    struct script_word word;
    int64_t vni = 0;
    script_word(&m->script, &word, NULL);
    unsigned kind = TUNNEL_NONE;
    while (kind <= TUNNEL_VXLAN && strcmp(word.text, names[kind]) != 0)
        kind++;
    if (kind > TUNNEL_VXLAN)
        return script_fail(&m->script, "'%s' is no tunnel", word.text);
    m->tunnel = (enum tunnel)kind;
    if (kind == TUNNEL_NONE)
        return true;

    for (int i = 0; i < 2; i++) {
        script_word(&m->script, &word, NULL);
        if (!wire_address_parse(&m->tunnel_ends[i], word.text))
            return script_fail(&m->script, "'%s' is no IP address", word.text);
    }
    if (m->tunnel_ends[0].v6 != m->tunnel_ends[1].v6)
        return script_fail(&m->script, "one end of the tunnel is IPv4 and the other IPv6");
    if (kind == TUNNEL_VXLAN && script_word(&m->script, &word, NULL) &&
        !script_integer(&m->script, &vni, word.text, 0, 0xffffff))
        return false;
    m->vni = (uint32_t)vni;
    return true;
}

static bool set_every(struct maker *m)
{
    script_frame_release(&m->every);
    m->every = (struct script_frame){.kind = KIND_TCP};
    return script_every_read(&m->script, &m->every);
}

static const struct {
    const char *name;
    bool (*set)(struct maker *m);
} settings[] = {
    {"link", set_link}, {"client", set_client}, {"server", set_server}, {"isn", set_isn},
    {"at", set_at},     {"step", set_step},     {"tunnel", set_tunnel}, {"every", set_every},
};

/* The word after c or s says the kind; without one it is TCP, and the word belongs to the frame. */
static enum script_kind read_kind(struct script *s)
{
    static const struct {
        const char *name;
        enum script_kind kind;
    } kinds[] = {{"udp", KIND_UDP}, {"icmp", KIND_ICMP}, {"ip", KIND_IP}, {"sctp", KIND_SCTP}};
    struct script before = *s;
    struct script_word word;
    struct wire_bytes ignored = {0};
    bool is_word = script_word(s, &word, &ignored) && !word.is_data;
    wire_release(&ignored);
    for (size_t i = 0; is_word && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(word.text, kinds[i].name) == 0)
            return kinds[i].kind;
    }
    *s = before;
    return KIND_TCP;
}

static bool read_frame(struct maker *m, const char *first)
{
    struct script_frame f;
    bool is_raw = strcmp(first, "frame") == 0;
    script_frame_copy(&f, &m->every);
    f.from_server = strcmp(first, "s") == 0;
    f.kind = is_raw ? KIND_RAW : read_kind(&m->script);
    if (script_frame_read(&m->script, &f)) {
        for (int64_t i = f.rep.given ? f.rep.value : 1; i > 0 && !m->script.failed; i--)
            maker_send(m, &f);
    }
    script_frame_release(&f);
    return !m->script.failed;
}

static bool read_line(struct maker *m)
{
    struct script_word first;
    if (!script_word(&m->script, &first, NULL))
        return false;
    if (strcmp(first.text, "c") == 0 || strcmp(first.text, "s") == 0 ||
        strcmp(first.text, "frame") == 0)
        return read_frame(m, first.text);

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        struct script_word excess;
        if (strcmp(first.text, settings[i].name) == 0) {
            if (!settings[i].set(m))
                return false;
            return !script_word(&m->script, &excess, NULL) ||
                   script_fail(&m->script, "'%s' is too much for %s", excess.text, first.text);
        }
    }
    return script_fail(&m->script, "a line begins with c, s, frame or a setting, not '%s'",
                       first.text);
}

struct craft *craft_frames(const char *script, struct craft_error *err)
{
    struct craft_error sentence = {""};
    struct maker m = {.next_id = 1, .link = LINK_ETHERNET, .step_ns = 1000000};
    m.every.kind = KIND_TCP;
    wire_end_parse(&m.ends[CLIENT], "10.0.0.1:40000");
    wire_end_parse(&m.ends[SERVER], "10.0.0.2:80");
    script_init(&m.script, script, &sentence);
    m.out = calloc(1, sizeof(*m.out));
    if (!m.out)
        abort();

    while (script_next_line(&m.script)) {
        if (!read_line(&m))
            break;
    }
    m.out->link_type = m.link;

    if (m.script.failed) {
        craft_free(m.out);
        m.out = NULL;
        if (!err) {
            fprintf(stderr, "craft: %s\n%s\n", sentence.text, script);
            abort();
        }
    }
    if (err)
        *err = sentence;
    wire_release(&m.last_packet);
    script_frame_release(&m.every);
    free(m.pairs);
    return m.out;
}

void craft_free(struct craft *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        free(c->frames[i].bytes);
    free(c->frames);
    free(c);
}
