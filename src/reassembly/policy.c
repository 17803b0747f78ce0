/* policy.c - the overlap policies of streams and of IP fragments, as tables.
 *
 * Sources, by the names that the tables use:
 *   Shankar, Paxson: Active Mapping: Resisting NIDS Evasion Without Altering Traffic. IEEE S&P 2003
 *   Novak: Target-Based Fragmentation Reassembly. Sourcefire 2005
 *   Novak, Sturges: Target-Based TCP Stream Reassembly. Sourcefire 2007
 *   Snort 3: src/stream/tcp/tcp_overlap_resolver.cc and src/stream/ip/ip_defrag.cc, by Sturges and others
 *   Suricata: src/stream-tcp-list.c, src/defrag.c, and their tests
 *   Stevens, Wright: TCP/IP Illustrated, volume 2, section 27.9 (tcp_reass)
 *   Linux: net/ipv4/tcp_input.c (tcp_data_queue_ofo); illumos: tcp_reass_elim_overlap
 *   FreeBSD: sys/netinet/tcp_reass.c; NetBSD: sys/netinet/tcp_input.c (both tcp_reass)
 * ANSSI's PYROLYSE (Aubard and others, RAID 2025) found more behaviours than these among 23 stacks,
 * and that what a stack does with two segments does not always say what it does with three. What of
 * its results is published as data, and agrees, is in tests/unit/defrag_test.c. */
#include "reassembly/policy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* ---- the rules ---- */

static bool never(const struct range *held, const struct range *came)
{
    (void)held, (void)came;
    return false;
}

static bool always(const struct range *held, const struct range *came)
{
    (void)held, (void)came;
    return true;
}

/* What came is cut at the end of what begins before it or with it, and cuts all the others. */
static bool begins_before(const struct range *held, const struct range *came)
{
    return came->begin < held->begin;
}

static bool begins_before_or_with(const struct range *held, const struct range *came)
{
    return came->begin <= held->begin;
}

/* The same; and of two that begin together the longer one is kept, */
static bool begins_before_or_is_longer(const struct range *held, const struct range *came)
{
    return came->begin < held->begin || (came->begin == held->begin && came->end > held->end);
}

/* or, of two that are equal, the later one. */
static bool begins_before_or_is_as_long(const struct range *held, const struct range *came)
{
    return came->begin < held->begin || (came->begin == held->begin && came->end >= held->end);
}

/* What lies further right cuts what lies further left; what is covered whole is gone. */
static bool ends_later_or_covers(const struct range *held, const struct range *came)
{
    return came->end > held->end || (came->end == held->end && came->begin <= held->begin);
}

static bool begins_before_and_covers(const struct range *held, const struct range *came)
{
    return came->begin < held->begin && came->end >= held->end;
}

/* A segment that is all there is a duplicate; what it covers whole is gone; else it is trimmed. */
static bool covers_and_is_longer(const struct range *held, const struct range *came)
{
    return came->begin <= held->begin && came->end >= held->end &&
           came->end - came->begin > held->end - held->begin;
}

static bool surrounds(const struct range *held, const struct range *came)
{
    return came->begin < held->begin && came->end > held->end;
}

/* ---- the tables ---- */

static const struct policy stream_policies[] = {
    {"first", true, false, false, never, "none: what arrived first", "by definition"},
    {"last", true, false, false, always, "none: what arrived last", "by definition"},
    {"bsd", false, false, false, begins_before, "FreeBSD before 12, OpenBSD, AIX, Tru64",
     "Novak and Sturges 2007; Stevens 27.9; Suricata bsd; Snort bsd"},
    {"freebsd12", false, false, true, begins_before, "FreeBSD 12 and later",
     "FreeBSD sys/netinet/tcp_reass.c (tcp_reass) since August 2018"},
    {"netbsd", false, false, true, covers_and_is_longer, "NetBSD",
     "NetBSD sys/netinet/tcp_input.c (tcp_reass)"},
    {"bsd-right", false, false, false, ends_later_or_covers, "HP JetDirect printers",
     "Shankar and Paxson 2003; the rule as in Snort's ip_defrag.cc"},
    {"linux", false, true, false, begins_before_or_is_longer, "Linux 2.4 and later",
     "Novak and Sturges 2007; Linux tcp_data_queue_ofo(); Suricata linux; Snort linux"},
    {"old-linux", false, true, false, begins_before_or_is_as_long, "Linux before 2.4",
     "Novak and Sturges 2007; Suricata old-linux"},
    {"windows", false, false, false, begins_before, "Windows 95 to XP",
     "Novak and Sturges 2007; Suricata windows; Snort windows"},
    {"windows2k3", false, false, false, begins_before, "Windows Server 2003",
     "Novak and Sturges 2007; Suricata windows2k3; Snort win_2003"},
    {"vista", false, false, false, never, "Windows Vista and later",
     "Novak and Sturges 2007; Suricata vista; Snort vista"},
    {"solaris", false, false, false, ends_later_or_covers, "Solaris 9, 10; illumos",
     "Novak and Sturges 2007; illumos tcp_reass_elim_overlap(); Suricata solaris"},
    {"hpux11", false, false, false, ends_later_or_covers, "HP-UX 11",
     "Novak and Sturges 2007; Suricata hpux11; Snort hpux11"},
    {"hpux10", false, false, false, begins_before_or_is_longer, "HP-UX 10",
     "Novak and Sturges 2007, as in Snort hpux10"},
    {"irix", false, false, false, begins_before_or_is_longer, "IRIX 6",
     "Novak and Sturges 2007, as in Snort irix"},
    {"macos", false, false, false, begins_before, "Mac OS X 10.3 and later",
     "Novak and Sturges 2007; Suricata macos; Snort macos"},
};

