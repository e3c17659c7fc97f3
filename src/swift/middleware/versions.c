/* versioned_writes: versions of objects, in both of the original's ways. Names, listings, and which way a request goes. */
#include "swift/middleware/versions.h"

#include "oslo/base/text.h"
#include "swift/faults.h"
#include "swift/middleware/middlewares.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

#define LATEST_RAW INT64_C(999999999999999)      /* times are inverted, so that the newest version is listed first */

struct versions_options { bool allow_versioned_writes, allow_object_versioning; };

static const struct attr option_rows[] = {
    ATTR(struct versions_options, allow_versioned_writes, 0, .unset = "false", .help = "X-Versions-Location and X-History-Location."),
    ATTR(struct versions_options, allow_object_versioning, 0, .unset = "false", .help = "X-Versions-Enabled; it needs symlink in the pipeline."),
    {}
};

/* --- names ----------------------------------------------------------------------------------------------------------- */

static struct timestamp inverted(struct timestamp t)
{
    return (struct timestamp){ .raw = LATEST_RAW - t.raw };
}

const char *versions_container_name(struct ctx *c, const char *container)
{
    return strstr(container, RESERVED) ? NULL : ctx_printf(c, RESERVED "versions" RESERVED "%s", container);
}

const char *versions_object_name(struct ctx *c, const char *object, struct timestamp t)
{
    return ctx_printf(c, RESERVED "%s" RESERVED "%s", object, timestamp_text(c, inverted(t)));
}

bool versions_split(struct ctx *c, const char *name, const char **ret_object, struct timestamp *ret_time)
{
    size_t mark = strlen(RESERVED);
    const char *second = !strncmp(name, RESERVED, mark) ? strstr(name + mark, RESERVED) : NULL;
    struct timestamp t;

    if (!second || strstr(second + mark, RESERVED) || !timestamp_parse(second + mark, &t))
        return false;
    *ret_object = ctx_strndup(c, name + mark, (size_t)(second - name) - mark);
    *ret_time = inverted(t);
    return true;
}

struct swift_request *versions_request(struct ctx *c, const struct swift_request *sake, const char *method, const char *container, const char *object)
{
    struct swift_request *r = request_sub_authorized(c, sake, method, sake->account, container, object, "OV");

    r->env->allow_reserved = true;
    headers_set(c, &r->headers, "X-Backend-Allow-Reserved-Names", "true");
    request_set_body(r, "", 0);
    return r;
}

/* --- copies ------------------------------------------------------------------------------------------------------------- */

static ssize_t read_source(struct ctx *c, void *source, void *bytes, size_t n)
{
    return response_take(c, source, bytes, n);
}

void versions_put_copy(struct ctx *c, struct swift_request *put, struct swift_response *source)
{
    const char *size, *type;

    headers_copy(c, &put->headers, &source->headers);
    headers_remove(&put->headers, "X-Timestamp");
    headers_remove(&put->headers, "Accept-Ranges");
    put->read = read_source;
    put->read_data = source;
    put->length = source->length;
    put->body_read = 0;
    size = request_get(put, "X-Object-Sysmeta-Slo-Size");
    type = request_get(put, "Content-Type");
    if (size) {
        headers_set(c, &put->headers, "Content-Type", ctx_printf(c, "%s; swift_bytes=%s", type ? type : "", size));
        put->env->content_type_overridden = true;
    }
}

struct timestamp versions_time_of(const struct swift_response *source)
{
    const char *text = response_get(source, "X-Timestamp"), *modified = response_get(source, "Last-Modified");
    struct timestamp when = { 0 };
    int64_t seconds;

    if ((!text || !timestamp_parse(text, &when)) && modified && http_date_parse(modified, &seconds))
        when.raw = seconds * 100000;
    return when;
}

/* --- listings ---------------------------------------------------------------------------------------------------------- */

const char *row_name(struct ctx *c, json_t *row, const char *member)
{
    json_t *value = json_object_get(row, member);

    return json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : NULL;
}

