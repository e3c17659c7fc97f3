/* The account server: an account's own life, its listing of containers, and the rows containers send. */
#include "swift/broker/rpc.h"
#include "swift/constraints.h"
#include "swift/listing.h"
#include "swift/name.h"
#include "swift/storage.h"

#include "oslo/base/text.h"

#include <string.h>
#include <strings.h>

static bool place(struct ctx *c, const struct swift_request *r, struct broker_place *p, struct swift_response *response)
{
    const char *device;

    if (!r->account) {
        response_text(c, response, 400, "text/plain", ctx_printf(c, "Invalid path: %s", name_quote(c, r->path, "/")));
        return false;
    }
    device = storage_device(c, r, response);
    *p = (struct broker_place){ BROKER_ACCOUNT, r->device, device, r->partition, r->account, NULL };
    return device != NULL;
}

/* 404, and whether it was there once. */
static void gone(struct ctx *c, const struct broker_info *info, int status, const char *text, struct swift_response *response)
{
    if (info->status && !strcmp(info->status, "DELETED"))
        headers_set(c, &response->headers, "X-Account-Status", "Deleted");
    response_error(c, response, status, text);
}

/* The database of an account that is there; NULL: the response says that it is not. */
static struct broker *open_live(struct ctx *c, const struct swift_request *r, struct broker_info *info, struct swift_response *response)
{
    struct broker_place p;
    struct broker *b;

    *info = (struct broker_info){};
    if (!place(c, r, &p, response))
        return NULL;
    b = broker_open(c, &p);
    if (b && !broker_is_deleted(c, b, info) && !failed(c))
        return b;
    if (!failed(c))
        gone(c, info, 404, NULL, response);
    broker_done(b);
    return NULL;
}

static bool update_metadata(struct ctx *c, const struct swift_request *r, struct broker *b, struct timestamp when, struct swift_response *response)
{
    struct broker_meta *list = ctx_new_n(c, struct broker_meta, r->headers.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < r->headers.n; i++) {
        const struct pair *h = &r->headers.pairs[i];

        if (is_sys_meta(h, "account") || is_user_meta(h, "account"))
            list[n++] = (struct broker_meta){ header_title(c, h->name), h->value, when };
    }
    return broker_meta_fits(c, b, list, n, response) && broker_update_metadata(c, b, list, n);
}

/* --- PUT ------------------------------------------------------------------------------------------------------------------------ */

static bool row_of(struct ctx *c, const struct swift_request *r, struct broker_row *row)
{
    const char *count = request_get(r, "X-Object-Count"), *bytes = request_get(r, "X-Bytes-Used");
    const char *policy = request_get(r, "X-Backend-Storage-Policy-Index");
    int64_t index = 0;

    *row = (struct broker_row){ .name = r->container };
    if (policy)
        text_to_int(policy, &index);
    row->policy_index = (int)index;
    return timestamp_parse(request_get(r, "X-Put-Timestamp"), &row->put_timestamp) &&
           timestamp_parse(request_get(r, "X-Delete-Timestamp"), &row->delete_timestamp) && count && text_to_int(count, &row->object_count) && bytes &&
           text_to_int(bytes, &row->bytes_used);
}

static void put_row(struct ctx *c, struct swift_request *r, const struct broker_place *p, struct swift_response *response)
{
    const char *over = request_get(r, "X-Account-Override-Deleted");
    bool even_deleted = over && !strcasecmp(over, "yes");
    struct timestamp when = {};
    struct broker_row row;
    struct broker *b;

    if (!timestamp_parse(request_get(r, "X-Timestamp"), &when))
        when = timestamp_now();
    if (!row_of(c, r, &row)) {
        response_error(c, response, 400, NULL);
        return;
    }
    if (*r->account == '.' && !broker_create(c, p, when, 0, NULL))
        return;
    b = broker_open(c, p);
    if (!b || (!even_deleted && broker_is_deleted(c, b, NULL))) {
        if (!failed(c))
            response_error(c, response, 404, NULL);
    } else if (!failed(c)) {
        bool deleted = timestamp_compare(row.delete_timestamp, row.put_timestamp) > 0;

        row.deleted = deleted && !row.object_count;
        if (broker_put_row(c, b, &row))
            response_error(c, response, deleted ? 204 : 201, NULL);
    }
    broker_done(b);
}

/* An account that was deleted does not come back before it is reaped. */
static bool revive(struct ctx *c, struct broker *b, struct timestamp when, bool *ret_created, struct swift_response *response)
{
    struct broker_info info;

    *ret_created = broker_is_deleted(c, b, &info);
    if (failed(c))
        return false;
    if (!strcmp(info.status, "DELETED")) {
        gone(c, &info, 403, "Recently deleted", response);
        return false;
    }
    if (!broker_update_put_timestamp(c, b, when))
        return false;
    if (!broker_is_deleted(c, b, &info))
        return !failed(c);
    response_error(c, response, 409, NULL);
    return false;
}

