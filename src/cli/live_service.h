/* live_service.h - what makes of a capture that somebody started a service that nobody looks after.
 *
 *     service_begin()      finds the service manager's socket, while the environment is still there
 *     service_confine()    interfaces are open, and nothing else is: rights go, and what may be done is narrowed
 *     service_ready()      the service manager may start what needs us
 *     service_tick()       a few times a second, from the main loop: the watchdog's beat; and a reload, when one
 *                          was asked for (SIGHUP)
 *     service_end() */
#ifndef SEINE_CLI_LIVE_SERVICE_H
#define SEINE_CLI_LIVE_SERVICE_H

#include "cli/arguments.h"
#include "cli/notify.h"
#include "pipeline/ingest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service {
    struct notify notify;
    const struct command *command;
    const char *const *reloadable; /* names of options that a reload may change, ended by NULL */
    bool (*holds)(const struct arguments *a);
    void (*changed)(void *context, const struct arguments *a); /* the reloadable ones hold now */
    void *context;

    struct arguments arguments[2];    /* of the last reload, and of the one at hand */
    const struct arguments *in_force; /* those of the start, or one of them */
    const volatile int *reload;       /* how many were asked for */
    int reloads;                      /* how many were done */
    int64_t told_ns;                  /* when it last said how it is doing */
};

/* The fields from `command` to `context`, `in_force` and `reload` are set before, the others zero. */
void service_begin(struct service *s);

/* `user` as in sandbox_drop(), but root for whom nobody was named, and for whom there is no user of ours, stays
 * root without its privileges, and says so. A folder that is not there is made, and is theirs. False after a sentence: go no further. */
bool service_confine(struct service *s, const char *case_path, bool is_folder, const char *user,
                     bool by_libpcap);
void service_ready(struct service *s, const char *case_path);
void service_tick(struct service *s, const struct ingest_progress *now);
void service_stopping(struct service *s);
void service_end(struct service *s);

#endif
