/* Calling: the message made from target, arguments and context, sent by the transport's driver. */
#include "oslo/base/inject.h"
#include "oslo/messaging/internal.h"
#include "oslo/trace/trace.h"

static struct message *request_new(struct ctx *, const struct driver *, const struct target *, const char *method, const json_t *args);
static bool check_cap(struct ctx *, const struct target *, const struct rpc_options *);

json_t *rpc_call(struct ctx *c, const struct target *target, const char *method, const json_t *args,
                 const struct rpc_options *options)
{
    static const struct rpc_options none = { .retry = -1 };
    int64_t deadline = clock_mono_us();
    struct transport *transport = transport_get(c, NULL);
    struct rpc_reply reply = {};
    struct span *span;
    bool ok;

    options = options ?: &none;
    deadline += options->timeout_us ?: messaging_options()->rpc_response_timeout * 1000000;
    if (c->deadline && c->deadline < deadline)
        deadline = c->deadline;
    if (!transport || !check_cap(c, target, options) || inject(c, INJECT_MESSAGE))
        return NULL;
    if (target->fanout)
        return fail_null(c, 500, "InvalidTarget", "A call cannot be used with fanout");
    span = span_begin(c, SPAN_CALL, "%s %s", target->topic, method);
    ok = transport->driver->send(c, transport, target, request_new(c, transport->driver, target, method, args), options, deadline, &reply);
    if (ok && reply.failure) {
        failure_to_fault(c, reply.failure);
        json_decref(reply.failure);
        ok = false;
    }
    span_end(c, span, ok ? 0 : c->fault.status);
    return ok ? ctx_json(c, reply.result ?: json_null()) : NULL;
}

bool rpc_cast(struct ctx *c, const struct target *target, const char *method, const json_t *args)
{
    static const struct rpc_options none = { .retry = -1 };
    struct transport *transport = transport_get(c, NULL);
    struct span *span;
    bool ok;

    if (!transport || inject(c, INJECT_MESSAGE))
        return false;
    span = span_begin(c, SPAN_CALL, "%s %s %s", target->fanout ? "fanout" : "cast", target->topic, method);
    ok = transport->driver->send(c, transport, target, request_new(c, transport->driver, target, method, args), &none, c->deadline, NULL);
    span_end(c, span, ok ? 0 : c->fault.status);
    return ok;
}

static json_t *own_args(const struct driver *driver, const json_t *args)
{
    return driver->by_text ? json_incref((json_t *)(uintptr_t)args) : json_deep_copy(args);
}

static struct message *request_new(struct ctx *c, const struct driver *driver, const struct target *target, const char *method, const json_t *args)
{
    struct message *m = message_new(method, args ? own_args(driver, args) : NULL, context_to_json(c));

    m->rpc_namespace = g_strdup(target->rpc_namespace);
    m->version = g_strdup(target->version);
    return m;
}

static bool check_cap(struct ctx *c, const struct target *target, const struct rpc_options *options)
{
    const char *version = target->version ?: "1.0";

    return !options->version_cap || version_compatible(options->version_cap, version) ||
           fail(c, VERSION_CAPPED, version, options->version_cap);
}
