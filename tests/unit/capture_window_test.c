/* capture_window_test.c - the same capture through every window, and files that change under us. */
#include "capture_script.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A capture of `count` records whose lengths wander, so that all windows end inside some. */
static struct script wandering(unsigned count, unsigned longest)
{
    struct script s = script_new(false);
    put_pcap_header(&s, 0xa1b2c3d4, 1);
    uint32_t random = 1;
    for (unsigned i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        unsigned len = (random >> 8) % longest;
        put(&s, i, 4);
        put(&s, 0, 4);
        put(&s, len, 4);
        put(&s, len, 4);
        for (unsigned k = 0; k < len; k++)
            put(&s, 'a' + (i + k) % 26, 1);
    }
    return s;
}

static void same_through_every_window(void)
{
    static const size_t window_lens[] = {1, 4096, 8192, 1 << 20};
    struct script s = wandering(200, 9000);
    struct transcript expected = read_script(IN_MEMORY, script_span(&s), 0);
    CU_ASSERT_EQUAL(expected.frame_count, 200);
    CU_ASSERT_EQUAL(expected.status, STATUS_END);
    for (size_t i = 0; i < 4; i++) {
        for (enum way way = 0; way < WAY_COUNT; way++) {
            struct transcript t = read_script(way, script_span(&s), window_lens[i]);
            CU_ASSERT_STRING_EQUAL(buffer_text(&t.text), buffer_text(&expected.text));
            transcript_free(&t);
        }
    }
    transcript_free(&expected);
    script_free(&s);
}

static void says_what_it_is(void)
{
    static const struct {
        enum way way;
        const char *pcap, *pcapng;
        bool mapped;
    } ways[] = {
        {IN_MEMORY, "pcap", "pcapng", false},  {MAPPED, "pcap", "pcapng", true},
        {READ, "pcap", "pcapng", false},       {PIPED, "pcap", "pcapng", false},
        {GZIP, "pcap.gz", "pcapng.gz", false}, {ZSTD, "pcap.zst", "pcapng.zst", false},
    };
    struct script pcap = wandering(2, 9), pcapng = script_new(true);
    put_section(&pcapng);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct transcript a = read_script(ways[i].way, script_span(&pcap), 0);
        struct transcript b = read_script(ways[i].way, script_span(&pcapng), 0);
        CU_ASSERT_STRING_EQUAL(a.format, ways[i].pcap);
        CU_ASSERT_STRING_EQUAL(b.format, ways[i].pcapng);
        CU_ASSERT_EQUAL(a.mapped, ways[i].mapped);
        transcript_free(&a);
        transcript_free(&b);
    }
    script_free(&pcap);
    script_free(&pcapng);
}

static void nothing_is_copied(void)
{
    struct script s = wandering(10, 100);
    struct capture *c;
    struct frame frame;
    CU_ASSERT_EQUAL_FATAL(capture_open_memory(&c, "x", script_span(&s), NULL, NULL), STATUS_OK);
    while (capture_next(c, &frame, NULL) == STATUS_OK)
        CU_ASSERT_PTR_EQUAL(frame.bytes.data, s.bytes.data + frame.offset);
    capture_close(c);
    script_free(&s);
}

static void frames_outlive_one_move(void)
{
    struct script s = wandering(400, 1000);
    struct capture_options options = {.window_len = 1};
    struct capture *c;
    struct frame frame, before = {.number = 0};
    char path[32];
    write_file(path, script_span(&s));
    CU_ASSERT_EQUAL_FATAL(capture_open(&c, path, &options, NULL), STATUS_OK);
    CU_ASSERT(capture_is_mapped(c));
    while (capture_next(c, &frame, NULL) == STATUS_OK) {
        CU_ASSERT(before.bytes.len == 0 ||
                  memcmp(before.bytes.data, s.bytes.data + before.offset, before.bytes.len) == 0);
        before = frame;
    }
    CU_ASSERT_EQUAL(before.number, 400);
    capture_close(c);
    unlink(path);
    script_free(&s);
}

