/* bulk: deleting many objects by one request, and unpacking an archive into objects (archive.c). */
#include "swift/middleware/bulk.h"

#include "oslo/base/text.h"
#include "swift/accept.h"
#include "swift/markup.h"
#include "swift/middleware/archive.h"
#include "swift/middleware/middlewares.h"
#include "swift/name.h"
#include "swift/slow.h"

#include <stdlib.h>
#include <string.h>

#define OPTION(member, otherwise, text) ATTR(struct bulk_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(max_containers_per_extraction, "10000", "Containers one archive may make."),
    OPTION(max_failed_extractions, "1000", "Errors after which unpacking is given up."),
    OPTION(max_deletes_per_request, "10000", "Names of one request."),
    OPTION(max_failed_deletes, "1000", "Errors after which deleting is given up."),
    OPTION(yield_frequency, "10", "Seconds between blanks of an answer that takes its time."),
    OPTION(delete_concurrency, "2", "Kept for the original's files: deletions follow one another here."),
    OPTION(delete_container_retry_count, "0", "Kept for the original's files."),
    {}
};

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void errors_free(void *errors)
{
    g_ptr_array_free(errors, TRUE);
}

void bulk_result_init(struct ctx *c, struct bulk_result *result, const char *root)
{
    *result = (struct bulk_result){ .root = root, .errors = ctx_own(c, g_ptr_array_new(), errors_free) };
}

void bulk_error(struct ctx *c, struct bulk_result *result, const char *name, const char *status)
{
    g_ptr_array_add(result->errors, (char *)name_quote(c, name, "/"));
    g_ptr_array_add(result->errors, ctx_strdup(c, status));
}

size_t bulk_errors(const struct bulk_result *result)
{
    return result->errors->len / 2;
}

/* The members in order of their names. */
static size_t members_of(const struct bulk_result *r, struct pair *members, char numbers[2][24])
{
    size_t n = 0;

    if (r->etag)
        members[n++] = (struct pair){ "Etag", r->etag };
    if (r->last_modified)
        members[n++] = (struct pair){ "Last Modified", r->last_modified };
    for (int i = 0; i < 2; i++)
        if (r->counts[i].name) {
            g_snprintf(numbers[i], 24, "%lld", (long long)r->counts[i].count);
            members[n++] = (struct pair){ r->counts[i].name, numbers[i] };
        }
    if (r->body)
        members[n++] = (struct pair){ "Response Body", r->body };
    if (r->status)
        members[n++] = (struct pair){ "Response Status", r->status };
    return n;
}

static void write_json(struct buf *b, const struct bulk_result *r, const struct pair *members, size_t n)
{
    json_t *tree = json_object(), *errors = json_array();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(tree, members[i].name, g_str_has_prefix(members[i].name, "Number ") ? json_integer(atoll(members[i].value))
                                                                                                 : json_string(members[i].value));
    for (guint i = 0; i + 1 < r->errors->len; i += 2)
        json_array_append_new(errors, json_pack("[s, s]", r->errors->pdata[i], r->errors->pdata[i + 1]));
    json_object_set_new(tree, "Errors", errors);
    char *text = json_dumps(tree, JSON_ENSURE_ASCII);
    buf_puts(b, text);
    free(text);
    json_decref(tree);
}

static void write_xml(struct buf *b, const struct bulk_result *r, const struct pair *members, size_t n)
{
    buf_printf(b, "<%s>\n", r->root);
    for (size_t i = 0; i < n; i++) {
        g_autofree char *tag = g_strdelimit(g_ascii_strdown(members[i].name, -1), " ", '_');

        buf_printf(b, "<%s>", tag);
        markup_escape(b, members[i].value, MARKUP_TEXT);
        buf_printf(b, "</%s>\n", tag);
    }
    buf_puts(b, "<errors>\n");
    for (guint i = 0; i + 1 < r->errors->len; i += 2) {
        buf_puts(b, "<object><name>");
        markup_escape(b, r->errors->pdata[i], MARKUP_TEXT);
        buf_puts(b, "</name><status>");
        markup_escape(b, r->errors->pdata[i + 1], MARKUP_TEXT);
        buf_puts(b, "</status></object>\n");
    }
    buf_printf(b, "</errors>\n</%s>\n", r->root);
}

