/* The ring file: a head and fixed-size slots, written by many threads and processes, read by any. Private to trace/. */
#ifndef OSLO_TRACE_RING_H
#define OSLO_TRACE_RING_H

#include <stdatomic.h>
#include <stdint.h>

#define RING_MAGIC "nacretr1"
enum { RING_HEAD = 4096, SPAN_OPEN = -1 };

struct ring_head {
    char magic[8];
    uint64_t slots;
    _Atomic uint64_t next;           /* the turn of the next span, from 1; its slot is turn % slots */
};

/* turn says which span holds the slot and is written last: a reader that sees it change gives the slot up. */
struct slot {
    _Atomic uint64_t turn;           /* 0: empty, or being written */
    uint64_t id, parent;
    int64_t began_us;                /* wall clock */
    int32_t took_us;                 /* SPAN_OPEN: not ended, or its process died */
    int16_t status;
    uint8_t kind;
    char request_id[41], global_id[41], resource[37], name[88], fault[74];
};
_Static_assert(sizeof(struct slot) == 320, "five cache lines");

#endif
