/* live_clock.c - the clock of the frames of a live run, where none comes, and where it is set. */
#include "pipeline/live_state.h"

#include <stdatomic.h>
#include <time.h>

static const int64_t STEP_NS = 5 * INT64_C(1000000000); /* a clock that moves by less is not set */

/* A board without a clock of its own may have it set while it runs. Frames of before may wait in a ring yet: the clock of the
 * flows stays as it is until one has come that is of after it was set back. */
static void see_clock_set(struct live_state *run, int64_t now_ns)
{
    const int64_t ahead_ns = live_clock_ns(CLOCK_REALTIME) - now_ns;
    const int64_t stepped_ns = ahead_ns - run->wall_ahead_ns;

    run->latest_ns = run->last_ns > run->latest_ns ? run->last_ns : run->latest_ns;
    if (run->options->hardware_time) /* that of the cards goes as it likes */
        return;
    if (stepped_ns <= -STEP_NS && run->last_ns > run->latest_ns + stepped_ns / 2)
        return;
    run->wall_ahead_ns = ahead_ns;
    if (stepped_ns > -STEP_NS && stepped_ns < STEP_NS) /* it is only steered */
        return;
    run->latest_ns = run->last_ns;
    flows_clock_stepped(run->life.flows, stepped_ns);
}

/* Where no frame comes, the clock of the frames goes on all the same, as fast as ours does. */
static void advance_clock(struct live_state *run, int64_t now_ns)
{
    const int64_t quiet_ns = now_ns - run->framed_ns;

    if (run->frames > 0 && quiet_ns > LIVE_LATE_NS)
        flows_advance(run->life.flows, run->last_ns + quiet_ns - LIVE_LATE_NS);
}

void live_see_clock(struct live_state *run, int64_t now_ns)
{
    see_clock_set(run, now_ns);
    advance_clock(run, now_ns);
}
