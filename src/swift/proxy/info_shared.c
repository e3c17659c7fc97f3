/* Headers as the original's JSON, and back. */
#include "swift/proxy/info_shared.h"

#include "oslo/base/text.h"
#include "swift/cache.h"
#include "swift/constraints.h"
#include "swift/policy.h"

#include <string.h>

struct member { const char *name, *header, *otherwise; };            /* otherwise NULL: null */

static const struct member of_account[] = {
    { "container_count", "X-Account-Container-Count", NULL }, { "total_object_count", "X-Account-Object-Count", NULL },
    { "bytes", "X-Account-Bytes-Used", NULL }, {}
};
static const struct member of_container[] = {
    { "read_acl", "X-Container-Read", NULL }, { "write_acl", "X-Container-Write", NULL }, { "sync_to", "X-Container-Sync-To", NULL },
    { "sync_key", "X-Container-Sync-Key", NULL }, { "object_count", "X-Container-Object-Count", NULL }, { "bytes", "X-Container-Bytes-Used", NULL },
    { "versions", "X-Versions-Location", NULL }, { "storage_policy", "X-Backend-Storage-Policy-Index", "0" },
    { "sharding_state", "X-Backend-Sharding-State", "unsharded" }, { "created_at", "X-Backend-Timestamp", NULL },
    { "put_timestamp", "X-Backend-Put-Timestamp", NULL }, { "delete_timestamp", "X-Backend-Delete-Timestamp", NULL },
    { "status_changed_at", "X-Backend-Status-Changed-At", NULL }, {}
};
static const struct member of_cors[] = {
    { "allow_origin", "X-Container-Meta-Access-Control-Allow-Origin", NULL }, { "expose_headers", "X-Container-Meta-Access-Control-Expose-Headers", NULL },
    { "max_age", "X-Container-Meta-Access-Control-Max-Age", NULL }, {}
};

static const char *key_of(struct ctx *c, const char *account, const char *container)
{
    return container ? ctx_printf(c, "container/%s/%s", account, container) : ctx_printf(c, "account/%s", account);
}

/* --- to JSON ----------------------------------------------------------------------------------------------------------- */

static json_t *text_json(const char *text)
{
    json_t *json = text ? json_string(text) : NULL;

    return json ? json : json_null();
}

static void pack(json_t *to, const struct member *members, const struct headers *from)
{
    for (; members->name; members++)
        json_object_set_new(to, members->name, text_json(headers_get(from, members->header) ?: members->otherwise));
}

static const char *lower(struct ctx *c, const char *text)
{
    char *copy = ctx_strdup(c, text);

    for (char *at = copy; *at; at++)
        *at = g_ascii_tolower(*at);
    return copy;
}

/* All headers with that prefix, by what follows it in lower case. */
static json_t *pack_meta(struct ctx *c, const struct headers *from, const char *prefix)
{
    json_t *meta = json_object();

    for (size_t i = 0; i < from->n; i++)
        if (header_has_prefix(&from->pairs[i], prefix))
            json_object_set_new(meta, lower(c, from->pairs[i].name + strlen(prefix)), text_json(from->pairs[i].value));
    return meta;
}

static int64_t number(const struct headers *from, const char *name)
{
    const char *text = headers_get(from, name);
    int64_t value = 0;

    return text && text_to_int(text, &value) ? value : 0;
}

static json_t *pack_policies(struct ctx *c, const struct headers *from)
{
    json_t *all = json_object();

    for (size_t i = 0; i < policies_count(); i++) {
        const struct storage_policy *p = policy_at(i);
        const char *prefix = ctx_printf(c, "X-Account-Storage-Policy-%s", p->name);

        json_object_set_new(all, ctx_printf(c, "%d", p->index),
                            json_pack("{s:I, s:I, s:I}", "container_count", number(from, ctx_printf(c, "%s-Container-Count", prefix)), "object_count",
                                      number(from, ctx_printf(c, "%s-Object-Count", prefix)), "bytes", number(from, ctx_printf(c, "%s-Bytes-Used", prefix))));
    }
    return all;
}

void info_share(struct ctx *c, const char *account, const char *container, const struct swift_response *r, int64_t seconds)
{
    json_t *info = ctx_json(c, json_object());

    json_object_set_new(info, "status", json_integer(r->status));
    json_object_set_new(info, "meta", pack_meta(c, &r->headers, container ? "X-Container-Meta-" : "X-Account-Meta-"));
    json_object_set_new(info, "sysmeta", pack_meta(c, &r->headers, container ? "X-Container-Sysmeta-" : "X-Account-Sysmeta-"));
    pack(info, container ? of_container : of_account, &r->headers);
    if (container) {
        json_t *cors = json_object();

        pack(cors, of_cors, &r->headers);
        json_object_set_new(info, "cors", cors);
    } else {
        json_object_set_new(info, "storage_policies", pack_policies(c, &r->headers));
        if (r->status / 100 == 2)
            json_object_set_new(info, "account_really_exists", json_boolean(!header_true(&r->headers, "X-Backend-Fake-Account-Listing")));
    }
    cache_set(c, key_of(c, account, container), info, seconds);
}

/* --- and back ---------------------------------------------------------------------------------------------------------- */

static const char *value_of(struct ctx *c, json_t *value)
{
    return json_is_integer(value) ? ctx_printf(c, "%lld", (long long)json_integer_value(value)) : json_string_value(value);
}

static void unpack(struct ctx *c, json_t *from, const struct member *members, struct headers *to)
{
    for (; members->name; members++)
        if (value_of(c, json_object_get(from, members->name)))
            headers_set(c, to, members->header, value_of(c, json_object_get(from, members->name)));
}

static void unpack_meta(struct ctx *c, json_t *from, const char *prefix, struct headers *to)
{
    const char *name;
    json_t *value;

    json_object_foreach(from, name, value)
        if (json_is_string(value))
            headers_set(c, to, ctx_printf(c, "%s%s", prefix, name), json_string_value(value));
}

bool info_recall(struct ctx *c, const char *account, const char *container, struct swift_response *r)
{
    json_t *info = cache_get(c, key_of(c, account, container)), *status = json_object_get(info, "status");

    if (!json_is_integer(status))
        return false;
    r->status = (int)json_integer_value(status);
    unpack(c, info, container ? of_container : of_account, &r->headers);
    unpack_meta(c, json_object_get(info, "meta"), container ? "X-Container-Meta-" : "X-Account-Meta-", &r->headers);
    unpack_meta(c, json_object_get(info, "sysmeta"), container ? "X-Container-Sysmeta-" : "X-Account-Sysmeta-", &r->headers);
    if (json_is_false(json_object_get(info, "account_really_exists")))
        headers_set(c, &r->headers, "X-Backend-Fake-Account-Listing", "yes");
    return true;
}

void info_unshare(const char *account, const char *container)
{
    struct ctx c;

    ctx_init(&c, NULL, "");
    cache_delete(&c, key_of(&c, account, container));
    ctx_clear(&c);
}
