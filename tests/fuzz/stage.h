/* stage.h - packets, from their frames to a sink that believes nothing, for fuzz_reassembly.c.
 *
 * Like tests/unit/scene.h, this header names nothing of src/, so that who makes the packets may use
 * the words of tests/craft and tests/property. */
#ifndef SEINE_TESTS_FUZZ_STAGE_H
#define SEINE_TESTS_FUZZ_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stage;

/* `memory` is the flow table's. */
struct stage *stage_new(size_t memory, bool live_timeouts);

/* A frame of bare IP; its bytes may go when this returns. `stage` is a struct stage. */
void stage_frame(void *stage, const uint8_t *bytes, size_t len, uint32_t wire_len, int64_t time_ns);

/* No more frames. Checks what must hold for any frames. */
void stage_end(struct stage *s);

/* What was told, in the words of picture_sink.h; valid until stage_free(). */
const char *stage_client(const struct stage *s);
const char *stage_conflicts(struct stage *s);
const char *stage_refused(struct stage *s);
const char *stage_oddities(struct stage *s);
const char *stage_calls(struct stage *s);

/* The byte that the first flow's client has at a position, and the index of the arrival that
 * brought it; false when there is none. */
bool stage_client_at(const struct stage *s, int64_t position, uint8_t *byte, size_t *owner);

void stage_free(struct stage *s);

#endif
