/* Spans on their way from one ring to another: a process hands out its own in batches, and takes in those of others. What a ring overtook
 * before it was handed out is lost, as it is in the ring itself.
 */
#include <string.h>

#include "oslo/base/text.h"
#include "oslo/trace/batch.h"
#include "oslo/trace/trace.h"

enum { OPEN_MOST = 1024, OPEN_SHOWN_US = 2000000 };

/* Of the one thread that takes. */
static uint64_t seen;                /* turns up to here were looked at */
static struct { uint64_t turn; bool shown; } open_spans[OPEN_MOST];          /* begun, not ended when they were looked at */
static size_t n_open;

/* A batch being made: a span is read into one place while the other holds the one before. */
struct taking { struct buf *to; struct slot spans[2]; size_t n, most; };

static bool read_next(struct taking *, uint64_t turn);
static void add_next(struct taking *);
static void take_open(struct taking *);
static void put(const struct slot *);

uint64_t trace_ring(void)
{
    return ring ? ring->id : 0;
}

size_t trace_take(struct buf *to, size_t most)
{
    struct taking t = { .to = to, .most = most };

    if (!ring || ring_is_paused())
        return 0;
    uint64_t next = ring_own_turn();
    if (!seen || next - seen > ring->slots)
        seen = next > ring->slots ? next - ring->slots : 1;
    take_open(&t);
    for (; seen < next && t.n < most; seen++) {
        if (!read_next(&t, seen))
            continue;
        if (t.spans[t.n % 2].took_us != SPAN_OPEN)
            add_next(&t);
        else if (n_open < OPEN_MOST)
            open_spans[n_open++] = (typeof(open_spans[0])){ .turn = seen };
    }
    return t.n;
}

/* Those that were open first: they are older. */
static void take_open(struct taking *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < n_open; i++) {
        const struct slot *s = &t->spans[t->n % 2];
        bool open, shown;

        if (!read_next(t, open_spans[i].turn))
            continue;
        open = s->took_us == SPAN_OPEN;
        shown = t->n < t->most && (!open || (!open_spans[i].shown && clock_us() - s->began_us > OPEN_SHOWN_US));
        if (shown)
            add_next(t);
        open_spans[i].shown |= shown;
        if (open || !shown)
            open_spans[kept++] = open_spans[i];
    }
    n_open = kept;
}

/* The span of that turn, if it is one of this process and is still there. */
static bool read_next(struct taking *t, uint64_t turn)
{
    const struct slot *slot = ring_slot(turn);
    struct slot *s = &t->spans[t->n % 2];

    return atomic_load_explicit(&slot->turn, memory_order_relaxed) == turn && slot_read(slot, s) && s->turn == turn && s->id >> 32 == ring_tag();
}

static void add_next(struct taking *t)
{
    static const struct slot none;

    if (!t->n)
        batch_begin(t->to, ring_self());
    batch_add(t->to, &t->spans[t->n % 2], t->n ? &t->spans[(t->n + 1) % 2] : &none);
    t->n++;
}

bool trace_put(struct ctx *c, const char *text, size_t n)
{
    struct slot span = {};
    struct batch batch;

    if (!batch_open(c, &batch, text, n))
        return false;
    if (!ring)
        return true;
    ring_add_process(&batch.process);
    while (!batch_is_read(&batch)) {
        if (!batch_next(c, &batch, &span))
            return false;
        put(&span);
    }
    return true;
}

static void put(const struct slot *span)
{
    const size_t after = offsetof(struct slot, id);
    uint64_t turn;
    struct slot *slot = ring_take(&turn);

    memcpy((char *)slot + after, (const char *)span + after, sizeof(*span) - after);
    ring_written(slot, turn);
}
