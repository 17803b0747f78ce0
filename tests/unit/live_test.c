/* live_test.c - frames from interfaces that are made here, in a network namespace of our own.
 *
 * What is written into a tap comes in on its interface, at once and in order. Where no namespace or no tap is
 * to be had, the suite is left out, with a sentence. All loops are bounded by counts or by PATIENCE_MS. */
#include "capture/filter.h"
#include "capture/live.h"
#include "capture/nic.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77, PATIENCE_MS = 5000, FRAME_MAX = 2048 };
enum { ETHERNET = 1, RAW = 101, COOKED = 276 };

/* ---- interfaces ---- */

static bool set_up(const char *name, bool up)
{
    struct ifreq request = {.ifr_flags = 0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    bool works = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    works = works && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return works;
}

/* An interface; what is written to what this returns comes in on it. It is gone with its descriptor. */
static int made_interface(const char *name, int kind)
{
    struct ifreq request = {.ifr_flags = (short)(kind | IFF_NO_PI)};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || !set_up(name, true)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static int tap(const char *name)
{
    int fd = made_interface(name, IFF_TAP);
    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

/* A namespace in which nothing but our own frames is under way. */
static bool has_namespace(void)
{
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY);
    bool quiet = fd >= 0 && write(fd, "1", 1) == 1;
    if (fd >= 0)
        close(fd);
    fd = made_interface("seine9", IFF_TAP);
    if (fd >= 0)
        close(fd);
    return quiet && fd >= 0 && set_up("lo", true);
}

/* ---- frames ---- */

struct made {
    uint8_t bytes[FRAME_MAX];
    size_t len;
};

static void add(struct made *m, const void *bytes, size_t len)
{
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

/* 10.0.0.1 to 10.0.0.2, with a number in its payload. */
static void add_udp(struct made *m, uint16_t port, uint32_t number, size_t payload_len)
{
    const size_t udp_len = 8 + payload_len, ip_len = 20 + udp_len;
    const uint8_t ip[20] = {0x45,
                            0,
                            (uint8_t)(ip_len >> 8),
                            (uint8_t)ip_len,
                            0,
                            1,
                            0,
                            0,
                            64,
                            17,
                            0,
                            0,
                            10,
                            0,
                            0,
                            1,
                            10,
                            0,
                            0,
                            2};
    const uint8_t udp[8] = {
        0x30, 0x39, (uint8_t)(port >> 8), (uint8_t)port, (uint8_t)(udp_len >> 8), (uint8_t)udp_len};
    add(m, ip, sizeof(ip));
    add(m, udp, sizeof(udp));
    memset(m->bytes + m->len, 'a' + (int)(number % 26), payload_len);
    const uint32_t wire = htonl(number);
    memcpy(m->bytes + m->len, &wire, sizeof(wire));
    m->len += payload_len;
}

static struct made ethernet(const char *tags, size_t tags_len, uint16_t port, uint32_t number,
                            size_t payload_len)
{
    struct made m = {.len = 0};
    add(&m, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
    add(&m, tags, tags_len);
    add(&m, "\x08\x00", 2);
    add_udp(&m, port, number, payload_len);
    return m;
}

static struct made plain(uint32_t number, size_t payload_len)
{
    return ethernet("", 0, 53, number, payload_len);
}

static void send_frame(int fd, const struct made *m)
{
    CU_ASSERT_EQUAL(write(fd, m->bytes, m->len), (ssize_t)m->len);
}

/* ---- reading ---- */

static struct live *opened(const struct live_options *options)
{
    struct error err = {0};
    struct live *l = live_open(options, &err);
    if (!l)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    return l;
}

static struct live *opened_on(const char *name, enum live_source source)
{
    const struct live_options options = {
        .interfaces = &name, .interface_count = 1, .source = source};
    return opened(&options);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The next frame, within PATIENCE_MS. */
static enum live_next next(struct live *l, struct frame *frame)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    struct error err = {0};
    enum live_next got;
    do
        got = live_next(l, frame, 100, &err);
    while (got == LIVE_IDLE && now_ms() < until);
    return got;
}

static bool is_frame(const struct frame *frame, const struct made *m)
{
    return frame->bytes.len == m->len && frame->wire_len == m->len &&
           memcmp(frame->bytes.data, m->bytes, m->len) == 0;
}

static void expect_frame(struct live *l, const struct made *m)
{
    struct frame frame;
    CU_ASSERT_EQUAL_FATAL(next(l, &frame), LIVE_FRAME);
    CU_ASSERT(is_frame(&frame, m));
}

static void expect_remark(struct live *l, const char *part)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    const char *sentence;
    struct frame frame;
    while (!(sentence = live_remark(l)) && now_ms() < until)
        live_next(l, &frame, 100, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sentence);
    CU_ASSERT_PTR_NOT_NULL(strstr(sentence, part));
}

/* ---- tests ---- */

static void every_frame(enum live_source source)
{
    enum { COUNT = 6000, BATCH = 500 };
    const char *name = "seine0";
    const struct live_options options = {
        .interfaces = &name, .interface_count = 1, .source = source, .ring_len = 2 << 20};
    int fd = tap(name);
    struct live *l = opened(&options);
    struct timespec before;
    clock_gettime(CLOCK_REALTIME, &before);
    int64_t last_ns = before.tv_sec * INT64_C(1000000000) - 1000000000;
    bool same = true;
    for (uint32_t sent = 0; sent < COUNT && same; sent += BATCH) {
        for (uint32_t i = 0; i < BATCH; i++) {
            struct made m = plain(sent + i, 4 + (sent + i) * 7 % 1400);
            send_frame(fd, &m);
        }
        /* Frames that are looked at once more, after later ones came, are what they were. */
        struct frame kept[BATCH];
        for (uint32_t i = 0; i < BATCH && same; i++) {
            same = next(l, &kept[i]) == LIVE_FRAME && kept[i].time_ns >= last_ns &&
                   kept[i].number == sent + i + 1 && kept[i].link_type == ETHERNET &&
                   kept[i].interface_id == 0 && live_mark(l) == sent + i + 1;
            last_ns = kept[i].time_ns;
        }
        for (uint32_t i = 0; i < BATCH && same; i++) {
            struct made m = plain(sent + i, 4 + (sent + i) * 7 % 1400);
            same = is_frame(&kept[i], &m);
        }
        live_release(l, live_mark(l));
    }
    CU_ASSERT(same);
    struct live_counts counts;
    CU_ASSERT(live_counts(l, &counts, 0));
    CU_ASSERT_EQUAL(counts.received, COUNT);
    CU_ASSERT_EQUAL(counts.dropped_by_socket, 0);
    CU_ASSERT_EQUAL(counts.freezes, 0);
    live_close(l);
    close(fd);
}

static void every_frame_of_the_ring(void)
{
    every_frame(LIVE_RING);
}

static void every_frame_of_libpcap(void)
{
    every_frame(LIVE_PCAP);
}

static void stop_drains(enum live_source source)
{
    enum { COUNT = 500 };
    int fd = tap("seine0");
    struct live *l = opened_on("seine0", source);
    struct frame frame;
    uint32_t count = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct made m = plain(i, 100);
        send_frame(fd, &m);
    }
    live_stop(l);
    CU_ASSERT_EQUAL_FATAL(next(l, &frame),
                          LIVE_FRAME); /* from here on, frames are later than the stop */
    for (uint32_t i = 0; i < COUNT; i++) {
        struct made m = plain(i, 100);
        send_frame(fd, &m);
    }
    const int64_t start = now_ms();
    do
        count++;
    while (next(l, &frame) == LIVE_FRAME);
    CU_ASSERT_EQUAL(count, COUNT);
    CU_ASSERT(now_ms() - start < 1000);
    live_stop(l);
    CU_ASSERT_EQUAL(live_next(l, &frame, -1, NULL), LIVE_STOPPED);
    live_close(l);
    close(fd);
}

static void stop_drains_the_ring(void)
{
    stop_drains(LIVE_RING);
}

static void stop_drains_libpcap(void)
{
    stop_drains(LIVE_PCAP);
}

static void stop_wakes(void)
{
    int fd = tap("seine0");
    struct live *l = opened_on("seine0", LIVE_RING);
    struct frame frame;
    CU_ASSERT_EQUAL(live_next(l, &frame, 0, NULL), LIVE_IDLE);
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        live_stop(l); /* the descriptor is shared, the flag is not */
        _exit(0);
    }
    int64_t start = now_ms();
    CU_ASSERT_EQUAL(live_next(l, &frame, 300, NULL), LIVE_IDLE);
    CU_ASSERT(now_ms() - start >= 250); /* the event alone stops nothing */
    waitpid(child, NULL, 0);
    live_stop(l);
    start = now_ms();
    CU_ASSERT_EQUAL(live_next(l, &frame, -1, NULL), LIVE_STOPPED);
    CU_ASSERT(now_ms() - start < 2 * LIVE_HOLD_MS);
    live_close(l);
    close(fd);
}

static void cut_frames(enum live_source source)
{
    const char *name = "seine0";
    const struct live_options options = {
        .interfaces = &name, .interface_count = 1, .source = source, .snap_len = 60};
    int fd = tap(name);
    struct live *l = opened(&options);
    static const char *const tags[] = {"", "\x81\x00\0\7"};
    for (int i = 0; i < 2; i++) {
        struct made m = ethernet(tags[i], i ? 4 : 0, 53, 1, 500);
        struct frame frame;
        send_frame(fd, &m);
        CU_ASSERT_EQUAL_FATAL(next(l, &frame), LIVE_FRAME);
        CU_ASSERT_EQUAL(frame.bytes.len, 60);
        CU_ASSERT_EQUAL(frame.wire_len, m.len);
        CU_ASSERT(frame.bytes.len == 60 && memcmp(frame.bytes.data, m.bytes, 60) == 0);
    }
    live_close(l);
    close(fd);
}

static void cut_frames_of_the_ring(void)
{
    cut_frames(LIVE_RING);
}

static void cut_frames_of_libpcap(void)
{
    cut_frames(LIVE_PCAP);
}

static void tags_are_put_back(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } tags[] = {
        {"\x81\x00\0\7", 4},
        {"\x81\x00\xe0\x01", 4},         /* with a priority */
        {"\x88\xa8\0\1", 4},             /* 802.1ad */
        {"\x88\xa8\0\1\x81\x00\0\2", 8}, /* within each other: the outer one is taken off */
        {"\x81\x00\0\1\x81\x00\0\2", 8},
        {"\x81\x00\0\1\x81\x00\0\2\x81\x00\0\3", 12},
        {"", 0},
    };
    int fd = tap("seine0");
    struct live *l = opened_on("seine0", LIVE_RING);
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        struct made m = ethernet(tags[i].bytes, tags[i].len, 53, 1, 100);
        send_frame(fd, &m);
        expect_frame(l, &m);
    }
    /* Nothing of this machine wants those with two tags, which Linux counts as dropped: none was lost. */
    struct live_counts counts;
    CU_ASSERT(live_counts(l, &counts, 0));
    CU_ASSERT_EQUAL(counts.received, sizeof(tags) / sizeof(tags[0]));
    CU_ASSERT(counts.discarded > 0);
    CU_ASSERT_EQUAL(counts.dropped_by_interface, 0);
    live_close(l);
    close(fd);
}

