/* live.c - several interfaces as one source: whose frame is next, when to wait, how it ends. */
#include "capture/live.h"

#include "capture/filter.h"
#include "capture/port.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SEEK_MS = 1000,
    REFUSED_MAX = 10000,
    REMARKS_MAX = 32,
    REMARK_LEN = sizeof(((struct error *)NULL)->text)
};

struct live {
    struct port ports[LIVE_INTERFACES_MAX];
    unsigned port_count;
    struct filter *filter; /* owned; judges what the kernel could not. NULL: there is none */

    uint64_t mark;     /* frames given */
    uint64_t released; /* of them */
    bool sparse;       /* the block of the frame that was given last */

    int control;        /* owned; a socket to ask the system about interfaces */
    int epoll;          /* owned */
    int stop_event;     /* owned; readable once live_stop() was called */
    atomic_bool stop;   /* set by live_stop() */
    bool quiet;         /* and seen */
    int64_t quiet_ms;   /* when it was */
    int64_t sought_ms;  /* when they were last looked for */
    enum live_next end; /* LIVE_STOPPED or LIVE_FAILED once it is */
    struct error why;   /* of LIVE_FAILED */

    struct nic_losses losses;

    char remarks[REMARKS_MAX][REMARK_LEN]; /* a ring: first_remark is the next to tell */
    unsigned first_remark, remark_count;
    bool remarked; /* since live_next() last said LIVE_IDLE for it */
    char told[REMARK_LEN];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void remark(struct live *l, const char *sentence)
{
    l->remarked = true;
    if (l->remark_count == REMARKS_MAX) {
        char *last = l->remarks[(l->first_remark + REMARKS_MAX - 1) % REMARKS_MAX];
        strcpy(last, "there is more to remark on the interfaces than is kept");
        return;
    }
    char *at = l->remarks[(l->first_remark + l->remark_count++) % REMARKS_MAX];
    memcpy(at, sentence, strnlen(sentence, REMARK_LEN - 1));
    at[strnlen(sentence, REMARK_LEN - 1)] = '\0';
}

static void tell_remark(struct live *l, struct port *p)
{
    if (p->remark.text[0])
        remark(l, p->remark.text);
    p->remark.text[0] = '\0';
}

static void remark_on(struct live *l, const struct port *p, const char *what)
{
    struct error sentence;
    error_set(&sentence, "%s: %s", p->name, what);
    remark(l, sentence.text);
}

const char *live_remark(struct live *l)
{
    if (l->remark_count > 0) {
        memcpy(l->told, l->remarks[l->first_remark], REMARK_LEN);
        l->first_remark = (l->first_remark + 1) % REMARKS_MAX;
        l->remark_count--;
        return l->told;
    }
    return l->filter ? filter_remark(l->filter) : NULL;
}

/* ---- opening ---- */

void port_cut(struct port *p, size_t ring_len, size_t least_block_len)
{
    enum { BLOCK_LEN_MAX = 1 << 20, BLOCKS_WANTED = 8 };

    p->block_len = BLOCK_LEN_MAX;
    while (p->block_len > least_block_len && p->block_len * BLOCKS_WANTED > ring_len)
        p->block_len /= 2;
    p->block_count = (unsigned)(ring_len / p->block_len);
    if (p->block_count < 2)
        p->block_count = 2;
}

static enum status check(const struct live_options *o, struct error *err)
{
    if (o->interface_count == 0 || o->interface_count > LIVE_INTERFACES_MAX)
        return error_set(err, "from 1 to %d interfaces can be captured from, not %u",
                         LIVE_INTERFACES_MAX, o->interface_count);
    if (o->ring_len != 0 && (o->ring_len < LIVE_RING_LEN_MIN || o->ring_len > LIVE_RING_LEN_MAX))
        return error_set(err, "a ring has from %d to %d MiB, not %zu bytes",
                         LIVE_RING_LEN_MIN >> 20, LIVE_RING_LEN_MAX >> 20, o->ring_len);
    for (unsigned i = 0; i < o->interface_count; i++) {
        if (strcmp(o->interfaces[i], "any") == 0 && o->interface_count > 1)
            return error_set(err, "any: it is every interface, and stands alone");
        for (unsigned k = 0; k < i; k++)
            if (strcmp(o->interfaces[i], o->interfaces[k]) == 0)
                return error_set(err, "%s: the interface is named twice", o->interfaces[i]);
    }
    return STATUS_OK;
}

static enum status watch(struct live *l, int descriptor, uint32_t events, unsigned who,
                         struct error *err)
{
    struct epoll_event event = {.events = events, .data.u32 = who};

    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
        return error_set(err, "cannot wait for frames: %s", strerror(errno));
    return STATUS_OK;
}

static const struct port_source *const sources[] = {
    [LIVE_RING] = &ring_source,
    [LIVE_PCAP] = &pcap_source,
    [LIVE_XDP] = &xdp_source,
};

static enum status open_port(struct live *l, const struct live_options *o, const char *name,
                             struct error *err)
{
    struct port *p = &l->ports[l->port_count];

