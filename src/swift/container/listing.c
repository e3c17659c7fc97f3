/* GET and HEAD of a container: what it says of itself, and its objects. */
#include "swift/container/container.h"

#include "swift/constraints.h"
#include "swift/listing.h"

#include <string.h>
#include <strings.h>

/* Deleted containers show clients nothing of themselves. */
static void set_info(struct ctx *c, const struct broker_info *i, bool deleted, struct headers *h)
{
    headers_set(c, h, "X-Backend-Timestamp", timestamp_text(c, i->created_at));
    headers_set(c, h, "X-Backend-Put-Timestamp", timestamp_text(c, i->put_timestamp));
    headers_set(c, h, "X-Backend-Delete-Timestamp", timestamp_text(c, i->delete_timestamp));
    headers_set(c, h, "X-Backend-Status-Changed-At", timestamp_text(c, i->status_changed_at));
    headers_printf(c, h, "X-Backend-Storage-Policy-Index", "%d", i->policy_index);
    if (deleted)
        return;
    headers_printf(c, h, "X-Container-Object-Count", "%" G_GINT64_FORMAT, i->object_count);
    headers_printf(c, h, "X-Container-Bytes-Used", "%" G_GINT64_FORMAT, i->bytes_used);
    headers_set(c, h, "X-Timestamp", timestamp_normal_text(c, i->created_at));
    headers_set(c, h, "X-Put-Timestamp", timestamp_normal_text(c, i->put_timestamp));
    headers_set(c, h, "X-Backend-Sharding-State", i->db_state ? i->db_state : "unsharded");
}

static bool set_metadata(struct ctx *c, struct broker *b, struct headers *h)
{
    struct broker_meta *list;
    size_t n;

    if (!broker_metadata(c, b, &list, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (*list[i].value && container_keeps(&(struct pair){ list[i].name, list[i].value }))
            headers_set(c, h, list[i].name, list[i].value);
    return true;
}

static bool write_listing(struct ctx *c, const struct swift_request *r, struct broker *b, const struct broker_info *info, int64_t limit,
                          enum listing_format format, struct swift_response *response)
{
    const struct storage_policy *policy;
    struct listing_query q = {
        .marker = request_param(r, "marker"), .end_marker = request_param(r, "end_marker"), .prefix = request_param(r, "prefix"),
        .delimiter = request_param(r, "delimiter"), .path = request_param(r, "path"), .limit = limit,
        .reverse = word_true(request_param(r, "reverse")), .allow_reserved = header_true(&r->headers, "X-Backend-Allow-Reserved-Names"),
    };
    const char *type;
    struct listing_writer w;

    if (!storage_policy(c, r, response, &policy))
        return false;
    q.policy_index = policy ? policy->index : info->policy_index;
    headers_set(c, &response->headers, "X-Backend-Record-Type", "object");
    headers_printf(c, &response->headers, "X-Backend-Record-Storage-Policy-Index", "%d", q.policy_index);
    listing_begin(&w, c, format, false, r->container);
    /* while it is sharding what there is is listed from there */
    struct broker *retiring = info->db_state && !strcmp(info->db_state, "sharding") ? broker_retiring(c, b) : NULL;
    bool well = !failed(c) && broker_list(c, retiring ? retiring : b, &q, listing_add, &w);
    broker_done(retiring);
    if (!well) {
        buf_clear(&w.text);
        return false;
    }
    listing_end(&w);
    type = response_get(response, "Content-Type");
    response->status = w.text.len ? 200 : 204;
    response_bytes(c, response, type, &w.text);
    response->plain_listing = format == LISTING_JSON && !w.hides;
    return true;
}

/* Is what is wanted shard ranges? "auto": if the container has some. */
static bool shards_asked(const struct swift_request *r, const struct broker_info *info)
{
    const char *type = request_get(r, "X-Backend-Record-Type");

    if (!type || strcmp(r->method, "GET"))
        return false;
    return !strcasecmp(type, "shard") || (!strcasecmp(type, "auto") && info->db_state && g_str_has_prefix(info->db_state, "shard"));
}

static bool answer(struct ctx *c, const struct swift_request *r, struct broker *b, const struct broker_info *info, struct swift_response *response)
{
    enum listing_format format;
    const char *type = listing_content_type(c, r, &format, response);
    int64_t limit;

    if (!type || !check_limit(c, r, constraints->container_listing_limit, &limit, response))
        return false;
    set_info(c, info, false, &response->headers);
    headers_printf(c, &response->headers, "Content-Type", "%s; charset=utf-8", type);
    headers_set(c, &response->headers, "Last-Modified", timestamp_http(c, info->put_timestamp));
    if (!set_metadata(c, b, &response->headers))
        return false;
    response->status = 204;
    if (!strcmp(r->method, "HEAD"))
        return true;
    return shards_asked(r, info) ? container_shards_get(c, r, b, info, response) : write_listing(c, r, b, info, limit, format, response);
}

void container_get(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct broker_info info = {};
    struct broker_place p;
    struct broker *b;
    bool deleted;

    if (!container_place(c, r, &p, response))
        return;
    b = broker_open(c, &p);
    if (failed(c))
        return;
    deleted = !b || broker_is_deleted(c, b, &info);
    if (deleted && b && shards_asked(r, &info) && header_true(&r->headers, "X-Backend-Override-Deleted"))
        deleted = false;
    if (!failed(c) && deleted) {
        set_info(c, &info, true, &response->headers);
        response_error(c, response, 404, NULL);
    } else if (!failed(c)) {
        answer(c, r, b, &info, response);
    }
    broker_done(b);
}
