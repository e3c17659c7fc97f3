/* A fragment that a node lacks: as many others as the code needs are read side by side, and each segment's is made of them while it is sent. One
 * that is all there is left of an object, long after it was written, is quarantined. */
#include "swift/daemon/reconstructor.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/proxy/erasure.h"

#include <stdlib.h>
#include <string.h>

#define TIMES_MOST 16

/* What was answered of one time. */
struct bucket {
    struct timestamp time;
    const char *etag;
    int answers;
    struct fragment_source *useful[ERASURE_MOST]; size_t n;
};

struct gathering {
    struct rebuild *to;
    struct fragment_hunt hunt;
    struct bucket buckets[TIMES_MOST]; size_t n_buckets;
    int not_found, errors;
};

static void begin(struct ctx *c, struct gathering *g, const struct disk_place *place)
{
    struct swift_request *request = ctx_new(c, struct swift_request);
    const struct reconstructed *p = g->to->partition;
    char **names = g_strsplit(place->name + 1, "/", 3);

    ctx_own(c, names, (void (*)(void *))g_strfreev);
    request->account = names[0];
    request->container = names[1];
    request->object = names[2];
    request->path = place->name;
    g->hunt.request = request;
    g->hunt.policy = p->policy;
    g->hunt.nodes = ctx_new(c, struct nodes);
    g->hunt.nodes->partition = p->partition;
    headers_printf(c, &g->hunt.headers, "X-Backend-Storage-Policy-Index", "%d", p->policy->index);
    headers_set(c, &g->hunt.headers, "X-Backend-Replication", "True");
    headers_set(c, &g->hunt.headers, "User-Agent", "object-reconstructor");
}

static struct bucket *bucket_of(struct gathering *g, struct timestamp when)
{
    size_t i = 0;

    while (i < g->n_buckets && timestamp_compare(g->buckets[i].time, when))
        i++;
    if (i == TIMES_MOST)
        return NULL;
    if (i == g->n_buckets)
        g->buckets[g->n_buckets++].time = when;
    return &g->buckets[i];
}

static void take(struct ctx *c, struct gathering *g, const struct node *node, struct swift_response *r)
{
    struct timestamp when;
    struct fragment_source *s = r->status == 200 ? fragment_take(c, &g->hunt, node, r, &when) : NULL;
    const char *etag = s ? response_get(&s->response, "X-Object-Sysmeta-Ec-Etag") : NULL;
    struct bucket *b = etag ? bucket_of(g, when) : NULL;

    g->not_found += !s && r->status == 404;
    g->errors += (!s && r->status != 404) || (s && !b);
    response_clear(r);
    if (!s)
        return;
    if (b) {
        b->answers++;
        b->etag = b->etag ? b->etag : etag;
    }
    if (!b || !text_equal(b->etag, etag) || s->fragment == g->to->fragment || b->useful[s->fragment]) {
        fragment_source_close(s);
        return;
    }
    b->useful[s->fragment] = s;
    b->n++;
}

/* Asks those nodes, all at once. */
static void ask(struct ctx *c, struct gathering *g, struct timestamp when, const struct ring_device *const *nodes, size_t n)
{
    struct fragment_flight *flights = ctx_new_n(c, struct fragment_flight, n + 1);

    for (size_t i = 0; i < n; i++) {
        struct node node = { .device = nodes[i], .index = (int)i, .replication = true };

        fragment_ask(c, &g->hunt, &flights[i], &node, fragment_preference(c, when, 0), NULL);
    }
    for (size_t i = 0; i < n; i++) {
        struct swift_response r = RESPONSE_EMPTY;

        backend_answer(c, flights[i].backend, &r);
        if (!r.read || r.read_data != flights[i].backend)
            backend_close(flights[i].backend);
        take(c, g, &flights[i].call.node, &r);
    }
}

static struct bucket *enough(struct gathering *g)
{
    for (size_t i = 0; i < g->n_buckets; i++)
        if ((int)g->buckets[i].n >= g->hunt.policy->ec_data)
            return &g->buckets[i];
    return NULL;
}

static void close_bucket(struct bucket *b)
{
    for (int f = 0; f < ERASURE_MOST; f++)
        if (b->useful[f])
            fragment_source_close(b->useful[f]);
}

/* --- nothing but this one ----------------------------------------------------------------------------------------------------------------- */

/* Strict, as it is the object's end: all others have nothing, and there has been time for a tombstone or for other fragments to come. */
static bool is_solitary(const struct gathering *g, const struct disk_object *o)
{
    const struct reconstruction *all = g->to->partition->all;
    const struct bucket *b = &g->buckets[0];
    int64_t age = all->round->settings->reclaim_age;

    if (*all->options->quarantine_age)
        text_to_int(all->options->quarantine_age, &age);
    return g->not_found && !g->errors && g->n_buckets == 1 && !timestamp_compare(b->time, o->times.data) &&
           clock_us() - o->times.data.raw * 10 > age * G_USEC_PER_SEC && b->answers <= all->options->quarantine_threshold &&
           b->answers < g->hunt.policy->ec_data && o->files.fragment >= 0 && b->useful[o->files.fragment];
}

/* "2 * replicas", "7": how many nodes are asked before that. */
static size_t node_count(const char *text, size_t replicas)
{
    size_t n = (size_t)MAX(strtol(text, NULL, 10), 1);

    return strstr(text, "replicas") ? n * replicas : n;
}