    *p = (struct port){
        .source = sources[o->source],
        .any = strcmp(name, "any") == 0,
        .options = *o,
        .up = true,
        .descriptor = -1,
    };
    p->options.interfaces = NULL; /* not ours */
    p->name = strdup(name);
    if (!p->name)
        return error_no_memory(err, "no memory for the interface %s", name);
    l->port_count++; /* from here on it must be closed */
    if (p->options.ring_len == 0)
        p->options.ring_len = LIVE_RING_LEN;
    if (p->options.snap_len == 0 || p->options.snap_len > LIVE_SNAP_LEN)
        p->options.snap_len = LIVE_SNAP_LEN;
    if (!p->any) {
        if (nic_find(&p->nic, l->control, name, err) != STATUS_OK)
            return STATUS_FAILED;
        p->up = p->nic.up;
        if (!p->up)
            remark_on(l, p, "the interface is down; frames come once it is up");
        nic_dropped(&l->losses, &p->drops_last, p->nic.index);
    }
    if (p->source->open(p, err) != STATUS_OK)
        return STATUS_FAILED;
    tell_remark(l, p);
    if (p->filter_too_long)
        remark_on(l, p,
                  "the filter is too long for the kernel (net.core.optmem_max): all frames "
                  "come up from it, and are judged here");
    p->marks = calloc(p->block_count, sizeof(*p->marks));
    if (!p->marks)
        return error_no_memory(err, "no memory for the interface %s", name);
    /* Each event once: a block that is held keeps the socket readable. */
    return watch(l, p->descriptor, EPOLLIN | EPOLLET, l->port_count - 1, err);
}

static enum status open_all(struct live *l, const struct live_options *o, struct error *err)
{
    if (o->filter && filter_new(&l->filter, o->filter, err) != STATUS_OK)
        return STATUS_FAILED;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (l->epoll < 0 || l->stop_event < 0 || l->control < 0)
        return error_set(err, "cannot wait for frames: %s", strerror(errno));
    if (watch(l, l->stop_event, EPOLLIN | EPOLLET, LIVE_INTERFACES_MAX, err) != STATUS_OK)
        return STATUS_FAILED;
    nic_losses_open(&l->losses);
    for (unsigned i = 0; i < o->interface_count; i++)
        if (open_port(l, o, o->interfaces[i], err) != STATUS_OK)
            return STATUS_FAILED;
    return STATUS_OK;
}

struct live *live_open(const struct live_options *options, struct error *err)
{
    if (check(options, err) != STATUS_OK)
        return NULL;
    struct live *l = calloc(1, sizeof(*l));
    if (!l) {
        error_no_memory(err, "no memory to capture from interfaces");
        return NULL;
    }
    l->control = l->epoll = l->stop_event = -1;
    l->losses.netlink = l->losses.softnet = -1;
    if (open_all(l, options, err) != STATUS_OK) {
        live_close(l);
        return NULL;
    }
    return l;
}

void live_close(struct live *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->port_count; i++) {
        l->ports[i].source->close(&l->ports[i]);
        free(l->ports[i].marks);
        free(l->ports[i].name);
    }
    filter_free(l->filter);
    nic_losses_close(&l->losses);
    const int owned[] = {l->control, l->epoll, l->stop_event};
    for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++)
        if (owned[i] >= 0)
            close(owned[i]);
    free(l);
}

