/* GET and HEAD under an erasure code: which nodes' fragments make an object. Answers are kept by the time of their data; a time counts when a
 * node says that it is durable and enough different fragments of it were found. Each further node is told what is already there. */
#include "swift/proxy/erasure.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EC_META "X-Object-Sysmeta-Ec-"
#define EC_ETAG EC_META "Etag"
#define EC_LENGTH EC_META "Content-Length"

/* --- one node ---------------------------------------------------------------------------------------------------------------------------- */

void fragment_ask(struct ctx *c, struct fragment_hunt *h, struct fragment_flight *f, const struct node *node, const char *preferences, const char *range)
{
    *f = (struct fragment_flight){ .call = { .kind = STORAGE_OBJECT, .node = *node, .partition = h->nodes->partition, .method = "GET",
                                             .account = h->request->account, .container = h->request->container, .object = h->request->object,
                                             .for_request = h->request, .timeout_us = proxy_recoverable_us() } };
    headers_copy(c, &f->headers, &h->headers);
    headers_set(c, &f->headers, "X-Backend-Fragment-Preferences", preferences);
    headers_set(c, &f->headers, "Range", range);
    f->call.headers = &f->headers;
    f->backend = backend_open(c, &f->call);
}

static bool is_data_timestamp(const struct swift_response *r, struct timestamp *ret)
{
    return timestamp_parse(response_get(r, "X-Backend-Data-Timestamp"), ret) || timestamp_parse(response_get(r, "X-Backend-Timestamp"), ret) ||
           timestamp_parse(response_get(r, "X-Timestamp"), ret);
}

struct fragment_source *fragment_take(struct ctx *c, const struct fragment_hunt *h, const struct node *node, struct swift_response *r,
                                      struct timestamp *ret_time)
{
    const char *index = response_get(r, EC_META "Frag-Index"), *range = response_get(r, "Content-Range");
    struct fragment_source *s = ctx_new(c, struct fragment_source);
    int64_t number, last;

    if (!index || !text_to_int(index, &number) || number < 0 || number >= policy_fragments(h->policy) || r->length < 0 || !is_data_timestamp(r, ret_time))
        return NULL;
    *s = (struct fragment_source){ .node = *node, .fragment = (int)number, .end = r->length };
    if (range && sscanf(range, "bytes %" SCNd64 "-%" SCNd64, &s->at, &last) == 2)
        s->end = last + 1;
    s->response = *r;
    *r = (struct swift_response)RESPONSE_EMPTY;
    return s;
}

void fragment_source_close(struct fragment_source *s)
{
    response_close(&s->response);
}

static const char *exclusions(struct ctx *c, uint32_t excluded)
{
    const char *text = "";

    for (int f = 0; f < ERASURE_MOST; f++)
        if (excluded >> f & 1)
            text = ctx_printf(c, "%s%s%d", text, *text ? ", " : "", f);
    return text;
}

const char *fragment_preference(struct ctx *c, struct timestamp when, uint32_t excluded)
{
    return ctx_printf(c, "[{\"timestamp\": \"%s\", \"exclude\": [%s]}]", timestamp_text(c, when), exclusions(c, excluded));
}

/* --- sets of one time ---------------------------------------------------------------------------------------------------------------------- */

static struct fragment_set *set_of(struct ctx *c, struct fragment_hunt *h, struct timestamp when)
{
    for (size_t i = 0; i < h->n_sets; i++)
        if (!timestamp_compare(h->sets[i]->time, when))
            return h->sets[i];
    if (h->n_sets == G_N_ELEMENTS(h->sets))
        return h->sets[0];
    h->sets[h->n_sets] = ctx_new(c, struct fragment_set);
    h->sets[h->n_sets]->time = when;
    return h->sets[h->n_sets++];
}

static int found(const struct fragment_set *s)
{
    int n = 0;

    for (int f = 0; f < ERASURE_MOST; f++)
        n += s->sources[f] != NULL;
    return n;
}

static int within_reach(const struct fragment_set *s)
{
    int n = 0;

    for (int f = 0; f < ERASURE_MOST; f++)
        n += s->sources[f] || s->has_alternate[f];
    return n;
}

