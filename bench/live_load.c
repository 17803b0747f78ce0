/* live_load.c - puts frames onto an interface, at a rate that is kept, to measure who can read them.
 *
 *     live_load INTERFACE LENGTH RATE COUNT
 *
 * Sends COUNT frames of LENGTH bytes (64 to 1500), RATE a second; 0 is as fast as it can. They are segments of a hundred
 * TCP conversations in turn, one direction, in order, with right checksums; one of the hundred is at port
 * 80, the others are at 81. Prints one line: frames sent, seconds taken.
 *
 * Frames go past the queueing discipline (PACKET_QDISC_BYPASS), 64 a system call. With "xdp" for INTERFACE they
 * come in on the loopback interface of this namespace as if a driver had received them: the kernel runs an XDP
 * program for each (BPF_PROG_RUN with live frames), which puts port, sequence number and checksum into it. That
 * is some times as fast, since nothing is sent. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

/* ---- XDP ---- */

static long bpf(int command, union bpf_attr *attr)
{
    return syscall(SYS_bpf, command, attr, sizeof *attr);
}

static struct bpf_insn op(uint8_t code, unsigned dst, unsigned src, int16_t off, int32_t imm)
{
    return (struct bpf_insn){
        .code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

/* A map of one value, which counts the frames. */
static int counting_map(void)
{
    union bpf_attr attr = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
    return (int)bpf(BPF_MAP_CREATE, &attr);
}

/* What make_frame() does for frame n of the template, whose port and checksum are 0:
 * port 20000 + n % 100, sequence number 1000 + n / 100 * payload. */
static int load_program(int map, uint32_t sum, size_t len)
{
    enum { R0, R1, R2, R3, R4, N, FLOW, SEQ, SUM };
    enum { TCP_AT = ETHERNET + IP };
    static char log[16384];
    const uint8_t alu = BPF_ALU64 | BPF_K, alu_x = BPF_ALU64 | BPF_X;
    const struct bpf_insn program[] = {
        op(BPF_LDX | BPF_MEM | BPF_W, R2, R1, 0, 0), /* data */
        op(BPF_LDX | BPF_MEM | BPF_W, R3, R1, 4, 0), /* data_end */
        op(alu_x | BPF_MOV, R4, R2, 0, 0),
        op(alu | BPF_ADD, R4, 0, 0, HEADERS),
        op(alu | BPF_MOV, R0, 0, 0, XDP_DROP),
        op(BPF_JMP | BPF_X | BPF_JGT, R4, R3, 36, 0), /* to the end */
        op(BPF_LD | BPF_IMM | BPF_DW, R1, BPF_PSEUDO_MAP_VALUE, 0, map),
        op(0, 0, 0, 0, 0),
        op(BPF_LDX | BPF_MEM | BPF_DW, N, R1, 0, 0),
        op(alu_x | BPF_MOV, FLOW, N, 0, 0),
        op(alu | BPF_ADD, FLOW, 0, 0, 1),
        op(BPF_STX | BPF_MEM | BPF_DW, R1, FLOW, 0, 0),
        op(alu_x | BPF_MOV, FLOW, N, 0, 0),
        op(alu | BPF_MOD, FLOW, 0, 0, FLOWS),
        op(alu_x | BPF_MOV, SEQ, N, 0, 0),
        op(alu | BPF_DIV, SEQ, 0, 0, FLOWS),
        op(alu | BPF_MUL, SEQ, 0, 0, (int32_t)(len - HEADERS)),
        op(alu | BPF_ADD, SEQ, 0, 0, 1000),
        op(alu | BPF_MOV, R4, 0, 0, 81), /* the server's port */
        op(BPF_JMP | BPF_K | BPF_JNE, FLOW, 0, 1, 0),
        op(alu | BPF_MOV, R4, 0, 0, 80),
        op(alu | BPF_ADD, FLOW, 0, 0, 20000),
        op(alu | BPF_MOV, SUM, 0, 0, (int32_t)sum),
        op(alu_x | BPF_ADD, SUM, R4, 0, 0),
        op(alu_x | BPF_ADD, SUM, FLOW, 0, 0),
        op(BPF_ALU | BPF_X | BPF_MOV, R3, SEQ, 0, 0), /* its low 32 bits */
        op(alu | BPF_RSH, R3, 0, 0, 16),
        op(alu_x | BPF_ADD, SUM, R3, 0, 0),
        op(alu_x | BPF_MOV, R3, SEQ, 0, 0),
        op(alu | BPF_AND, R3, 0, 0, 0xffff),
        op(alu_x | BPF_ADD, SUM, R3, 0, 0),
        op(alu | BPF_MOD, SUM, 0, 0,
           0xffff), /* the sum in ones' complement: 0 is as good as 0xffff */
        op(alu | BPF_XOR, SUM, 0, 0, 0xffff),
        op(BPF_ALU | BPF_END | BPF_TO_BE, R4, 0, 0, 16),
        op(BPF_ALU | BPF_END | BPF_TO_BE, FLOW, 0, 0, 16),
        op(BPF_ALU | BPF_END | BPF_TO_BE, SEQ, 0, 0, 32),
        op(BPF_ALU | BPF_END | BPF_TO_BE, SUM, 0, 0, 16),
        op(BPF_STX | BPF_MEM | BPF_H, R2, FLOW, TCP_AT, 0),
        op(BPF_STX | BPF_MEM | BPF_H, R2, R4, TCP_AT + 2, 0),
        op(BPF_STX | BPF_MEM | BPF_W, R2, SEQ, TCP_AT + 4, 0),
        op(BPF_STX | BPF_MEM | BPF_H, R2, SUM, TCP_AT + 16, 0),
        op(alu | BPF_MOV, R0, 0, 0, XDP_PASS),
        op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_XDP,
        .insns = (uint64_t)(uintptr_t)program,
        .insn_cnt = sizeof program / sizeof program[0],
        .license = (uint64_t)(uintptr_t) "BSD",
        .log_buf = (uint64_t)(uintptr_t)log,
        .log_size = sizeof log,
        .log_level = 1,
    };
    int fd = (int)bpf(BPF_PROG_LOAD, &attr);
    if (fd < 0) {
        perror("the XDP program is refused");
        fputs(log, stderr);
    }
    return fd;
}

/* The XDP program ready to run on its template. */
static union bpf_attr ready_to_run(size_t len)
{
    static struct flow template;
    struct flow *f = &template;
    const int map = counting_map();
    uint8_t *tcp = f->frame + ETHERNET + IP;
    union bpf_attr attr = {.test = {0}};

    make_flow(f, 0, len);
    put32(f->frame + ETHERNET + 12, 0x0a000002); /* one address for all */
    put16(f->frame + ETHERNET + 10, 0);
    put16(f->frame + ETHERNET + 10, folded(sum_of(f->frame + ETHERNET, IP)));
    put32(tcp, 0);
    const uint32_t sum = sum_of(f->frame + ETHERNET + 12, 8) + 6 + (uint32_t)len - ETHERNET - IP +
                         sum_of(tcp, len - ETHERNET - IP);
    attr.test.prog_fd = (uint32_t)load_program(map, sum % 0xffff, len);
    attr.test.data_in = (uint64_t)(uintptr_t)f->frame;
    attr.test.data_size_in = (uint32_t)len;
    attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    attr.test.batch_size = BATCH;
    if (map < 0 || (int)attr.test.prog_fd < 0)
        exit(1);
    return attr;
}

/* Each call costs some tens of microseconds: there are a thousand calls a second at most. */
static void run_xdp(size_t len, double rate, uint64_t count)
{
    enum { A_CALL = 1 << 16 };
    union bpf_attr attr = ready_to_run(len);
    const double start = now();
    uint64_t sent = 0;

    while (sent < count) {
        uint64_t due = count;
        if (rate > 0)
            due = (uint64_t)((now() - start + 0.001) * rate) + 1;
        if (due > count)
            due = count;
        if (due < count && due - sent < (uint64_t)(rate / 1000))
            continue;
        attr.test.repeat = (uint32_t)(due - sent < A_CALL ? due - sent : A_CALL);
        if (bpf(BPF_PROG_RUN, &attr) < 0) {
            perror("the XDP program does not run");
            exit(1);
        }
        sent += attr.test.repeat;
    }
    printf("%llu %.6f\n", (unsigned long long)sent, now() - start);
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
    if (strcmp(argv[1], "xdp") == 0) {
        run_xdp(len, rate, count);
        return 0;
    }
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