/* ---- blocks ---- */

/* Gives back the oldest blocks that are over and dead. */
static void give_back(struct live *l, struct port *p)
{
    while (p->held_count > (p->left > 0) && p->marks[p->first_held] <= l->released) {
        p->source->give_back(p, p->first_held);
        p->first_held = port_block(p, 1);
        p->held_count--;
    }
}

static void end_block(struct live *l, struct port *p)
{
    p->marks[port_block(p, p->held_count - 1)] = l->mark;
    give_back(l, p);
}

/* Frames came, which may be those from before it went down. */
static void see_whether_up(struct live *l, struct port *p)
{
    struct nic nic;

    if (nic_find(&nic, l->control, p->name, NULL) != STATUS_OK || !nic.up)
        return;
    p->up = true;
    remark_on(l, p, "the interface is up");
}

/* Sees that the port has a frame to give: false when no block has come. */
static bool has_frame(struct live *l, struct port *p)
{
    while (p->left == 0) {
        if (p->held_count == p->block_count)
            return false;
        const bool was_gone = p->gone;
        const bool has_come = p->source->begin(p);
        if (p->gone && !was_gone && !l->quiet)
            p->gone_ms = now_ms();
        tell_remark(l, p);
        if (!has_come)
            return false;
        p->held_count++;
        p->seen_ms = 0;
        if (p->left == 0)
            end_block(l, p);
        if (!p->up && p->left > 0)
            see_whether_up(l, p);
    }
    return true;
}

/* Takes the next frame of a port that has one. False when it is none that the caller should have. */
static bool take(struct live *l, struct port *p, struct frame *frame)
{
    frame->fcs_len = 0;
    frame->interface_id = (uint32_t)(p - l->ports);
    frame->evidence_id = 0;
    frame->offset = 0;
    frame->number = p->number + 1;
    bool wanted = p->source->take(p, frame);
    if (p->judges != JUDGES_NONE && wanted && (p->tagged || p->judges == JUDGES_ALL))
        wanted = filter_accepts(l->filter, frame);
    if (wanted) {
        p->number++;
        l->mark++;
    }
    l->sparse = p->sparse;
    if (p->left == 0)
        end_block(l, p);
    return wanted;
}

bool live_is_sparse(const struct live *l)
{
    return l->sparse;
}

uint64_t live_mark(const struct live *l)
{
    return l->mark;
}

void live_release(struct live *l, uint64_t mark)
{
    assert(mark <= l->mark);
    if (mark <= l->released)
        return;
    l->released = mark;
    for (unsigned i = 0; i < l->port_count; i++)
        give_back(l, &l->ports[i]);
}

size_t live_held_len(const struct live *l)
{
    size_t len = 0;
    for (unsigned i = 0; i < l->port_count; i++)
        len += (l->ports[i].held_count + l->ports[i].source->waiting(&l->ports[i])) *
               l->ports[i].block_len;
    return len;
}

size_t live_ring_len(const struct live *l)
{
    size_t len = 0;
    for (unsigned i = 0; i < l->port_count; i++)
        len += l->ports[i].block_count * l->ports[i].block_len;
    return len;
}

/* ---- whose turn it is ---- */

/* Whether nothing more will come: its last block has had its time to. */
static bool is_dead(const struct port *p)
{
    return p->gone && now_ms() - p->gone_ms > LIVE_HOLD_MS;
}

/* Whether an earlier frame of another port can still come: those captured before this block came show
 * themselves within LIVE_HOLD_MS. Sets *wait_ms to how long that takes. */
static bool must_hold(struct port *p, int *wait_ms)
{
    if (p->seen_ms < 0 || p->source->is_pressed(p))
        return false;
    const int64_t now = now_ms();
    if (p->seen_ms == 0)
        p->seen_ms = now;
    const int64_t left = p->seen_ms + LIVE_HOLD_MS - now;
    if (left <= 0) {
        p->seen_ms = -1; /* long enough for all of the block */
        return false;
    }
    *wait_ms = (int)left;
    return true;
}

