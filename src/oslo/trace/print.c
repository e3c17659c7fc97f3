/* `nacre trace`: the tree of a call for a terminal, as JSON, or as OpenTelemetry's JSON (OTLP). */
#include <inttypes.h>
#include <string.h>

#include "oslo/base/text.h"
#include "oslo/record/out.h"
#include "oslo/trace/read.h"
#include "oslo/trace/trace.h"

enum { DEEPEST = 64 };

static void write_text(const struct tree *, const GPtrArray *level, const struct slot *cause, int depth, int64_t zero, struct buf *);
static void write_json(const struct tree *, const GPtrArray *level, const char *key, int depth, struct out *);
static void write_otlp(const struct tree *, struct out *);

bool trace_print(struct ctx *c, const char *path, const char *id, enum trace_format format, struct buf *to)
{
    struct out out = { .to = to, .times = TIME_ISO_MICRO_Z };
    struct tree tree;

    if (!tree_read(c, path, id, &tree))
        return false;
    bool found = tree.roots->len > 0;
    if (found && format == TRACE_TEXT)
        write_text(&tree, tree.roots, NULL, 0, 0, to);
    else if (found && format == TRACE_JSON)
        write_json(&tree, tree.roots, NULL, 0, &out);
    else if (found)
        write_otlp(&tree, &out);
    if (found && format != TRACE_TEXT)
        buf_putc(to, '\n');
    tree_clear(&tree);
    return found || fail(c, 404, "NotFound", "No span of %s is kept.", id);
}

/* A line names its process where that is another than its cause's. */
static void write_text(const struct tree *t, const GPtrArray *level, const struct slot *cause, int depth, int64_t zero, struct buf *to)
{
    const char *request = NULL;

    for (guint i = 0; i < level->len; i++) {
        const struct slot *s = level->pdata[i];
        const GPtrArray *below = tree_children(t, s);
        const struct ring_process *process = cause && cause->id >> 32 == s->id >> 32 ? NULL : tree_process(t, s);
        char time[TIME_TEXT_SIZE];

        if (depth == 0 && (!request || strcmp(request, s->request_id) != 0)) {
            buf_printf(to, "%s%s  %s%s%s\n", request ? "\n" : "", s->request_id,
                       time_write(time, (utc_time){ s->began_us }, TIME_SPACE_MICRO),
                       s->global_id[0] ? "  for " : "", s->global_id);
            request = s->request_id;
            zero = s->began_us;
        }
        buf_printf(to, "%+10.3f ms ", (double)(s->began_us - zero) / 1000);
        if (s->took_us == SPAN_OPEN)
            buf_puts(to, "  not ended   ");
        else
            buf_printf(to, "%10.3f ms ", (double)s->took_us / 1000);
        buf_printf(to, "%*s%s %s", depth * 2 + 1, "", span_kind_name(s), s->name);
        if (s->status)
            buf_printf(to, " -> %d", s->status);
        if (s->resource[0] && !strstr(s->name, s->resource))
            buf_printf(to, " [%s]", s->resource);
        if (s->fault[0])
            buf_printf(to, "  ! %s", s->fault);
        if (process && process->name[0])
            buf_printf(to, "  <%s %u on %s>", process->name, process->pid, process->host);
        buf_putc(to, '\n');
        if (below && depth < DEEPEST)
            write_text(t, below, s, depth + 1, zero, to);
    }
}

static void write_json(const struct tree *t, const GPtrArray *level, const char *key, int depth, struct out *out)
{
    out_array(out, key);
    for (guint i = 0; i < level->len; i++) {
        const struct slot *s = level->pdata[i];
        const GPtrArray *below = tree_children(t, s);
        const struct ring_process *process = tree_process(t, s);

        out_object(out, NULL);
        out_printf(out, "id", "%016" PRIx64, s->id);
        out_string(out, "request_id", s->request_id);
        out_string(out, "global_request_id", s->global_id[0] ? s->global_id : NULL);
        out_string(out, "kind", span_kind_name(s));
        out_string(out, "name", s->name);
        out_time(out, "began_at", (utc_time){ s->began_us });
        if (s->took_us == SPAN_OPEN)
            out_null(out, "duration_us");
        else
            out_int(out, "duration_us", s->took_us);
        out_int(out, "status", s->status);
        out_string(out, "resource", s->resource[0] ? s->resource : NULL);
        out_string(out, "fault", s->fault[0] ? s->fault : NULL);
        out_string(out, "process", process ? process->name : NULL);
        out_string(out, "host", process ? process->host : NULL);
        if (process)
            out_int(out, "pid", process->pid);
        else
            out_null(out, "pid");
        if (below && depth < DEEPEST)
            write_json(t, below, "children", depth + 1, out);
        out_end_object(out);
    }
    out_end_array(out);
}