static void put_account(struct ctx *c, struct swift_request *r, const struct broker_place *p, struct swift_response *response)
{
    struct timestamp when;
    struct broker *b;
    bool created = false;

    if (!storage_timestamp(c, r, response, &when) || !broker_create(c, p, when, 0, &created) || !(b = broker_open(c, p)))
        return;
    if ((created || revive(c, b, when, &created, response)) && update_metadata(c, r, b, when, response))
        response_error(c, response, created ? 201 : 202, NULL);
    broker_done(b);
}

static void put(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct broker_place p;

    if (!place(c, r, &p, response))
        return;
    if (r->container)
        put_row(c, r, &p, response);
    else
        put_account(c, r, &p, response);
}

/* --- POST, DELETE ------------------------------------------------------------------------------------------------------------------ */

static void post(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct broker_info info;
    struct timestamp when;
    struct broker *b = storage_timestamp(c, r, response, &when) ? open_live(c, r, &info, response) : NULL;

    if (b && update_metadata(c, r, b, when, response))
        response_error(c, response, 204, NULL);
    broker_done(b);
}

static void remove_account(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct broker_info info;
    struct timestamp when;
    struct broker *b = storage_timestamp(c, r, response, &when) ? open_live(c, r, &info, response) : NULL;

    if (b && broker_delete(c, b, when)) {
        broker_info(c, b, &info);
        gone(c, &info, 204, NULL, response);
    }
    broker_done(b);
}

/* --- GET, HEAD --------------------------------------------------------------------------------------------------------------------- */

static bool set_policies(struct ctx *c, struct broker *b, struct headers *h)
{
    struct policy_count *counts;
    size_t n;

    if (!broker_policy_counts(c, b, &counts, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct storage_policy *policy = policy_by_index(counts[i].policy_index);

        if (!policy)
            continue;
        headers_printf(c, h, ctx_printf(c, "X-Account-Storage-Policy-%s-Container-Count", policy->name), "%" G_GINT64_FORMAT, counts[i].container_count);
        headers_printf(c, h, ctx_printf(c, "X-Account-Storage-Policy-%s-Object-Count", policy->name), "%" G_GINT64_FORMAT, counts[i].object_count);
        headers_printf(c, h, ctx_printf(c, "X-Account-Storage-Policy-%s-Bytes-Used", policy->name), "%" G_GINT64_FORMAT, counts[i].bytes_used);
    }
    return true;
}

static bool set_headers(struct ctx *c, struct broker *b, const struct broker_info *i, struct headers *h)
{
    struct broker_meta *list;
    size_t n;

    headers_printf(c, h, "X-Account-Container-Count", "%" G_GINT64_FORMAT, i->container_count);
    headers_printf(c, h, "X-Account-Object-Count", "%" G_GINT64_FORMAT, i->object_count);
    headers_printf(c, h, "X-Account-Bytes-Used", "%" G_GINT64_FORMAT, i->bytes_used);
    headers_set(c, h, "X-Timestamp", timestamp_normal_text(c, i->created_at));
    headers_set(c, h, "X-Put-Timestamp", timestamp_normal_text(c, i->put_timestamp));
    if (!set_policies(c, b, h) || !broker_metadata(c, b, &list, &n))
        return false;
    for (size_t k = 0; k < n; k++)
        if (*list[k].value)
            headers_set(c, h, list[k].name, list[k].value);
    return true;
}

static bool write_listing(struct ctx *c, const struct swift_request *r, struct broker *b, int64_t limit, enum listing_format format,
                          struct swift_response *response)
{
    struct listing_query q = {
        .marker = request_param(r, "marker"), .end_marker = request_param(r, "end_marker"), .prefix = request_param(r, "prefix"),
        .delimiter = request_param(r, "delimiter"), .limit = limit, .policy_index = -1,
        .reverse = word_true(request_param(r, "reverse")),
        .allow_reserved = header_true(&r->headers, "X-Backend-Allow-Reserved-Names"),
    };
    struct listing_writer w;

    listing_begin(&w, c, format, true, r->account);
    if (!broker_list(c, b, &q, listing_add, &w)) {
        buf_clear(&w.text);
        return false;
    }
    listing_end(&w);
    response->status = w.text.len ? 200 : 204;
    response_bytes(c, response, response_get(response, "Content-Type"), &w.text);
    return true;
}

static void get(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    enum listing_format format;
    struct broker_info info;
    int64_t limit;
    const char *type;
    struct broker *b;

    if (!check_limit(c, r, constraints->account_listing_limit, &limit, response) || !(type = listing_content_type(c, r, &format, response)) ||
        !(b = open_live(c, r, &info, response)))
        return;
    headers_printf(c, &response->headers, "Content-Type", "%s; charset=utf-8", type);
    response->status = 204;
    if (set_headers(c, b, &info, &response->headers) && strcmp(r->method, "HEAD"))
        write_listing(c, r, b, limit, format, response);
    broker_done(b);
}

static void replicate(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    broker_rpc(c, BROKER_ACCOUNT, r, response);
}

static const struct storage_verb verbs[] = {
    { "GET", get }, { "HEAD", get }, { "PUT", put }, { "POST", post }, { "DELETE", remove_account }, { "REPLICATE", replicate }, {}
};

static void serve(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    storage_dispatch(c, verbs, r, response);
}

const struct storage_server account_server = { .name = "account-server", .port = 6202, .serve = serve };
