/* layers.h - the layers of a sandbox, each of which takes something away. STATUS_FAILED, with a sentence:
 * this one does not hold. */
#ifndef SEINE_SANDBOX_LAYERS_H
#define SEINE_SANDBOX_LAYERS_H

#include "sandbox/sandbox.h"

#include <stdint.h>

/* privileges.c: of the capabilities only those in `kept` stay (a bit each, as in linux/capability.h), and none
 * is ever gained. */
enum status privileges_keep(uint64_t kept, struct error *err);

/* About files: root without them could not read the captures of others, or write in their folders. */
extern const uint64_t privileges_about_files;

/* landlock.c */
enum status landlock_enter(const struct sandbox_need *need, struct error *err);

/* seccomp.c: the last one, since it leaves out the calls that the others are made of. */
enum status seccomp_enter(const struct sandbox_need *need, struct error *err);

#endif
