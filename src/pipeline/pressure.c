/* pressure.c - what is done when frames come faster than they can be written. */
#include "pipeline/pressure.h"

#include <inttypes.h>
#include <stdio.h>

/* In percent. */
enum { LITTLE = 25, MUCH = 70, VERY_MUCH = 80, NEARLY_ALL = 90 };

static const int64_t STEP_NS = 100 * 1000000ll;    /* between steps up */
static const int64_t RETURN_NS = 1000 * 1000000ll; /* that it must be little for a step back */

static bool take_step(struct pressure *p, enum store_shed level, uint64_t above, int64_t now_ns)
{
    p->level = level;
    p->above = above;
    p->changed_ns = now_ns;
    p->little_ns = 0;
    return true;
}

static bool step_up(struct pressure *p, unsigned full, int64_t now_ns)
{
    if (p->level == SHED_NOTHING)
        return take_step(p, SHED_LONG_STREAMS, PRESSURE_LONG_MOST, now_ns);
    if (now_ns - p->changed_ns < STEP_NS)
        return false;
    if (p->level < SHED_ALL_BUT_FLOWS && full >= NEARLY_ALL)
        return take_step(p, p->level + 1, PRESSURE_LONG_LEAST, now_ns);
    if (p->level == SHED_LONG_STREAMS && p->above > PRESSURE_LONG_LEAST)
        return take_step(p, p->level, p->above / 8, now_ns);
    if (p->level == SHED_LONG_STREAMS && full >= VERY_MUCH)
        return take_step(p, SHED_NEW_STREAMS, p->above, now_ns);
    return false;
}

bool pressure_see(struct pressure *p, unsigned full, int64_t now_ns)
{
    if (full >= MUCH) {
        p->little_ns = 0;
        return step_up(p, full, now_ns);
    }
    if (p->level == SHED_NOTHING || full >= LITTLE) {
        p->little_ns = 0;
        return false;
    }
    if (p->little_ns == 0)
        p->little_ns = now_ns;
    if (now_ns - p->little_ns < RETURN_NS)
        return false;
    return take_step(p, p->level - 1, p->above, now_ns);
}

uint64_t pressure_disk_little(uint64_t all)
{
    enum { DISK_LITTLE = 256 << 20 };
    return all / 4 < DISK_LITTLE ? all / 4 : DISK_LITTLE;
}

/* Less is kept from a half of that on, and nothing but flows from a quarter on; all again when it is no longer little. */
enum store_shed pressure_of_disk(enum store_shed before, uint64_t left, uint64_t all)
{
    const uint64_t little = pressure_disk_little(all);

    if (left < little / 4)
        return SHED_ALL_BUT_FLOWS;
    if (left < little / 2)
        return before > SHED_NEW_STREAMS ? before : SHED_NEW_STREAMS;
    return left < little ? before : SHED_NOTHING;
}

void pressure_text(char *text, size_t room, const struct pressure *p)
{
    switch (p->level) {
    case SHED_NOTHING:
        snprintf(text, room, "the payload of streams that begin is kept again");
        break;
    case SHED_LONG_STREAMS:
        snprintf(text, room,
                 "payload behind the first %" PRIu64
                 " KiB of a stream is not kept: more comes than can be written",
                 p->above >> 10);
        break;
    case SHED_NEW_STREAMS:
        snprintf(text, room,
                 "no payload of streams that begin is kept: more comes than can be written");
        break;
    case SHED_ALL_BUT_FLOWS:
        snprintf(text, room, "only flows are kept: more comes than can be written");
        break;
    }
}
