/* interrupt.h - a run that is told to end (SIGINT, SIGTERM, SIGHUP).
 *
 * The first signal asks for an end in good order. A later one ends the run at once, but not within a second,
 * since one stop can arrive twice: timeout(1) signals its child and then the group. What was ignored when the
 * run began stays ignored (nohup). */
#ifndef SEINE_CLI_INTERRUPT_H
#define SEINE_CLI_INTERRUPT_H

/* Not 0 from the first signal on. */
extern volatile int interrupted;

/* From now on. `first` is called at the first one, within the handler, so that it may do only what is safe there;
 * NULL: nothing. */
void interrupt_catch(void (*first)(void));

#endif
