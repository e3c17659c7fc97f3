/* An object out of its fragments: segment by segment, as many fragments as are needed are read side by side and decoded. A source that breaks
 * off or sends what is no fragment is replaced by another node's, from that segment on. */
#include "swift/proxy/erasure.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct erasure_stream {
    struct fragment_hunt *hunt;
    struct fragment_set *set;
    int64_t length, position, to;    /* of the object: how long it is, the next byte, behind the last that is wanted */
    int64_t segment_size, fragment_size;
    struct fragment_source **sources; size_t n_sources;      /* those in use */
    uint32_t unfit;                  /* fragments that have failed */
    char **fragments;                /* one segment's, a buffer for each source */
    struct buf segment; int64_t segment_from;        /* -1: none */
    bool failed;
};

/* --- one source ------------------------------------------------------------------------------------------------------------------------ */

static bool skip(struct ctx *c, struct fragment_source *s, int64_t to)
{
    char rest[16384];

    while (s->at < to) {
        ssize_t n = response_take(c, &s->response, rest, (size_t)MIN(to - s->at, (int64_t)sizeof(rest)));

        if (n <= 0)
            return false;
        s->at += n;
    }
    return true;
}

static bool fill(struct ctx *c, struct fragment_source *s, char *bytes, int64_t n)
{
    while (n > 0) {
        ssize_t got = response_take(c, &s->response, bytes, (size_t)n);

        if (got <= 0)
            return false;
        bytes += got;
        n -= got;
        s->at += got;
    }
    return true;
}

/* Of what is still wanted, in the archives. */
static int64_t archive_end(const struct erasure_stream *s)
{
    return (s->to + s->segment_size - 1) / s->segment_size * s->fragment_size;
}

/* Asks a node for a fragment from there on. NULL: it has none that can be used. */
static struct fragment_source *open_at(struct ctx *c, struct erasure_stream *s, const struct node *node, uint32_t excluded, int64_t from)
{
    struct fragment_flight *flight = ctx_new(c, struct fragment_flight);
    struct fragment_source *source = NULL;
    struct swift_response r = RESPONSE_EMPTY;
    struct timestamp when = {};

    fragment_ask(c, s->hunt, flight, node, fragment_preference(c, s->set->time, excluded),
                 ctx_printf(c, "bytes=%" PRId64 "-%" PRId64, from, MAX(archive_end(s), from + 1) - 1));
    if (backend_answer(c, flight->backend, &r) && r.status == 206)
        source = fragment_take(c, s->hunt, node, &r, &when);
    else if (!r.status || r.status >= 500)
        node_failed(node);
    if (!source || source->at != from || (excluded >> source->fragment & 1) || timestamp_compare(when, s->set->time) ||
        !text_equal(headers_get(&source->response.headers, "X-Object-Sysmeta-Ec-Etag"), s->set->etag)) {
        if (source)
            fragment_source_close(source);
        response_clear(&r);
        if (!flight->backend || !source)
            backend_close(flight->backend);
        return NULL;
    }
    return source;
}

/* --- which sources ----------------------------------------------------------------------------------------------------------------------- */

static uint32_t in_use(const struct erasure_stream *s, size_t but)
{
    uint32_t bits = s->unfit;

    for (size_t i = 0; i < s->n_sources; i++)
        if (i != but && s->sources[i])
            bits |= 1u << s->sources[i]->fragment;
    return bits;
}

/* One that nobody has begun to read: found beyond what was needed, or known to lie beside another. */
static struct fragment_source *spare(struct ctx *c, struct erasure_stream *s, uint32_t used, int64_t from)
{
    struct fragment_source *found = NULL;

    for (int f = 0; f < policy_fragments(s->hunt->policy) && !found; f++) {
        if (used >> f & 1)
            continue;
        if (s->set->sources[f])
            found = open_at(c, s, &s->set->sources[f]->node, ~(1u << f), from);
        else if (s->set->has_alternate[f])
            found = open_at(c, s, &s->set->alternates[f], ~(1u << f), from);
    }
    return found;
}

/* Another fragment in its place. False: there is none. */
static bool replace(struct ctx *c, struct erasure_stream *s, size_t i, int64_t from)
{
    struct fragment_source *old = s->sources[i], *new;
    struct node node;
    uint32_t used;

    s->unfit |= 1u << old->fragment;
    used = in_use(s, i);
    log_warning(c, "swift: fragment %d at %s:%d/%s broke off at %" PRId64 "; another is looked for", old->fragment, old->node.device->ip,
                old->node.device->port, old->node.device->device, old->at);
    fragment_source_close(old);
    new = spare(c, s, used, from);
    while (!new && nodes_next(c, s->hunt->nodes, &node))
        new = open_at(c, s, &node, used, from);
    if (new)
        s->sources[i] = new;
    return new != NULL;
}

