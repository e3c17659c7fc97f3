/* Serving one request, whether it came over a socket or from client/: who asks, which version, which row, may they, run it,
 * and answer. The order is the original's: identity first (401 hides what exists), then version (400, 406), then path and
 * method (404, 405), then the rule (403).
 */
#include "oslo/auth/auth.h"
#include "oslo/base/log.h"
#include "oslo/service/parts.h"
#include "oslo/trace/trace.h"

#include <string.h>

static bool answer(struct ctx *, struct service_state *, struct request *, struct reply *);
static bool admit(struct ctx *, const struct service *, struct request *, bool found);
static bool run_route(struct ctx *, struct request *, struct reply *);
static bool slash_dropped(struct ctx *, const struct service *, struct request *);
static void answer_fault(struct ctx *, struct request *, struct reply *);
static void plain_error(struct ctx *, struct reply *);
static void take_request_ids(struct ctx *, const struct request *);

void service_serve(const struct service *service, struct ctx *c, struct request *request, struct reply *reply)
{
    struct service_state *state = service_state(service);
    int64_t started = clock_mono_us();
    bool well = true;

    c->service = service;
    c->db = state->db;
    if (request->scheme_host)
        c->base_url = request->scheme_host;
    if (!service->answer && health_serve(c, service, request, reply))
        return;
    take_request_ids(c, request);
    struct span *span = span_begin(c, SPAN_REQUEST, "%s %s %s", service->name, request->method, request->raw_path);
    if (service->answer)
        service->answer(c, request, reply);
    else
        well = answer(c, state, request, reply);

    if (c->tx) {
        log_error(c, "%s %s %s left a transaction open; rolled back", service->name, request->method, request->path);
        while (c->tx)
            db_rollback(c);
    }
    if (!well)
        answer_fault(c, request, reply);
    if (service->style && service->style->finish)
        service->style->finish(c, request, reply);
    if (reply->again_at) {
        span_end(c, span, 0);
        return;
    }
    reply_header(c, reply, "X-Openstack-Request-Id", c->request_id);
    span_end(c, span, reply->status >= 400 ? reply->status : 0);
    int64_t took = clock_mono_us() - started;
    health_count(service, reply->status, took);
    log_debug(c, "%s %s %s %d %" G_GINT64_FORMAT "us", service->name, request->method, request->raw_path, reply->status, took);
}

static bool answer(struct ctx *c, struct service_state *state, struct request *request, struct reply *reply)
{
    const struct service *service = state->service;
    const struct fault *wrong_version = NULL;
    const char *allow = NULL;

    c->version = version_negotiate(c, service, request, &wrong_version);
    bool found = router_find(c, state->router, request, c->version, &allow) ||
        (!allow && slash_dropped(c, service, request) && router_find(c, state->router, request, c->version, &allow));
    if (failed(c) || (found && service->style && service->style->admit && !service->style->admit(c, request)) ||
        !admit(c, service, request, found))
        return false;
    if (wrong_version) {
        version_headers(c, service, request, wrong_version, reply);
        c->fault = *wrong_version;
        return false;
    }
    if (!found && allow) {
        reply_header(c, reply, "Allow", allow);
        return fail(c, NO_METHOD, request->method);
    }
    if (!found)
        return fail(c, NO_ROUTE);
    if (request->route->action && !routes_action(c, state, request))
        return false;
    version_headers(c, service, request, NULL, reply);
    return run_route(c, request, reply);
}

/* Takes the slash off the path's end where the service does not mind it. */
static bool slash_dropped(struct ctx *c, const struct service *service, struct request *request)
{
    size_t n = strlen(request->path);

    if (!service->style || !service->style->slash_at_end || n < 2 || request->path[n - 1] != '/')
        return false;
    request->path = ctx_strndup(c, request->path, n - 1);
    return true;
}

/* Identity. What lies outside the service's base, and open rows, need none. */
static bool admit(struct ctx *c, const struct service *service, struct request *request, bool found)
{
    if (found ? (request->route->flags & ROUTE_OPEN) != 0
              : !routes_in_base(service, request->path) || (service->style && service->style->open_errors))
        return true;
    return auth_request(c, request);
}

static bool run_route(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct route *route = request->route;

    if (route->policy && !policy_check(c, route->policy, NULL))
        return false;
    if (!route->run(c, request, reply)) {
        if (!failed(c))
            fail(c, INTERNAL_ERROR, "The handler failed without saying why.");
        return false;
    }
    if (!reply->status)
        reply->status = route->status ? route->status : 200;
    return true;
}

/* Headers set so far stay (versions, Allow); the body does not. */
static void answer_fault(struct ctx *c, struct request *request, struct reply *reply)
{
    struct pair headers[G_N_ELEMENTS(reply->headers)];
    int n = reply->n_headers;

    if (c->fault.status >= 500)
        log_error(c, "%s %s: %d %s: %s%s%s", request->method, request->raw_path, c->fault.status, c->fault.type, c->fault.message,
                  c->fault.detail ? ": " : "", c->fault.detail ? c->fault.detail : "");
    memcpy(headers, reply->headers, sizeof(headers));
    reply_clear(reply);
    *reply = (struct reply){ .fd = -1, .status = c->fault.status, .n_headers = n };
    memcpy(reply->headers, headers, sizeof(headers));
    const struct rest_style *style = c->service->style;
    if (c->fault.status == 401 && !(style && style->own_401))
        auth_refuse(c, reply);
    else if (style && style->error)
        style->error(c, request, reply);
    else
        plain_error(c, reply);
    if (!reply->status)
        reply->status = c->fault.status;
}

/* For a service without a style of its own. */
static void plain_error(struct ctx *c, struct reply *reply)
{
    struct out out = { .to = &reply->body };

    out_object(&out, NULL);
    out_object(&out, "error");
    out_int(&out, "code", c->fault.status);
    out_string(&out, "title", c->fault.type);
    out_string(&out, "message", c->fault.message);
    out_end_object(&out);
    out_end_object(&out);
    reply->has_body = true;
}

/* A caller may hand on its own request's id, in the one shape there is. */
static void take_request_ids(struct ctx *c, const struct request *request)
{
    const char *global = request_header(request, "X-Openstack-Global-Request-Id");

    if (global && g_str_has_prefix(global, "req-") && strlen(global) == 40 && uuid_is(global + 4))
        c->global_request_id = ctx_strdup(c, global);
    span_continue_header(c, request_header(request, TRACE_HEADER));
}