void bulk_write(struct buf *b, const char *type, const struct bulk_result *r)
{
    struct pair members[8];
    char numbers[2][24];
    size_t n = members_of(r, members, numbers);

    if (type && !strcmp(type, "application/json")) {
        write_json(b, r, members, n);
    } else if (type && g_str_has_suffix(type, "/xml")) {
        write_xml(b, r, members, n);
    } else {
        for (size_t i = 0; i < n; i++)
            buf_printf(b, "%s: %s\n", members[i].name, members[i].value);
        buf_puts(b, "Errors:\n");
        for (guint i = 0; i + 1 < r->errors->len; i += 2)
            buf_printf(b, "%s, %s\n", (char *)r->errors->pdata[i], (char *)r->errors->pdata[i + 1]);
    }
}

const char *bulk_type(struct ctx *c, const struct swift_request *r, bool *ret_malformed)
{
    return accept_best(c, request_get(r, "Accept"), accept_listing_types, ret_malformed);
}

void bulk_answer(struct ctx *c, const char *type, const struct bulk_result *result, struct swift_response *response)
{
    struct buf b = { 0 };

    bulk_write(&b, type, result);
    response_clear(response);
    response_bytes(c, response, type ? type : "text/html; charset=UTF-8", &b);
    response->status = 200;
    response_chunked(c, response);
}

/* --- deleting ------------------------------------------------------------------------------------------------------ */

static bool names_object(const char *name)
{
    const char *slash = strchr(name + strspn(name, "/"), '/');

    return slash && slash[strspn(slash, "/")];
}

struct deletion {
    struct ctx *c;
    const struct step *step;
    const struct swift_request *request;
    struct bulk_delete_options options;
    const GArray *doomed;
    guint at;                        /* which of them is next, in two rounds */
    bool too_many;                   /* failures */
    const char *type, *failed;       /* failed: the status line of a failure of some */
    struct bulk_result result;
};

static void delete_one(struct deletion *d, const struct doomed *one)
{
    struct swift_response response = RESPONSE_EMPTY;
    const char *name = one->name + strspn(one->name, "/"), *slash = strchr(name, '/');
    const char *container = slash ? ctx_strndup(d->c, name, (size_t)(slash - name)) : name;
    struct swift_request *r = request_sub(d->c, d->request, "DELETE", d->request->account, container, slash && slash[1] ? slash + 1 : NULL,
                                          d->options.source);

    headers_set(d->c, &r->headers, "X-Auth-Token", request_get(d->request, "X-Auth-Token"));
    request_set_body(r, "", 0);
    if (one->version)
        request_set_query(d->c, r, ctx_printf(d->c, "version-id=%s", name_quote(d->c, one->version, "")));
    step_next(d->c, d->step, r, &response);
    int status = response.status;
    response_clear(&response);
    if (status / 100 == 2) {
        d->result.counts[0].count++;
    } else if (status == 404) {
        d->result.counts[1].count++;
    } else {
        if (status / 100 == 5)
            d->failed = status_line(d->c, 502);
        bulk_error(d->c, &d->result, one->name, status_line(d->c, status));
    }
}

/* Objects in a first round, containers in a second. NULL: there is none left. */
static const struct doomed *next_doomed(struct deletion *d)
{
    while (d->at < 2 * d->doomed->len) {
        const struct doomed *one = &g_array_index(d->doomed, struct doomed, d->at % d->doomed->len);
        bool objects = d->at++ < d->doomed->len;

        if (*one->name && names_object(one->name) == objects)
            return one;
    }
    return NULL;
}

static bool delete_next(struct ctx *c, void *data)
{
    struct deletion *d = data;
    const struct doomed *one = d->result.status ? NULL : next_doomed(d);

    if (!one)
        return false;
    if (one->error_status == 404)
        d->result.counts[1].count++;
    else if (one->error_status)
        bulk_error(c, &d->result, one->name, one->error);
    else
        delete_one(d, one);
    d->too_many = bulk_errors(&d->result) >= (size_t)d->options.max_failed;
    return !d->too_many;
}

static void deletion_ends(struct ctx *c, void *data, bool begun, struct swift_response *response)
{
    struct deletion *d = data;
    struct bulk_result *result = &d->result;

    if (!result->status) {
        result->status = status_line(c, 200);
        if (d->too_many) {
            result->status = status_line(c, 400);
            result->body = "Max delete failures exceeded";
        } else if (bulk_errors(result)) {
            result->status = d->failed;
        } else if (!result->counts[0].count && !result->counts[1].count) {
            result->status = status_line(c, 400);
            result->body = "Invalid bulk delete.";
        }
    }
    bulk_answer(c, d->type, result, response);
}