static void losses_of_a_card(void)
{
    static const struct {
        struct nic_drops before, now;
        uint64_t lost, discarded;
    } seen[] = {
        {{5, 5, 5, 5}, {5, 5, 5, 5}, 0, 0},
        {{5, 5, 5, 5}, {7, 5, 5, 9}, 2, 4},
        {{5, 0, 9, 0},
         {5, 3, 9, 0},
         3,
         0}, /* what was before one of them does not hide the other */
        {{0, 0, 0, 0}, {1, 4, 4, 0}, 5, 0}, /* the same frames, counted twice */
        {{0, 0, 0, 0}, {1, 4, 6, 0}, 7, 0},
        {{9, 9, 9, 9}, {1, 0, 0, 2}, 0, 0}, /* the driver was loaded anew */
    };

    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        CU_ASSERT_EQUAL(nic_lost_since(&seen[i].before, &seen[i].now), seen[i].lost);
        CU_ASSERT_EQUAL(nic_discarded_since(&seen[i].before, &seen[i].now), seen[i].discarded);
    }
}

/* What a filter in the kernel lets through is what it accepts of a file with the same frames, wherever the tag
 * was on the way. */
enum { FILTERS_MAX = 16 };

static void send_all_kinds(int fd, uint32_t count)
{
    static const struct {
        const char *bytes;
        size_t len;
    } tags[] = {{"", 0},
                {"\x81\x00\0\7", 4},
                {"\x81\x00\0\x8", 4},
                {"\x88\xa8\0\7", 4},
                {"\x88\xa8\0\7\x81\x00\0\x8", 8}};
    enum { TAGS = sizeof(tags) / sizeof(tags[0]) };
    for (uint32_t i = 0; i < count; i++) {
        struct made m = ethernet(tags[i % TAGS].bytes, tags[i % TAGS].len, i / TAGS % 2 ? 53 : 54,
                                 i, i < count / 2 ? 20 : 200);
        send_frame(fd, &m);
    }
}

