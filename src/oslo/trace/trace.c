/* Writing spans. A span takes its slot when it begins and writes there directly, so that one whose process is killed is
 * still seen, unended; it touches the slot again at its end if nobody else has taken it meanwhile.
 */
#include "oslo/trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oslo/base/text.h"
#include "oslo/trace/ring.h"

struct span {
    struct span *outer;
    struct slot *slot;               /* NULL: one of another process that is continued here */
    uint64_t id, turn;
    int64_t began_mono_us;
};

enum { DEFAULT_SLOTS = 32768, STRETCH_MOST = 256, PAGE = 4096, COMPARE_US = 1000000 };

struct ring_head *ring;              /* set before threads start, and kept */
static struct slot *slots;
static size_t ring_size;
static uint64_t stretch;             /* so many turns a process takes at a time, and with them pages of its own */
static _Atomic uint64_t own_turn;    /* the next one this process uses; at a multiple of stretch: none is left */
static uint64_t process_tag;         /* high half of this process's span ids */
static struct ring_process self;
static _Atomic int64_t wall_ahead;   /* of the monotonic clock, when they were compared last */
static _Atomic int64_t compared_at = -2 * COMPARE_US;

void trace_name(const char *name, const char *host)
{
    slot_text(self.name, sizeof(self.name), name);
    slot_text(self.host, sizeof(self.host), host);
}

bool trace_open(struct ctx *c, const char *path, int64_t n)
{
    size_t size;
    struct ring_head *map;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool fresh;

    if (n < 0)
        n = DEFAULT_SLOTS;
    if (n == 0) {
        if (fd >= 0)
            close(fd);
        return true;
    }
    size = RING_HEAD + (size_t)n * sizeof(struct slot);
    if (fd < 0)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "cannot open the trace %s: %s", path, g_strerror(errno)));
    struct stat st = {};
    flock(fd, LOCK_EX);              /* another process may be making it */
    fstat(fd, &st);
    fresh = st.st_size != (off_t)size;
    if (fresh && (ftruncate(fd, 0) || (errno = posix_fallocate(fd, 0, (off_t)size)))) {     /* a disk that is full says so here */
        close(fd);
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "cannot size the trace %s: %s", path, g_strerror(errno)));
    }
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        close(fd);
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "cannot map the trace %s: %s", path, g_strerror(errno)));
    }
    stretch = (uint64_t)CLAMP(n / 64, 1, STRETCH_MOST);
    own_turn = 0;
    if (memcmp(map->magic, RING_MAGIC, 8) != 0 || map->slots != (uint64_t)n) {
        if (!fresh)
            memset(map, 0, size);
        map->slots = (uint64_t)n;
        map->next = stretch;
        random_bytes(&map->id, sizeof(map->id));
        memcpy(map->magic, RING_MAGIC, 8);
    }
    map->paused = 0;
    flock(fd, LOCK_UN);              /* the mapping would keep it */
    close(fd);
    trace_close();
    random_bytes(&process_tag, sizeof(process_tag));
    process_tag |= (uint64_t)1 << 63;
    process_tag &= ~(uint64_t)UINT32_MAX;
    ring_size = size;
    slots = (struct slot *)(void *)((char *)map + RING_HEAD);
    ring = map;
    self.tag = ring_tag();
    self.pid = (uint32_t)getpid();
    ring_add_process(&self);
    return true;
}

void trace_close(void)
{
    if (ring)
        munmap(ring, ring_size);
    ring = NULL;
}

/* --- the ring, for who writes into it ---------------------------------------------------------------------------- */

uint32_t ring_tag(void)
{
    return (uint32_t)(process_tag >> 32);
}

const struct ring_process *ring_self(void)
{
    return &self;
}

struct slot *ring_slot(uint64_t turn)
{
    return &slots[turn % ring->slots];
}

/* The kernel writes the file's pages to disk every now and then, and the first store to each after that is a fault of many times a
 * span's cost, in each process anew. So a process has pages of its own, and makes them writable all at once.
 */
static uint64_t take_stretch(void)
{
    uint64_t turn = atomic_fetch_add_explicit(&ring->next, stretch, memory_order_relaxed);
    char *first = (char *)ring_slot(turn), *last = (char *)ring_slot(turn + stretch - 1);

    first -= (uintptr_t)first % PAGE;
    if (first < last)                /* at the ring's end it may be in two parts */
        madvise(first, (size_t)(last - first), MADV_POPULATE_WRITE);
    return turn;
}

/* A stretch that was begun long ago is given up: its slots are soon another's. So is one that two threads took at once: what lay there
 * stays a round longer.
 */
struct slot *ring_take(uint64_t *ret_turn)
{
    uint64_t left = atomic_load_explicit(&own_turn, memory_order_relaxed), turn;
    struct slot *slot;

    do {
        bool fresh = left % stretch == 0 || atomic_load_explicit(&ring->next, memory_order_relaxed) - left > ring->slots / 4;
        turn = fresh ? take_stretch() : left;
    } while (!atomic_compare_exchange_strong(&own_turn, &left, turn + 1));
    slot = ring_slot(turn);
    atomic_store_explicit(&slot->turn, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    *ret_turn = turn;
    return slot;
}

uint64_t ring_own_turn(void)
{
    return atomic_load(&own_turn);
}

void ring_written(struct slot *slot, uint64_t turn)
{
    atomic_store_explicit(&slot->turn, turn, memory_order_release);
}

bool slot_read(const struct slot *slot, struct slot *ret)
{
    uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);

