/* One service calls another. A callee of this process gets the request as its door would have made it, in a ctx of its own
 * on the same thread; another gets it over HTTP, at the endpoint the catalog has.
 */
#include "oslo/client/client.h"

#include "oslo/auth/auth.h"
#include "oslo/base/inject.h"
#include "oslo/client/remote.h"
#include "oslo/http/request.h"
#include "oslo/record/record.h"
#include "oslo/registry/registry.h"
#include "oslo/trace/trace.h"

#include <string.h>
#include <unistd.h>

#define CALL_IN_TRANSACTION 500, "CallInTransaction", "%s %s %s was called with a transaction open"
#define NOT_JSON            502, "BadGateway", "%s %s %s answered with what is not JSON"

static bool call_headers(struct ctx *, const struct call *, const struct pair **ret_headers);
static bool call_here(struct ctx *, const struct service *, struct call *, const struct pair *headers, struct reply *);
static bool take_reply(struct ctx *, struct ctx *child, struct call *, struct reply *);
static bool well(const struct call *);
static bool fail_as_callee(struct ctx *, const struct call *, const struct fault *);
static bool drain(struct reply *, bool (*write)(void *, const void *, size_t), void *data);

bool client_call(struct ctx *c, struct call *call)
{
    const struct service *service = client_local(call->type);
    const struct pair *headers = NULL;

    call->status = 0;
    call->reply = NULL;
    if (c->tx)
        return fail(c, CALL_IN_TRANSACTION, call->type, call->method, call->path);
    if (inject(c, INJECT_CALL) || !call_headers(c, call, &headers))
        return false;
    struct span *span = span_begin(c, SPAN_CALL, "%s %s %s", call->type, call->method, call->path);
    struct reply reply = { .fd = -1 };
    bool called = service ? call_here(c, service, call, headers, &reply) : client_remote(c, call, headers);
    reply_clear(&reply);
    span_end(c, span, called ? 0 : c->fault.status);
    return called;
}

json_t *client_get(struct ctx *c, const char *type, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    struct call call = { .type = type, .method = "GET", .path = ctx_vprintf(c, format, args) };
    va_end(args);
    if (!client_call(c, &call))
        return NULL;
    return call.reply ? call.reply : ctx_json(c, json_null());
}

char *client_quote(struct ctx *c, const char *text)
{
    struct buf quoted = {};

    for (const char *at = text; *at; at++) {
        if (g_ascii_isalnum(*at) || strchr("-._~", *at))
            buf_putc(&quoted, *at);
        else
            buf_printf(&quoted, "%%%02X", (unsigned char)*at);
    }
    char *text_of_ctx = ctx_strdup(c, quoted.data ? quoted.data : "");
    buf_clear(&quoted);
    return text_of_ctx;
}

bool client_download(struct ctx *c, const char *type, const char *path, bool (*write)(void *, const void *, size_t), void *data)
{
    const struct service *service = client_local(type);
    struct call call = { .type = type, .method = "GET", .path = path };
    const struct pair *headers = NULL;

    if (c->tx)
        return fail(c, CALL_IN_TRANSACTION, type, "GET", path);
    if (!call_headers(c, &call, &headers))
        return false;
    if (!service)
        return client_remote_download(c, &call, headers, write, data);
    struct span *span = span_begin(c, SPAN_CALL, "%s GET %s", type, path);
    struct reply reply = { .fd = -1 };
    struct ctx child;
    struct request request = { .method = "GET", .headers = headers, .remote = "local", .content_length = 0 };
    ctx_init_child(&child, c, service);
    child.who = (struct identity){};
    request.scheme_host = client_scheme_host(&child, service);
    request_set_target(&child, &request, ctx_printf(&child, "%s%s", service->endpoint ? service->endpoint : "", path));
    service_state(service)->serve(service, &child, &request, &reply);
    call.status = reply.status;
    bool whole = well(&call) ? drain(&reply, write, data) || fail(c, 502, "BadGateway", "%s GET %s broke off", type, path)
                             : fail_as_callee(c, &call, &child.fault);
    reply_clear(&reply);
    ctx_clear(&child);
    span_end(c, span, whole ? 0 : c->fault.status);
    return whole;
}

const struct service *client_local(const char *type)
{
    const struct service *service = service_find(type);
    const struct service_state *state = service ? service_state(service) : NULL;

    return state && state->router && !state->shared->endpoint_override ? service : NULL;
}

