/* container-deleter: entries of the expirer's queue for all that a container lists. What they name is deleted as soon as the expirer comes by, where
 * it is not newer than the time that is said. */
#include "swift/tools/tools.h"

#include "oslo/base/text.h"
#include "swift/constraints.h"
#include "swift/daemon/internal.h"
#include "swift/name.h"
#include "swift/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AGENT "Swift Container Deleter"
#define AT_ONCE 10000
#define SAY_EVERY_US (10 * G_USEC_PER_SEC)
#define MD5_OF_NOTHING "d41d8cd98f00b204e9800998ecf8427e"
#define RAW_PER_SECOND 100000

struct deleter {
    struct internal_listing of;
    const char *container;           /* of the queue */
    const char *normal, *internal;   /* the time, in both forms */
    struct buf rows;                 /* those that are still to be sent, without the closing bracket */
    int64_t n_rows, marked, said_us;
    char *last;                      /* of g_malloc: the last object of those that were sent */
    struct fault fault;              /* status 0: none */
};

static bool send_rows(struct ctx *c, struct deleter *d)
{
    struct internal_call call = { .agent = AGENT, .method = "UPDATE", .account = EXPIRING_ACCOUNT, .container = d->container, .tries = d->of.tries };
    struct headers h = {};
    int status = 0;

    if (!d->n_rows)
        return true;
    buf_putc(&d->rows, ']');
    headers_set(c, &h, "X-Backend-Allow-Private-Methods", "True");
    headers_set(c, &h, "X-Backend-Storage-Policy-Index", "0");
    headers_set(c, &h, "X-Timestamp", d->internal);
    call.headers = &h;
    call.body = d->rows.data;
    call.body_size = d->rows.len;
    if (!internal_do(c, &call, &status))
        return fail(c, UNAVAILABLE, ctx_printf(c, "Unexpected response: %s", status ? status_line(c, status) : "none"));
    d->marked += d->n_rows;
    d->n_rows = 0;
    d->rows.len = 0;
    if (clock_mono_us() - d->said_us > SAY_EVERY_US) {
        say("Marked %" G_GINT64_FORMAT " objects for deletion, through %s\n", d->marked, name_repr(c, d->last));
        fflush(stdout);
        d->said_us = clock_mono_us();
    }
    return true;
}

static void add_row(struct ctx *c, struct deleter *d, const char *object)
{
    buf_puts(&d->rows, d->n_rows++ ? ", " : "[");
    buf_puts(&d->rows, "{\"name\": ");
    name_json(&d->rows, ctx_printf(c, "%s-%s/%s/%s", d->normal, d->of.account, d->of.container, object));
    buf_printf(&d->rows, ", \"deleted\": 0, \"created_at\": \"%s\", \"etag\": \"" MD5_OF_NOTHING "\", \"size\": 0, \"storage_policy_index\": 0, "
                         "\"content_type\": \"application/async-deleted\"}", d->internal);
    g_free(d->last);
    d->last = g_strdup(object);
}

/* The fault is kept beside: the page's ctx goes. */
static bool visit(struct ctx *c, void *data, json_t *entry)
{
    json_t *name = json_object_get(entry, "name");
    struct deleter *d = data;

    if (json_is_string(name))
        add_row(c, d, name_from_bytes(c, json_string_value(name), json_string_length(name)));
    if (d->n_rows < AT_ONCE || send_rows(c, d))
        return true;
    d->fault = (struct fault){ c->fault.status, c->fault.type, g_strdup(c->fault.message), NULL };
    return false;
}

static bool mark(struct ctx *c, struct deleter *d)
{
    const char *why;

    d->said_us = clock_mono_us();
    if (!internal_list(c, &d->of, visit, d))
        return fail(c, UNAVAILABLE, ctx_printf(c, "Unexpected response: %s/%s cannot be listed to its end", d->of.account, d->of.container));
    if (d->fault.status) {
        why = ctx_strdup(c, d->fault.message);
        g_free((void *)(uintptr_t)d->fault.message);
        return fail(c, d->fault.status, d->fault.type, "%s", why);
    }
    if (!send_rows(c, d))
        return false;
    say("Finished. Marked %" G_GINT64_FORMAT " objects for deletion.\n", d->marked);
    return true;
}

static bool read_time(struct ctx *c, struct deleter *d, const char *text)
{
    struct timestamp when = timestamp_now();

    if (text && !timestamp_parse(text, &when))
        return fail(c, BAD_REQUEST, ctx_printf(c, "argument --timestamp: invalid Timestamp value: %s", name_repr(c, text)));
    d->normal = timestamp_normal_text(c, when);
    d->internal = timestamp_text(c, when);
    d->container = ctx_printf(c, "%" G_GINT64_FORMAT, when.raw / RAW_PER_SECOND);
    return true;
}

int tool_container_deleter(struct ctx *c, char **words)
{
    struct deleter d = { .of = { .agent = AGENT } };
    const char *conf = NULL, *tries = "3", *when = NULL;
    const struct tool_option options[] = {
        { 0, "conf", .value = &conf }, { 0, "request-tries", .value = &tries }, { 0, "prefix", .value = &d.of.prefix }, { 0, "marker", .value = &d.of.marker },
        { 0, "end-marker", .value = &d.of.end_marker }, { 0, "timestamp", .value = &when }, {}
    };
    int64_t n;
    bool well;

    if (!tool_options(c, words, options) || !read_time(c, &d, when))
        return 2;
    if (g_strv_length(words) != 2)
        return tool_usage(c, "container-deleter");
    if (!text_to_int(tries, &n) || n > G_MAXINT) {
        fail(c, BAD_REQUEST, ctx_printf(c, "argument --request-tries: invalid int value: %s", name_repr(c, tries)));
        return 2;
    }
    if (conf && access(conf, R_OK))
        return !fail(c, BAD_REQUEST, ctx_printf(c, "Unable to load internal client from config: %s", name_repr(c, conf)));
    if (n < 1)
        return !fail(c, BAD_REQUEST, "request_tries must be positive");
    d.of.tries = (int)n;
    d.of.account = words[0];
    d.of.container = words[1];
    well = internal_open(c, conf) && mark(c, &d);
    buf_clear(&d.rows);
    g_free(d.last);
    return !well;
}