static void leaps(void)
{
    struct script s = script_new(false);
    put_section(&s);
    put_interface(&s, 1);
    block_begin(&s, 0x77); /* many windows long, and not looked at */
    put_zeros(&s, 300000);
    block_end(&s);
    put_packet(&s, 0, 1, "a");
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct transcript t = read_script(way, script_span(&s), 1);
        CU_ASSERT_STRING_EQUAL(buffer_text(&t.text), "(i0 link 1 snap 0 ticks 1000000) "
                                                     "1@300088 1000ns i0 link 1 1/1 a .");
        transcript_free(&t);
    }
    script_free(&s);
}

static void very_long_blocks(void)
{
    static const struct {
        uint32_t type;
        const char *expected;
    } blocks[] = {{0x77, "."}, {10, "!"}};
    for (size_t i = 0; i < 2; i++) {
        struct script s = script_new(false);
        put_section(&s);
        block_begin(&s, blocks[i].type);
        put_zeros(&s, 70 << 20);
        block_end(&s);
        struct transcript t = read_script(ZSTD, script_span(&s), 0);
        CU_ASSERT_STRING_EQUAL(buffer_text(&t.text), blocks[i].expected);
        transcript_free(&t);
        script_free(&s);
    }
}

static void damage_is_told_to_the_end(void)
{
    struct script s = wandering(3, 50);
    put(&s, UINT64_MAX, 8);
    put(&s, UINT64_MAX, 8);
    put_zeros(&s, 200000); /* read_script() checks that all of it is told */
    for (enum way way = 0; way < WAY_COUNT; way++) {
        struct transcript t = read_script(way, script_span(&s), 1);
        CU_ASSERT_EQUAL(t.status, STATUS_DAMAGED);
        CU_ASSERT_EQUAL(t.frame_count, 3);
        transcript_free(&t);
    }
    script_free(&s);
}