json_t *name_as_json(struct ctx *c, const char *name)
{
    size_t n;
    const char *bytes = name_bytes(c, name, &n);

    return json_stringn(bytes, n);
}

json_t *versions_read_listing(struct ctx *c, struct swift_response *response)
{
    bool well = response->status / 100 == 2;
    size_t n = 0;
    char *text = well ? response_take_all(c, response, 1024 * 10000 * 2, &n) : NULL;
    json_t *rows = text ? ctx_json(c, n ? json_loadb(text, n, JSON_ALLOW_NUL, NULL) : json_array()) : NULL;

    response_close(response);
    return json_is_array(rows) ? rows : NULL;
}

static const char *key_of(json_t *row)
{
    json_t *name = json_object_get(row, "name");

    return json_string_value(name ? name : json_object_get(row, "subdir")) ?: "";
}

struct keyed { json_t *row; size_t at; };

/* Rows of one name stay in the order they came in, whichever way the names go. */
static int compare(const struct keyed *p, const struct keyed *q, int sign)
{
    int order = strcmp(key_of(p->row), key_of(q->row));

    return order ? sign * order : (p->at > q->at) - (p->at < q->at);
}

static int by_key(const void *a, const void *b)
{
    return compare(a, b, 1);
}

static int by_key_reverse(const void *a, const void *b)
{
    return compare(a, b, -1);
}

void versions_write_listing(struct ctx *c, json_t *rows, bool reverse, int64_t limit, struct swift_response *response)
{
    size_t n = json_array_size(rows), i;
    struct keyed *sorted = ctx_new_n(c, struct keyed, n + 1);
    struct headers headers = response->headers;
    json_t *list = json_array(), *row;
    struct buf b = { 0 };

    json_array_foreach(rows, i, row)
        sorted[i] = (struct keyed){ row, i };
    qsort(sorted, n, sizeof *sorted, reverse ? by_key_reverse : by_key);
    for (i = 0; i < n && (int64_t)i < limit; i++)
        json_array_append(list, sorted[i].row);
    char *text = json_dumps(list, JSON_ENSURE_ASCII);
    buf_puts(&b, text);
    free(text);
    json_decref(list);
    response_bytes(c, response, NULL, &b);
    response->status = 200;
    response->headers = headers;
    headers_set(c, &response->headers, "Content-Type", "application/json; charset=utf-8");
}

int64_t versions_limit(const struct swift_request *r, int64_t most)
{
    const char *text = request_param(r, "limit");
    int64_t limit;

    return text && text_to_int(text, &limit) && limit >= 0 && limit < most ? limit : most;
}

/* --- the middleware ------------------------------------------------------------------------------------------------------- */

static bool open_versions(struct ctx *c, struct step *step)
{
    const struct versions_options *o = step->options;

    if (o->allow_versioned_writes)
        info_register("versioned_writes", json_pack("{s:[s, s]}", "allowed_flags", "x-versions-location", "x-history-location"), false);
    if (!o->allow_object_versioning)
        return true;
    if (!pipeline_has("symlink"))
        return fail(c, PIPELINE_INVALID, "object versioning requires symlinks");
    info_register("object_versioning", json_object(), false);
    return true;
}

void versions_serve(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct versions_options *o = step->options;

    if (!o->allow_object_versioning)
        step_next(c, step, r, response);
    else if (!r->container)
        versions_of_account(c, step, r, response);
    else if (!r->object)
        versions_of_container(c, step, r, response);
    else
        versions_of_object(c, step, r, response);
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct versions_options *o = step->options;

    if (!r->account)
        step_next(c, step, r, response);
    else if (r->container && o->allow_versioned_writes)
        versions_legacy(c, step, r, response);
    else
        versions_serve(c, step, r, response);
}

const struct middleware middleware_versioned_writes = {
    .name = "versioned_writes", .options = option_rows, .options_size = sizeof(struct versions_options), .open = open_versions, .run = run,
};