/* How many more answers are needed; where nobody has said that it is durable at least one more. */
static int shortfall(const struct fragment_hunt *h, const struct fragment_set *s)
{
    int have = s ? found(s) : 0, missing = h->policy->ec_data - have;

    if (s && s->durable)
        return MAX(missing, 0);
    return MAX(MAX(missing, 1), MIN((int)h->nodes->replicas - have, h->policy->ec_parity));
}

/* Is a the better one? */
static bool better(const struct fragment_hunt *h, const struct fragment_set *a, const struct fragment_set *b)
{
    int lack_a = MAX(h->policy->ec_data - within_reach(a), 0), lack_b = MAX(h->policy->ec_data - within_reach(b), 0);

    if (a->durable != b->durable)
        return a->durable;
    if ((shortfall(h, a) <= 0) != (shortfall(h, b) <= 0))
        return shortfall(h, a) <= 0;
    if (lack_a != lack_b)
        return lack_a < lack_b;
    return timestamp_compare(a->time, b->time) > 0;
}

static void sort_sets(struct fragment_hunt *h)
{
    for (size_t i = 1; i < h->n_sets; i++)
        for (size_t k = i; k && better(h, h->sets[k], h->sets[k - 1]); k--) {
            struct fragment_set *s = h->sets[k];

            h->sets[k] = h->sets[k - 1];
            h->sets[k - 1] = s;
        }
}

/* The best that no newer tombstone stands against; NULL: none. */
static struct fragment_set *best_set(struct fragment_hunt *h)
{
    sort_sets(h);
    for (size_t i = 0; i < h->n_sets; i++)
        if (timestamp_compare(h->sets[i]->time, h->newest_404) >= 0)
            return h->sets[i];
    return NULL;
}

/* What further nodes are told is already there. */
static const char *preferences(struct ctx *c, struct fragment_hunt *h)
{
    const char *all = "";

    sort_sets(h);
    for (size_t i = 0; i < h->n_sets; i++) {
        uint32_t have = 0;

        for (int f = 0; f < ERASURE_MOST; f++)
            have |= h->sets[i]->sources[f] ? 1u << f : 0;
        all = ctx_printf(c, "%s%s{\"timestamp\": \"%s\", \"exclude\": [%s]}", all, *all ? ", " : "", timestamp_text(c, h->sets[i]->time),
                         exclusions(c, have));
    }
    return ctx_printf(c, "[%s]", all);
}

/* --- answers ------------------------------------------------------------------------------------------------------------------------------- */

/* {"<time>": [<fragment>, ...], ...}: what else that node has. */
static void note_alternates(struct ctx *c, struct fragment_hunt *h, const struct node *node, const char *text)
{
    json_t *all = text ? ctx_json(c, json_loads(text, 0, NULL)) : NULL, *list, *index;
    struct timestamp when;
    const char *time;
    size_t i;

    json_object_foreach(all, time, list) {
        if (!timestamp_parse(time, &when))
            continue;
        struct fragment_set *s = set_of(c, h, when);
        json_array_foreach(list, i, index) {
            json_int_t f = json_integer_value(index);

            if (json_is_integer(index) && f >= 0 && f < policy_fragments(h->policy) && !s->has_alternate[f]) {
                s->alternates[f] = *node;
                s->has_alternate[f] = true;
            }
        }
    }
}

static void take_good(struct ctx *c, struct fragment_hunt *h, const struct node *node, struct swift_response *r)
{
    const char *durable = response_get(r, "X-Backend-Durable-Timestamp"), *beside = response_get(r, "X-Backend-Fragments");
    struct timestamp when, durable_time;
    struct fragment_source *source = fragment_take(c, h, node, r, &when);
    struct fragment_set *s;

    if (!source) {
        response_clear(r);
        return;
    }
    s = set_of(c, h, when);
    if (!s->headers.n) {
        s->headers = source->response.headers;
        s->etag = headers_get(&s->headers, EC_ETAG);
    }
    if (!text_equal(headers_get(&source->response.headers, EC_ETAG), s->etag)) {
        log_error(c, "swift: fragments of %s of one time do not belong to one object", h->request->path);
        fragment_source_close(source);
        return;
    }
    if (s->sources[source->fragment])
        fragment_source_close(source);
    else
        s->sources[source->fragment] = source;
    note_alternates(c, h, node, beside);
    if (durable && timestamp_parse(durable, &durable_time))
        set_of(c, h, durable_time)->durable = true;
}

