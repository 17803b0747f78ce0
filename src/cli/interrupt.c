/* interrupt.c - a run that is told to end. */
#include "cli/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

volatile int interrupted;

/* Only on_signal() uses these. */
static struct timespec asked; /* when the first one came */
static void (*on_first)(void);

static void on_signal(int number)
{
    int error = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!interrupted) {
        asked = now;
        interrupted = 1;
        if (on_first)
            on_first();
    } else if (now.tv_sec > asked.tv_sec + 1) {
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = error;
}

void interrupt_catch(void (*first)(void))
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    on_first = first;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&action.sa_mask, numbers[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}
