/* vitals.h - how a case or a folder of slices is doing: what status prints once, and top every second.
 *
 * All of it is read from the newest slice, and from what is known of the others without opening them, by
 * questions whose cost does not grow with the case: the last rows of capture_stats, the ends of flow_id. */
#ifndef SEINE_CLI_VITALS_H
#define SEINE_CLI_VITALS_H

#include "base/error.h"
#include "store/folder.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VITALS_INTERFACES = 16, /* that are told apart */
    VITALS_NAME = 64,       /* bytes of a name, its NUL included */
    VITALS_RECENT_S = 10,   /* what the last seconds are */
};

enum vital {
    VITAL_RECEIVED,
    VITAL_BY_SOCKET,
    VITAL_BY_INTERFACE,
    VITAL_BY_BACKLOG,
    VITAL_SHED,
    VITAL_FREEZES,
    VITAL_COUNT
};

/* Counters of one interface. */
struct vitals_interface {
    int64_t evidence_id, interface_id;
    char name[VITALS_NAME]; /* from the case: escape it */
    int64_t time_ns;        /* of the newest */
    bool said[VITAL_COUNT]; /* whether the case says it at all */
    int64_t total[VITAL_COUNT];
    int64_t recent[VITAL_COUNT]; /* of these, what came in the last `recent_ns` */
    int64_t recent_ns;           /* 0: there is one row only */
};

enum vitals_state {
    VITALS_CLOSED,
    VITALS_WRITTEN,
    VITALS_INTERRUPTED,
    VITALS_PAUSED, /* who writes it waits for room on the disk */
};

struct vitals {
    enum vitals_state state;
    uint32_t slice;       /* the number of the newest; 0 for a case */
    uint64_t slice_count; /* likewise */
    int64_t bytes;        /* of all files, a log included */
    bool has_time;
    int64_t first_ns, last_ns;
    int64_t flows, frames;
    uint64_t
        unread; /* slices that are not in these numbers, since the catalogue does not know them */
    int64_t newest_first_id,
        newest_last_id;    /* of the flows of the newest slice; first > last: none */
    int64_t memory_budget; /* -1: not known */
    int64_t memory_used;   /* likewise */
    char detail[256];      /* the last thing that was told of load; escape it */
    int interface_count;
    struct vitals_interface interfaces[VITALS_INTERFACES];
};

/* Where they are read: a case or a folder. */
struct patient;

/* `ear` is told of slices that cannot be read. */
enum status patient_open(struct patient **patient, const char *path, struct folder_ear ear,
                         struct error *err);
void patient_close(struct patient *patient); /* NULL is allowed */
bool patient_is_folder(const struct patient *patient);

/* Reads them, now. Afterwards patient_reader() is the newest slice, open until patient_rest(): what is being
 * written should not be held open for long. */
enum status patient_read(struct patient *patient, struct vitals *vitals, struct error *err);
struct reader *patient_reader(struct patient *patient);
void patient_rest(struct patient *patient);

/* All that was lost in the last seconds, and in all; shed ones are not lost. */
int64_t vitals_lost(const struct vitals *vitals, bool recent);

/* Frames a second, lately; negative where it is not known. */
double vitals_rate(const struct vitals *vitals);

#endif
