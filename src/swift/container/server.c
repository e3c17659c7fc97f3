/* The container server: PUT, POST and DELETE of containers; its other verbs are beside it. */
#include "swift/container/container.h"

#include "oslo/base/log.h"
#include "swift/broker/rpc.h"
#include "swift/constraints.h"
#include "swift/container/sync_store.h"
#include "swift/name.h"
#include "swift/sync_realms.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

bool container_place(struct ctx *c, const struct swift_request *r, struct broker_place *p, struct swift_response *response)
{
    const char *device;

    if (!r->account || !r->container) {
        response_text(c, response, 400, "text/plain", ctx_printf(c, "Invalid path: %s", name_quote(c, r->path, "/")));
        return false;
    }
    device = storage_device(c, r, response);
    *p = (struct broker_place){ BROKER_CONTAINER, r->device, device, r->partition, r->account, r->container };
    return device != NULL;
}

struct broker *container_open(struct ctx *c, const struct broker_place *p, struct swift_response *response)
{
    struct broker *b = broker_open(c, p);

    if (!b && !failed(c))
        response_error(c, response, 404, NULL);
    return b;
}

bool container_autocreate(struct ctx *c, const struct swift_request *r, const struct broker_place *p, struct timestamp when, int policy,
                          bool *ret_made, struct swift_response *response)
{
    bool wanted = request_get(r, "X-Backend-Auto-Create") ? header_true(&r->headers, "X-Backend-Auto-Create")
                                                          : *r->account == '.' && !g_str_has_prefix(r->account, ".shards_");

    return !wanted || broker_create(c, p, when, policy, ret_made);
}

/* --- metadata ---------------------------------------------------------------------------------------------------------------- */

bool container_keeps(const struct pair *h)
{
    static const char *const kept[] = { "X-Container-Read", "X-Container-Write", "X-Container-Sync-Key", "X-Container-Sync-To" };

    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
        if (!strcasecmp(h->name, kept[i]))
            return true;
    return is_sys_meta(h, "container") || is_user_meta(h, "container");
}

static const char *meta_value(struct ctx *c, struct broker *b, const char *name)
{
    struct broker_meta *list;
    size_t n;

    if (!broker_metadata(c, b, &list, &n))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(list[i].name, name))
            return list[i].value;
    return NULL;
}

/* Where objects are synced to has changed: from the beginning again. */
static bool reset_sync(struct ctx *c, struct broker *b, const char *sync_to)
{
    const char *old = sync_to ? meta_value(c, b, "X-Container-Sync-To") : NULL;

    return !sync_to || (old && !strcmp(old, sync_to)) || broker_set_sync_points(c, b, -1, -1);
}

static bool sync_to_is_valid(struct ctx *c, const char *sync_to, struct swift_response *response)
{
    struct sync_target target;
    const char *wrong = sync_to ? sync_target_read(c, sync_to, NULL, &target) : NULL;

    if (wrong)
        response_error(c, response, 400, wrong);
    return !wrong;
}

bool container_update_metadata(struct ctx *c, const struct swift_request *r, struct broker *b, struct timestamp when, struct swift_response *response)
{
    struct broker_meta *list = ctx_new_n(c, struct broker_meta, r->headers.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < r->headers.n; i++)
        if (container_keeps(&r->headers.pairs[i]))
            list[n++] = (struct broker_meta){ header_title(c, r->headers.pairs[i].name), r->headers.pairs[i].value, when };
    if (!broker_meta_fits(c, b, list, n, response) || !reset_sync(c, b, request_get(r, "X-Container-Sync-To")) || !broker_update_metadata(c, b, list, n))
        return false;
    sync_store_update(c, b);
    return true;
}

/* --- the account ------------------------------------------------------------------------------------------------------------- */

/* Tells the account what the container has. False: it does not exist (404), or the headers do not fit (400). */
static bool tell_account(struct ctx *c, const struct swift_request *r, struct broker *b, struct swift_response *response)
{
    const char *partition = request_get(r, "X-Account-Partition"), *id = request_get(r, "X-Trans-Id"), *over = request_get(r, "X-Account-Override-Deleted");
    struct broker_info info;
    struct headers h = {};
    char **hosts, **devices;
    int n = storage_hosts(c, r, "Account", &hosts, &devices), missing = 0;

    if (n < 0) {
        response_error(c, response, 400, NULL);
        return false;
    }
    if (!n || !partition)
        return true;
    if (!broker_info(c, b, &info))
        return false;
    headers_set(c, &h, "X-Put-Timestamp", timestamp_text(c, info.put_timestamp));
    headers_set(c, &h, "X-Delete-Timestamp", timestamp_set(info.delete_timestamp) ? timestamp_text(c, info.delete_timestamp) : "0");
    headers_printf(c, &h, "X-Object-Count", "%" G_GINT64_FORMAT, info.object_count);
    headers_printf(c, &h, "X-Bytes-Used", "%" G_GINT64_FORMAT, info.bytes_used);
    headers_printf(c, &h, "X-Backend-Storage-Policy-Index", "%d", info.policy_index);
    headers_set(c, &h, "X-Trans-Id", id ? id : "-");
    headers_printf(c, &h, "User-Agent", "container-server %d", getpid());
    headers_set(c, &h, "Referer", storage_referer(c, r));
    if (over && !strcasecmp(over, "yes"))
        headers_set(c, &h, "X-Account-Override-Deleted", "yes");
    for (int i = 0; i < n; i++) {
        int status = storage_update(c, STORAGE_ACCOUNT, hosts[i], devices[i], partition, "PUT", r->account, r->container, NULL, &h, NULL);

        missing += status == 404;
        if (status / 100 != 2 && status != 404)
            log_warning(c, "swift: account update failed with %s/%s (will be retried): %d", hosts[i], devices[i], status);
    }
    if (missing < n)
        return true;
    response_error(c, response, 404, NULL);
    return false;
}