static void check_filters(const char *const filters[], size_t filter_count, const char *interface)
{
    enum { COUNT = 20 };
    struct filter *judges[FILTERS_MAX];
    struct live *some[FILTERS_MAX], *all;
    uint32_t count = 0, wrong[FILTERS_MAX] = {0};
    struct live_options options = {
        .interfaces = &interface, .interface_count = 1, .ring_len = LIVE_RING_LEN_MIN};
    int fd = tap("seine0");
    CU_ASSERT_FATAL(filter_count <= FILTERS_MAX);
    all = opened(&options);
    for (size_t i = 0; i < filter_count; i++) {
        options.filter = filters[i];
        CU_ASSERT_EQUAL_FATAL(filter_new(&judges[i], filters[i], NULL), STATUS_OK);
        some[i] = opened(&options);
    }
    send_all_kinds(fd, COUNT);
    live_stop(all);
    for (size_t i = 0; i < filter_count; i++)
        live_stop(some[i]);
    struct frame frame, passed;
    for (; count < 2 * COUNT && next(all, &frame) == LIVE_FRAME; count++) {
        for (size_t i = 0; i < filter_count; i++) {
            if (filter_accepts(judges[i], &frame))
                wrong[i] += next(some[i], &passed) != LIVE_FRAME ||
                            passed.bytes.len != frame.bytes.len ||
                            memcmp(passed.bytes.data, frame.bytes.data, frame.bytes.len) != 0;
        }
    }
    CU_ASSERT_EQUAL(count, COUNT);
    for (size_t i = 0; i < filter_count; i++) {
        wrong[i] += next(some[i], &passed) != LIVE_STOPPED;
        CU_ASSERT_EQUAL(wrong[i], 0);
        if (wrong[i])
            fprintf(stderr, "'%s' on %s: %u\n", filters[i], interface, (unsigned)wrong[i]);
        live_close(some[i]);
        filter_free(judges[i]);
    }
    live_close(all);
    close(fd);
}