static void standard_input(void)
{
    struct script s = wandering(5, 50);
    struct capture *c;
    struct frame frame;
    char path[32];
    int saved = dup(STDIN_FILENO);
    write_file(path, script_span(&s));
    int fd = open(path, O_RDONLY);
    CU_ASSERT_EQUAL_FATAL(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    CU_ASSERT_EQUAL_FATAL(capture_open(&c, "-", NULL, NULL), STATUS_OK);
    CU_ASSERT_FALSE(capture_is_mapped(c));
    CU_ASSERT_EQUAL(capture_size(c), s.bytes.len);
    unsigned count = 0;
    while (capture_next(c, &frame, NULL) == STATUS_OK)
        count++;
    CU_ASSERT_EQUAL(count, 5);
    capture_close(c);
    CU_ASSERT(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* still open: it is not ours */
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(fd);
    unlink(path);
    script_free(&s);
}

/* Each record of a script in a member of its own, so that a cut leaves whole ones before it. */
static struct buffer packed_piecewise(struct span left, struct buffer (*pack)(struct span))
{
    struct buffer all;
    buffer_init(&all, SCRIPT_CEILING);
    for (size_t len = 24; left.len > 0; len = left.len >= 16 ? 16 + load_le32(left, 8) : 0) {
        struct span piece;
        CU_ASSERT_FATAL(span_take(&left, len, &piece));
        struct buffer packed = pack(piece);
        buffer_add(&all, packed.data, packed.len);
        buffer_release(&packed);
    }
    return all;
}

static struct transcript read_packed(struct span bytes)
{
    struct transcript t;
    read_memory(&t, bytes, 0, false);
    return t;
}

static void chained_members(void)
{
    struct buffer (*const packs[])(struct span) = {gzip_of, zstd_of};
    struct script s = wandering(5, 300);
    struct transcript expected = read_script(IN_MEMORY, script_span(&s), 0);
    for (size_t i = 0; i < 2; i++) {
        struct buffer packed = packed_piecewise(script_span(&s), packs[i]);
        for (size_t len = 0; len <= packed.len; len++) {
            struct transcript t = read_packed(span_of(packed.data, len));
            bool whole = len == packed.len;
            CU_ASSERT(t.status != STATUS_END ||
                      strncmp(buffer_text(&t.text), buffer_text(&expected.text), t.text.len - 1) ==
                          0);
            CU_ASSERT(!whole || strcmp(buffer_text(&t.text), buffer_text(&expected.text)) == 0);
            CU_ASSERT(t.frame_count < 5 || whole || t.status == STATUS_DAMAGED ||
                      t.status == STATUS_END);
            transcript_free(&t);
        }
        buffer_release(&packed);
    }
    transcript_free(&expected);
    script_free(&s);
}

/* Cuts one member at every byte: what can be uncompressed by hand must come as frames. */
static void cut_members(void)
{
    struct script s = wandering(40, 300);
    struct buffer gzip = gzip_of(script_span(&s)), zstd = zstd_of(script_span(&s));
    uint64_t before = 0;
    for (size_t len = 18; len <= gzip.len; len++) {
        struct transcript t = read_packed(span_of(gzip.data, len));
        CU_ASSERT(t.frame_count >= before); /* a longer piece never gives less */
        before = t.frame_count;
        CU_ASSERT_EQUAL(t.status == STATUS_END, len == gzip.len);
        CU_ASSERT(t.status != STATUS_FAILED || t.frame_count == 0);
        transcript_free(&t);
    }
    CU_ASSERT_EQUAL(before, 40);
    for (size_t len = 0; len <= zstd.len; len++) {
        struct transcript t = read_packed(span_of(zstd.data, len));
        CU_ASSERT_EQUAL(t.status == STATUS_END, len == zstd.len);
        transcript_free(&t);
    }
    buffer_release(&gzip);
    buffer_release(&zstd);
    script_free(&s);
}

/* Reads all, and gives everything back: with `limit` bytes for windows and for uncompressing. */
static enum status read_charged(uint64_t *frames, struct error *err, struct span bytes,
                                size_t limit)
{
    struct budget memory;
    struct capture *c;
    struct frame frame;

    budget_init(&memory, limit);
    *frames = 0;
    struct capture_options options = {.stream = true, .stream_len = 4096, .memory = &memory};
    enum status status = capture_open_memory(&c, "x", bytes, &options, err);
    while (status == STATUS_OK && (status = capture_next(c, &frame, err)) == STATUS_OK)
        ++*frames;
    capture_close(c);
    CU_ASSERT_EQUAL(memory.used, 0);
    CU_ASSERT(memory.peak <= limit);
    return status;
}

static void memory_is_charged(void)
{
    struct script s = script_new(false);
    struct error err;
    uint64_t frames;

    put_section(&s);
    put_interface(&s, 1);
    put_packet(&s, 0, 1, "a");
    block_begin(&s, 10); /* is held as a whole */
    put_zeros(&s, 300000);
    block_end(&s);
    struct buffer none = {.data = s.bytes.data, .len = s.bytes.len};
    struct buffer packs[] = {none, gzip_of(script_span(&s)), zstd_of(script_span(&s))};
    for (size_t i = 0; i < 3; i++) {
        struct span bytes = span_of(packs[i].data, packs[i].len);
        CU_ASSERT_EQUAL(read_charged(&frames, &err, bytes, 2 << 20), STATUS_END);
        CU_ASSERT_EQUAL(frames, 1);
        size_t needed = capture_memory(bytes);
        CU_ASSERT((needed > 0) == (i > 0));
        CU_ASSERT_EQUAL(read_charged(&frames, &err, bytes, 2000), STATUS_FAILED);
        if (i == 2)
            continue; /* less than is foreseen: how little is libzstd's affair */
        CU_ASSERT_EQUAL(read_charged(&frames, &err, bytes, needed + 200000), STATUS_DAMAGED);
        CU_ASSERT_EQUAL(frames, 1);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "bytes, more than --memory leaves for a record"));
    }
    buffer_release(&packs[1]);
    buffer_release(&packs[2]);
    script_free(&s);
}

