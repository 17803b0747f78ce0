/* dissect_plain_test.c - frames read in one pass are what the walk makes of them: all those of
 * sample_pcaps/, and these with every byte of their headers changed, cut, and lengthened. */
#include "capture/capture.h"
#include "dissect/walk.h"
#include "dissect_picture.h"
#include "same_packet.h"

#include <dirent.h>

enum { HEADERS_MAX = 14 + 4 + 40 + 60 };

/* How many frames were compared, and how many of them took the short way. */
struct compared {
    unsigned frames, plain;
};

static void compare(struct compared *c, const struct frame *frame, const char *of)
{
    struct packet whole, walked;
    enum verdict is = dissect(frame, memset(&whole, 0xee, sizeof whole));
    enum verdict other = dissect_walked(frame, memset(&walked, 0x11, sizeof walked));
    const char *difference = is == other ? packet_difference(is, &whole, &walked) : "verdict";

    if (difference) {
        fprintf(stderr, "%s: frame %llu has another %s\n", of, (unsigned long long)frame->number,
                difference);
        CU_ASSERT_PTR_NULL(difference);
    }
    c->frames++;
    c->plain += dissect_plain(frame, &whole);
}

/* The same frame with each bit of its headers turned over, one by one; cut behind each of their bytes, here and
 * on the wire; and with bytes behind it. */
static void compare_changed(struct compared *c, const struct frame *frame, const char *of)
{
    static uint8_t bytes[PICTURE_MAX];
    const size_t len = frame->bytes.len, headers = len < HEADERS_MAX ? len : HEADERS_MAX;
    struct frame changed = *frame;

    if (len + 8 > sizeof bytes)
        return;
    memcpy(bytes, frame->bytes.data, len);
    memset(bytes + len, 0, 8);
    for (size_t bit = 0; bit < headers * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        changed.bytes = span_of(guard_place(bytes, len), len);
        compare(c, &changed, of);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 0; cut < headers; cut++) {
        changed.bytes = span_of(guard_place(bytes, cut), cut);
        changed.wire_len = frame->wire_len;
        compare(c, &changed, of);
        changed.wire_len = (uint32_t)cut;
        compare(c, &changed, of);
    }
    for (size_t more = 1; more <= 8; more++) {
        changed.bytes = span_of(guard_place(bytes, len + more), len + more);
        changed.wire_len = (uint32_t)(len + more);
        changed.fcs_len = (uint8_t)(more % 5);
        compare(c, &changed, of);
    }
}

static void compare_capture(struct compared *c, const char *path)
{
    enum { CHANGED_MOST = 40 };
    const struct capture_options options = {0};
    struct capture *capture;
    struct frame frame;
    struct error err = {0};

    if (capture_open(&capture, path, &options, &err) != STATUS_OK)
        return; /* no capture, such as a README */
    while (capture_next(capture, &frame, &err) == STATUS_OK) {
        compare(c, &frame, path);
        if (frame.number <= CHANGED_MOST)
            compare_changed(c, &frame, path);
    }
    capture_close(capture);
}

static void test_samples(void)
{
    struct compared c = {0};
    DIR *folder = opendir(SAMPLES);

    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", SAMPLES, entry->d_name);
        if (strstr(entry->d_name, ".pcap"))
            compare_capture(&c, path);
    }
    closedir(folder);
    CU_ASSERT(c.frames > 1000);
    CU_ASSERT(c.plain > c.frames / 4); /* else the short way is none */
}

static const struct test tests[] = {
    {"frames of the samples, changed in many ways, are what the walk makes of them", test_samples},
};
SUITE("dissect_plain", tests)