static void filters_mean_the_same(void)
{
    static const char *const filters[] = {
        "udp port 53",
        "vlan",
        "vlan 7 and udp port 53",
        "vlan 7 and vlan 8 and udp port 53",
        "udp port 53 or (vlan and (udp port 53))",
        "not vlan",
        "less 100", /* a length: tagged frames are judged here */
        "vlan and greater 100",
        "ether[12:4] = 0x81000007", /* over two fields: likewise */
        "ether[12:2] = 0x88a8",
        "ether[ether[0]:1] = 0",
        "ip[2:2] > 100 and ip[9] = 17",
        "ether src 02:00:00:00:00:02",
        "not ip and not arp",
        "arp",
    };
    check_filters(filters, sizeof(filters) / sizeof(filters[0]), "seine0");
}

static void filters_mean_the_same_on_any(void)
{
    static const char *const filters[] = {
        "udp port 53",
        "less 100",
        "ip[2:2] > 100",
        "ip6",
        "ether proto 0x8100",
        "ip or ether proto 0x88a8",
        "ifindex 4294967295",
        "link[10] = 4",
        "link[8:2] = 1 and udp port 54",
        "link[20] = 0x45",
        "link[2:2] = 0 and link[11] = 6",
        "ether[0:4] = 0x08000000",
    };
    check_filters(filters, sizeof(filters) / sizeof(filters[0]), "any");
}

/* The room for filters is a number of this namespace; where it is one of the whole machine, it is not here. */
static bool set_room_for_filters(const char *bytes)
{
    int fd = open("/proc/sys/net/core/optmem_max", O_WRONLY);
    bool works = fd >= 0 && write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes);
    if (fd >= 0)
        close(fd);
    return works;
}

static void filters_too_long_for_the_kernel(void)
{
    const char *name = "seine0";
    const struct live_options options = {
        .interfaces = &name,
        .interface_count = 1,
        .filter =
            "udp port 53 or tcp port 80 or tcp port 443 or vlan 7 or vlan 8 or vlan 9 or arp"};
    if (!set_room_for_filters("600"))
        return;
    int fd = tap(name);
    struct live *l = opened(&options);
    struct made wrong = ethernet("", 0, 54, 1, 20), right = ethernet("", 0, 53, 1, 20);
    expect_remark(l, "seine0: the filter is too long for the kernel");
    send_frame(fd, &wrong);
    send_frame(fd, &right);
    expect_frame(l, &right);
    live_close(l);
    close(fd);
    set_room_for_filters("131072");
}