static const struct policy fragment_policies[] = {
    {"first", true, false, false, never, "HP-UX 11, old Mac OS", "Shankar and Paxson 2003"},
    {"last", true, false, false, always, "Cisco IOS", "Shankar and Paxson 2003"},
    {"bsd", false, false, false, begins_before, "FreeBSD, OpenBSD, AIX, IRIX, HP-UX 10",
     "Shankar and Paxson 2003; Novak 2005; Suricata bsd"},
    {"bsd-right", false, false, false, ends_later_or_covers, "HP JetDirect printers",
     "Shankar and Paxson 2003; Novak 2005, as in Snort's ip_defrag.cc"},
    {"linux", false, false, false, begins_before_or_with, "Linux 2.2 to 2.6",
     "Shankar and Paxson 2003; Novak 2005; Suricata linux"},
    {"windows", false, false, false, surrounds, "Windows 95 to XP", "Novak 2005; Suricata windows"},
    {"solaris", false, false, false, begins_before_and_covers, "Solaris 9, 10",
     "Novak 2005; Suricata solaris"},
};

enum {
    STREAM_COUNT = sizeof stream_policies / sizeof stream_policies[0],
    FRAGMENT_COUNT = sizeof fragment_policies / sizeof fragment_policies[0],
};

const struct policy *policy_at(size_t index)
{
    return index < STREAM_COUNT ? &stream_policies[index] : NULL;
}

const struct policy *fragment_policy_at(size_t index)
{
    return index < FRAGMENT_COUNT ? &fragment_policies[index] : NULL;
}

static const struct policy *find(const struct policy *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

const struct policy *policy_find(const char *name)
{
    return find(stream_policies, STREAM_COUNT, name);
}

const struct policy *fragment_policy_find(const char *name)
{
    return find(fragment_policies, FRAGMENT_COUNT, name);
}

/* ---- which receiver has which ---- */

void policy_choice_release(struct policy_choice *choice)
{
    free(choice->networks);
    *choice = (struct policy_choice){0};
}

/* The bits of a prefix: digits only, 0 to `most`. */
static bool bits_parse(unsigned *bits, const char *text, unsigned most)
{
    *bits = 0;
    if (!*text || strlen(text) > 3)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *bits = *bits * 10 + (unsigned)(*text - '0');
    }
    return *bits <= most;
}

static bool is_inside(const struct policy_network *n, const struct address *address)
{
    unsigned bytes = n->bits / 8, rest = n->bits % 8;

    if (memcmp(n->network.bytes, address->bytes, bytes) != 0)
        return false;
    if (rest == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return ((n->network.bytes[bytes] ^ address->bytes[bytes]) & mask) == 0;
}

static bool network_parse(struct policy_network *n, const char *text, size_t len)
{
    char copy[64];
    uint8_t raw[16];
    unsigned most = 128;

    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = 0;
    if (inet_pton(AF_INET, copy, raw) == 1) {
        address_v4(&n->network, span_of(raw, 4));
        n->ip_version = 4;
        most = 32;
    } else if (inet_pton(AF_INET6, copy, raw) == 1) {
        address_v6(&n->network, span_of(raw, 16));
        n->ip_version = 6;
    } else {
        return false;
    }
    n->bits = most;
    if (slash && !bits_parse(&n->bits, slash + 1, most))
        return false;
    n->bits += 128 - most;
    return true;
}

enum status policy_choice_add(struct policy_choice *choice, const char *text, struct error *err)
{
    struct policy_network n = {0};
    const char *equals = strchr(text, '=');
    const char *name = equals ? equals + 1 : text;

    n.policy = policy_find(name);
    if (!n.policy)
        return error_set(err, "there is no policy '%.60s'", name);
    if (!equals) {
        choice->others = n.policy;
        return STATUS_OK;
    }
    if (!network_parse(&n, text, (size_t)(equals - text)))
        return error_set(err, "'%.*s' is no network such as 10.0.0.0/8",
                         equals - text < 60 ? (int)(equals - text) : 60, text);
    struct policy_network *more =
        realloc(choice->networks, (choice->count + 1) * sizeof *choice->networks);
    if (!more)
        return error_no_memory(err, "no memory");
    choice->networks = more;
    size_t at = 0;
    while (at < choice->count && more[at].bits > n.bits)
        at++;
    memmove(more + at + 1, more + at, (choice->count - at) * sizeof *more);
    more[at] = n;
    choice->count++;
    return STATUS_OK;
}

const struct policy *policy_choose(const struct policy_choice *choice,
                                   const struct address *receiver, uint8_t ip_version)
{
    for (size_t i = 0; i < choice->count; i++) {
        const struct policy_network *n = &choice->networks[i];
        if (n->ip_version == ip_version && is_inside(n, receiver))
            return n->policy;
    }
    return choice->others ? choice->others : &stream_policies[0];
}