/* Bytes of an archive out of one source, wherever that stands. */
static bool fetch(struct ctx *c, struct erasure_stream *s, size_t i, int64_t from, int64_t n)
{
    struct fragment_source *source = s->sources[i];

    if (source->at > from || from - source->at > 2 * s->fragment_size || source->end < from + n) {
        struct fragment_source *again = open_at(c, s, &source->node, ~(1u << source->fragment), from);

        if (!again)
            return false;
        fragment_source_close(source);
        s->sources[i] = source = again;
    }
    return skip(c, source, from) && fill(c, source, s->fragments[i], n);
}

/* --- segments ---------------------------------------------------------------------------------------------------------------------------- */

static bool read_fragments(struct ctx *c, struct erasure_stream *s, int64_t from, int64_t n)
{
    for (size_t i = 0; i < s->n_sources; i++) {
        size_t segment;
        int index;

        while (!fetch(c, s, i, from, n) || !erasure_check(s->hunt->policy->erasure, s->fragments[i], (size_t)n, &index, &segment) ||
               index != s->sources[i]->fragment)
            if (!replace(c, s, i, from))
                return false;
    }
    return true;
}

static bool load(struct ctx *c, struct erasure_stream *s, int64_t number)
{
    const struct erasure *code = s->hunt->policy->erasure;
    int64_t from = number * s->segment_size, size = MIN(s->segment_size, s->length - from);
    int64_t n = (int64_t)erasure_fragment_size(code, (size_t)size);

    s->segment_from = -1;
    s->segment.len = 0;
    s->failed = !read_fragments(c, s, number * s->fragment_size, n) ||
                !erasure_decode(code, s->fragments, s->n_sources, (size_t)n, &s->segment) || (int64_t)s->segment.len != size;
    if (s->failed) {
        log_error(c, "swift: %s cannot be decoded from %" PRId64 " on", s->hunt->request->path, from);
        return false;
    }
    s->segment_from = from;
    return true;
}

/* --- the body ------------------------------------------------------------------------------------------------------------------------------ */

static bool here(const struct erasure_stream *s)
{
    return s->segment_from >= 0 && s->position >= s->segment_from && s->position < s->segment_from + (int64_t)s->segment.len;
}

static ssize_t read_stream(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct erasure_stream *s = data;
    int64_t offset;

    if (s->position >= s->to)
        return 0;
    if (!here(s) && !load(c, s, s->position / s->segment_size))
        return -1;
    offset = s->position - s->segment_from;
    n = (size_t)MIN(MIN((int64_t)n, s->to - s->position), (int64_t)s->segment.len - offset);
    memcpy(bytes, s->segment.data + offset, n);
    s->position += (int64_t)n;
    return (ssize_t)n;
}

static bool seek_stream(struct ctx *c, void *data, int64_t from, int64_t to)
{
    struct erasure_stream *s = data;

    s->position = from;
    s->to = to;
    return from >= to || here(s) || load(c, s, from / s->segment_size);
}

static void close_stream(void *data)
{
    struct erasure_stream *s = data;

    for (size_t i = 0; i < s->n_sources; i++) {
        fragment_source_close(s->sources[i]);
        free(s->fragments[i]);
        s->fragments[i] = NULL;
    }
    s->n_sources = 0;
    buf_clear(&s->segment);
}

bool erasure_stream_failed(const struct erasure_stream *s)
{
    return s->failed;
}

struct erasure_stream *erasure_stream_open(struct ctx *c, struct fragment_hunt *hunt, struct fragment_set *set, int64_t length, struct swift_response *r)
{
    struct erasure_stream *s = ctx_new(c, struct erasure_stream);
    const struct storage_policy *policy = hunt->policy;

    *s = (struct erasure_stream){ .hunt = hunt, .set = set, .length = length, .to = length, .segment_from = -1, .segment_size = policy->ec_segment,
                                  .fragment_size = policy_fragment_size(policy) };
    s->sources = ctx_new_n(c, struct fragment_source *, policy->ec_data);
    s->fragments = ctx_new_n(c, char *, policy->ec_data);
    for (int f = 0; f < policy_fragments(policy); f++) {
        if (!set->sources[f])
            continue;
        if (s->n_sources == (size_t)policy->ec_data) {
            fragment_source_close(set->sources[f]);
            continue;
        }
        s->fragments[s->n_sources] = aligned_alloc(16, ((size_t)s->fragment_size + 15) / 16 * 16);
        s->sources[s->n_sources++] = set->sources[f];
    }
    r->read = read_stream;
    r->seek = seek_stream;
    r->read_data = s;
    r->close = close_stream;
    r->length = length;
    return s;
}