void bulk_delete(struct ctx *c, const struct step *step, const struct swift_request *r, GArray *doomed, const struct bulk_delete_options *options,
                 const char *type, const struct bulk_result *result, struct swift_response *response)
{
    struct deletion *d = ctx_new(c, struct deletion);

    *d = (struct deletion){ .c = c, .step = step, .request = request_kept(c, r), .options = *options, .doomed = doomed, .type = type,
                            .failed = status_line(c, 400), .result = *result };
    d->result.counts[0].name = "Number Deleted";
    d->result.counts[1].name = "Number Not Found";
    d->result.body = result->body ? result->body : "";
    response_slowly(c, response, &(struct slow){ .more = delete_next, .end = deletion_ends, .data = d, .every_us = options->blank_every_us,
                    .status = 200, .type = type ? type : "text/html; charset=UTF-8", .between = "\r\n\r\n",
                    .first = type && g_str_has_suffix(type, "/xml") ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" : NULL });
}

static bool refuse(struct ctx *c, struct bulk_result *result, int status, const char *body)
{
    struct swift_response page = RESPONSE_EMPTY;

    response_error(c, &page, status, body);
    result->status = status_line(c, status);
    result->body = ctx_strdup(c, page.body.data ? page.body.data : "");
    response_clear(&page);
    return false;
}

/* The names in the body, one a line, percent-quoted. */
static bool read_names(struct ctx *c, const struct bulk_options *o, struct swift_request *r, GArray *doomed, struct bulk_result *result)
{
    size_t longest = (size_t)(constraints->max_object_name_length + constraints->max_container_name_length + 2), n;
    struct swift_response refused = RESPONSE_EMPTY;
    char *text;

    if (r->length < 0 && !request_get(r, "Transfer-Encoding"))
        return refuse(c, result, 411, NULL);
    text = request_take_all(c, r, (longest * 2 + 1) * (size_t)o->max_deletes_per_request, &n, &refused);
    response_clear(&refused);
    if (!text)
        return refuse(c, result, 413, ctx_printf(c, "Maximum Bulk Deletes: %lld per request", (long long)o->max_deletes_per_request));
    for (char *at = text; at < text + n;) {
        size_t length = strcspn(at, "\n");
        char *line = g_strstrip(ctx_strndup(c, at, length));

        at += length + 1;
        if (strlen(line) > longest * 2)
            return refuse(c, result, 400, "Invalid File Name");
        if (!*line)
            continue;
        char *name = name_decode(c, line, strlen(line), false);
        struct doomed one = { name ? name : line, NULL, name ? NULL : status_line(c, 412), name ? 0 : 412 };
        g_array_append_val(doomed, one);
        if (doomed->len > o->max_deletes_per_request)
            return refuse(c, result, 413, ctx_printf(c, "Maximum Bulk Deletes: %lld per request", (long long)o->max_deletes_per_request));
    }
    return true;
}

static void array_free(void *array)
{
    g_array_free(array, TRUE);
}

static void serve_delete(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct bulk_options *o = step->options;
    const char *incoming = request_get(r, "Content-Type"), *type;
    GArray *doomed = ctx_own(c, g_array_new(FALSE, TRUE, sizeof(struct doomed)), array_free);
    struct bulk_result result;
    bool malformed;

    bulk_result_init(c, &result, "delete");
    type = bulk_type(c, r, &malformed);
    if (!type || (incoming && *incoming && !g_str_has_prefix(incoming, "text/plain")))
        refuse(c, &result, 406, NULL);
    else if (!r->account)
        refuse(c, &result, 404, NULL);
    else
        read_names(c, o, r, doomed, &result);
    bulk_delete(c, step, r, doomed, &(struct bulk_delete_options){ o->max_failed_deletes, o->yield_frequency * G_USEC_PER_SEC, "BD" }, type, &result, response);
}

/* --- the middleware --------------------------------------------------------------------------------------------------- */

static bool open_bulk(struct ctx *c, struct step *step)
{
    const struct bulk_options *o = step->options;

    info_register("bulk_upload", json_pack("{s:I, s:I}", "max_containers_per_extraction", o->max_containers_per_extraction, "max_failed_extractions",
                                           o->max_failed_extractions), false);
    info_register("bulk_delete", json_pack("{s:I, s:I}", "max_deletes_per_request", o->max_deletes_per_request, "max_failed_deletes",
                                           o->max_failed_deletes), false);
    return true;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *archive = request_param(r, "extract-archive");

    if (archive && !strcmp(r->method, "PUT"))
        archive_extract(c, step, r, archive, response);
    else if (request_param(r, "bulk-delete") && (!strcmp(r->method, "POST") || !strcmp(r->method, "DELETE")))
        serve_delete(c, step, r, response);
    else
        step_next(c, step, r, response);
}

const struct middleware middleware_bulk = {
    .name = "bulk", .options = option_rows, .options_size = sizeof(struct bulk_options), .open = open_bulk, .run = run,
};
