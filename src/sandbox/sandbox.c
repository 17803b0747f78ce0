/* sandbox.c - the layers, one after the other. */
#include "sandbox/layers.h"

void sandbox_enter(const struct sandbox_need *need, struct sandbox_report *report)
{
    *report = (struct sandbox_report){0};
    enum status done[SANDBOX_LAYER_COUNT] = {
        [SANDBOX_PRIVILEGES] =
            privileges_keep(privileges_about_files, &report->why[SANDBOX_PRIVILEGES]),
    };
    done[SANDBOX_LANDLOCK] = landlock_enter(need, &report->why[SANDBOX_LANDLOCK]);
    done[SANDBOX_SECCOMP] = seccomp_enter(need, &report->why[SANDBOX_SECCOMP]);
    for (int layer = 0; layer < SANDBOX_LAYER_COUNT; layer++)
        report->holds[layer] = done[layer] == STATUS_OK;
}
