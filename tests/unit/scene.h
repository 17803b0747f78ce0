/* scene.h - a script of craft goes through dissection, the defragmenter and the flow table, and what
 * is told of it is compared with what a table of the test says.
 *
 *     static const struct scene scenes[] = {
 *         {"a hole that the receiver acknowledged past was lost by the capture",
 *          .script = OPEN "c 'AAA'; c @5 'CC'; s",
 *          .client = "AAA..CC", .gaps = "client 3+2 capture_loss"},
 *     };
 *     check_scenes(scenes, COUNT(scenes));
 *
 * Strings in a scene's script may stand in single quotes, which become double ones. Every scene is
 * played at several starting sequence numbers, around the wrap too, and must look the same.
 *
 * This header names nothing of src/, so that a test may use words that are taken there. */
#ifndef SEINE_TESTS_SCENE_H
#define SEINE_TESTS_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_timeouts;
struct picture_sink;

/* How a script is played; all zero is the usual way. */
struct stage {
    size_t memory;                        /* of the flow table; 0 is 16 MiB */
    size_t fragment_memory;               /* 0 is 1 MiB */
    const char *fragment_policy;          /* NULL is first */
    const char *key;                      /* as in ingest --key; NULL is tunnel */
    const struct flow_timeouts *timeouts; /* NULL: those of captures from a file */
};

/* What must be told, in the words of picture_sink.h. */
struct scene {
    const char *sentence;
    const char *script;
    const char *client, *server;                       /* NULL: nothing of this was told */
    const char *gaps, *conflicts, *refused, *oddities; /* likewise */
    const char *flows, *counts, *facts;                /* NULL: not looked at */
    struct stage stage;
};

void check_scenes(const struct scene *scenes, size_t count);

/* The handshake that most scenes begin with. */
#define OPEN "c SYN; s SYN ACK; c\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What was told of a script, by parts. */
struct telling {
    char *client, *server, *flows, *counts, *facts;
    const char *gaps, *conflicts, *refused, *oddities, *frames, *calls, *broken;
    char *verdicts; /* a word a frame */
    size_t peak;    /* bytes that the flow table took at most */
    struct picture_sink *sink;
};

/* Single quotes are left alone. `stage` may be NULL. */
void telling_init(struct telling *t, const char *script, const struct stage *stage);
void telling_release(struct telling *t);

/* The byte that the first flow's client has at a position, and the index of the arrival that
 * brought it; false when there is none. */
bool telling_client_at(const struct telling *t, int64_t position, uint8_t *byte, size_t *owner);

/* True when all is as it was promised; else prints what is not. */
bool is_whole(const struct telling *t, const char *of);

#endif
