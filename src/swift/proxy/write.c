/* The same change on several nodes, and what their answers come to. */
#include "swift/proxy/proxy.h"

#include "oslo/base/log.h"
#include "swift/name.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* --- headers ------------------------------------------------------------------------------------------------------------------ */

static bool passes(const char *name, const char *const *pass)
{
    for (; pass && *pass; pass++)
        if (!strcasecmp(name, *pass))
            return true;
    return false;
}

/* X-Remove-Container-Meta-A is an empty X-Container-Meta-A. */
static const char *removal(struct ctx *c, const struct pair *h, const char *kind, const char *const *pass)
{
    const char *name;

    if (strncasecmp(h->name, "x-remove-", 9))
        return NULL;
    name = ctx_printf(c, "X-%s", h->name + 9);
    return is_user_meta(&(struct pair){ name, "" }, kind) || passes(name, pass) ? name : NULL;
}

static char agent[32];

static void name_agent(void)
{
    g_snprintf(agent, sizeof(agent), "proxy-server %d", getpid());
}

static const char *own_agent(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, name_agent);
    return agent;
}

void proxy_backend_headers(struct ctx *c, const struct swift_request *r, struct headers *h, const char *kind, const char *const *pass)
{
    for (size_t i = 0; i < r->headers.n; i++) {
        const struct pair *p = &r->headers.pairs[i];
        const char *removed = kind ? removal(c, p, kind, pass) : NULL;

        if (removed && !headers_get(h, removed))
            headers_set(c, h, removed, "");
        else if (!kind || is_sys_meta(p, kind) || is_user_meta(p, kind) || passes(p->name, pass))
            headers_set(c, h, p->name, p->value);
    }
    headers_remove(h, "Content-Length");
    headers_remove(h, "Transfer-Encoding");
    headers_remove(h, "Connection");
    headers_remove(h, "Expect");
    headers_remove(h, "Host");
    if (!headers_get(h, "X-Timestamp"))
        headers_set(c, h, "X-Timestamp", timestamp_text(c, timestamp_now()));
    headers_set(c, h, "X-Trans-Id", r->env->trans_id ? r->env->trans_id : "-");
    if (request_get(r, "X-Backend-Use-Replication-Network"))
        headers_set(c, h, "X-Backend-Use-Replication-Network", request_get(r, "X-Backend-Use-Replication-Network"));
    headers_set(c, h, "User-Agent", r->env->agent ? r->env->agent : own_agent());
    headers_set(c, h, "Referer", ctx_printf(c, "%s %s%s%s%s", r->method, r->env->scheme_host ? r->env->scheme_host : "", name_quote(c, r->path, "/"),
                                             *r->query_text ? "?" : "", r->query_text));
}

void proxy_add_host(struct ctx *c, struct headers *h, const char *kind, const struct ring_device *d, uint32_t partition)
{
    headers_printf(c, h, ctx_printf(c, "X-%s-Partition", kind), "%u", partition);
    headers_append(c, h, ctx_printf(c, "X-%s-Host", kind), header_true(h, "X-Backend-Use-Replication-Network")
           ? ctx_printf(c, "%s:%d", d->replication_ip, d->replication_port) : ctx_printf(c, "%s:%d", d->ip, d->port));
    headers_append(c, h, ctx_printf(c, "X-%s-Device", kind), d->device);
}

/* --- the best of the answers ---------------------------------------------------------------------------------------------------- */

/* The highest status of a class that has a quorum; -1 when no class has. Answers that are marked count, but are not chosen. */
static int choose(const struct answer *answers, const int *statuses, size_t n, int quorum, const bool *avoided)
{
    for (int class = 2; class <= 4; class++) {
        int have = 0, best = -1;

        for (size_t i = 0; i < n; i++) {
            if (statuses[i] / 100 != class)
                continue;
            have++;
            if (!avoided[i] && (best < 0 || statuses[i] > statuses[best]))
                best = (int)i;
        }
        if (have >= quorum && best >= 0)
            return best;
    }
    return -1;
}