/* A child sends both kinds all the while. */
static void no_wrong_frame_at_first(void)
{
    enum { COUNT = 20000, OPENINGS = 5 };
    const char *name = "seine0";
    const struct live_options options = {
        .interfaces = &name, .interface_count = 1, .filter = "udp port 53"};
    int fd = tap(name);
    struct made right = ethernet("", 0, 53, 1, 20), wrong = ethernet("", 0, 54, 1, 20);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < COUNT; i++) {
            const struct made *m = i % 100 ? &wrong : &right;
            if (write(fd, m->bytes, m->len) < 0)
                _exit(1);
            if (i % 1000 == 0)
                usleep(10000);
        }
        _exit(0);
    }
    for (int i = 0; i < OPENINGS; i++) {
        struct live *l = opened(&options);
        struct frame frame;
        bool is_right = true;
        for (int k = 0; k < 5 && live_next(l, &frame, 200, NULL) == LIVE_FRAME; k++)
            is_right &= is_frame(&frame, &right);
        CU_ASSERT(is_right);
        live_close(l);
    }
    waitpid(child, NULL, 0);
    close(fd);
}

static void two_interfaces(void)
{
    enum { COUNT = 2000 };
    const char *const names[] = {"seine0", "seine1"};
    const struct live_options options = {.interfaces = names, .interface_count = 2};
    int fds[2] = {tap(names[0]), tap(names[1])};
    struct live *l = opened(&options);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct made m = plain(i, 100);
        send_frame(fds[i * 7 / 3 % 2], &m);
        if (i % 500 == 0)
            usleep(30000); /* so that blocks retire at different times */
    }
    bool in_order = true;
    uint64_t numbers[2] = {0, 0};
    for (uint32_t i = 0; i < COUNT && in_order; i++) {
        struct made m = plain(i, 100);
        struct frame frame;
        in_order = next(l, &frame) == LIVE_FRAME && is_frame(&frame, &m) &&
                   frame.interface_id == i * 7 / 3 % 2 &&
                   frame.number == ++numbers[frame.interface_id];
        live_release(l, live_mark(l));
    }
    CU_ASSERT(in_order);
    CU_ASSERT(live_held_len(l) <= 2 << 20);

    /* One that is silent holds nothing up for long. */
    struct made m = plain(1, 100);
    int64_t start = now_ms();
    send_frame(fds[1], &m);
    expect_frame(l, &m);
    CU_ASSERT(now_ms() - start < 3 * LIVE_HOLD_MS);

    /* Nor does one that goes. */
    close(fds[0]);
    expect_remark(l, "seine0: the interface is gone");
    start = now_ms();
    for (int i = 0; i < 3; i++) {
        send_frame(fds[1], &m);
        expect_frame(l, &m);
    }
    CU_ASSERT(now_ms() - start < 4 * LIVE_HOLD_MS);

    /* And it may come back. */
    fds[0] = tap(names[0]);
    expect_remark(l, "seine0: the interface is back");
    send_frame(fds[0], &m);
    expect_frame(l, &m);
    close(fds[0]);
    expect_remark(l, "seine0: the interface is gone");
    send_frame(fds[1], &m);
    close(fds[1]);
    struct frame frame;
    struct error err = {0};
    CU_ASSERT_EQUAL(next(l, &frame), LIVE_FRAME);
    enum live_next got = LIVE_IDLE;
    for (int i = 0; i < 10 && got == LIVE_IDLE; i++)
        got = live_next(l, &frame, 1000, &err);
    CU_ASSERT_EQUAL(got, LIVE_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no interface is left"));
    live_close(l);
}

