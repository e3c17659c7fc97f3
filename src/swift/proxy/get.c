/* Reading: nodes in turn until one has it; the next one is asked when one has nothing, or, with concurrent_gets, when it takes its time. */
#include "swift/proxy/proxy.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ANSWERS_MOST 128

struct search {
    struct swift_request *request;
    struct nodes *nodes;
    struct headers headers;
    const char *query;
    bool object, newest;
    struct answer *answers; size_t n;        /* ANSWERS_MOST; none before the first */
    struct timestamp newest_404;
    struct swift_response best;      /* the newest so far */
    struct timestamp best_time;
    bool found;
    int64_t unheard;                 /* 404s that may come of a ring that has changed, and do not count */
    struct asked { struct backend_call call; struct backend *backend; } *asked[64]; size_t n_asked;      /* who has not answered yet */
    struct backend_call *call;       /* of the node that answered last */
};

static struct timestamp time_of(const struct swift_response *r)
{
    static const char *const names[] = { "X-Backend-Data-Timestamp", "X-Backend-Timestamp", "X-Put-Timestamp", "X-Timestamp" };
    struct timestamp t = {};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (timestamp_parse(response_get(r, names[i]), &t))
            break;
    return t;
}

static bool is_good(const struct search *s, const struct swift_response *r)
{
    struct timestamp put;

    if (r->status / 100 != 2 && r->status / 100 != 3 && !(s->object && r->status == 416))
        return false;
    /* a database that was made by a row only, and never put */
    return !timestamp_parse(response_get(r, "X-Put-Timestamp"), &put) || timestamp_set(put);
}

/* Nobody who was there says so: a handoff that has nothing, or a primary that may not have it yet. */
static bool says_nothing(struct search *s, const struct node *node, const struct swift_response *r, struct timestamp when)
{
    if (!r->status)
        return true;
    if (timestamp_set(when) || (r->status != 404 && r->status < 500))
        return false;
    return node->index < 0 || (r->status == 404 && s->unheard-- > 0);
}

static void note(struct ctx *c, struct search *s, const struct node *node, struct swift_response *r)
{
    struct timestamp when = {};

    timestamp_parse(response_get(r, "X-Backend-Timestamp"), &when);
    if (r->status == 404 && timestamp_compare(when, s->newest_404) > 0)
        s->newest_404 = when;
    if (r->status == 507)
        node_is_full(node);
    else if (r->status >= 500 || !r->status)
        node_failed(node);
    if (!says_nothing(s, node, r, when) && s->n < ANSWERS_MOST) {
        if (!s->answers)
            s->answers = ctx_new_n(c, struct answer, ANSWERS_MOST);
        s->answers[s->n].status = r->status;
        s->answers[s->n++].response = *r;
    } else {
        response_clear(r);
    }
}

/* False: there are no more nodes. */
static bool ask(struct ctx *c, struct search *s)
{
    struct asked *a;
    struct node node;

    if (s->n_asked == G_N_ELEMENTS(s->asked) || !nodes_next(c, s->nodes, &node))
        return false;
    a = s->asked[s->n_asked++] = ctx_new(c, struct asked);
    a->call = (struct backend_call){ .kind = s->nodes->kind, .node = node, .partition = s->nodes->partition, .method = s->request->method,
                                      .account = s->request->account, .container = s->request->container, .object = s->request->object,
                                      .headers = &s->headers, .query = s->query, .for_request = s->request,
                                      .timeout_us = s->object && !s->newest ? proxy_recoverable_us() : 0 };
    a->backend = backend_open(c, &a->call);
    return true;
}

/* The answer of one of them. True: the search is over. */
static bool hear(struct ctx *c, struct search *s, size_t at)
{
    struct asked *a = s->asked[at];
    struct swift_response r = RESPONSE_EMPTY;
    struct timestamp when;

    s->asked[at] = s->asked[--s->n_asked];
    s->call = &a->call;
    backend_answer(c, a->backend, &r);
    if (!r.read || r.read_data != a->backend)
        backend_close(a->backend);
    if (!is_good(s, &r)) {
        if (r.status / 100 == 2) {
            response_clear(&r);
            r.status = 404;
        }
        note(c, s, &a->call.node, &r);
        return false;
    }
    when = time_of(&r);
    if (!s->newest || !s->found || timestamp_compare(when, s->best_time) > 0) {
        response_clear(&s->best);
        s->best = r;
        s->best_time = when;
    } else {
        response_clear(&r);
    }
    s->found = true;
    return !s->newest;
}

/* Waits for one of them, at most so long (below 0: as long as it takes). True: the search is over. */
static bool hear_first(struct ctx *c, struct search *s, int64_t timeout_us)
{
    struct backend *all[G_N_ELEMENTS(s->asked)];
    int at = 0;

    for (size_t i = 0; i < s->n_asked; i++)
        all[i] = s->asked[i]->backend;
    if (s->n_asked > 1 || timeout_us >= 0)
        at = backends_wait(all, s->n_asked, timeout_us);
    return at >= 0 && hear(c, s, (size_t)at);
}

