/* live_reader.c - readers that only count, to measure what there is to gain and to lose.
 *
 *     live_reader ring|pcap|libpcap INTERFACE [FILTER]
 *
 * `ring` and `pcap` are the two sources of src/capture/live.h, `libpcap` is pcap_loop() with its defaults and
 * nothing of ours. Prints "ready" when frames are being taken; on SIGINT or SIGTERM one line: frames, bytes,
 * counted by the system, dropped by the socket. */
#include "capture/live.h"

#include <inttypes.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct live *live;
static pcap_t *pcap;
static uint64_t frames, bytes;

static void stop(int signal)
{
    (void)signal;
    if (live)
        live_stop(live);
    if (pcap)
        pcap_breakloop(pcap);
}

static void tell(uint64_t received, uint64_t dropped)
{
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", frames, bytes, received, dropped);
}

static void ready(void)
{
    puts("ready");
    fflush(stdout);
}

static int count_live(const char *name, const char *filter, enum live_source source)
{
    const struct live_options options = {
        .interfaces = &name, .interface_count = 1, .filter = filter, .source = source};
    struct error err = {0};
    struct live_counts counts = {0};
    struct frame frame;
    enum live_next next;

    live = live_open(&options, &err);
    if (!live) {
        fprintf(stderr, "live_reader: %s\n", err.text);
        return 1;
    }
    ready();
    while ((next = live_next(live, &frame, -1, &err)) == LIVE_FRAME || next == LIVE_IDLE) {
        if (next == LIVE_FRAME) {
            frames++;
            bytes += frame.bytes.len;
        }
        if (frames % 64 == 0)
            live_release(live, live_mark(live));
    }
    live_counts(live, &counts, 0);
    tell(counts.received, counts.dropped_by_socket);
    return next == LIVE_STOPPED ? 0 : 1;
}

static void count(u_char *context, const struct pcap_pkthdr *header, const u_char *data)
{
    (void)context;
    (void)data;
    frames++;
    bytes += header->caplen;
}

static int count_libpcap(const char *name, const char *filter)
{
    char why[PCAP_ERRBUF_SIZE];
    struct bpf_program code;
    struct pcap_stat counts = {0};

    pcap = pcap_open_live(name, 262144, 1, 1000, why);
    if (!pcap) {
        fprintf(stderr, "live_reader: %s\n", why);
        return 1;
    }
    if (filter && (pcap_compile(pcap, &code, filter, 1, PCAP_NETMASK_UNKNOWN) < 0 ||
                   pcap_setfilter(pcap, &code) < 0)) {
        fprintf(stderr, "live_reader: %s\n", pcap_geterr(pcap));
        return 1;
    }
    ready();
    pcap_loop(pcap, -1, count, NULL);
    pcap_stats(pcap, &counts);
    tell(counts.ps_recv, counts.ps_drop);
    pcap_close(pcap);
    return 0;
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = stop};

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: live_reader ring|pcap|libpcap INTERFACE [FILTER]\n");
        return 2;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (strcmp(argv[1], "libpcap") == 0)
        return count_libpcap(argv[2], argv[3]);
    return count_live(argv[2], argv[3], strcmp(argv[1], "pcap") == 0 ? LIVE_PCAP : LIVE_RING);
}
