/* live_service.c - what makes of a capture a service. */
#include "cli/live_service.h"

#include "cli/config.h"
#include "cli/confine.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "sandbox/sandbox.h"

#include <pwd.h>
#include <time.h>
#include <unistd.h>

static const int64_t TOLD_NS =
    10 * INT64_C(1000000000); /* between two sentences about how it goes */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void service_begin(struct service *s)
{
    notify_open(&s->notify);
}

/* Who root becomes when nobody is named. */
static const char *usual_user(void)
{
    if (geteuid() != 0 || getpwnam(SANDBOX_USER))
        return NULL;
    say("there is no user " SANDBOX_USER ": it goes on as root, without what root may");
    return "root";
}

bool service_confine(struct service *s, const char *case_path, bool is_folder, const char *user,
                     bool by_libpcap)
{
    struct error err = {0};

    if (!user)
        user = usual_user();
    if ((is_folder && sandbox_folder(case_path, user, &err) != STATUS_OK) ||
        sandbox_drop(user, &err) != STATUS_OK) {
        say("%s", err.text);
        return false;
    }
    const char *settings = s->in_force->config ? s->in_force->config->path : NULL;
    return confine_to_interfaces(case_path, settings, by_libpcap);
}

void service_ready(struct service *s, const char *case_path)
{
    notify_ready(&s->notify, "capturing into %s", case_path);
}

static void reload(struct service *s)
{
    struct arguments *after = &s->arguments[s->in_force == &s->arguments[0]];
    struct config_changes changes;

    notify_reloading(&s->notify, "reading %s anew", s->in_force->config->path);
    if (config_reload(after, &changes, s->command, s->reloadable, s->in_force, s->holds)) {
        if (s->in_force == &s->arguments[0] || s->in_force == &s->arguments[1])
            arguments_release(&s->arguments[s->in_force == &s->arguments[1]]);
        s->in_force = after;
        s->changed(s->context, after);
    } else {
        arguments_release(after);
    }
    notify_ready(&s->notify, "capturing");
}

static void tell(struct service *s, const struct ingest_progress *now)
{
    char frames[VALUE_TEXT_MAX], flows[VALUE_TEXT_MAX];

    count_text(frames, now->frames);
    count_text(flows, now->flows);
    notify_status(&s->notify, "%s frames, %s flows", frames, flows);
}

void service_tick(struct service *s, const struct ingest_progress *now)
{
    const int64_t at_ns = now_ns();

    notify_alive(&s->notify, at_ns);
    if (at_ns - s->told_ns >= TOLD_NS) {
        tell(s, now);
        s->told_ns = at_ns;
    }
    if (s->reloads != *s->reload) {
        s->reloads = *s->reload;
        reload(s);
    }
}

void service_stopping(struct service *s)
{
    notify_stopping(&s->notify, "writing what has come");
}

void service_end(struct service *s)
{
    notify_close(&s->notify);
    for (size_t i = 0; i < sizeof s->arguments / sizeof s->arguments[0]; i++)
        if (s->in_force == &s->arguments[i])
            arguments_release(&s->arguments[i]);
}