/* The header of a frame that asks for 128 MiB of window, and a little behind it. */
static void large_windows_need_memory(void)
{
    uint8_t frame[32] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, (27 - 10) << 3, 1 | 16 << 3};
    struct error err;
    uint64_t frames;
    struct span bytes = span_of(frame, sizeof frame);

    CU_ASSERT(capture_memory(bytes) > 128 << 20);
    CU_ASSERT(capture_memory(bytes) < 129 << 20);
    CU_ASSERT_EQUAL(read_charged(&frames, &err, bytes, 4 << 20), STATUS_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "x asks for a window of more than the 2048 KiB that --memory "
                                     "leaves to uncompress it");
}

static void check_packed(const struct buffer *packed, enum status status, uint64_t frame_count,
                         const char *sentence)
{
    struct transcript t = read_packed(span_of(packed->data, packed->len));
    CU_ASSERT_EQUAL(t.status, status);
    CU_ASSERT_EQUAL(t.frame_count, frame_count);
    CU_ASSERT_STRING_EQUAL(t.error.text, sentence);
    CU_ASSERT_EQUAL(t.evidence.len, packed->len);
    transcript_free(&t);
}

static void around_gzip_members(void)
{
    struct script s = script_new(false);
    put_pcap_header(&s, 0xa1b2c3d4, 1);
    put_record(&s, 1, 0, "abc");
    struct buffer b = gzip_of(script_span(&s));
    size_t len = b.len;
    buffer_add(&b, "\0\0\0\0", 4); /* padding, as on a tape */
    check_packed(&b, STATUS_END, 1, "");
    buffer_add(&b, "x", 1);
    char sentence[128];
    snprintf(sentence, sizeof sentence,
             "x.pcap: frame 2 at offset 43: byte %zu follows the gzip data and is not part of them",
             len + 4);
    check_packed(&b, STATUS_DAMAGED, 1, sentence);
    b.len = len;
    b.data[len - 6] ^= 1; /* in the checksum: known only after all has been read */
    snprintf(
        sentence, sizeof sentence,
        "x.pcap: frame 2 at offset 43: the gzip data make no sense at byte %zu: incorrect data "
        "check",
        len - 4);
    check_packed(&b, STATUS_DAMAGED, 1, sentence);
    buffer_release(&b);
    script_free(&s);
}

static void around_zstd_frames(void)
{
    struct script s = script_new(false);
    put_pcap_header(&s, 0xa1b2c3d4, 1);
    put_record(&s, 1, 0, "abc");
    struct buffer packed = zstd_of(script_span(&s)), b;
    buffer_init(&b, SCRIPT_CEILING);
    buffer_add(&b, "\x5a\x2a\x4d\x18\3\0\0\0abc", 11); /* skippable */
    buffer_add(&b, packed.data, packed.len);
    buffer_add(&b, "\x50\x2a\x4d\x18\0\0\0\0", 8);
    check_packed(&b, STATUS_END, 1, "");
    buffer_add(&b, "garbage", 7);
    struct transcript t = read_packed(span_of(b.data, b.len));
    CU_ASSERT_EQUAL(t.status, STATUS_DAMAGED);
    CU_ASSERT_EQUAL(t.frame_count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(t.error.text, "the zstd data make no sense at byte"));
    transcript_free(&t);
    buffer_release(&packed);
    buffer_release(&b);
    script_free(&s);
}

/* Many blocks of zstd, bent in a late one: those before it must not be lost. */
static void bent_late(void)
{
    struct script s = wandering(400, 3000);
    struct buffer packs[] = {gzip_of(script_span(&s)), zstd_of(script_span(&s))};
    for (size_t i = 0; i < 2; i++) {
        memset(packs[i].data + packs[i].len / 2, 0xff, 16);
        struct transcript t = read_packed(span_of(packs[i].data, packs[i].len));
        CU_ASSERT_EQUAL(t.status, STATUS_DAMAGED);
        CU_ASSERT(t.frame_count > 10 && t.frame_count < 400);
        CU_ASSERT_EQUAL(t.evidence.len, packs[i].len);
        transcript_free(&t);
        buffer_release(&packs[i]);
    }
    script_free(&s);
}