    if (!turn)
        return false;
    memcpy((void *)ret, (const void *)slot, sizeof(*ret));
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&slot->turn, memory_order_relaxed) == turn;
}

void ring_add_process(const struct ring_process *process)
{
    for (size_t i = 0; i < RING_PROCESSES; i++)
        if (ring->processes[i].tag == process->tag)
            return;
    ring->processes[atomic_fetch_add(&ring->n_processes, 1) % RING_PROCESSES] = *process;
}

/* --- spans -------------------------------------------------------------------------------------------------------- */

void slot_text(char *to, size_t size, const char *text)
{
    size_t n = text ? strnlen(text, size - 1) : 0;

    memcpy(to, text ?: "", n);
    to[n] = 0;
}

/* vsnprintf, quick at what names are made of: words. */
static void slot_name(char *to, size_t size, const char *format, va_list args)
{
    char *end = to + size - 1;

    for (; *format && to < end; format++) {
        if (*format != '%') {
            *to++ = *format;
        } else if (*++format == 's') {
            const char *word = va_arg(args, const char *) ?: "(null)";
            size_t n = strnlen(word, (size_t)(end - to));

            memcpy(to, word, n);
            to += n;
        } else {
            vsnprintf(to, (size_t)(end - to) + 1, format - 1, args);
            return;
        }
    }
    *to = 0;
}

/* The wall clock's time, without asking it each time. */
static int64_t wall_time(int64_t mono)
{
    if (mono - atomic_load_explicit(&compared_at, memory_order_acquire) > COMPARE_US) {
        atomic_store_explicit(&wall_ahead, clock_us() - mono, memory_order_relaxed);
        atomic_store_explicit(&compared_at, mono, memory_order_release);
    }
    return mono + atomic_load_explicit(&wall_ahead, memory_order_relaxed);
}

struct span *span_begin(struct ctx *c, enum span_kind kind, const char *format, ...)
{
    struct span *span;
    struct slot *slot;
    va_list args;

    if (!ring || ring_is_paused())
        return NULL;
    span = ctx_new(c, struct span);
    span->slot = slot = ring_take(&span->turn);
    span->id = process_tag | (uint32_t)span->turn;
    span->outer = c->span;
    span->began_mono_us = clock_mono_us();
    slot->id = span->id;
    slot->parent = c->span ? c->span->id : 0;
    slot->began_us = wall_time(span->began_mono_us);
    slot->took_us = SPAN_OPEN;
    slot->status = 0;
    slot->kind = (uint8_t)kind;
    slot->resource[0] = slot->fault[0] = 0;
    slot_text(slot->request_id, sizeof(slot->request_id), c->request_id);
    slot_text(slot->global_id, sizeof(slot->global_id), c->global_request_id);
    va_start(args, format);
    slot_name(slot->name, sizeof(slot->name), format, args);
    va_end(args);
    ring_written(slot, span->turn);
    c->span = span;
    return span;
}

/* The span's slot, if it has not been taken by a later one. */
static struct slot *own_slot(const struct span *span)
{
    struct slot *slot = span ? span->slot : NULL;

    return ring && slot && atomic_load_explicit(&slot->turn, memory_order_acquire) == span->turn ? slot : NULL;
}

void span_resource(struct ctx *c, const char *id)
{
    struct slot *slot = own_slot(c->span);

    if (slot && !slot->resource[0])
        slot_text(slot->resource, sizeof(slot->resource), id);
}

void span_end(struct ctx *c, struct span *span, int status)
{
    struct slot *slot = own_slot(span);

    if (!span)
        return;
    if (slot) {
        int64_t took = clock_mono_us() - span->began_mono_us;

        slot->status = (int16_t)status;
        if (status && failed(c) && !slot->fault[0])
            snprintf(slot->fault, sizeof(slot->fault), "%s: %s", c->fault.type, c->fault.message);
        slot->took_us = (int32_t)MIN(took, INT32_MAX);
    }
    c->span = span->outer;
}

uint64_t span_id(const struct ctx *c)
{
    return c->span ? c->span->id : 0;
}

void span_continue(struct ctx *c, uint64_t parent_id)
{
    struct span *span;

    if (!parent_id)
        return;
    span = ctx_new(c, struct span);
    span->id = parent_id;
    span->outer = c->span;
    c->span = span;
}

/* "00-<32 digits of the trace>-<16 of the span>-01"; put together by hand, as every call to another service has one. */
const char *span_header(struct ctx *c)
{
    char *text, *to;

    if (!c->span)
        return NULL;
    text = ctx_strdup(c, "00-00000000000000000000000000000000-0000000000000000-01");
    trace_digits(c->global_request_id ? c->global_request_id : c->request_id, text + 3);
    text[35] = '-';                  /* where the digits' end was written */
    to = text + 52;
    for (uint64_t id = c->span->id; id; id >>= 4)
        *--to = "0123456789abcdef"[id & 15];
    return text;
}

void span_continue_header(struct ctx *c, const char *value)
{
    if (c->span || !value || strlen(value) != 55 || strncmp(value, "00-", 3) || value[35] != '-' || value[52] != '-')
        return;
    span_continue(c, g_ascii_strtoull(value + 36, NULL, 16));
}

void trace_digits(const char *id, char to[33])
{
    size_t n = 0;

    for (const char *at = id && g_str_has_prefix(id, "req-") ? id + 4 : id; at && *at && n < 32; at++)
        if (g_ascii_isxdigit(*at))
            to[n++] = g_ascii_tolower(*at);
    for (; n < 32; n++)
        to[n] = n == 31 ? '1' : '0';
    to[n] = 0;
}
