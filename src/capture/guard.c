/* guard.c - the SIGBUS handler and the ranges that it knows.
 *
 * The handler may run at any instant, on any thread that touches a map, so all that it reads is
 * atomic and lock-free, and it calls nothing but mmap(), sigaction() and raise(). */
#include "capture/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct range {
    atomic_uintptr_t start; /* 0 is no range; written last, cleared first */
    atomic_size_t len;
};

struct guard {
    atomic_bool taken;
    atomic_bool struck;
    struct range ranges[GUARD_RANGES];
};

static struct guard guards[GUARD_COUNT];
static struct sigaction previous; /* who handled SIGBUS before us */
static uintptr_t page_len;
static bool installed;

_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2,
               "a signal handler may not wait for a lock");

/* Zeros from the page of `address` to the end of the range. */
static bool range_mend(struct range *r, uintptr_t address)
{
    uintptr_t start = atomic_load(&r->start);
    size_t len = atomic_load(&r->len);
    if (start == 0 || address < start || address - start >= len)
        return false;
    uintptr_t page = address & ~(page_len - 1);
    void *at = (void *)page;
    return mmap(at, start + len - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                0) == at;
}

static bool guards_mend(uintptr_t address)
{
    for (size_t i = 0; i < GUARD_COUNT; i++) {
        for (size_t k = 0; k < GUARD_RANGES; k++) {
            if (!range_mend(&guards[i].ranges[k], address))
                continue;
            atomic_store(&guards[i].struck, true);
            return true;
        }
    }
    return false;
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    bool from_a_fault = info->si_code > 0;
    bool mended = from_a_fault && guards_mend((uintptr_t)info->si_addr);
    errno = saved;
    if (mended)
        return;
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(number, info, context);
    } else if (previous.sa_handler == SIG_DFL || (previous.sa_handler == SIG_IGN && from_a_fault)) {
        signal(number, SIG_DFL);
        raise(number); /* delivered when we return: the process ends as it would have without us */
    } else if (previous.sa_handler != SIG_IGN) {
        previous.sa_handler(number);
    }
}

static void install(void)
{
    page_len = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    installed = sigaction(SIGBUS, &action, &previous) == 0;
}

struct guard *guard_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    for (size_t i = 0; installed && i < GUARD_COUNT; i++) {
        if (!atomic_exchange(&guards[i].taken, true)) {
            atomic_store(&guards[i].struck, false);
            return &guards[i];
        }
    }
    return NULL;
}

void guard_free(struct guard *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < GUARD_RANGES; i++)
        guard_forget(g, i);
    atomic_store(&g->taken, false);
}

void guard_watch(struct guard *g, size_t which, const void *start, size_t len)
{
    atomic_store(&g->ranges[which].len, len);
    atomic_store(&g->ranges[which].start, (uintptr_t)start);
}

void guard_forget(struct guard *g, size_t which)
{
    atomic_store(&g->ranges[which].start, 0);
}

const atomic_bool *guard_flag(const struct guard *g)
{
    return &g->struck;
}