static void append(const char *path, struct span bytes)
{
    int fd = open(path, O_WRONLY | O_APPEND);
    CU_ASSERT_EQUAL(write(fd, bytes.data, bytes.len), (ssize_t)bytes.len);
    close(fd);
}

static void growing(void)
{
    for (int stream = 0; stream < 2; stream++) {
        struct script s = wandering(5, 50);
        struct transcript t;
        struct capture *c;
        char path[32];
        write_file(path, script_span(&s));
        struct capture_options options = script_options(&t, 0);
        options.stream = stream;
        enum status status = capture_open(&c, path, &options, &t.error);
        append(path, span_after(script_span(&s), 24));
        transcribe(&t, status, c);
        CU_ASSERT_EQUAL(t.status, STATUS_END);
        CU_ASSERT_EQUAL(t.frame_count, 5);
        CU_ASSERT_EQUAL(t.evidence.len, s.bytes.len);
        transcript_free(&t);
        unlink(path);
        script_free(&s);
    }
}

static bool leases_work(const char *path)
{
    int fd = open(path, O_RDONLY);
    bool work = fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    close(fd);
    return work;
}

static void being_written(void)
{
    struct script s = wandering(5, 50);
    struct capture *c;
    char path[32];
    write_file(path, script_span(&s));
    bool leases = leases_work(path);
    int writer = open(path, O_WRONLY);
    CU_ASSERT_EQUAL_FATAL(capture_open(&c, path, NULL, NULL), STATUS_OK);
    CU_ASSERT(!leases || !capture_is_mapped(c));
    capture_close(c);
    close(writer);
    CU_ASSERT_EQUAL_FATAL(capture_open(&c, path, NULL, NULL), STATUS_OK);
    CU_ASSERT(capture_is_mapped(c));
    writer = open(path, O_WRONLY); /* no lease is left that would stop this */
    CU_ASSERT(writer >= 0);
    close(writer);
    capture_close(c);
    unlink(path);
    script_free(&s);
}

/* Reads one frame, makes the file `len` bytes long, reads on. */
static void check_shrinking(off_t len, size_t window_len, bool stream)
{
    struct script s = wandering(400, 3000);
    struct capture_options options = {.window_len = window_len, .stream = stream};
    struct capture *c;
    struct frame frame;
    struct error err = {0};
    enum status status;
    char path[32];
    write_file(path, script_span(&s));
    CU_ASSERT_EQUAL_FATAL(capture_open(&c, path, &options, &err), STATUS_OK);
    CU_ASSERT_EQUAL(capture_is_mapped(c), !stream);
    CU_ASSERT_EQUAL(capture_next(c, &frame, &err), STATUS_OK);
    CU_ASSERT_EQUAL(truncate(path, len), 0);
    unsigned sum = 0, count = 0;
    while ((status = capture_next(c, &frame, &err)) == STATUS_OK) {
        count++;
        for (size_t i = 0; i < frame.bytes.len; i++)
            sum += frame.bytes.data[i]; /* whatever it is, it can be touched */
    }
    CU_ASSERT(sum < UINT32_MAX && count <= 400);
    CU_ASSERT_EQUAL(status, STATUS_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "was cut off while it was read: "));
    CU_ASSERT_EQUAL(capture_next(c, &frame, NULL), STATUS_FAILED);
    CU_ASSERT(stream || capture_shrank(c));
    capture_close(c);
    unlink(path);
    script_free(&s);
}

static void shrinking(void)
{
    check_shrinking(5000, 0, false); /* a fault in the first window */
    check_shrinking(0, 0, false);
    check_shrinking(5000, 4096, false); /* a window that is no longer there */
    check_shrinking(100000, 4096, false);
    check_shrinking(300000, 0, false);
    check_shrinking(5000, 1, true);
}

