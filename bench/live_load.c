/* live_load.c - puts frames onto an interface, at a rate that is kept, to measure who can read them.
 *
 *     live_load INTERFACE LENGTH RATE COUNT
 *
 * Sends COUNT frames of LENGTH bytes (64 to 1500), RATE a second; 0 is as fast as it can. They are segments of a hundred
 * TCP conversations in turn, one direction, in order, with right checksums; one of the hundred is at port
 * 80, the others are at 81. Prints one line: frames sent, seconds taken.
 *
 * Frames go past the queueing discipline (PACKET_QDISC_BYPASS), 64 a system call. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { FLOWS = 100, BATCH = 64, ETHERNET = 14, IP = 20, TCP = 20, HEADERS = ETHERNET + IP + TCP };
enum { LENGTH_MIN = 64, LENGTH_MAX = 1500 };

struct flow {
    uint8_t frame[LENGTH_MAX];
    uint32_t seq;
    uint32_t sum; /* of the segment, with a sequence number and a checksum of 0 */
};

static struct flow flows[FLOWS];
static uint8_t ready[BATCH][LENGTH_MAX];

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value);
}

static uint32_t sum_of(const uint8_t *bytes, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    return sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void make_flow(struct flow *f, unsigned number, size_t len)
{
    uint8_t *ip = f->frame + ETHERNET, *tcp = ip + IP;

    memcpy(f->frame, "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0", ETHERNET);
    ip[0] = 0x45;
    put16(ip + 2, (uint32_t)len - ETHERNET);
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, 0x0a000000 + 256 + number);
    put32(ip + 16, 0x0a000001);
    put16(ip + 10, folded(sum_of(ip, IP)));
    put16(tcp, 20000 + number);
    put16(tcp + 2, number == 0 ? 80 : 81);
    put32(tcp + 8, 1);
    tcp[12] = 0x50;
    tcp[13] = 0x10;
    put16(tcp + 14, 0xffff);
    for (size_t i = HEADERS; i < len; i++)
        f->frame[i] = (uint8_t)(32 + (i * 31 + number) % 95);
    f->seq = 1000;
    f->sum =
        sum_of(ip + 12, 8) + 6 + (uint32_t)len - ETHERNET - IP + sum_of(tcp, len - ETHERNET - IP);
}

static void make_frame(uint8_t *to, struct flow *f, size_t len)
{
    memcpy(to, f->frame, len);
    put32(to + ETHERNET + IP + 4, f->seq);
    put16(to + ETHERNET + IP + 16, folded(f->sum + (f->seq >> 16) + (f->seq & 0xffff)));
    f->seq += (uint32_t)len - HEADERS;
}

static int open_interface(const char *name)
{
    const struct sockaddr_ll to = {.sll_family = AF_PACKET,
                                   .sll_ifindex = (int)if_nametoindex(name)};
    const int on = 1, room = 4 << 20;
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (const struct sockaddr *)&to, sizeof to) < 0) {
        perror(name);
        exit(1);
    }
    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    return fd;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sends all of the batch: what the interface had no room for is tried again. */
static void send_batch(int fd, struct mmsghdr *messages, unsigned count)
{
    for (unsigned sent = 0; sent < count;) {
        int n = sendmmsg(fd, messages + sent, count - sent, 0);
        if (n > 0)
            sent += (unsigned)n;
    }
}

int main(int argc, char **argv)
{
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    const size_t len = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;

    if (len < LENGTH_MIN || len > LENGTH_MAX) {
        fprintf(stderr, "usage: live_load INTERFACE LENGTH RATE COUNT\n");
        return 2;
    }
    const double rate = strtod(argv[3], NULL);
    const uint64_t count = strtoull(argv[4], NULL, 10);
    const int fd = open_interface(argv[1]);
    for (unsigned i = 0; i < FLOWS; i++)
        make_flow(&flows[i], i, len);
    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){ready[i], len};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const double start = now();
    uint64_t sent = 0;
    while (sent < count) {
        /* As many as are due, so that a pause is made up for by at most one batch at a time. */
        uint64_t due = count;
        if (rate > 0)
            due = (uint64_t)((now() - start) * rate) + 1;
        uint64_t n = due > sent ? due - sent : 0;
        if (n > count - sent)
            n = count - sent;
        if (n > BATCH)
            n = BATCH;
        for (unsigned i = 0; i < n; i++)
            make_frame(ready[i], &flows[(sent + i) % FLOWS], len);
        if (n > 0)
            send_batch(fd, messages, (unsigned)n);
        sent += n;
    }
    printf("%llu %.6f\n", (unsigned long long)sent, now() - start);
    return 0;
}