/* --- PUT --------------------------------------------------------------------------------------------------------------------- */

bool container_say_policy(struct ctx *c, struct broker *b, struct swift_response *response)
{
    struct broker_info info;

    if (!broker_info(c, b, &info))
        return false;
    headers_printf(c, &response->headers, "X-Backend-Storage-Policy-Index", "%d", info.policy_index);
    return true;
}

static int new_policy(struct ctx *c, const struct swift_request *r, const struct storage_policy *asked)
{
    const char *preferred = request_get(r, "X-Backend-Storage-Policy-Default");
    int64_t index;

    if (asked)
        return asked->index;
    return preferred && text_to_int(preferred, &index) && policy_by_index((int)index) ? (int)index : policy_default()->index;
}

/* The database, made or brought up to date. *ret_created: it was not there, or deleted. */
static struct broker *update_or_create(struct ctx *c, const struct swift_request *r, const struct broker_place *p, struct timestamp when,
                                       const struct storage_policy *asked, bool *ret_created, struct swift_response *response)
{
    struct broker_info info;
    struct broker *b;
    bool deleted, well = true;

    if (!broker_create(c, p, when, new_policy(c, r, asked), ret_created) || !(b = broker_open(c, p)))
        return NULL;
    if (*ret_created)
        return b;
    deleted = broker_is_deleted(c, b, &info);
    if (deleted)
        well = broker_set_policy(c, b, new_policy(c, r, asked), when);
    else if (!failed(c) && asked && asked->index != info.policy_index) {
        headers_printf(c, &response->headers, "X-Backend-Storage-Policy-Index", "%d", info.policy_index);
        response_error(c, response, 409, NULL);
        well = false;
    }
    well = well && !failed(c) && broker_update_put_timestamp(c, b, when);
    if (well && broker_is_deleted(c, b, NULL)) {
        response_error(c, response, 409, NULL);
        well = false;
    }
    well = well && !failed(c) && (!deleted || broker_update_status_changed_at(c, b, when));
    *ret_created = deleted;
    if (well)
        return b;
    broker_done(b);
    return NULL;
}

static void put(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *type = request_get(r, "X-Backend-Record-Type");
    const struct storage_policy *asked;
    struct broker_place p;
    struct timestamp when;
    struct broker *b;
    bool created = false;

    if (r->object) {
        container_row_put(c, r, response);
        return;
    }
    if (!storage_timestamp(c, r, response, &when) || !container_place(c, r, &p, response) || !storage_policy(c, r, response, &asked) ||
        !sync_to_is_valid(c, request_get(r, "X-Container-Sync-To"), response))
        return;
    if (type && !strcasecmp(type, "shard")) {
        container_shards_put(c, r, &p, when, asked, response);
        return;
    }
    b = update_or_create(c, r, &p, when, asked, &created, response);
    if (!b)
        return;
    if (container_update_metadata(c, r, b, when, response) && tell_account(c, r, b, response) && container_say_policy(c, b, response))
        response_error(c, response, created ? 201 : 202, NULL);
    broker_done(b);
}

/* --- DELETE, POST -------------------------------------------------------------------------------------------------------------- */

static void delete_container(struct ctx *c, struct swift_request *r, struct broker *b, struct timestamp when, struct swift_response *response)
{
    struct broker_info info;
    bool existed;

    if (!broker_is_empty(c, b)) {
        if (!failed(c))
            response_error(c, response, 409, NULL);
        return;
    }
    existed = !broker_is_deleted(c, b, &info) && timestamp_set(info.put_timestamp);
    if (failed(c) || !broker_delete(c, b, when))
        return;
    if (!broker_is_deleted(c, b, NULL)) {
        response_error(c, response, 409, NULL);
        return;
    }
    sync_store_update(c, b);
    if (tell_account(c, r, b, response))
        response_error(c, response, existed ? 204 : 404, NULL);
}

static void remove_container(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct broker_place p;
    struct timestamp when;
    struct broker *b;

    if (r->object) {
        container_row_delete(c, r, response);
        return;
    }
    if (!storage_timestamp(c, r, response, &when) || !container_place(c, r, &p, response) || !(b = container_open(c, &p, response)))
        return;
    delete_container(c, r, b, when, response);
    broker_done(b);
}

static void post(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct broker_place p;
    struct timestamp when;
    struct broker *b;

    if (!storage_timestamp(c, r, response, &when) || !container_place(c, r, &p, response) ||
        !sync_to_is_valid(c, request_get(r, "X-Container-Sync-To"), response) || !(b = container_open(c, &p, response)))
        return;
    if (broker_is_deleted(c, b, NULL)) {
        response_error(c, response, 404, NULL);
    } else if (!failed(c) && broker_update_put_timestamp(c, b, when) && container_update_metadata(c, r, b, when, response)) {
        response_error(c, response, 204, NULL);
    }
    broker_done(b);
}

static void replicate(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    broker_rpc(c, BROKER_CONTAINER, r, response);
}

static const struct storage_verb verbs[] = {
    { "GET", container_get }, { "HEAD", container_get }, { "PUT", put }, { "POST", post }, { "DELETE", remove_container },
    { "UPDATE", container_update_rows }, { "REPLICATE", replicate }, {}
};

static void serve(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    storage_dispatch(c, verbs, r, response);
}

const struct storage_server container_server = { .name = "container-server", .port = 6201, .serve = serve };