/* The port whose frame is next, NULL when none is now; *wait_ms is then how long until one is, if that can be
 * said. */
static struct port *choose(struct live *l, int *wait_ms)
{
    struct port *first = NULL;
    int64_t first_ns = 0;
    bool is_one_silent = false;

    *wait_ms = -1;
    for (unsigned i = 0; i < l->port_count; i++) {
        struct port *p = &l->ports[i];
        if (!has_frame(l, p)) {
            is_one_silent |= p->held_count < p->block_count && p->up && !is_dead(p);
            continue;
        }
        const int64_t ns = p->source->head_ns(p);
        if (!first || ns < first_ns) {
            first = p;
            first_ns = ns;
        }
    }
    if (first && is_one_silent && must_hold(first, wait_ms))
        return NULL;
    return first;
}

/* The next frame that has come; with one interface, as nearly always, it is that one's. Where so many are
 * refused one after the other, it is time to look at the clock: *wait_ms is 0. */
static bool next_frame(struct live *l, struct frame *frame, int *wait_ms)
{
    for (unsigned refused = 0; refused < REFUSED_MAX; refused++) {
        struct port *p = &l->ports[0];
        *wait_ms = -1;
        if (l->port_count > 1)
            p = choose(l, wait_ms);
        else if (!has_frame(l, p))
            p = NULL;
        if (!p)
            return false;
        if (take(l, p, frame))
            return true;
    }
    *wait_ms = 0;
    return false;
}

/* ---- waiting, and the end ---- */

static void see_stop(struct live *l)
{
    if (l->quiet || !atomic_load_explicit(&l->stop, memory_order_relaxed))
        return;
    for (unsigned i = 0; i < l->port_count; i++)
        l->ports[i].source->quiet(&l->ports[i]);
    l->quiet = true;
    l->quiet_ms = now_ms();
}

static void see_trouble(struct live *l, struct port *p)
{
    const bool was_gone = p->gone;
    struct error why;
    if (!p->source->trouble(p, &why))
        return;
    if (p->gone && !was_gone)
        p->gone_ms = now_ms();
    remark(l, why.text);
}

/* Nothing has come: whether nothing can come any more. */
static bool is_over(struct live *l)
{
    bool is_one_left = false;

    for (unsigned i = 0; i < l->port_count; i++)
        is_one_left |= !is_dead(&l->ports[i]);
    if (l->quiet && (!is_one_left || now_ms() - l->quiet_ms > LIVE_HOLD_MS)) {
        l->end = LIVE_STOPPED;
    } else if (!is_one_left) {
        l->end = LIVE_FAILED;
        error_set(&l->why, "%s: %s", l->ports[0].name,
                  l->port_count > 1 ? "no interface is left, this one and all others are gone"
                                    : "nothing is left to capture from");
    }
    return l->end != LIVE_FRAME;
}