static void held_blocks(void)
{
    enum { COUNT = 3000 };
    const char *name = "seine0";
    const struct live_options options = {
        .interfaces = &name, .interface_count = 1, .ring_len = 1 << 20};
    int fd = tap(name);
    struct live *l = opened(&options);
    struct frame frame;
    struct made m = plain(1, 1000);
    uint64_t given = 0;
    for (int i = 0; i < COUNT; i++)
        send_frame(fd, &m);
    usleep(2 * 1000 * LIVE_HOLD_MS);
    CU_ASSERT_EQUAL(live_held_len(l), live_ring_len(l)); /* what waits counts */
    while (given < COUNT && live_next(l, &frame, 200, NULL) == LIVE_FRAME)
        given++;
    CU_ASSERT(given > 0 && given < COUNT);
    CU_ASSERT_EQUAL(live_held_len(l), live_ring_len(l));

    /* While all is held, nothing comes, and waiting costs nothing. */
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    const int64_t start = now_ms();
    CU_ASSERT_EQUAL(live_next(l, &frame, 400, NULL), LIVE_IDLE);
    CU_ASSERT(now_ms() - start >= 395);
    getrusage(RUSAGE_SELF, &after);
    CU_ASSERT((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec -
                  before.ru_utime.tv_usec <
              100000);

    struct live_counts counts;
    CU_ASSERT(live_counts(l, &counts, 0));
    CU_ASSERT_EQUAL(counts.received, COUNT);
    CU_ASSERT_EQUAL(counts.dropped_by_socket, COUNT - given);
    CU_ASSERT(counts.freezes > 0);
    live_release(l, given);
    CU_ASSERT(live_held_len(l) < live_ring_len(l));
    m = plain(2, 1000);
    send_frame(fd, &m);
    expect_frame(l, &m);
    live_close(l);
    close(fd);
}

static void down_and_up(void)
{
    int fd = tap("seine0");
    struct live *l = opened_on("seine0", LIVE_RING);
    struct live_interface said;
    struct made m = plain(1, 100);
    send_frame(fd, &m);
    expect_frame(l, &m);
    send_frame(fd, &m);
    CU_ASSERT(set_up("seine0", false));
    expect_remark(l, "seine0: the interface went down");
    expect_frame(l, &m); /* from before */
    live_interface(l, &said, 0);
    CU_ASSERT_FALSE(said.up);
    CU_ASSERT_PTR_NULL(live_remark(l));
    CU_ASSERT(set_up("seine0", true));
    send_frame(fd, &m);
    expect_frame(l, &m);
    expect_remark(l, "seine0: the interface is up");
    live_interface(l, &said, 0);
    CU_ASSERT(said.up && strcmp(said.name, "seine0") == 0 && said.link_type == ETHERNET);
    live_close(l);

    CU_ASSERT(set_up("seine0", false));
    l = opened_on("seine0", LIVE_RING);
    expect_remark(l, "seine0: the interface is down");
    CU_ASSERT(set_up("seine0", true));
    send_frame(fd, &m);
    expect_frame(l, &m);
    live_close(l);
    close(fd);
}

/* As the ring does, and so does what was promiscuous. */
static void gone_and_back_by_libpcap(void)
{
    const char *names[] = {"seine0", "seine1"};
    const struct live_options options = {.interfaces = names,
                                         .interface_count = 2,
                                         .source = LIVE_PCAP,
                                         .promiscuous = true,
                                         .ring_len = 1 << 20};
    int fds[] = {tap(names[0]), tap(names[1])};
    struct live *l = opened(&options);
    struct made m = plain(1, 100);

    for (int turn = 0; turn < 2; turn++) {
        send_frame(fds[0], &m);
        expect_frame(l, &m);
        live_release(l, live_mark(l)); /* libpcap is asked when there is a block to fill */
        close(fds[0]);
        expect_remark(l, "seine0: the interface is gone");
        send_frame(fds[1], &m);
        expect_frame(l, &m);
        live_release(l, live_mark(l));
        fds[0] = tap(names[0]);
        expect_remark(l, "seine0: the interface is back");
        CU_ASSERT_PTR_NULL(live_remark(l));
    }
    send_frame(fds[0], &m);
    expect_frame(l, &m);
    live_close(l);
    close(fds[0]);
    close(fds[1]);
}

/* One that is taken down first, and away when that has been seen, is known to be gone, and found when it is back. */
static void down_and_gone(void)
{
    const char *names[] = {"seine0", "seine1"};
    const struct live_options options = {
        .interfaces = names, .interface_count = 2, .ring_len = 1 << 20};
    int fds[] = {tap(names[0]), tap(names[1])};
    struct live *l = opened(&options);
    struct made m = plain(1, 100);

    CU_ASSERT(set_up("seine0", false));
    expect_remark(l, "seine0: the interface went down");
    close(fds[0]);
    expect_remark(l, "seine0: the interface is gone");
    fds[0] = tap(names[0]);
    expect_remark(l, "seine0: the interface is back");
    send_frame(fds[0], &m);
    expect_frame(l, &m);
    live_close(l);
    close(fds[0]);
    close(fds[1]);
}

/* Each frame of the loopback interface passes twice, and is given once; a frame may be as long as it likes. */
static void check_loopback(const char *name, enum live_source source)
{
    enum { COUNT = 3 };
    static uint8_t payload[65000];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(9),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct live_options options = {
        .interfaces = &name, .interface_count = 1, .source = source, .filter = "udp port 9"};
    struct live *l = opened(&options);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    for (int i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(sendto(fd, payload, sizeof(payload), 0, (struct sockaddr *)&to, sizeof(to)),
                        (ssize_t)sizeof(payload));
    close(fd);
    live_stop(l);
    struct frame frame;
    int count = 0;
    for (; count < 10 && next(l, &frame) == LIVE_FRAME; count++) {
        const size_t header = frame.link_type == COOKED ? 20 : 14;
        CU_ASSERT_EQUAL(frame.link_type, strcmp(name, "any") == 0 ? COOKED : ETHERNET);
        CU_ASSERT_EQUAL(frame.bytes.len, header + 28 + sizeof(payload));
        CU_ASSERT_EQUAL(frame.wire_len, frame.bytes.len);
        if (frame.link_type == COOKED)
            CU_ASSERT_EQUAL(memcmp(frame.bytes.data, "\x08\0\0\0\0\0\0\1\x03\x04\0\6", 12), 0);
    }
    CU_ASSERT_EQUAL(count, COUNT);
    live_close(l);
}

/* Where the filter is applied here, a flood that it refuses keeps nobody waiting. */
static void refused_flood(void)
{
    const char *name = "seine0";
    const struct live_options options = {
        .interfaces = &name, .interface_count = 1, .filter = "vlan and less 60"};
    int fd = tap(name);
    struct live *l = opened(&options);
    struct made m = ethernet("\x81\x00\0\7", 4, 53, 1, 100);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 3000000 && write(fd, m.bytes, m.len) > 0; i++)
            ;
        _exit(0);
    }
    struct frame frame;
    const int64_t start = now_ms();
    CU_ASSERT_EQUAL(live_next(l, &frame, 200, NULL), LIVE_IDLE);
    CU_ASSERT(now_ms() - start < 1000);
    CU_ASSERT_EQUAL(live_mark(l), 0);
    live_stop(l);
    CU_ASSERT_EQUAL(live_next(l, &frame, 5000, NULL), LIVE_STOPPED);
    CU_ASSERT(now_ms() - start < 3000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    live_close(l);
    close(fd);
}

static void loopback(void)
{
    check_loopback("lo", LIVE_RING);
    check_loopback("any", LIVE_RING);
    check_loopback("lo", LIVE_PCAP);
    check_loopback("any", LIVE_PCAP);
}

static void tunnel(void)
{
    struct made m = {.len = 0};
    add_udp(&m, 53, 1, 100);
    int fd = made_interface("seine0", IFF_TUN);
    CU_ASSERT_FATAL(fd >= 0);
    for (enum live_source source = LIVE_RING; source <= LIVE_PCAP; source++) {
        struct live *l = opened_on("seine0", source);
        struct live_interface said;
        live_interface(l, &said, 0);
        CU_ASSERT_EQUAL(said.link_type, RAW);
        send_frame(fd, &m);
        expect_frame(l, &m);
        live_close(l);
    }
    close(fd);
}

/* With libxdp all that the other sources do; without it, a sentence. */
static void by_xdp(void)
{
    const char *name = "seine0";
    const struct live_options options = {
        .interfaces = &name, .interface_count = 1, .source = LIVE_XDP};
    struct error err = {0};
    int fd = tap(name);
    struct live *l = live_open(&options, &err);
    if (!l) {
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "seine0: this build has no AF_XDP"));
        if (!strstr(err.text, "no AF_XDP"))
            fprintf(stderr, "%s\n", err.text);
        close(fd);
        return;
    }
    live_close(l);
    close(fd);
    every_frame(LIVE_XDP);
    stop_drains(LIVE_XDP);
    cut_frames(LIVE_XDP);
}