/* --- OTLP: spans grouped by their process -------------------------------------------------------------------------- */

static void write_attribute(struct out *out, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    out_object(out, NULL);
    out_string(out, "key", key);
    out_object(out, "value");
    out_string(out, "stringValue", value);
    out_end_object(out);
    out_end_object(out);
}

static void write_otlp_span(const struct slot *s, struct out *out)
{
    enum { INTERNAL = 1, SERVER, CLIENT };
    int64_t took = s->took_us == SPAN_OPEN ? 0 : s->took_us;
    char trace[33];

    trace_digits(s->global_id[0] ? s->global_id : s->request_id, trace);
    out_object(out, NULL);
    out_string(out, "traceId", trace);
    out_printf(out, "spanId", "%016" PRIx64, s->id);
    if (s->parent)
        out_printf(out, "parentSpanId", "%016" PRIx64, s->parent);
    out_string(out, "name", s->name);
    out_int(out, "kind", s->kind == SPAN_REQUEST || s->kind == SPAN_RPC ? SERVER : s->kind == SPAN_CALL ? CLIENT : INTERNAL);
    out_printf(out, "startTimeUnixNano", "%" PRId64 "000", s->began_us);
    out_printf(out, "endTimeUnixNano", "%" PRId64 "000", s->began_us + took);
    out_array(out, "attributes");
    write_attribute(out, "openstack.request_id", s->request_id);
    write_attribute(out, "openstack.global_request_id", s->global_id);
    write_attribute(out, "openstack.resource_id", s->resource);
    write_attribute(out, "nacre.kind", span_kind_name(s));
    write_attribute(out, "nacre.ended", s->took_us == SPAN_OPEN ? "false" : NULL);
    out_end_array(out);
    out_object(out, "status");
    if (s->status) {
        out_int(out, "code", 2);
        out_string(out, "message", s->fault);
    } else if (s->took_us != SPAN_OPEN) {
        out_int(out, "code", 1);
    }
    out_end_object(out);
    out_end_object(out);
}

static void write_resource(const struct ring_process *process, struct out *out)
{
    char pid[16];

    out_object(out, "resource");
    out_array(out, "attributes");
    write_attribute(out, "service.namespace", "nacre");
    write_attribute(out, "service.name", process ? process->name : "unknown");
    if (process) {
        g_snprintf(pid, sizeof(pid), "%u", process->pid);
        write_attribute(out, "service.instance.id", pid);
        write_attribute(out, "host.name", process->host);
    }
    out_end_array(out);
    out_end_object(out);
}

static void write_otlp(const struct tree *t, struct out *out)
{
    GHashTable *written = g_hash_table_new(g_direct_hash, g_direct_equal);

    out_object(out, NULL);
    out_array(out, "resourceSpans");
    for (guint i = 0; i < t->spans->len; i++) {
        const struct slot *first = t->spans->pdata[i];

        if (!g_hash_table_add(written, GUINT_TO_POINTER((guint)(first->id >> 32))))
            continue;
        out_object(out, NULL);
        write_resource(tree_process(t, first), out);
        out_array(out, "scopeSpans");
        out_object(out, NULL);
        out_object(out, "scope");
        out_string(out, "name", "nacre");
        out_end_object(out);
        out_array(out, "spans");
        for (guint k = i; k < t->spans->len; k++) {
            const struct slot *s = t->spans->pdata[k];

            if (s->id >> 32 == first->id >> 32)
                write_otlp_span(s, out);
        }
        out_end_array(out);
        out_end_object(out);
        out_end_array(out);
        out_end_object(out);
    }
    out_end_array(out);
    out_end_object(out);
    g_hash_table_unref(written);
}