static void ask_handoffs(struct ctx *c, struct gathering *g, const struct disk_object *o)
{
    const struct reconstructed *p = g->to->partition;
    size_t most = MAX(node_count(p->all->options->request_node_count, p->n_primaries), p->n_primaries);
    const struct ring_device *node;
    struct ring_walk walk;

    ring_walk_init(c, &walk, p->ring, p->partition);
    for (size_t n = p->n_primaries; n < most && is_solitary(g, o) && (node = ring_walk_next(c, &walk)); n++)
        ask(c, g, o->times.data, &node, 1);
}

static void give_up(struct ctx *c, struct gathering *g, const struct disk_place *place, const struct disk_object *o)
{
    const struct ring_device *d = g->to->to;

    for (size_t i = 0; i < g->n_buckets; i++)
        log_error(c, "swift: unable to get enough responses (%zu/%d from %d ok responses) to reconstruct %s:%d/%s/%u%s policy#%d frag#%d with timestamp %s",
                  g->buckets[i].n, g->hunt.policy->ec_data, g->buckets[i].answers, d->replication_ip, d->replication_port, d->device,
                  g->to->partition->partition, place->name, g->hunt.policy->index, g->to->fragment, timestamp_text(c, g->buckets[i].time));
    if (g->not_found || g->errors)
        log_error(c, "swift: unable to get enough responses (%d not found, %d errors) to reconstruct %s frag#%d", g->not_found, g->errors, place->name,
                  g->to->fragment);
    if (is_solitary(g, o))
        disk_quarantine(c, place, ctx_printf(c, "Solitary fragment #%d", o->files.fragment));
}

/* --- the new fragment ---------------------------------------------------------------------------------------------------------------------- */

struct rebuilt {
    const struct storage_policy *policy;
    int fragment;
    int64_t left;                    /* of the archive, of what is not made yet */
    struct fragment_source *sources[ERASURE_MOST]; size_t n;
    char *fragments[ERASURE_MOST], *made;
    size_t made_size, used;
};

/* The next fragment of each source, and the one that is missing out of them. */
static bool make_next(struct ctx *c, struct rebuilt *r)
{
    size_t size = (size_t)MIN(r->left, policy_fragment_size(r->policy));

    for (size_t i = 0; i < r->n; i++)
        for (size_t have = 0; have < size;) {
            ssize_t got = response_take(c, &r->sources[i]->response, r->fragments[i] + have, size - have);

            if (got <= 0)
                return false;
            have += (size_t)got;
        }
    r->left -= (int64_t)size;
    r->made_size = size;
    r->used = 0;
    return erasure_rebuild(r->policy->erasure, r->fragments, r->n, size, r->fragment, r->made);
}

static ssize_t read_rebuilt(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct rebuilt *r = data;

    if (r->used == r->made_size) {
        if (!r->left)
            return 0;
        if (!make_next(c, r)) {
            log_error(c, "swift: fragment %d cannot be rebuilt: a source broke off, or is damaged", r->fragment);
            return -1;
        }
    }
    n = MIN(n, r->made_size - r->used);
    memcpy(bytes, r->made + r->used, n);
    r->used += n;
    return (ssize_t)n;
}

static void close_rebuilt(void *data)
{
    struct rebuilt *r = data;

    for (size_t i = 0; i < r->n; i++) {
        fragment_source_close(r->sources[i]);
        free(r->fragments[i]);
    }
    free(r->made);
    r->n = 0;
}

static char *block(const struct storage_policy *p)
{
    return aligned_alloc(16, ((size_t)policy_fragment_size(p) + 15) / 16 * 16);
}

static void open_rebuilt(struct ctx *c, const struct gathering *g, struct bucket *b, const struct disk_object *o, struct ssync_source *ret)
{
    struct rebuilt *r = ctx_new(c, struct rebuilt);

    *r = (struct rebuilt){ .policy = g->hunt.policy, .fragment = g->to->fragment, .left = o->length, .made = block(g->hunt.policy) };
    for (int f = 0; f < ERASURE_MOST; f++) {
        if (b->useful[f] && (int)r->n < r->policy->ec_data) {
            r->fragments[r->n] = block(r->policy);
            r->sources[r->n++] = b->useful[f];
        } else if (b->useful[f]) {
            fragment_source_close(b->useful[f]);
        }
    }
    *ret = (struct ssync_source){ .length = o->length, .read = read_rebuilt, .data = r, .close = close_rebuilt };
    headers_copy(c, &ret->metadata, &o->data_metadata);
    headers_printf(c, &ret->metadata, "X-Object-Sysmeta-Ec-Frag-Index", "%d", r->fragment);
    headers_remove(&ret->metadata, "ETag");          /* that of this node's own fragment */
}

bool rebuild_fragment(struct ctx *c, void *data, const struct disk_place *place, const struct disk_object *o, struct ssync_source *ret)
{
    struct gathering *g = ctx_new(c, struct gathering);
    const struct reconstructed *p = ((struct rebuild *)data)->partition;
    const struct ring_device *others[MOST_REPLICAS];
    struct bucket *b;
    size_t n = 0;

    g->to = data;
    begin(c, g, place);
    for (size_t i = 0; i < p->n_primaries; i++)
        if (p->primaries[i] != g->to->to)
            others[n++] = p->primaries[i];
    ask(c, g, o->times.data, others, n);
    if (!(b = enough(g)) && is_solitary(g, o))
        ask_handoffs(c, g, o);
    b = enough(g);
    for (size_t i = 0; i < g->n_buckets; i++)
        if (&g->buckets[i] != b)
            close_bucket(&g->buckets[i]);
    if (b)
        open_rebuilt(c, g, b, o, ret);
    else
        give_up(c, g, place, o);
    return b != NULL;
}