static void hardware_times(void)
{
    const char *name = "seine0";
    int fd = tap(name);
    for (enum live_source source = LIVE_RING; source <= LIVE_PCAP; source++) {
        const struct live_options options = {
            .interfaces = &name, .interface_count = 1, .source = source, .hardware_time = true};
        struct live *l = opened(&options);
        struct made m = plain(1, 100);
        expect_remark(l, "seine0: there are no hardware times");
        send_frame(fd, &m);
        expect_frame(l, &m);
        live_close(l);
    }
    close(fd);
}

static void check_refused(const struct live_options *options, const char *part)
{
    struct error err = {0};
    CU_ASSERT_PTR_NULL(live_open(options, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, part));
    if (!strstr(err.text, part))
        fprintf(stderr, "%s\n", err.text);
}

static void what_cannot_be_opened(void)
{
    const char *const names[] = {"lo", "lo", "any"}, *missing = "seine7";
    const char *long_name = "an-interface-with-a-long-name";
    check_refused(&(struct live_options){.interfaces = names, .interface_count = 2},
                  "lo: the interface is named twice");
    check_refused(&(struct live_options){.interfaces = names + 1, .interface_count = 2},
                  "stands alone");
    check_refused(&(struct live_options){.interfaces = names, .interface_count = 0}, "not 0");
    check_refused(&(struct live_options){.interfaces = &missing, .interface_count = 1},
                  "seine7: there is no such interface");
    check_refused(&(struct live_options){.interfaces = &long_name, .interface_count = 1},
                  "letters");
    check_refused(
        &(struct live_options){.interfaces = names, .interface_count = 1, .ring_len = 1000},
        "1000 bytes");
    check_refused(
        &(struct live_options){.interfaces = names, .interface_count = 1, .filter = "tcp prot 80"},
        "syntax error");
    check_refused(&(struct live_options){.interfaces = names,
                                         .interface_count = 1,
                                         .filter = "wlan type mgt"},
                  "link type 1");
    pid_t child = fork();
    if (child == 0) {
        struct error err = {0};
        const bool refused =
            setgid(65534) == 0 && setuid(65534) == 0 &&
            !live_open(&(struct live_options){.interfaces = names, .interface_count = 1}, &err) &&
            strstr(err.text, "CAP_NET_RAW");
        fflush(NULL);
        _exit(refused ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    if (getuid() == 0) /* else there may be no other user to become */
        CU_ASSERT_EQUAL(status, 0);
}

static const struct test tests[] = {
    {"every frame comes, whole, in order, and stays until it is released", every_frame_of_the_ring},
    {"through libpcap as well", every_frame_of_libpcap},
    {"a stop gives what came before it and nothing later", stop_drains_the_ring},
    {"through libpcap as well", stop_drains_libpcap},
    {"a stop ends a wait without end", stop_wakes},
    {"frames are cut at the snap length, and say how long they were", cut_frames_of_the_ring},
    {"through libpcap as well", cut_frames_of_libpcap},
    {"VLAN tags are put back where they were", tags_are_put_back},
    {"what a card lost is counted once, and not what was captured", losses_of_a_card},
    {"a filter in the kernel accepts what it accepts of a file", filters_mean_the_same},
    {"also where there are no link headers", filters_mean_the_same_on_any},
    {"a filter that the kernel has no room for is applied here", filters_too_long_for_the_kernel},
    {"no frame slips by before the filter is in place", no_wrong_frame_at_first},
    {"frames of two interfaces come by time, and each may be silent or go", two_interfaces},
    {"while all blocks are held nothing comes, waiting costs nothing, and drops are counted",
     held_blocks},
    {"a flood that is refused here keeps nobody waiting", refused_flood},
    {"an interface may go down and come back", down_and_up},
    {"an interface that is taken down and then away is gone", down_and_gone},
    {"libpcap's interface may be gone and come back", gone_and_back_by_libpcap},
    {"frames over the loopback interface are given once, however long", loopback},
    {"a tunnel has packets without a link header", tunnel},
    {"AF_XDP, where the build has it", by_xdp},
    {"where there are no hardware times, a remark says so", hardware_times},
    {"what cannot be opened is told in a sentence", what_cannot_be_opened},
};

int main(void)
{
    if (!has_namespace()) {
        puts(
            "live: left out, since it needs a network namespace of its own and /dev/net/tun, which "
            "root has");
        return SKIPPED;
    }
    return suite_run("live", tests, sizeof(tests) / sizeof(tests[0]));
}
