/* live.c - frames from network interfaces: not there yet, every opening fails. */
#include "capture/live.h"

struct live {
    uint64_t mark;
};

struct live *live_open(const struct live_options *options, struct error *err)
{
    (void)options;
    error_set(err, "this build captures nothing from interfaces yet");
    return NULL;
}

void live_close(struct live *live)
{
    (void)live;
}

enum live_next live_next(struct live *live, struct frame *frame, int wait_ms, struct error *err)
{
    (void)live;
    (void)frame;
    (void)wait_ms;
    (void)err;
    return LIVE_STOPPED;
}

uint64_t live_mark(const struct live *live)
{
    return live->mark;
}

void live_release(struct live *live, uint64_t mark)
{
    (void)live;
    (void)mark;
}

size_t live_held_len(const struct live *live)
{
    (void)live;
    return 0;
}

size_t live_ring_len(const struct live *live)
{
    (void)live;
    return 0;
}

void live_stop(struct live *live)
{
    (void)live;
}

void live_interface(const struct live *live, struct live_interface *said, unsigned interface)
{
    (void)live;
    (void)interface;
    *said = (struct live_interface){.name = ""};
}

bool live_counts(struct live *live, struct live_counts *counts, unsigned interface)
{
    (void)live;
    (void)interface;
    *counts = (struct live_counts){0};
    return false;
}

const char *live_remark(struct live *live)
{
    (void)live;
    return NULL;
}
