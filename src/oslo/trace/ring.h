/* The ring file: a head and fixed-size slots, written by many threads and processes, read by any. Private to trace/. */
#ifndef OSLO_TRACE_RING_H
#define OSLO_TRACE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_MAGIC "nacretr3"
enum { RING_HEAD = 4096, RING_PROCESSES = 60, SPAN_OPEN = -1 };

/* Who wrote: the process whose span ids have tag as their high half. */
struct ring_process {
    uint32_t tag, pid;               /* tag 0: none */
    char name[24], host[32];         /* "compute", "node-1" */
};

struct ring_head {
    char magic[8];
    uint64_t slots;
    _Atomic uint64_t next;           /* the turn from which the next process takes a stretch of them; a turn's slot is turn % slots */
    uint64_t id;                     /* of this ring, random */
    _Atomic uint64_t n_processes;    /* ever; the newest RING_PROCESSES are kept */
    struct ring_process processes[RING_PROCESSES];
    _Atomic uint32_t paused;         /* set by who may write the file: no spans are written or sent until it is 0 again, or a process starts */
};
_Static_assert(sizeof(struct ring_head) <= RING_HEAD, "the head fits");
_Static_assert(offsetof(struct ring_head, paused) == 3880, "where tests/bench/trace writes it");

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

/* trace.c: the ring of this process, while it is open; NULL otherwise. */
extern struct ring_head *ring;
static inline bool ring_is_paused(void) { return atomic_load_explicit(&ring->paused, memory_order_relaxed); }
struct slot *ring_slot(uint64_t turn);
uint32_t ring_tag(void);             /* of this process */
const struct ring_process *ring_self(void);
/* Takes the next slot: it is the caller's until ring_written(). */
struct slot *ring_take(uint64_t *ret_turn);
uint64_t ring_own_turn(void);        /* all turns that this process has taken are below */
void ring_written(struct slot *, uint64_t turn);
/* A copy of what the slot holds, unless it is being written. False: nothing whole. */
bool slot_read(const struct slot *, struct slot *ret);
void slot_text(char *to, size_t size, const char *text);
/* 32 digits that all spans of a call share: those of the request id that the call as a whole goes by. */
void trace_digits(const char *request_id, char to[33]);
void ring_add_process(const struct ring_process *);

#endif
