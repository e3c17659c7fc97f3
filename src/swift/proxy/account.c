/* The account controller. */
#include "swift/proxy/proxy.h"

#include "swift/listing.h"
#include "swift/name.h"

#include <string.h>
#include <strings.h>

#define ACL_SYSMETA "X-Account-Sysmeta-Core-Access-Control"
#define ACL_HEADER "X-Account-Access-Control"

/* The account's ACL is kept where clients cannot set it, and shown to its owner. */
static void show_acl(struct ctx *c, struct swift_response *r)
{
    const char *acl = response_get(r, ACL_SYSMETA);

    if (acl && *acl && strcmp(acl, "{}"))
        headers_set(c, &r->headers, ACL_HEADER, acl);
    headers_remove(&r->headers, ACL_SYSMETA);
}

static bool name_fits(struct ctx *c, const char *account, struct swift_response *r)
{
    int64_t most = constraints->max_account_name_length * (*account == '.' ? 2 : 1);
    size_t n = name_length(account);

    if ((int64_t)n <= most)
        return true;
    response_error(c, r, 400, ctx_printf(c, "Account name length of %zu longer than %" G_GINT64_FORMAT, n, most));
    return false;
}

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

/* An account that will be made by its first use looks like one that is empty. */
static void pretend(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    const char *now = timestamp_normal_text(c, timestamp_now());
    struct listing_writer w;

    response_clear(response);
    headers_set(c, &response->headers, "X-Account-Container-Count", "0");
    headers_set(c, &response->headers, "X-Account-Object-Count", "0");
    headers_set(c, &response->headers, "X-Account-Bytes-Used", "0");
    headers_set(c, &response->headers, "X-Timestamp", now);
    headers_set(c, &response->headers, "X-Put-Timestamp", now);
    headers_set(c, &response->headers, "X-Backend-Fake-Account-Listing", "yes");
    headers_set(c, &response->headers, "Content-Type", "application/json; charset=utf-8");
    response->status = 204;
    if (!strcmp(r->method, "HEAD"))
        return;
    listing_begin(&w, c, LISTING_JSON, true, r->account);
    listing_end(&w);
    response->status = 200;
    response_bytes(c, response, "application/json; charset=utf-8", &w.text);
}

static void get(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct nodes nodes;

    if (!name_fits(c, r->account, response))
        return;
    nodes_init(c, &nodes, STORAGE_ACCOUNT, storage_ring(STORAGE_ACCOUNT), r->account, NULL, NULL, NULL, NODES_READ);
    proxy_get(c, r, response, &nodes, request_query_with(c, r, NULL, (const struct pair[]){ { "format", "json" }, {} }));
    if (response->status == 404) {
        const char *status = response_get(response, "X-Account-Status");

        if (status && !strcasecmp(status, "deleted"))
            response_error(c, response, 410, NULL);
        else if (proxy_options->account_autocreate)
            pretend(c, r, response);
    }
    info_learn(c, r->account, NULL, response);
    if (r->env->swift_owner)
        show_acl(c, response);
    else
        proxy_hide_owner_headers(&response->headers);
}

/* --- writing ------------------------------------------------------------------------------------------------------------------- */

static void to_all(struct ctx *c, struct swift_request *r, struct swift_response *response, bool metadata)
{
    struct headers headers = {}, *all;
    struct nodes nodes;

    nodes_init(c, &nodes, STORAGE_ACCOUNT, storage_ring(STORAGE_ACCOUNT), r->account, NULL, NULL, NULL, NODES_WRITE);
    proxy_backend_headers(c, r, &headers, metadata ? "account" : "", NULL);
    all = ctx_new_n(c, struct headers, nodes.replicas);
    for (size_t i = 0; i < nodes.replicas; i++)
        all[i] = headers;
    info_forget(r->account, NULL);
    proxy_to_all(c, r, response, &nodes, r->method, all, nodes.replicas, NULL, 0, 0);
    info_forget(r->account, NULL);
}

static void change(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    if (!name_fits(c, r->account, response) || !check_metadata(c, r, "account", response))
        return;
    to_all(c, r, response, true);
    if (response->status == 404 && !strcmp(r->method, "POST") && proxy_options->account_autocreate) {
        account_autocreate(c, r, r->account);
        to_all(c, r, response, true);
    }
    show_acl(c, response);
}

static void remove_account(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    if (*r->query_text)
        response_error(c, response, 400, NULL);
    else
        to_all(c, r, response, false);
}

void account_controller(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    if (!proxy_authorized(c, r, NULL, response))
        return;
    if (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"))
        get(c, r, response);
    else if (!strcmp(r->method, "DELETE"))
        remove_account(c, r, response);
    else
        change(c, r, response);
}
