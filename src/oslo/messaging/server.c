/* Answering: worker threads that poll the driver's listener, dispatch each message in a ctx of its own, and reply. */
#include <pthread.h>
#include <string.h>

#include "oslo/base/log.h"
#include "oslo/messaging/internal.h"
#include "oslo/trace/trace.h"

struct rpc_listener {
    const struct rpc_server *server;
    const struct service *service;
    struct db *db;
    const struct driver *driver;
    void *source;                    /* the driver's listener */
    pthread_t *threads;
    int n_threads;
};

static void *work(void *listener);
static void serve(void *listener, struct incoming *);

struct rpc_listener *rpc_listen(struct ctx *c, const struct rpc_server *server, const struct service *service, const char *host)
{
    struct transport *transport = transport_get(c, NULL);
    struct listen_on on = { .exchange = server->exchange, .topic = server->topic, .server = host };
    struct rpc_listener *l;
    int threads;

    if (!transport)
        return NULL;
    l = g_new0(struct rpc_listener, 1);
    l->server = server;
    l->service = service;
    l->db = c->db;
    l->driver = transport->driver;
    on.serve = serve;
    on.quick = server->quick;
    on.data = l;
    on.resumed = server->resumed;
    l->source = transport->driver->listen(c, transport, &on);
    if (!l->source) {
        g_free(l);
        return NULL;
    }
    threads = server->threads ?: (int)messaging_options()->executor_thread_pool_size;
    l->threads = g_new(pthread_t, threads);
    while (l->n_threads < threads) {
        if (pthread_create(&l->threads[l->n_threads], NULL, work, l) != 0) {
            rpc_stop(l);
            return fail_null(c, UNAVAILABLE, "cannot start an RPC worker thread");
        }
        l->n_threads++;
    }
    return l;
}

void rpc_stop(struct rpc_listener *l)
{
    if (!l)
        return;
    l->driver->stop(l->source);
    for (int i = 0; i < l->n_threads; i++)
        pthread_join(l->threads[i], NULL);
    l->driver->free(l->source);
    g_free(l->threads);
    g_free(l);
}

static void *work(void *data)
{
    struct rpc_listener *l = data;
    struct incoming *in;

    pthread_setname_np(pthread_self(), "rpc");
    while ((in = l->driver->poll(l->source))) {
        serve(l, in);
        l->driver->done(l->source, in);
    }
    return NULL;
}

/* Acknowledged first: a request is run at most once. */
static void serve(void *listener, struct incoming *in)
{
    struct rpc_listener *l = listener;
    struct message *m = in->message;
    struct rpc_reply reply = {};
    struct span *span;
    struct ctx c;
    struct watch *watch;
    bool ok;

    if (!l->driver->acknowledge(l->source, in))
        return;
    context_to_ctx(&c, l->service, l->db, m->context);
    span = span_begin(&c, SPAN_RPC, "%s %s", l->server->topic, m->method);
    watch = watch_begin(l->driver, l->source, in);
    ok = rpc_dispatch(&c, l->server->endpoints, m, &reply.result);
    watch_end(watch);
    if (!ok && !failed(&c))
        fail(&c, INTERNAL_ERROR, "the method failed without saying why");
    if (!ok) {
        json_decref(reply.result);
        reply.result = NULL;
        reply.failure = failure_from_fault(&c.fault, l->server->fault_module);
        if (!in->wants_reply || c.fault.status >= 500)
            log_warning(&c, "rpc %s %s failed: %s: %s", l->server->topic, m->method, c.fault.type, c.fault.message);
    }
    span_end(&c, span, ok ? 0 : c.fault.status);
    l->driver->reply(l->source, in, reply);
    ctx_clear(&c);
}
