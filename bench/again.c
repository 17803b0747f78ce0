/* again.c - captures many times over, as if other hosts had the same conversations. */
#include "again.h"
#include "frames.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 24, RECORD = 16 };

struct source {
    const char *path;
    uint8_t *bytes;
    size_t len;
    bool big_endian, nanoseconds;
};

static uint32_t get32(const struct source *s, const uint8_t *at)
{
    return s->big_endian
               ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
               : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static int refuse(const char *path, const char *why)
{
    fprintf(stderr, "make_capture: %s: %s\n", path, why);
    return 1;
}

static int source_read(struct source *s, const char *path)
{
    FILE *file = fopen(path, "rb");

    *s = (struct source){.path = path};
    if (!file)
        return refuse(path, "cannot be opened");
    fseek(file, 0, SEEK_END);
    long len = ftell(file);
    rewind(file);
    s->bytes = len > HEADER ? malloc((size_t)len) : NULL;
    s->len = s->bytes ? fread(s->bytes, 1, (size_t)len, file) : 0;
    fclose(file);
    if (s->len <= HEADER)
        return refuse(path, "is empty or cannot be read");
    s->big_endian = s->bytes[0] == 0xa1;
    uint32_t magic = get32(s, s->bytes);
    s->nanoseconds = magic == 0xa1b23c4d;
    if ((magic != 0xa1b2c3d4 && !s->nanoseconds) || (get32(s, s->bytes + 20) & 0xffff) != 1)
        return refuse(path, "is no classic pcap of Ethernet");
    return 0;
}

/* Puts the address that the turn has here, and makes up for it in the sum of a checksum. The three bytes
 * lie on either side of a 16-bit boundary: the sum is taken over the four that hold them. */
static void mend_address(uint8_t *four, uint32_t change, uint64_t *sum)
{
    *sum += (uint16_t) ~(four[0] << 8 | four[1]);
    *sum += (uint16_t) ~(four[2] << 8 | four[3]);
    four[1] ^= (uint8_t)(change >> 16);
    four[2] ^= (uint8_t)(change >> 8);
    four[3] ^= (uint8_t)change;
    *sum += (uint32_t)(four[0] << 8 | four[1]) + (uint32_t)(four[2] << 8 | four[3]);
}

/* RFC 1624: what changed is added to the complement of the checksum. */
static void mend_checksum(uint8_t *at, uint64_t sum, bool zero_is_none)
{
    if (zero_is_none && at[0] == 0 && at[1] == 0)
        return;
    sum += (uint16_t) ~(at[0] << 8 | at[1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    uint16_t checksum = (uint16_t)~sum;
    if (zero_is_none && checksum == 0)
        checksum = 0xffff;
    at[0] = (uint8_t)(checksum >> 8);
    at[1] = (uint8_t)checksum;
}

/* The transport's checksum covers the addresses, but that of ICMP over IPv4 does not. */
static void mend_transport(uint8_t *transport, size_t len, uint8_t protocol, uint64_t sum)
{
    if (protocol == 6 && len >= 18)
        mend_checksum(transport + 16, sum, false);
    else if (protocol == 17 && len >= 8)
        mend_checksum(transport + 6, sum, true);
    else if (protocol == 58 && len >= 4)
        mend_checksum(transport + 2, sum, false);
}

static void rewrite(uint8_t *frame, size_t len, uint32_t change)
{
    size_t at = 12;
    uint64_t sum = 0;

    while (at + 4 <= len && ((frame[at] == 0x81 && frame[at + 1] == 0) ||
                             (frame[at] == 0x88 && frame[at + 1] == 0xa8)))
        at += 4; /* VLAN tags */
    if (at + 2 + 20 > len)
        return;
    uint8_t *ip = frame + at + 2;
    size_t left = len - at - 2, header = (size_t)(ip[0] & 15) * 4;
    if (frame[at] == 0x08 && frame[at + 1] == 0 && header >= 20 && left >= header) {
        mend_address(ip + 12, change, &sum);
        mend_address(ip + 16, change, &sum);
        mend_checksum(ip + 10, sum, false);
        bool first_fragment = (ip[6] & 0x1f) == 0 && ip[7] == 0;
        if (first_fragment)
            mend_transport(ip + header, left - header, ip[9], sum);
    } else if (frame[at] == 0x86 && frame[at + 1] == 0xdd && left >= 40) {
        mend_address(ip + 8 + 4, change, &sum);
        mend_address(ip + 24 + 4, change, &sum);
        bool is_piece = ip[6] == 44 && left >= 48;
        if (!is_piece)
            mend_transport(ip + 40, left - 40, ip[6], sum);
        else if (ip[42] == 0 && (ip[43] & 0xf8) == 0) /* the first fragment */
            mend_transport(ip + 48, left - 48, ip[40], sum);
    }
}

/* All frames of one capture, the first at *clock_us, which is then behind the last. */
static uint64_t write_source(const struct source *s, uint32_t change, uint64_t *clock_us)
{
    static uint8_t copy[1 << 18];
    uint64_t written = 0, first = 0, start = *clock_us;

    for (size_t at = HEADER; at + RECORD <= s->len;) {
        const uint8_t *record = s->bytes + at;
        uint32_t len = get32(s, record + 8);
        if (len > sizeof copy || len > s->len - at - RECORD)
            break; /* cut off: what came before is taken */
        uint64_t time =
            get32(s, record) * 1000000ull + get32(s, record + 4) / (s->nanoseconds ? 1000 : 1);
        if (at == HEADER)
            first = time;
        uint64_t now = start + (time > first ? time - first : 0);
        uint32_t out[4] = {(uint32_t)(now / 1000000), (uint32_t)(now % 1000000), len,
                           get32(s, record + 12)};
        memcpy(copy, record + RECORD, len);
        rewrite(copy, len, change);
        frames_write(out, sizeof out);
        frames_write(copy, len);
        if (now >= *clock_us)
            *clock_us = now + 1000;
        written += sizeof out + len;
        at += RECORD + len;
    }
    return written;
}

int make_again(uint64_t bytes, char **paths, int count)
{
    struct source *sources = calloc((size_t)count, sizeof *sources);
    uint64_t clock_us = 1700000000ull * 1000000, written = 0;
    int wrong = sources ? 0 : refuse("again", "no memory");

    for (int i = 0; i < count && !wrong; i++)
        wrong = source_read(&sources[i], paths[i]);
    for (uint32_t turn = 0; written < bytes && !wrong; turn++) {
        uint64_t before = written;
        for (int i = 0; i < count; i++) /* an odd factor: 2^24 turns that all differ */
            written += write_source(&sources[i], turn * 0x9e3779 & 0xffffff, &clock_us);
        if (written == before)
            wrong = refuse(paths[0], "has no frame");
    }
    for (int i = 0; sources && i < count; i++)
        free(sources[i].bytes);
    free(sources);
    return wrong;
}
