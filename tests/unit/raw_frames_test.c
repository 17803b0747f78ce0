/* raw_frames_test.c - what is kept of frames is a capture, and each lies where it was said to. */
#include "pipeline/raw_frames.h"

#include "capture/capture.h"
#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct raw_interface two[] = {{"eth0", 1, 262144}, {"a-longer-name", 276, 96}};

static struct frame frame_of(const char *text, uint32_t interface_id, int64_t time_ns)
{
    return (struct frame){.bytes = span_of(text, strlen(text)),
                          .wire_len = (uint32_t)strlen(text) + 3,
                          .interface_id = interface_id,
                          .time_ns = time_ns};
}

static void folder_make(char path[64])
{
    strcpy(path, "/tmp/seine-raw-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(path));
}

static void lies_there(const char *path, uint64_t offset, const char *text)
{
    char found[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    CU_ASSERT(fd >= 0 && offset > 0);
    CU_ASSERT_EQUAL(pread(fd, found, strlen(text), (off_t)offset), (ssize_t)strlen(text));
    CU_ASSERT_STRING_EQUAL(found, text);
    close(fd);
}

static void next_is(struct capture *c, const char *text, uint32_t interface_id, int64_t time_ns,
                    uint64_t offset)
{
    struct error err = {0};
    struct frame frame;

    CU_ASSERT_EQUAL_FATAL(capture_next(c, &frame, &err), STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(frame.bytes.len, strlen(text));
    CU_ASSERT(memcmp(frame.bytes.data, text, strlen(text)) == 0);
    CU_ASSERT_EQUAL(frame.wire_len, strlen(text) + 3);
    CU_ASSERT_EQUAL(frame.interface_id, interface_id);
    CU_ASSERT_EQUAL(frame.link_type, two[interface_id].link_type);
    CU_ASSERT_EQUAL(frame.time_ns, time_ns);
    CU_ASSERT_EQUAL(frame.offset, offset);
}

static void is_a_capture(void)
{
    const int64_t late = INT64_C(1795000000123456789);
    char folder[64], first[80], second[80];
    struct error err = {0};
    struct frame frame;
    uint64_t at[3];

    folder_make(folder);
    snprintf(first, sizeof first, "%s/1.pcapng", folder);
    snprintf(second, sizeof second, "%s/2.pcapng", folder);
    struct raw_frames *r = raw_frames_new(1 << 20, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_TRUE(raw_frames_begin(r, first, two, 2));
    frame = frame_of("one", 1, late);
    at[0] = raw_frames_put(r, &frame);
    frame = frame_of("four", 0, late + 1);
    at[1] = raw_frames_put(r, &frame);
    CU_ASSERT_TRUE(raw_frames_begin(r, second, two, 2));
    frame = frame_of("fives", 0, 5);
    at[2] = raw_frames_put(r, &frame);
    raw_frames_wait(r, raw_frames_pass(r));
    lies_there(first, at[0], "one");
    lies_there(first, at[1], "four");
    lies_there(second, at[2], "fives");
    CU_ASSERT_EQUAL(raw_frames_lost(r), 0);
    raw_frames_free(r);

    const struct capture_options options = {0};
    struct capture *c;
    CU_ASSERT_EQUAL_FATAL(capture_open(&c, first, &options, &err), STATUS_OK);
    next_is(c, "one", 1, late, at[0]);
    next_is(c, "four", 0, late + 1, at[1]);
    CU_ASSERT_EQUAL(capture_next(c, &frame, &err), STATUS_END);
    capture_close(c);
    unlink(first);
    unlink(second);
    rmdir(folder);
}

static bool peeks(struct raw_frames *r, uint64_t offset, const char *text, uint32_t file)
{
    char found[16] = "";
    return raw_frames_peek(r, found, strlen(text), offset, file) && strcmp(found, text) == 0;
}

/* Until it is in the file, from the block; of the file that is meant. */
static void is_read_on_its_way(void)
{
    char folder[64], first[80], second[80], none[16];
    struct frame frame = frame_of("first", 0, 1);

    folder_make(folder);
    snprintf(first, sizeof first, "%s/1.pcapng", folder);
    snprintf(second, sizeof second, "%s/2.pcapng", folder);
    struct raw_frames *r = raw_frames_new(1 << 20, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_TRUE(raw_frames_begin(r, first, two, 2));
    CU_ASSERT_EQUAL(raw_frames_file(r), 1);
    const uint64_t at = raw_frames_put(r, &frame);
    CU_ASSERT_TRUE(peeks(r, at, "first", 1));
    CU_ASSERT_TRUE(peeks(r, at + 2, "rst", 1));
    CU_ASSERT_FALSE(peeks(r, at, "first", 2));
    raw_frames_wait(r, raw_frames_pass(r));
    CU_ASSERT_FALSE(raw_frames_peek(r, none, 5, at, 1));
    lies_there(first, at, "first");
    frame = frame_of("third", 0, 2);
    const uint64_t behind = raw_frames_put(r, &frame);
    CU_ASSERT_FALSE(raw_frames_peek(r, none, 5, at, 1)); /* it lies before that block */
    CU_ASSERT_TRUE(peeks(r, behind, "third", 1));
    CU_ASSERT_TRUE(raw_frames_begin(r, second, two, 2));
    CU_ASSERT_EQUAL(raw_frames_file(r), 2);
    frame = frame_of("other", 0, 3);
    const uint64_t other = raw_frames_put(r, &frame);
    CU_ASSERT_TRUE(peeks(r, other, "other", 2));
    CU_ASSERT_FALSE(peeks(r, other, "other", 1));
    raw_frames_free(r);
    unlink(first);
    unlink(second);
    rmdir(folder);
}

/* The next file is another chance. */
static void cannot_be_written(void)
{
    char folder[64], path[96];
    struct error why = {0};
    struct frame frame = frame_of("lost", 0, 1);

    folder_make(folder);
    snprintf(path, sizeof path, "%s/not/there.pcapng", folder);
    struct raw_frames *r = raw_frames_new(1 << 20, false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(raw_frames_put(r, &frame), 0); /* none has begun */
    CU_ASSERT_TRUE(raw_frames_begin(r, path, two, 2));
    raw_frames_wait(r, raw_frames_pass(r));
    CU_ASSERT_TRUE(raw_frames_failed(r, &why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "not/there.pcapng"));
    CU_ASSERT_FALSE(raw_frames_failed(r, &why));
    CU_ASSERT_EQUAL(raw_frames_put(r, &frame), 0);
    CU_ASSERT_EQUAL(raw_frames_lost(r), 2);
    snprintf(path, sizeof path, "%s/there.pcapng", folder);
    CU_ASSERT_TRUE(raw_frames_begin(r, path, two, 2));
    raw_frames_wait(r, raw_frames_pass(r));
    CU_ASSERT(raw_frames_put(r, &frame) > 0);
    raw_frames_free(r);
    unlink(path);
    rmdir(folder);
}

static const struct test tests[] = {
    {"what is kept is a capture, and frames lie where was said", is_a_capture},
    {"what is not written yet is read from its block", is_read_on_its_way},
    {"what cannot be written is counted, and told once", cannot_be_written},
};
SUITE("raw_frames", tests)
