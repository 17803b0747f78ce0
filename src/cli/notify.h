/* notify.h - tells the service manager how a run is doing: sd_notify(3), over its socket.
 *
 *     notify_open()        before rights are dropped: the socket is connected here, and only written
 *                          to from then on
 *     notify_ready()       frames are being taken
 *     notify_alive()       from the main loop, as often as it likes: the watchdog's beat
 *     notify_reloading()   and notify_ready() again when the new words hold
 *     notify_stopping()    the last frames are being written
 *
 * A run that no service manager has started has no socket in its environment, and all of these do
 * nothing. That a message could not be sent is nobody's concern: the manager notices by itself, and a
 * capture does not wait for it. decisions/0026-notify-without-libsystemd.md says why this is ours. */
#ifndef SEINE_CLI_NOTIFY_H
#define SEINE_CLI_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
    int socket;        /* -1: nobody to tell */
    int64_t period_ns; /* between two beats: a third of the watchdog's patience; 0: no watchdog */
    int64_t next_ns;   /* when the next one is due */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment, so that
 * no child believes that it was meant. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* Each says a sentence of the run's own, which `systemctl status` shows. */
void notify_ready(struct notify *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notify_status(struct notify *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notify_reloading(struct notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void notify_stopping(struct notify *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One beat, if one is due by the monotonic clock. Cheap otherwise. */
void notify_alive(struct notify *n, int64_t now_ns);

/* True where standard error goes to the journal, so that a line may begin with its priority: a run's
 * JOURNAL_STREAM names the device and inode, and standard error may have been led elsewhere since. */
bool notify_logs_to_journal(void);

#endif
