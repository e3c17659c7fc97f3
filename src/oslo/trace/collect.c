/* Spans on their way from one ring to another: a process hands out its own in batches, and takes in those of others.
 *
 * A batch: {"process": [tag, pid, name, host], "spans": [[id, parent, began_us, took_us, status, kind, request_id, global_id, resource, name,
 * fault], ...]}, ids as text. What a ring overtook before it was handed out is lost, as it is in the ring itself.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/record/record.h"
#include "oslo/trace/ring.h"
#include "oslo/trace/trace.h"

enum { OPEN_MOST = 1024, OPEN_SHOWN_US = 2000000 };

/* Of the one thread that takes. */
static uint64_t seen;                /* turns up to here were looked at */
static struct { uint64_t turn; bool shown; } open_spans[OPEN_MOST];          /* begun, not ended when they were looked at */
static size_t n_open;

static bool ours(uint64_t turn, struct slot *ret);
static json_t *slot_json(const struct slot *);
static bool put_one(const json_t *span, uint32_t tag);

uint64_t trace_ring(void)
{
    return ring ? ring->id : 0;
}

/* Those that were open first: they are older. */
static void take_open(json_t *spans, size_t most)
{
    size_t kept = 0;

    for (size_t i = 0; i < n_open; i++) {
        struct slot s;

        if (!ours(open_spans[i].turn, &s))
            continue;
        bool due = s.took_us != SPAN_OPEN || (!open_spans[i].shown && clock_us() - s.began_us > OPEN_SHOWN_US);
        bool shown = due && json_array_size(spans) < most;
        if (shown)
            json_array_append_new(spans, slot_json(&s));
        open_spans[i].shown |= shown;
        if (s.took_us == SPAN_OPEN || !shown)
            open_spans[kept++] = open_spans[i];
    }
    n_open = kept;
}

json_t *trace_take(struct ctx *c, size_t most)
{
    json_t *spans = ctx_json(c, json_array());

    if (!ring)
        return NULL;
    uint64_t next = ring_own_turn();
    if (!seen || next - seen > ring->slots)
        seen = next > ring->slots ? next - ring->slots : 1;
    take_open(spans, most);
    for (; seen < next && json_array_size(spans) < most; seen++) {
        struct slot s;

        if (!ours(seen, &s))
            continue;
        if (s.took_us != SPAN_OPEN)
            json_array_append_new(spans, slot_json(&s));
        else if (n_open < OPEN_MOST)
            open_spans[n_open++] = (typeof(open_spans[0])){ .turn = seen };
    }
    if (!json_array_size(spans))
        return NULL;
    for (size_t i = 0; i < RING_PROCESSES; i++) {
        const struct ring_process *p = &ring->processes[i];

        if (p->tag == ring_tag())
            return ctx_json(c, json_pack("{s:[I,I,s,s], s:O}", "process", (json_int_t)p->tag, (json_int_t)p->pid, p->name, p->host, "spans", spans));
    }
    return ctx_json(c, json_pack("{s:[I,I,s,s], s:O}", "process", (json_int_t)ring_tag(), (json_int_t)0, "?", "?", "spans", spans));
}

/* The span of that turn, if it is one of this process and is still there. */
static bool ours(uint64_t turn, struct slot *ret)
{
    return slot_read(ring_slot(turn), ret) && ret->turn == turn && (uint32_t)(ret->id >> 32) == ring_tag();
}

static json_t *text(const char *bytes)
{
    json_t *string = json_string(bytes);

    return string ? string : json_string("?");       /* cut within a character */
}

static json_t *slot_json(const struct slot *s)
{
    char id[17], parent[17];

    g_snprintf(id, sizeof(id), "%016" PRIx64, s->id);
    g_snprintf(parent, sizeof(parent), "%016" PRIx64, s->parent);
    return json_pack("[s, s, I, I, i, i, o, o, o, o, o]", id, parent, (json_int_t)s->began_us, (json_int_t)s->took_us, (int)s->status, (int)s->kind,
                     text(s->request_id), text(s->global_id), text(s->resource), text(s->name), text(s->fault));
}

bool trace_put(struct ctx *c, const json_t *batch)
{
    const json_t *who = json_object_get(batch, "process"), *spans = json_object_get(batch, "spans"), *span;
    struct ring_process process = {};
    size_t i;

    process.tag = (uint32_t)json_integer_value(json_array_get(who, 0));
    process.pid = (uint32_t)json_integer_value(json_array_get(who, 1));
    slot_text(process.name, sizeof(process.name), json_string_value(json_array_get(who, 2)));
    slot_text(process.host, sizeof(process.host), json_string_value(json_array_get(who, 3)));
    if (!process.tag || !json_is_array(spans))
        return fail(c, BAD_REQUEST, "That is no batch of spans.");
    if (!ring)
        return true;
    ring_add_process(&process);
    json_array_foreach(spans, i, span)
        if (!put_one(span, process.tag))
            return fail(c, BAD_REQUEST, "That is no span.");
    return true;
}

static bool put_one(const json_t *span, uint32_t tag)
{
    const char *texts[11] = {};
    uint64_t turn, id;
    struct slot *slot;

    if (json_array_size(span) != 11)
        return false;
    for (size_t i = 0; i < 11; i++)
        texts[i] = json_string_value(json_array_get(span, i));
    if (!texts[0] || !texts[1] || !texts[6] || !texts[9])
        return false;
    id = g_ascii_strtoull(texts[0], NULL, 16);
    if (id >> 32 != tag)
        return false;
    slot = ring_take(&turn);
    slot->id = id;
    slot->parent = g_ascii_strtoull(texts[1], NULL, 16);
    slot->began_us = json_integer_value(json_array_get(span, 2));
    slot->took_us = (int32_t)CLAMP(json_integer_value(json_array_get(span, 3)), SPAN_OPEN, INT32_MAX);
    slot->status = (int16_t)json_integer_value(json_array_get(span, 4));
    slot->kind = (uint8_t)json_integer_value(json_array_get(span, 5));
    slot_text(slot->request_id, sizeof(slot->request_id), texts[6]);
    slot_text(slot->global_id, sizeof(slot->global_id), texts[7]);
    slot_text(slot->resource, sizeof(slot->resource), texts[8]);
    slot_text(slot->name, sizeof(slot->name), texts[9]);
    slot_text(slot->fault, sizeof(slot->fault), texts[10]);
    ring_written(slot, turn);
    return true;
}
