/* listing_formats: listings of accounts and containers as text, JSON or XML. Behind it they are always JSON. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/accept.h"
#include "swift/markup.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1024 * 10000 * 2 };     /* a longer one is none of ours: staticweb's, say */

/* --- writing ------------------------------------------------------------------------------------------------------- */

static void element(struct buf *b, json_t *row, const char *name)
{
    json_t *value = json_object_get(row, name);

    buf_printf(b, "<%s>", name);
    if (json_is_string(value))
        markup_escape(b, json_string_value(value), MARKUP_TEXT);
    else
        buf_int(b, json_integer_value(value));
    buf_printf(b, "</%s>", name);
}

static void write_xml(struct buf *b, json_t *rows, const char *account, const char *container)
{
    static const char *const of_container[] = { "name", "count", "bytes", "last_modified", NULL };
    static const char *const of_object[] = { "name", "hash", "bytes", "content_type", "last_modified", NULL };
    const char *root = container ? "container" : "account", *item = container ? "object" : "container";
    const char *const *members = container ? of_object : of_container;
    json_t *row;
    size_t i;

    buf_printf(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s name=\"", root);
    markup_escape(b, container ? container : account, MARKUP_ATTRIBUTE);
    if (container && !json_array_size(rows)) {
        buf_puts(b, "\" />");
        return;
    }
    buf_puts(b, container ? "\">" : "\">\n");
    json_array_foreach(rows, i, row) {
        const char *subdir = json_string_value(json_object_get(row, "subdir"));

        if (subdir) {
            buf_puts(b, "<subdir name=\"");
            markup_escape(b, subdir, MARKUP_ATTRIBUTE);
            buf_puts(b, container ? "\"><name>" : "\" />");
            if (container) {
                markup_escape(b, subdir, MARKUP_TEXT);
                buf_puts(b, "</name></subdir>");
            }
        } else {
            buf_printf(b, "<%s>", item);
            for (size_t k = 0; members[k]; k++)
                element(b, row, members[k]);
            buf_printf(b, "</%s>", item);
        }
        if (!container)
            buf_putc(b, '\n');
    }
    buf_printf(b, "</%s>", root);
}

static void write_text(struct buf *b, json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row) {
        json_t *name = json_object_get(row, "name");

        buf_puts(b, json_string_value(name ? name : json_object_get(row, "subdir")));
        buf_putc(b, '\n');
    }
}

/* Rows whose names are reserved are not for clients. */
static void drop_reserved(json_t *rows)
{
    for (size_t i = json_array_size(rows); i-- > 0;) {
        json_t *row = json_array_get(rows, i), *name = json_object_get(row, "name");

        name = name ? name : json_object_get(row, "subdir");
        if (json_string_value(name) && memchr(json_string_value(name), 0, json_string_length(name)))
            json_array_remove(rows, i);
    }
}

static bool well_formed(json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
        if (!json_is_string(json_object_get(row, "name")) && !json_is_string(json_object_get(row, "subdir")))
            return false;
    return json_is_array(rows);
}

static struct buf written(const struct swift_request *r, json_t *rows, const char *type)
{
    struct buf b = { 0 };

    if (!strcmp(type, "application/json"))
        return buf_of(json_dumps(rows, JSON_ENSURE_ASCII));
    if (!strcmp(type, "text/plain"))
        write_text(&b, rows);
    else
        write_xml(&b, rows, r->account, r->container);
    return b;
}

/* A listing that goes out as it came in is not read. */
static void convert(struct ctx *c, const struct swift_request *r, struct swift_response *response, const char *type)
{
    size_t n;
    const char *text = response_hold(c, response, LONGEST, &n);
    bool json = !strcmp(type, "application/json"), reserved;
    json_t *rows;
    struct buf b;

    if (!text) {
        response_error(c, response, 500, NULL);
        return;
    }
    reserved = !response->plain_listing && !r->env->allow_reserved && strstr(text, "\\u0000");
    rows = !json || reserved ? ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, NULL)) : NULL;
    if (rows && well_formed(rows)) {
        if (reserved)
            drop_reserved(rows);
        b = written(r, rows, type);
        response_bytes(c, response, NULL, &b);
    }
    if (!response->body.len)
        response->status = 204;
    headers_set(c, &response->headers, "Content-Type", ctx_printf(c, "%s; charset=utf-8", type));
}

static void vary(struct ctx *c, struct swift_response *response)
{
    const char *before = response_get(response, "Vary");

    if (!before)
        headers_set(c, &response->headers, "Vary", "Accept");
    else if (!strcasestr(before, "accept"))
        headers_set(c, &response->headers, "Vary", ctx_printf(c, "%s, Accept", before));
}

static bool is_json(const struct swift_response *response)
{
    const char *type = response_get(response, "Content-Type");

    return type && !strncmp(type, "application/json", 16) && (!type[16] || type[16] == ';');
}

static const char *with_json(struct ctx *c, const struct swift_request *r)
{
    struct buf b = { 0 };

    for (const struct pair *p = r->query; p->name; p++) {
        if (!strcmp(p->name, "format"))
            continue;
        name_quote_to(&b, p->name, "");
        buf_putc(&b, '=');
        name_quote_to(&b, p->value ? p->value : "", "");
        buf_putc(&b, '&');
    }
    buf_puts(&b, "format=json");
    const char *query = ctx_strdup(c, b.data);
    buf_clear(&b);
    return query;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    bool ours = r->account && (!strcmp(r->version, "v1") || !strcmp(r->version, "v1.0"));    /* not a bucket with its key */
    bool listing = ours && !r->object && (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"));
    bool may_vary = listing && !request_param(r, "format");
    const char *type;

    if (!listing) {
        step_next(c, step, r, response);
        return;
    }
    if (!(type = accept_listing_type(c, r, response)))
        return;
    if (!may_vary)
        headers_set(c, &r->headers, "Accept", type);     /* for those who write listings of their own */
    request_set_query(c, r, with_json(c, r));
    r->env->middleware[SLOT_LISTING] = (void *)step;     /* one that writes the listing itself takes this away */
    step_next(c, step, r, response);
    if (!r->env->middleware[SLOT_LISTING] || (response->status != 200 && response->status != 204))
        return;
    if (may_vary)
        vary(c, response);
    if (!is_json(response) || response->length > LONGEST)
        return;
    if (!strcmp(r->method, "HEAD")) {
        headers_set(c, &response->headers, "Content-Type", ctx_printf(c, "%s; charset=utf-8", type));
        response->length = -1;
        return;
    }
    convert(c, r, response, type);
}

const struct middleware middleware_listing_formats = { .name = "listing_formats", .run = run };