static struct timestamp time_of(const struct swift_response *r)
{
    struct timestamp t = {};

    is_data_timestamp(r, &t);
    return t;
}

static void take_bad(struct ctx *c, struct fragment_hunt *h, const struct node *node, struct swift_response *r)
{
    if (r->status == 507)
        node_is_full(node);
    else if (r->status >= 500 || !r->status)
        node_failed(node);
    if (r->status == 404 && timestamp_compare(time_of(r), h->newest_404) > 0)
        h->newest_404 = time_of(r);
    /* a handoff that has nothing says nothing */
    bool silent = node->index < 0 && (r->status == 404 || r->status >= 500) && !timestamp_set(time_of(r));
    if (!r->status || silent || h->n_bad == G_N_ELEMENTS(h->bad))
        response_clear(r);
    else
        h->bad[h->n_bad++] = (struct answer){ r->status, *r };
}

static size_t count_bad(const struct fragment_hunt *h, int status)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n_bad; i++)
        n += h->bad[i].status == status;
    return n;
}

/* --- the hunt -------------------------------------------------------------------------------------------------------------------------------- */

/* A fragment that is known to lie beside another on a node that was asked. */
static bool next_alternate(struct fragment_hunt *h, struct node *ret)
{
    struct fragment_set *s = best_set(h);

    if (!s || !s->durable || shortfall(h, s) <= 0 || h->asked <= (size_t)h->policy->ec_data)
        return false;
    for (int f = 0; f < policy_fragments(h->policy); f++)
        if (s->has_alternate[f] && !s->sources[f]) {
            *ret = s->alternates[f];
            s->has_alternate[f] = false;
            return true;
        }
    return false;
}

static bool launch(struct ctx *c, struct fragment_hunt *h, const char *range)
{
    struct fragment_flight *f;
    struct node node;

    h->asked++;
    if (h->n_flying == G_N_ELEMENTS(h->flying) || (!next_alternate(h, &node) && !nodes_next(c, h->nodes, &node)))
        return false;
    f = h->flying[h->n_flying++] = ctx_new(c, struct fragment_flight);
    fragment_ask(c, h, f, &node, preferences(c, h), range);
    return true;
}

/* Who answers first; -1: nobody in time. */
static int wait_for_one(const struct fragment_hunt *h, int64_t timeout_us)
{
    struct backend *all[G_N_ELEMENTS(h->flying)];

    for (size_t i = 0; i < h->n_flying; i++)
        all[i] = h->flying[i]->backend;
    return backends_wait(all, h->n_flying, timeout_us);
}

static bool land(struct ctx *c, struct fragment_hunt *h, int at)
{
    struct fragment_flight *f = h->flying[at];
    struct swift_response r = RESPONSE_EMPTY;
    bool good;

    for (h->n_flying--; (size_t)at < h->n_flying; at++)
        h->flying[at] = h->flying[at + 1];
    backend_answer(c, f->backend, &r);
    good = r.status / 100 == 2;
    if (!r.read || r.read_data != f->backend)
        backend_close(f->backend);
    if (good)
        take_good(c, h, &f->call.node, &r);
    else
        take_bad(c, h, &f->call.node, &r);
    return good || r.status == 416;
}

static bool is_enough(const struct fragment_hunt *h, const struct fragment_set *s)
{
    return s && s->durable && shortfall(h, s) <= 0;
}

/* Those that have answered as well may serve as spares; the others are not waited for. */
static void end_hunt(struct ctx *c, struct fragment_hunt *h)
{
    while (h->n_flying) {
        int at = wait_for_one(h, 0);

        if (at >= 0)
            land(c, h, at);
        else
            backend_close(h->flying[--h->n_flying]->backend);
    }
}

