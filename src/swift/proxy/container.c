/* The container controller. */
#include "swift/proxy/shards.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>

static const char *const passed[] = { "X-Container-Read", "X-Container-Write", "X-Container-Sync-Key", "X-Container-Sync-To", "X-Versions-Location",
                                      NULL };

/* Whoever may see it says here whether a container may be sharded. */
#define SHARDING "X-Container-Sharding"
#define SYSMETA_SHARDING "X-Container-Sysmeta-Sharding"

#define MOST_ROWS ((size_t)64 * 1024 * 1024)

static bool account_exists(struct ctx *c, const struct swift_request *r)
{
    const struct account_info *a = *r->account == '.' ? NULL : account_info(c, r, r->account);

    return !a || (a->status / 100 == 2 && a->really_exists);
}

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

static bool query_is_well(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    static const char *const names[] = { "marker", "end_marker", "prefix", "delimiter", "path", "format", "reverse", "states", "includes" };
    int64_t limit;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = request_param(r, names[i]);

        if (value && *value == '\xff') {
            response_text(c, response, 400, "text/plain", ctx_printf(c, "\"%s\" parameter not valid UTF-8", names[i]));
            return false;
        }
    }
    return check_limit(c, r, constraints->container_listing_limit, &limit, response);
}

static void get(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct swift_response refusal = RESPONSE_EMPTY;

    if (!strcmp(r->method, "GET") && !query_is_well(c, r, response))
        return;
    if (!account_exists(c, r)) {
        if (proxy_authorized(c, r, NULL, response))
            response_error(c, response, 404, NULL);
        return;
    }
    container_fetch(c, r, response);
    if (!header_true(&response->headers, "X-Backend-Cached-Results"))
        info_learn(c, r->account, r->container, response);
    if (!proxy_authorized(c, r, response_get(response, "X-Container-Read"), &refusal)) {
        response_clear(response);
        *response = refusal;
        return;
    }
    if (shards_answered(r, response))
        shards_gather(c, r, response);
    if (!r->env->swift_owner)
        proxy_hide_owner_headers(&response->headers);
    if (r->env->reseller_request)
        headers_set(c, &response->headers, SHARDING, header_true(&response->headers, SYSMETA_SHARDING) ? "True" : "False");
}

/* --- writing ------------------------------------------------------------------------------------------------------------------- */

static bool clean_acls(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    static const char *const names[] = { "X-Container-Read", "X-Container-Write" };

    for (size_t i = 0; r->env->clean_acl && i < G_N_ELEMENTS(names); i++) {
        const char *value = request_get(r, names[i]), *clean;

        if (!value)
            continue;
        clean = r->env->clean_acl(c, names[i], value, response);
        if (!clean)
            return false;
        headers_set(c, &r->headers, names[i], clean);
    }
    return true;
}

static void drop_owner_headers(struct ctx *c, struct swift_request *r)
{
    if (!r->env->swift_owner)
        proxy_hide_owner_headers(&r->headers);
    if (r->env->reseller_request && request_get(r, SHARDING))
        headers_set(c, &r->headers, SYSMETA_SHARDING, header_true(&r->headers, SHARDING) ? "True" : "False");
}

/* X-Storage-Policy names one. *ret -1: none is named. */
static bool policy_of(struct ctx *c, const struct swift_request *r, int *ret, struct swift_response *response)
{
    const char *name = request_get(r, "X-Storage-Policy");
    const struct storage_policy *policy;

    *ret = -1;
    if (!name || !*name)
        return true;
    policy = policy_by_name(name);
    if (policy && !policy->deprecated) {
        *ret = policy->index;
        return true;
    }
    response_text(c, response, 400, "text/plain", ctx_printf(c, policy ? "Storage Policy '%s' is deprecated" : "Invalid X-Storage-Policy '%s'",
                                                             policy ? policy->name : name));
    return false;
}

/* One for each of the container's nodes, all with the same headers. */
static struct headers *headers_for_all(struct ctx *c, struct swift_request *r, struct nodes *nodes, int policy)
{
    struct headers headers = {}, *all;

    nodes_init(c, nodes, STORAGE_CONTAINER, storage_ring(STORAGE_CONTAINER), r->account, r->container, NULL, NULL, NODES_WRITE);
    proxy_backend_headers(c, r, &headers, "container", passed);
    if (policy >= 0)
        headers_printf(c, &headers, "X-Backend-Storage-Policy-Index", "%d", policy);
    else if (policy == -1)
        headers_printf(c, &headers, "X-Backend-Storage-Policy-Default", "%d", policy_default()->index);
    all = ctx_new_n(c, struct headers, nodes->replicas);
    for (size_t i = 0; i < nodes->replicas; i++)
        headers_copy(c, &all[i], &headers);
    return all;
}