static void search(struct ctx *c, struct search *s)
{
    int64_t patience_us = (int64_t)(s->nodes->options->concurrency_timeout * 1e6);
    bool over = false;

    while (!over && ask(c, s))
        over = hear_first(c, s, s->n_asked < s->nodes->at_once ? patience_us : -1);
    while (!over && s->n_asked)
        over = hear_first(c, s, -1);
    while (s->n_asked)
        backend_close(s->asked[--s->n_asked]->backend);
}

/* --- a body that goes on elsewhere -------------------------------------------------------------------------------------------------- */

struct resumed {
    struct search *s;
    struct swift_response source;
    const char *etag;
    int64_t position, end;           /* of what is read next, and behind the last; in the object */
};

static bool next_source(struct ctx *c, struct resumed *b)
{
    struct node node;

    response_clear(&b->source);
    headers_printf(c, &b->s->headers, "Range", "bytes=%" PRId64 "-%" PRId64, b->position, b->end - 1);
    headers_printf(c, &b->s->headers, "If-Match", "\"%s\"", b->etag);
    headers_remove(&b->s->headers, "If-None-Match");
    headers_remove(&b->s->headers, "X-Backend-Etag-Is-At");
    while (nodes_next(c, b->s->nodes, &node)) {
        struct backend_call *call = ctx_new(c, struct backend_call);

        *call = *b->s->call;
        call->node = node;
        call->headers = &b->s->headers;
        if (backend_do(c, call, &b->source) && b->source.status == 206 && b->source.length == b->end - b->position)
            return true;
        if (!b->source.status || b->source.status >= 500)
            node_failed(&node);
        response_clear(&b->source);
    }
    return false;
}

static ssize_t read_resumed(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct resumed *b = data;

    while (b->position < b->end) {
        ssize_t got = response_take(c, &b->source, bytes, (size_t)MIN((int64_t)n, b->end - b->position));

        if (got > 0) {
            b->position += got;
            return got;
        }
        log_warning(c, "swift: a read broke off at %" PRId64 "; it goes on elsewhere", b->position);
        if (!next_source(c, b))
            return -1;
    }
    return 0;
}

static void close_resumed(void *data)
{
    response_clear(&((struct resumed *)data)->source);
}

/* Of a body over a socket; what lies on this process's own disk does not break off. */
static void make_resumable(struct ctx *c, struct search *s, struct swift_response *r)
{
    const char *range = response_get(r, "Content-Range"), *etag = response_get(r, "Etag");
    struct resumed *b;
    int64_t from = 0, to = -1;

    if (!s->object || !r->read || r->length < 0 || !etag || (r->status != 200 && r->status != 206) || (r->status == 206 && !range))
        return;
    if (range && sscanf(range, "bytes %" SCNd64 "-%" SCNd64, &from, &to) != 2)
        return;
    b = ctx_new(c, struct resumed);
    *b = (struct resumed){ .s = s, .source = *r, .etag = etag_plain(c, etag), .position = from, .end = from + r->length };
    *r = (struct swift_response){ .status = r->status, .headers = r->headers, .fd = -1, .length = r->length, .read = read_resumed, .read_data = b,
                                  .close = close_resumed };
}

/* --- the whole ------------------------------------------------------------------------------------------------------------------------ */

static void take_best(struct ctx *c, struct search *s, struct swift_response *response)
{
    const char *index = response_get(&s->best, "X-Backend-Storage-Policy-Index");
    const struct storage_policy *policy;
    int64_t number;

    response_clear(response);
    *response = s->best;
    for (size_t i = 0; i < s->n; i++)
        response_clear(&s->answers[i].response);
    if (index && text_to_int(index, &number) && (policy = policy_by_index((int)number)) && response->status / 100 == 2)
        headers_set(c, &response->headers, "X-Storage-Policy", policy->name);
    headers_set(c, &response->headers, "Accept-Ranges", "bytes");
    make_resumable(c, s, response);
    if (response_get(response, "Etag"))
        headers_set(c, &response->headers, "Etag", etag_plain(c, response_get(response, "Etag")));
    headers_remove(&response->headers, "X-Put-Timestamp");
}

void proxy_get(struct ctx *c, struct swift_request *r, struct swift_response *response, struct nodes *nodes, const char *query)
{
    struct search *s = ctx_new(c, struct search);

    *s = (struct search){ .request = r, .nodes = nodes, .query = query, .object = nodes->kind == STORAGE_OBJECT, .best = RESPONSE_EMPTY };
    s->newest = header_true(&r->headers, "X-Newest");
    proxy_backend_headers(c, r, &s->headers, NULL, NULL);
    s->unheard = MIN(nodes->options->rebalance_missing_suppression_count, (int64_t)nodes->n_primaries - 1);
    search(c, s);
    if (s->found && timestamp_compare(s->best_time, s->newest_404) >= 0) {
        take_best(c, s, response);
        return;
    }
    response_clear(&s->best);
    proxy_best(c, s->answers, s->n, quorum_of((int)MAX(s->n, 1)), 0, response);
}