static void shrinking_by_a_byte(void)
{
    struct script s = wandering(3, 100);
    struct capture *c;
    struct frame frame;
    char path[32];
    write_file(path, script_span(&s));
    CU_ASSERT_EQUAL_FATAL(capture_open(&c, path, NULL, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(capture_next(c, &frame, NULL), STATUS_OK);
    CU_ASSERT_FALSE(capture_shrank(c));
    CU_ASSERT_EQUAL(truncate(path, (off_t)s.bytes.len - 1), 0); /* no fault: the page is there */
    CU_ASSERT(capture_shrank(c));
    while (capture_next(c, &frame, NULL) == STATUS_OK)
        continue;
    CU_ASSERT_EQUAL(capture_next(c, &frame, NULL), STATUS_FAILED);
    capture_close(c);
    unlink(path);
    script_free(&s);
}

static sigjmp_buf after_the_fault;

static void on_fault(int number)
{
    siglongjmp(after_the_fault, number);
}

/* The first test, since the guard's handler is installed once. */
static void other_faults(void)
{
    struct script s = wandering(3, 100);
    struct sigaction action = {.sa_handler = on_fault}, before;
    struct capture *c;
    char path[32];
    sigaction(SIGBUS, &action, &before);
    write_file(path, script_span(&s));
    CU_ASSERT_EQUAL_FATAL(capture_open(&c, path, NULL, NULL), STATUS_OK);
    CU_ASSERT_FATAL(capture_is_mapped(c));
    int fd = open(path, O_RDWR);
    volatile const char *map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    int number = sigsetjmp(after_the_fault, 1);
    if (number == 0) {
        CU_ASSERT(map[4096] ==
                  1); /* behind the end of the file, in a map that is not a capture's */
        CU_FAIL("no fault");
    }
    CU_ASSERT_EQUAL(number, SIGBUS);
    CU_ASSERT_FALSE(capture_shrank(c));
    munmap((void *)(uintptr_t)map, 8192);
    close(fd);
    capture_close(c);
    unlink(path);
    script_free(&s);
}

static void many_at_once(void)
{
    enum { COUNT = 70, MAPPED_MAX = 64 };
    struct capture *captures[COUNT];
    struct script s = wandering(20, 100);
    struct frame frame;
    unsigned mapped = 0;
    char path[32];
    write_file(path, script_span(&s));
    for (size_t i = 0; i < COUNT; i++) {
        CU_ASSERT_EQUAL_FATAL(capture_open(&captures[i], path, NULL, NULL), STATUS_OK);
        mapped += capture_is_mapped(captures[i]);
    }
    CU_ASSERT_EQUAL(mapped, MAPPED_MAX);
    for (size_t i = 0; i < COUNT; i++) {
        unsigned count = 0;
        while (capture_next(captures[i], &frame, NULL) == STATUS_OK)
            count++;
        CU_ASSERT_EQUAL(count, 20);
        capture_close(captures[i]);
    }
    unlink(path);
    script_free(&s);
}

static const struct test tests[] = {
    {"a fault that is no capture's goes to whoever handled it before", other_faults},
    {"frames are the same through windows of any size and kind", same_through_every_window},
    {"a capture says what it is", says_what_it_is},
    {"frames in memory are views of it", nothing_is_copied},
    {"a mapped frame outlives the window's next move", frames_outlive_one_move},
    {"a block longer than many windows is leapt over, and told", leaps},
    {"a block too long to hold is damage only if it must be held", very_long_blocks},
    {"what lies behind damage is told to the end", damage_is_told_to_the_end},
    {"standard input is read to its end and left open", standard_input},
    {"gzip members and zstd frames are chained", chained_members},
    {"compressed data that are cut give what came before", cut_members},
    {"what surrounds gzip members", around_gzip_members},
    {"what surrounds zstd frames", around_zstd_frames},
    {"windows and uncompressing are charged", memory_is_charged},
    {"large windows of zstd need memory", large_windows_need_memory},
    {"compressed data that are bent give what came before", bent_late},
    {"what is appended while a file is read is left out", growing},
    {"a file that is being written is read, not mapped", being_written},
    {"a file that shrinks is a failure, not a crash", shrinking},
    {"a file that shrinks within its last page is a failure too", shrinking_by_a_byte},
    {"captures beyond the number that can be mapped are read", many_at_once},
};
SUITE("capture: windows", tests)