/* With policy -2: of a request that says nothing of it. */
static void to_all(struct ctx *c, struct swift_request *r, struct swift_response *response, int policy, bool tell_account)
{
    struct nodes nodes, accounts;
    struct headers *all = headers_for_all(c, r, &nodes, policy);

    if (tell_account) {
        nodes_init(c, &accounts, STORAGE_ACCOUNT, storage_ring(STORAGE_ACCOUNT), r->account, NULL, NULL, NULL, NODES_WRITE);
        for (size_t i = 0; i < accounts.n_primaries; i++)
            proxy_add_host(c, &all[i % nodes.replicas], "Account", accounts.primaries[i], accounts.partition);
    }
    info_forget(r->account, r->container);
    shards_forget(r->account, r->container);
    proxy_to_all(c, r, response, &nodes, r->method, all, nodes.replicas, NULL, 0, 0);
    info_forget(r->account, r->container);
}

static bool name_fits(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    int64_t most = constraints->max_container_name_length * (*r->account == '.' ? 2 : 1);
    size_t n = name_length(r->container);

    if ((int64_t)n <= most)
        return true;
    response_error(c, response, 400, ctx_printf(c, "Container name length of %zu longer than %" G_GINT64_FORMAT, n, most));
    return false;
}

static bool has_room(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    int64_t most = proxy_options->max_containers_per_account;
    const struct account_info *a = most > 0 ? account_info(c, r, r->account) : NULL;
    int64_t count = 0;

    if (!a || !a->container_count || !text_to_int(a->container_count, &count) || count < most || container_info(c, r, r->account, r->container)->status / 100 == 2 ||
        text_in(r->account, (const char *const *)text_split(c, proxy_options->max_containers_whitelist, ',')))
        return true;
    response_error(c, response, 403, ctx_printf(c, "Reached container limit of %" G_GINT64_FORMAT, most));
    return false;
}

static void put(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    int policy;

    if (!clean_acls(c, r, response) || !check_metadata(c, r, "container", response) || !policy_of(c, r, &policy, response))
        return;
    drop_owner_headers(c, r);
    if (!name_fits(c, r, response))
        return;
    if (!account_exists(c, r)) {
        if (!proxy_options->account_autocreate) {
            response_error(c, response, 404, NULL);
            return;
        }
        if (!account_autocreate(c, r, r->account)) {
            response_error(c, response, 503, NULL);
            return;
        }
    }
    if (has_room(c, r, response))
        to_all(c, r, response, policy, true);
}

static void post(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    if (!clean_acls(c, r, response) || !check_metadata(c, r, "container", response))
        return;
    drop_owner_headers(c, r);
    if (account_exists(c, r))
        to_all(c, r, response, -2, false);
    else
        response_error(c, response, 404, NULL);
}

static void remove_container(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    if (account_exists(c, r))
        to_all(c, r, response, -1, true);
    else
        response_error(c, response, 404, NULL);
    if (response->status == 202)
        response_error(c, response, 404, NULL);
}

/* Rows for its databases, which nobody is told of: what this process says on its own account. */
static void update(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *policy = request_get(r, "X-Backend-Storage-Policy-Index"), *rows;
    struct nodes nodes;
    struct headers *all;
    int64_t index;
    size_t n;

    if (!text_to_int(policy ? policy : "", &index) || !policy_by_index((int)index)) {
        response_error(c, response, 500, NULL);
        return;
    }
    rows = request_take_all(c, r, MOST_ROWS, &n, response);
    if (!rows)
        return;
    all = headers_for_all(c, r, &nodes, (int)index);
    proxy_to_all(c, r, response, &nodes, r->method, all, nodes.replicas, rows, n, 0);
}

void container_controller(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");

    if (reads)
        get(c, r, response);
    else if (!proxy_authorized(c, r, NULL, response))
        return;
    else if (!strcmp(r->method, "PUT"))
        put(c, r, response);
    else if (!strcmp(r->method, "POST"))
        post(c, r, response);
    else if (!strcmp(r->method, "UPDATE"))
        update(c, r, response);
    else
        remove_container(c, r, response);
}
