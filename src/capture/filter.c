/* filter.c - libpcap's filters: one compiled program for each link type that comes by.
 *
 * A filter sees one frame, and it sees it as it was written for: ports only in the fragment that
 * has them, addresses only where an untagged frame has them. What it refuses for such a reason is
 * looked at once more here, until the user has been told. */
#include "capture/filter.h"

#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINK_TYPES_MAX = 64 }; /* frames of more are refused, with a remark */
enum { REMARKS_MAX = LINK_TYPES_MAX + 3, WHOLE_FRAME = 262144 };

struct program {
    uint32_t link_type;
    bool works;
    struct bpf_program code; /* owned when it works */
};

struct filter {
    char *text; /* owned */
    struct program programs[LINK_TYPES_MAX];
    size_t program_count;
    struct program *last; /* used for the last frame; NULL before the first */
    bool asks_for_ports;  /* and fragments refused would be news */
    bool ignores_vlan;    /* and tagged frames refused would be news */
    bool too_many_told;
    char *remarks[REMARKS_MAX]; /* owned */
    size_t remark_count;
    size_t told_count;
};

/* Registered link types (LINKTYPE_) for which libpcap itself has another number on some system or
 * other (DLT_). All others are the same. */
static const struct {
    uint32_t link_type;
    int dlt;
} differing[] = {
    {50, DLT_PPP_SERIAL},  {51, DLT_PPP_ETHER},  {100, DLT_ATM_RFC1483}, {101, DLT_RAW},
    {102, DLT_SLIP_BSDOS}, {103, DLT_PPP_BSDOS}, {104, DLT_C_HDLC},      {105, DLT_IEEE802_11},
    {106, DLT_ATM_CLIP},   {107, DLT_FRELAY},    {108, DLT_LOOP},        {109, DLT_ENC},
    {112, DLT_HDLC},       {228, DLT_IPV4},      {229, DLT_IPV6},        {246, DLT_PFSYNC},
    {258, DLT_PKTAP},
};
enum { DIFFERING_COUNT = sizeof(differing) / sizeof(differing[0]) };

static int dlt_of(uint32_t link_type)
{
    for (size_t i = 0; i < DIFFERING_COUNT; i++) {
        if (differing[i].link_type == link_type)
            return differing[i].dlt;
    }
    return (int)link_type;
}

uint32_t filter_link_type(int dlt)
{
    for (size_t i = 0; i < DIFFERING_COUNT; i++) {
        if (differing[i].dlt == dlt)
            return differing[i].link_type;
    }
    return (uint32_t)dlt;
}

static bool compile(struct bpf_program *code, const char *text, uint32_t link_type,
                    uint32_t snap_len, struct error *err)
{
    pcap_t *dead = pcap_open_dead(dlt_of(link_type), (int)snap_len);
    if (!dead) {
        error_no_memory(err, "no memory");
        return false;
    }
    bool works = pcap_compile(dead, code, text, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!works)
        error_set(err, "%s", pcap_geterr(dead));
    pcap_close(dead);
    return works;
}

enum status filter_compile(struct bpf_program *code, const char *text, uint32_t link_type,
                           uint32_t snap_len, struct error *err)
{
    struct error why = {0};

    if (compile(code, text, link_type, snap_len, &why))
        return STATUS_OK;
    return error_set(err, "the filter '%s' cannot be applied to frames of link type %u: %s", text,
                     (unsigned)link_type, why.text);
}

/* Whether libpcap takes the filter for any link type that knows words which Ethernet does not. */
static bool compiles_elsewhere(const char *text)
{
    static const uint32_t link_types[] = {127, 105, 113, 276, 101, 9, 117, 123, 137, 140, 107, 0};
    for (size_t i = 0; i < sizeof link_types / sizeof link_types[0]; i++) {
        struct bpf_program code;
        if (compile(&code, text, link_types[i], WHOLE_FRAME, NULL)) {
            pcap_freecode(&code);
            return true;
        }
    }
    return false;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* Whether `word` stands in the text by itself, with `after` behind it unless that is 0. */
static bool has_word(const char *text, const char *word, char after)
{
    size_t len = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        const char *end = at + len;
        if ((at > text && is_word_byte(at[-1])) || is_word_byte(*end))
            continue;
        while (after && *end == ' ')
            end++;
        if (!after || *end == after)
            return true;
    }
    return false;
}

/* Whether it looks into transport headers, which only the first fragment of a datagram has. */
static bool has_ports(const char *text)
{
    static const char *const headers[] = {"tcp", "udp", "sctp", "icmp", "icmp6"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (has_word(text, headers[i], '['))
            return true;
    }
    return has_word(text, "port", 0) || has_word(text, "portrange", 0);
}

enum status filter_new(struct filter **filter, const char *text, struct error *err)
{
    enum { ETHERNET = 1 };
    *filter = NULL;
    struct bpf_program code;
    struct error why = {0};
    if (compile(&code, text, ETHERNET, WHOLE_FRAME, &why))
        pcap_freecode(&code);
    else if (!compiles_elsewhere(text))
        return error_set(err, "the filter '%s' is refused by libpcap: %s", text, why.text);
    struct filter *f = calloc(1, sizeof *f);
    char *copy = strdup(text);
    if (!f || !copy) {
        free(f);
        free(copy);
        return error_no_memory(err, "no memory for the filter '%s'", text);
    }
    f->text = copy;
    f->asks_for_ports = has_ports(text);
    f->ignores_vlan = !has_word(text, "vlan", 0);
    *filter = f;
    return STATUS_OK;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->program_count; i++) {
        if (f->programs[i].works)
            pcap_freecode(&f->programs[i].code);
    }
    for (size_t i = 0; i < f->remark_count; i++)
        free(f->remarks[i]);
    free(f->text);
    free(f);
}