/* Asks as many nodes as there must be fragments, then one more for each that is missing; with concurrent_gets, for each that takes its time too. */
static void hunt(struct ctx *c, struct fragment_hunt *h, const char *range)
{
    const struct policy_options *o = h->nodes->options;
    size_t most = 2 * h->nodes->replicas, launched = 0, first = (size_t)h->policy->ec_data;
    int64_t patience_us = o->concurrent_gets ? (int64_t)(o->concurrency_timeout * 1e6) : -1;

    first += o->concurrent_gets ? (size_t)MAX(o->concurrent_ec_extra_requests, 0) : 0;
    while (launched < MIN(first, most) && launch(c, h, range))
        launched++;
    while (h->n_flying && !is_enough(h, best_set(h))) {
        int at = wait_for_one(h, patience_us), missing;
        bool good = at >= 0 && land(c, h, at);

        if (at < 0) {
            if (h->nodes->at >= h->nodes->n_primaries || !launch(c, h, range))
                patience_us = -1;            /* all primaries have been asked */
            continue;
        }
        if (is_enough(h, best_set(h)))
            break;
        missing = MIN(shortfall(h, best_set(h)), MAX(h->policy->ec_data - (int)count_bad(h, 416), 0));
        if (launched < most && (missing > (int)h->n_flying || !good))
            launched += launch(c, h, range);
    }
    end_hunt(c, h);
}

/* "bytes=a-b" of the object as a range of its archives: whole segments. NULL: all of them. */
static const char *archive_range(struct ctx *c, const struct fragment_hunt *h, const char *range)
{
    int64_t segment = h->policy->ec_segment, fragment = policy_fragment_size(h->policy), from, to;
    const char *text = range && g_str_has_prefix(range, "bytes=") ? range + 6 : NULL;
    char *dash;

    if (!text || strchr(text, ',') || !(dash = strchr(text, '-')))
        return NULL;
    const char *first = g_strstrip(ctx_strndup(c, text, (size_t)(dash - text))), *last = g_strstrip(ctx_strdup(c, dash + 1));
    bool has_from = text_to_int(first, &from) && from >= 0, has_to = text_to_int(last, &to) && to >= 0 && to < INT64_MAX / 2;
    if ((*first && !has_from) || (*last && !has_to) || (!has_from && !has_to) || (has_from && has_to && to < from))
        return NULL;
    if (!has_from)                           /* the last of them may be a short one */
        return ctx_printf(c, "bytes=-%" PRId64, ((to + segment - 1) / segment + 1) * fragment);
    if (!has_to)
        return ctx_printf(c, "bytes=%" PRId64 "-", from / segment * fragment);
    return ctx_printf(c, "bytes=%" PRId64 "-%" PRId64, from / segment * fragment, (to / segment + 1) * fragment - 1);
}

/* --- the answer ------------------------------------------------------------------------------------------------------------------------------ */

/* The ETag that conditions are asked about: that of the first header of X-Backend-Etag-Is-At which is there, else the object's. */
static const char *condition_etag(struct ctx *c, const struct swift_request *r, const struct swift_response *response)
{
    const char *names = request_get(r, "X-Backend-Etag-Is-At");

    for (char **name = text_split(c, names ? names : "", ','); *name; name++)
        if (**name && response_get(response, *name))
            return response_get(response, *name);
    return response_get(response, EC_ETAG);
}

static bool range_is_ignored(struct ctx *c, const struct swift_request *r, const struct swift_response *response)
{
    const char *names = request_get(r, "X-Backend-Ignore-Range-If-Metadata-Present");

    for (char **name = text_split(c, names ? names : "", ','); *name; name++)
        if (**name && response_get(response, *name))
            return true;
    return false;
}

/* What is of the fragment is not for clients, nor for middlewares. */
static void dress(struct ctx *c, const struct storage_policy *policy, struct swift_response *r)
{
    headers_set(c, &r->headers, "Etag", response_get(r, EC_ETAG));
    if (r->status / 100 == 2 || r->status / 100 == 3 || r->status == 416)
        headers_set(c, &r->headers, "Accept-Ranges", "bytes");
    if (r->status / 100 == 2)
        headers_set(c, &r->headers, "X-Storage-Policy", policy->name);
    if (r->status == 416 && response_get(r, EC_LENGTH))
        headers_printf(c, &r->headers, "Content-Range", "bytes */%s", response_get(r, EC_LENGTH));
    headers_remove_prefix(&r->headers, EC_META);
}