static int shorter(int a_ms, int b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/* Who takes an interface away takes it down first, and of what comes after that a socket tells nothing. */
static void see_whether_there(struct live *l, struct port *p)
{
    if (p->up || p->gone || p->any || nic_is_there(l->control, p->nic.index))
        return;
    p->gone = true;
    p->gone_ms = now_ms();
    remark_on(l, p, "the interface is gone");
}

/* Looks, now and then, whether an interface that is down has vanished, and one that vanished has come back. */
static void seek(struct live *l)
{
    const int64_t now = now_ms();

    if (l->quiet || now - l->sought_ms < SEEK_MS)
        return;
    l->sought_ms = now;
    for (unsigned i = 0; i < l->port_count; i++) {
        struct port *p = &l->ports[i];
        see_whether_there(l, p);
        if (!is_dead(p) || !p->source->rejoin(p))
            continue;
        p->gone = false;
        p->up = p->nic.up;
        nic_dropped(&l->losses, &p->drops_last, p->nic.index);
        remark_on(l, p, "the interface is back");
    }
}

/* How long it may take, without anything coming, until there is something to do; -1: for ever. */
static int next_look_ms(const struct live *l)
{
    int ms = l->quiet ? LIVE_HOLD_MS / 4 : -1;

    for (unsigned i = 0; i < l->port_count; i++)
        if (l->ports[i].gone)
            ms = shorter(ms, is_dead(&l->ports[i]) ? SEEK_MS : LIVE_HOLD_MS / 4);
        else if (!l->ports[i].up)
            ms = shorter(ms, SEEK_MS);
    return ms;
}

/* Waits until something may have come, or so long. False, with LIVE_FAILED set, when it cannot. */
static bool wait_for(struct live *l, int wait_ms)
{
    struct epoll_event events[LIVE_INTERFACES_MAX + 1];
    int count = epoll_wait(l->epoll, events, LIVE_INTERFACES_MAX + 1, wait_ms);

    if (count < 0 && errno != EINTR) {
        error_set(&l->why, "cannot wait for frames: %s", strerror(errno));
        l->end = LIVE_FAILED;
        return false;
    }
    for (int i = 0; i < count; i++)
        if (events[i].events & (EPOLLERR | EPOLLHUP) && events[i].data.u32 < l->port_count)
            see_trouble(l, &l->ports[events[i].data.u32]);
    return true;
}

static enum live_next ended(const struct live *l, struct error *err)
{
    if (l->end == LIVE_FAILED && err)
        *err = l->why;
    return l->end;
}

enum live_next live_next(struct live *l, struct frame *frame, int wait_ms, struct error *err)
{
    /* The fast path: the block that is being given has another frame. */
    if (l->port_count == 1 && l->ports[0].left > 0 && take(l, &l->ports[0], frame))
        return LIVE_FRAME;
    if (l->end != LIVE_FRAME)
        return ended(l, err);

    const int64_t until_ms = now_ms() + wait_ms;
    for (;;) {
        int hold_ms;
        see_stop(l);
        seek(l);
        if (next_frame(l, frame, &hold_ms))
            return LIVE_FRAME;
        if (hold_ms < 0 && is_over(l))
            return ended(l, err);
        if (l->remarked) {
            l->remarked = false;
            return LIVE_IDLE;
        }
        const int64_t left_ms = wait_ms < 0 ? -1 : until_ms - now_ms();
        if (wait_ms >= 0 && left_ms <= 0)
            return LIVE_IDLE;
        if (!wait_for(l, shorter(shorter((int)left_ms, hold_ms), next_look_ms(l))))
            return ended(l, err);
    }
}

void live_stop(struct live *l)
{
    const int was = errno;
    const uint64_t one = 1;

    atomic_store_explicit(&l->stop, true, memory_order_relaxed);
    ssize_t written = write(l->stop_event, &one, sizeof(one));
    (void)written; /* it only fails where it was written before */
    errno = was;
}

/* ---- what is known ---- */

void live_interface(const struct live *l, struct live_interface *said, unsigned interface)
{
    assert(interface < l->port_count);
    const struct port *p = &l->ports[interface];
    *said = (struct live_interface){
        .name = p->name,
        .link_type = p->link_type,
        .snap_len = p->options.snap_len,
        .up = p->up,
        .hardware_time = p->hardware_time,
    };
}

bool live_counts(struct live *l, struct live_counts *counts, unsigned interface)
{
    assert(interface < l->port_count);
    struct port *p = &l->ports[interface];
    struct nic_drops now;

    bool known = p->source->count(p, &p->counts);
    if (!p->any) {
        if (nic_dropped(&l->losses, &now, p->nic.index)) {
            p->counts.dropped_by_interface += nic_lost_since(&p->drops_last, &now);
            p->counts.discarded += nic_discarded_since(&p->drops_last, &now);
            p->drops_last = now;
        } else {
            known = false;
        }
    }
    known &= nic_losses_read(&l->losses);
    p->counts.dropped_by_backlog = l->losses.backlog;
    *counts = p->counts;
    return known;
}