/* What every call carries: who asks (and the service that asks for him), the version, the request it belongs to. */
static bool call_headers(struct ctx *c, const struct call *call, const struct pair **ret_headers)
{
    size_t given = 0, n = 0;

    while (call->headers && call->headers[given].name)
        given++;
    struct pair *headers = ctx_new_n(c, struct pair, given + 8);
    if (!call->no_auth) {
        const char *own = auth_service_token(c);

        if (!own)
            return false;
        bool as_service = call->as_service || !c->who.token;
        headers[n++] = (struct pair){ "X-Auth-Token", as_service ? own : c->who.token };
        if (!as_service)
            headers[n++] = (struct pair){ "X-Service-Token", own };
    }
    if (call->version)
        headers[n++] = (struct pair){ "OpenStack-API-Version", call->version };
    if (call->body)
        headers[n++] = (struct pair){ "Content-Type", "application/json" };
    headers[n++] = (struct pair){ "Accept", "application/json" };
    headers[n++] = (struct pair){ "X-Openstack-Global-Request-Id", c->global_request_id ? c->global_request_id : c->request_id };
    for (size_t i = 0; i < given; i++)
        headers[n++] = call->headers[i];
    *ret_headers = headers;
    return true;
}

/* --- in this process ------------------------------------------------------------------------------------------ */

static bool call_here(struct ctx *c, const struct service *service, struct call *call, const struct pair *headers, struct reply *reply)
{
    struct request request = { .method = call->method, .headers = headers, .remote = "local" };
    char *body = call->body ? json_dumps(call->body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    struct ctx child;

    ctx_init_child(&child, c, service);
    child.who = (struct identity){};
    request.body = call->bytes ? call->bytes : body;
    request.body_size = call->bytes ? call->size : body ? strlen(body) : 0;
    request.content_length = (int64_t)request.body_size;
    request.scheme_host = client_scheme_host(&child, service);
    request_set_target(&child, &request, ctx_printf(&child, "%s%s", service->endpoint ? service->endpoint : "", call->path));
    service_state(service)->serve(service, &child, &request, reply);
    bool taken = take_reply(c, &child, call, reply);
    free(body);
    ctx_clear(&child);
    return taken;
}

static bool take_reply(struct ctx *c, struct ctx *child, struct call *call, struct reply *reply)
{
    struct pair *headers = ctx_new_n(c, struct pair, reply->n_headers + 1);

    for (int i = 0; i < reply->n_headers; i++)
        headers[i] = (struct pair){ ctx_strdup(c, reply->headers[i].name), ctx_strdup(c, reply->headers[i].value) };
    call->reply_headers = headers;
    call->status = reply->status;
    if (failed(child) && !well(call))
        return fail_as_callee(c, call, &child->fault);
    if (reply->body.len && !(call->reply = ctx_json(c, json_loadb(reply->body.data, reply->body.len, JSON_DECODE_ANY, NULL))) && well(call))
        return fail(c, NOT_JSON, call->type, call->method, call->path);
    return well(call) || fail_as_callee(c, call, NULL);
}

/* Where a client on the network would have sent it: for links in the answer. */
const char *client_scheme_host(struct ctx *c, const struct service *service)
{
    char *url = service_url(c, service);

    url[strlen(url) - (service->endpoint ? strlen(service->endpoint) : 0)] = '\0';
    return url;
}

static bool drain(struct reply *reply, bool (*write_to)(void *, const void *, size_t), void *data)
{
    g_autofree char *bytes = g_malloc(256 * 1024);
    int64_t left = reply->size;
    ssize_t n = 0;

    if (reply->pull) {
        while ((n = reply->pull(reply->pull_data, bytes, 256 * 1024)) > 0)
            if (!write_to(data, bytes, (size_t)n))
                return false;
        return n == 0;
    }
    if (reply->fd < 0)
        return !reply->body.len || write_to(data, reply->body.data, reply->body.len);
    for (int64_t at = reply->offset; left > 0; at += n, left -= n) {
        n = pread(reply->fd, bytes, (size_t)MIN(left, 256 * 1024), at);
        if (n <= 0 || !write_to(data, bytes, (size_t)n))
            return false;
    }
    return true;
}

/* --- what it came to ------------------------------------------------------------------------------------------ */

static bool well(const struct call *call)
{
    return (call->status >= 200 && call->status < 300) || (call->status == 404 && call->accept_404);
}

bool client_fail(struct ctx *c, const struct call *call)
{
    return well(call) || fail_as_callee(c, call, NULL);
}

/* The callee's own words: its fault where it ran here, else what its error body says, in each of the shapes there are. */
static bool fail_as_callee(struct ctx *c, const struct call *call, const struct fault *fault)
{
    const char *type = fault ? fault->type : NULL, *message = fault ? fault->message : NULL, *name;
    json_t *member;

    if (!message)
        json_object_foreach(call->reply, name, member) {
            const json_t *said = json_is_array(member) ? json_array_get(member, 0) : member;

            type = json_get_string(said, "type") ?: json_get_string(said, "title") ?: name;
            message = json_get_string(said, "message") ?: json_get_string(said, "detail");
            if (message)
                break;
        }
    return fail(c, call->status >= 400 ? call->status : 502, type ? ctx_strdup(c, type) : "HTTPError", "%s",
                message ? message : ctx_printf(c, "%s %s %s: HTTP %d", call->type, call->method, call->path, call->status));
}