static void serve(struct ctx *c, struct fragment_hunt *h, struct fragment_set *s, struct swift_response *response)
{
    const char *range = request_get(h->request, "Range"), *etag;
    struct erasure_stream *stream;
    int64_t length = 0;

    *response = (struct swift_response){ .status = 200, .headers = s->headers, .fd = -1 };
    headers_remove(&response->headers, "Content-Range");
    if (response_get(response, EC_LENGTH))
        text_to_int(response_get(response, EC_LENGTH), &length);
    stream = erasure_stream_open(c, h, s, length, response);
    if (range && range_is_ignored(c, h->request, response))
        headers_remove(&h->request->headers, "Range");
    etag = condition_etag(c, h->request, response);
    headers_set(c, &response->headers, "Etag", response_get(response, EC_ETAG));
    response_conditional(c, h->request, response, etag);
    headers_set(c, &h->request->headers, "Range", range);            /* the middleware that has it ignored here looks at it itself */
    if (response->status == 200 && response->seek)
        response->seek(c, response->read_data, 0, length);
    if (response->status / 100 == 2 && erasure_stream_failed(stream))
        response_error(c, response, 503, NULL);
    response->seek = NULL;
}

/* No set is whole: the best of what else was said. */
static void serve_bad(struct ctx *c, struct fragment_hunt *h, struct swift_response *response)
{
    const struct fragment_set *s = best_set(h);
    struct answer *answers = ctx_new_n(c, struct answer, h->n_bad + 2);
    int64_t forgiven = MIN(h->nodes->options->rebalance_missing_suppression_count, (int64_t)h->nodes->n_primaries - 1);
    size_t n = 0;

    for (size_t i = 0; i < h->n_bad; i++) {
        struct timestamp when = time_of(&h->bad[i].response);

        if (s && s->durable && timestamp_compare(when, s->time) <= 0)
            continue;                        /* there is good data, out of reach */
        if (forgiven > 0 && h->bad[i].status == 404 && !timestamp_set(when)) {
            forgiven--;
            continue;
        }
        answers[n++] = h->bad[i];
        h->bad[i].response = (struct swift_response)RESPONSE_EMPTY;
    }
    if (!n && s && found(s) && !s->durable) {
        response_error(c, &answers[0].response, answers[0].status = 404, NULL);
        n = 1;
    }
    proxy_best(c, answers, n, quorum_of((int)MAX(n, 1)), 0, response);
}

static void close_all(struct fragment_hunt *h, const struct fragment_set *but)
{
    for (size_t i = 0; i < h->n_sets; i++)
        for (int f = 0; h->sets[i] != but && f < ERASURE_MOST; f++)
            if (h->sets[i]->sources[f])
                fragment_source_close(h->sets[i]->sources[f]);
}

static void get(struct ctx *c, struct swift_request *r, struct where *w, struct swift_response *response)
{
    static const char *const own[] = { "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Range", "X-Backend-Etag-Is-At" };
    struct fragment_hunt *h = ctx_new(c, struct fragment_hunt);
    struct fragment_set *s;

    *h = (struct fragment_hunt){ .request = r, .policy = w->policy, .nodes = &w->nodes };
    proxy_backend_headers(c, r, &h->headers, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(own); i++)           /* of the object, which only this side sees */
        headers_remove(&h->headers, own[i]);
    hunt(c, h, archive_range(c, h, request_get(r, "Range")));
    s = best_set(h);
    close_all(h, is_enough(h, s) ? s : NULL);
    if (is_enough(h, s))
        serve(c, h, s, response);
    else
        serve_bad(c, h, response);
    for (size_t i = 0; i < h->n_bad; i++)
        response_clear(&h->bad[i].response);
}

/* All fragments have all the metadata: any node will do. */
static void head(struct ctx *c, struct swift_request *r, struct where *w, struct swift_response *response)
{
    const char *at = request_get(r, "X-Backend-Etag-Is-At"), *length;

    headers_set(c, &r->headers, "X-Backend-Etag-Is-At", at ? ctx_printf(c, "%s," EC_ETAG, at) : EC_ETAG);
    proxy_get(c, r, response, &w->nodes, NULL);
    headers_set(c, &r->headers, "X-Backend-Etag-Is-At", at);
    length = response_get(response, EC_LENGTH);
    if (length && response->status / 100 == 2)
        text_to_int(length, &response->length);
}

void erasure_get(struct ctx *c, struct swift_request *r, struct where *w, struct swift_response *response)
{
    if (strcmp(r->method, "HEAD"))
        get(c, r, w, response);
    else
        head(c, r, w, response);
    dress(c, w->policy, response);
}
