/* Writing spans. A span takes its slot when it begins and writes there directly, so that one whose process is killed is
 * still seen, unended; it touches the slot again at its end if nobody else has taken it meanwhile.
 */
#include "oslo/trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

enum { DEFAULT_SLOTS = 32768 };

static struct ring_head *ring;       /* set before threads start, and kept */
static struct slot *slots;
static size_t ring_size;
static uint64_t process_tag;         /* high half of this process's span ids */

bool trace_open(struct ctx *c, const char *path, int64_t n)
{
    size_t size;
    struct ring_head *map;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool fresh;

    n = n > 0 ? n : DEFAULT_SLOTS;
    size = RING_HEAD + (size_t)n * sizeof(struct slot);
    if (fd < 0)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "cannot open the trace %s: %s", path, g_strerror(errno)));
    struct stat st = {};
    fstat(fd, &st);
    fresh = st.st_size != (off_t)size;
    if (fresh && (ftruncate(fd, 0) || ftruncate(fd, (off_t)size))) {
        close(fd);
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "cannot size the trace %s: %s", path, g_strerror(errno)));
    }
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "cannot map the trace %s: %s", path, g_strerror(errno)));
    if (memcmp(map->magic, RING_MAGIC, 8) != 0 || map->slots != (uint64_t)n) {
        memset(map, 0, size);
        map->slots = (uint64_t)n;
        map->next = 1;
        memcpy(map->magic, RING_MAGIC, 8);
    }
    trace_close();
    random_bytes(&process_tag, sizeof(process_tag));
    process_tag |= (uint64_t)1 << 63;
    process_tag &= ~(uint64_t)UINT32_MAX;
    ring_size = size;
    slots = (struct slot *)(void *)((char *)map + RING_HEAD);
    ring = map;
    return true;
}

void trace_close(void)
{
    if (ring)
        munmap(ring, ring_size);
    ring = NULL;
}

static void put(char *to, size_t size, const char *text)
{
    size_t n = text ? strnlen(text, size - 1) : 0;

    memcpy(to, text ?: "", n);
    to[n] = 0;
}

struct span *span_begin(struct ctx *c, enum span_kind kind, const char *format, ...)
{
    struct span *span;
    struct slot *slot;
    va_list args;

    if (!ring)
        return NULL;
    span = ctx_new(c, struct span);
    span->turn = atomic_fetch_add_explicit(&ring->next, 1, memory_order_relaxed);
    span->id = process_tag | (uint32_t)span->turn;
    span->slot = slot = &slots[span->turn % ring->slots];
    span->outer = c->span;
    span->began_mono_us = clock_mono_us();

    atomic_store_explicit(&slot->turn, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    slot->id = span->id;
    slot->parent = c->span ? c->span->id : 0;
    slot->began_us = clock_us();
    slot->took_us = SPAN_OPEN;
    slot->status = 0;
    slot->kind = (uint8_t)kind;
    slot->resource[0] = slot->fault[0] = 0;
    put(slot->request_id, sizeof(slot->request_id), c->request_id);
    put(slot->global_id, sizeof(slot->global_id), c->global_request_id);
    va_start(args, format);
    vsnprintf(slot->name, sizeof(slot->name), format, args);
    va_end(args);
    atomic_store_explicit(&slot->turn, span->turn, memory_order_release);
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
        put(slot->resource, sizeof(slot->resource), id);
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