__attribute__((format(printf, 2, 3))) static void remark(struct filter *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sentence;
    if (f->remark_count < REMARKS_MAX && vasprintf(&sentence, format, args) >= 0)
        f->remarks[f->remark_count++] = sentence;
    va_end(args);
}

/* The program for a link type; NULL when there are too many. */
static struct program *program_of(struct filter *f, uint32_t link_type)
{
    for (size_t i = 0; i < f->program_count; i++) {
        if (f->programs[i].link_type == link_type)
            return &f->programs[i];
    }
    if (f->program_count == LINK_TYPES_MAX) {
        if (!f->too_many_told)
            remark(f,
                   "the filter is applied to the first %d link types only: frames of others are "
                   "left out",
                   LINK_TYPES_MAX);
        f->too_many_told = true;
        return NULL;
    }
    struct program *p = &f->programs[f->program_count++];
    struct error why = {0};
    p->link_type = link_type;
    p->works = compile(&p->code, f->text, link_type, WHOLE_FRAME, &why);
    if (!p->works)
        remark(f,
               "the filter '%s' cannot be applied to frames of link type %u, which are left out: "
               "%s",
               f->text, (unsigned)link_type, why.text);
    return p;
}

static bool program_accepts(const struct program *p, struct span bytes, uint32_t wire_len)
{
    struct pcap_pkthdr header = {.caplen = (bpf_u_int32)bytes.len, .len = wire_len};
    return pcap_offline_filter(&p->code, &header, bytes.data) != 0;
}

enum { MAC_LEN = 12, TAG_LEN = 4, TAGS_MAX = 4 };

/* How many bytes of VLAN tags an Ethernet frame carries. */
static size_t tags_len(struct span bytes)
{
    size_t len = 0;
    while (len < TAGS_MAX * TAG_LEN && bytes.len >= MAC_LEN + len + TAG_LEN + 2) {
        uint16_t type = load_be16(bytes, MAC_LEN + len);
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
            break;
        len += TAG_LEN;
    }
    return len;
}

/* Whether the frame was refused for its tags alone: without them, would it have passed? */
static bool refused_for_tags(const struct program *p, const struct frame *frame)
{
    uint8_t bare[512]; /* filters look at headers */
    size_t tags = p->link_type == 1 ? tags_len(frame->bytes) : 0;
    if (tags == 0)
        return false;
    struct span rest = span_first(span_after(frame->bytes, MAC_LEN + tags), sizeof bare - MAC_LEN);
    memcpy(bare, frame->bytes.data, MAC_LEN);
    memcpy(bare + MAC_LEN, rest.data, rest.len);
    return program_accepts(p, span_of(bare, MAC_LEN + rest.len), frame->wire_len - (uint32_t)tags);
}

/* The frame from its IP header on, for the link types that captures mostly have; else empty. */
static struct span ip_of(const struct frame *frame)
{
    enum {
        LINK_NULL = 0,
        ETHERNET = 1,
        RAW = 101,
        LOOP = 108,
        SLL = 113,
        IPV4 = 228,
        IPV6 = 229,
        SLL2 = 276
    };
    switch (frame->link_type) {
    case ETHERNET:
        return span_after(frame->bytes, MAC_LEN + tags_len(frame->bytes) + 2);
    case RAW:
    case IPV4:
    case IPV6:
        return frame->bytes;
    case LINK_NULL:
    case LOOP:
        return span_after(frame->bytes, 4);
    case SLL:
        return span_after(frame->bytes, 16);
    case SLL2:
        return span_after(frame->bytes, 20);
    default:
        return (struct span){NULL, 0};
    }
}

static bool is_later_fragment(const struct frame *frame)
{
    enum { IPV6_LEN = 40, FRAGMENT_HEADER = 44 };
    struct span ip = ip_of(frame);
    if (ip.len >= 20 && load_u8(ip, 0) >> 4 == 4)
        return (load_be16(ip, 6) & 0x1fff) != 0;
    if (ip.len >= IPV6_LEN + 8 && load_u8(ip, 0) >> 4 == 6 && load_u8(ip, 6) == FRAGMENT_HEADER)
        return (load_be16(ip, IPV6_LEN + 2) & 0xfff8) != 0;
    return false;
}

/* Looks once more at a frame that was refused, for what the user should know. */
static void see_refused(struct filter *f, const struct program *p, const struct frame *frame)
{
    unsigned long long number = frame->number;
    if (f->asks_for_ports && is_later_fragment(frame)) {
        f->asks_for_ports = false;
        remark(f,
               "the filter '%s' looks at ports, which only the first fragment of a datagram has: "
               "frame %llu, a later fragment, is left out, and datagrams may not be made whole",
               f->text, number);
    }
    if (f->ignores_vlan && refused_for_tags(p, frame)) {
        f->ignores_vlan = false;
        remark(f,
               "the filter '%s' does not see inside VLAN tags: frame %llu is left out, and would "
               "not be without its tag; '%s or (vlan and (%s))' takes both",
               f->text, number, f->text, f->text);
    }
}

bool filter_accepts(struct filter *f, const struct frame *frame)
{
    struct program *p = f->last;
    if (!p || p->link_type != frame->link_type) {
        p = program_of(f, frame->link_type);
        if (!p)
            return false;
        f->last = p;
    }
    if (!p->works)
        return false;
    if (program_accepts(p, frame->bytes, frame->wire_len))
        return true;
    if (f->asks_for_ports || f->ignores_vlan)
        see_refused(f, p, frame);
    return false;
}

const char *filter_remark(struct filter *f)
{
    return f->told_count < f->remark_count ? f->remarks[f->told_count++] : NULL;
}