void proxy_best(struct ctx *c, struct answer *answers, size_t n, int quorum, int not_found, struct swift_response *response)
{
    int *statuses = ctx_new_n(c, int, n + 1), best;
    bool *avoided = ctx_new_n(c, bool, n + 1);

    for (size_t i = 0; i < n; i++)
        statuses[i] = answers[i].status;
    best = n ? choose(answers, statuses, n, quorum, avoided) : -1;
    for (size_t i = 0; best < 0 && not_found && i < n; i++)
        if (statuses[i] == 404) {
            statuses[i] = not_found;
            avoided[i] = true;
        }
    if (best < 0 && not_found && n)
        best = choose(answers, statuses, n, quorum, avoided);
    if (best < 0) {
        response_error(c, response, 503, NULL);
        for (size_t i = 0; i < n; i++)
            log_error(c, "swift: no quorum: answer %zu of %zu is %d", i + 1, n, answers[i].status);
    } else {
        response_clear(response);
        *response = answers[best].response;
        answers[best].response = (struct swift_response)RESPONSE_EMPTY;
    }
    for (size_t i = 0; i < n; i++)
        response_clear(&answers[i].response);
}

/* --- to all of them --------------------------------------------------------------------------------------------------------------- */

/* One request under way. */
struct flight {
    struct backend_call call;
    struct backend *backend;
    struct answer answer;
};

/* A body is small: it is kept, so that the connection is free. */
static void hold_body(struct ctx *c, struct swift_response *r)
{
    size_t n;
    char *text;

    if (!r->read)
        return;
    text = response_take_all(c, r, 1 << 20, &n);
    if (text)
        buf_add(&r->body, text, n);
    r->length = (int64_t)r->body.len;
}

/* True: this is an answer; false: another node is to be asked. */
static bool land(struct ctx *c, struct flight *f)
{
    struct swift_response *r = &f->answer.response;
    bool well = backend_answer(c, f->backend, r);

    if (well)
        hold_body(c, r);
    backend_close(f->backend);
    f->answer.status = well ? r->status : 0;
    if (well && r->status < 500)
        return true;
    if (r->status == 507)
        node_is_full(&f->call.node);
    else
        node_failed(&f->call.node);
    log_warning(c, "swift: %s from %s:%d/%s: %d", f->call.method, f->call.node.device->ip, f->call.node.device->port, f->call.node.device->device,
                f->answer.status);
    response_clear(r);
    return false;
}

static bool launch(struct ctx *c, struct flight *f, struct nodes *nodes)
{
    if (!nodes_next(c, nodes, &f->call.node))
        return false;
    f->backend = backend_open(c, &f->call);
    return true;
}

static bool have_quorum(const struct flight *flights, size_t n, int quorum)
{
    for (int class = 2; class <= 4; class++) {
        int have = 0;

        for (size_t i = 0; i < n; i++)
            have += flights[i].answer.status / 100 == class;
        if (have >= quorum)
            return true;
    }
    return false;
}

void proxy_to_all(struct ctx *c, struct swift_request *r, struct swift_response *response, struct nodes *nodes, const char *method,
                  const struct headers *headers, size_t n, const void *body, size_t body_size, int not_found)
{
    struct flight *flights = ctx_new_n(c, struct flight, n + 1);
    struct answer *answers = ctx_new_n(c, struct answer, n + 1);
    int quorum = quorum_of((int)n);
    size_t flying = 0;

    nodes->limit = MAX(nodes->limit, n);
    for (size_t i = 0; i < n; i++) {
        flights[i].call = (struct backend_call){ .kind = nodes->kind, .partition = nodes->partition, .method = method, .account = r->account,
                                                 .container = r->container, .object = r->object, .headers = &headers[i], .bytes = body,
                                                 .length = (int64_t)body_size, .for_request = r };
        flights[i].answer.response = (struct swift_response)RESPONSE_EMPTY;
        flying += launch(c, &flights[i], nodes);
    }
    for (size_t i = 0; i < flying; i++) {
        if (have_quorum(flights, i, quorum))
            backend_hurry(flights[i].backend, (int64_t)(proxy_options->post_quorum_timeout * 1e6));
        while (!land(c, &flights[i]) && launch(c, &flights[i], nodes))
            ;
    }
    for (size_t i = 0; i < n; i++) {
        answers[i] = flights[i].answer;
        if (!answers[i].status)
            answers[i].status = 503;
    }
    proxy_best(c, answers, n, quorum, not_found, response);
}
