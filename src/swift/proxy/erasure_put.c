/* PUT under an erasure code: each segment of the body becomes fragments, one for each node. When enough nodes have theirs on the disk they are
 * told so, and only then do the fragments count. */
#include "swift/proxy/object.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

struct encoder {
    const struct storage_policy *policy;
    struct upload_all *u;
    char *segment; size_t used;
    struct md5 *whole, *fragments[ERASURE_MOST];
    char etag[33], etags[ERASURE_MOST][33];
};

/* --- who gets which ------------------------------------------------------------------------------------------------------------------ */

/* A primary gets the fragment of its place; handoffs get those of the primaries that are away, first those of which there is none. */
static void share_out(struct upload_all *u, const struct storage_policy *policy)
{
    int have[ERASURE_MOST] = {};

    for (size_t i = 0; i < u->n; i++) {
        struct put *p = &u->puts[i];

        p->fragment = p->lost || p->call.node.index < 0 ? -1 : policy_fragment_of(policy, p->call.node.index);
        if (p->fragment >= 0)
            have[p->fragment]++;
    }
    for (size_t i = 0; i < u->n; i++) {
        struct put *p = &u->puts[i];
        int least = 0;

        if (p->lost || p->fragment >= 0)
            continue;
        for (int f = 1; f < policy_fragments(policy); f++)
            if (have[f] < have[least])
                least = f;
        p->fragment = least;
        have[least]++;
    }
}

/* --- the body ------------------------------------------------------------------------------------------------------------------------ */

/* False: the response says that it cannot be encoded. */
static bool send_segment(struct ctx *c, struct encoder *e, struct swift_response *response)
{
    struct erasure_fragments f;

    md5_add(e->whole, e->segment, e->used);
    if (!erasure_encode(e->policy->erasure, e->segment, e->used, &f)) {
        response_error(c, response, 500, NULL);
        return false;
    }
    for (int i = 0; i < policy_fragments(e->policy); i++)
        md5_add(e->fragments[i], f.fragments[i], f.size);
    for (size_t i = 0; i < e->u->n; i++)
        if (!e->u->puts[i].lost)
            upload_send(&e->u->puts[i], f.fragments[e->u->puts[i].fragment], f.size);
    erasure_encode_done(e->policy->erasure, &f);
    e->used = 0;
    return true;
}

static bool transfer(struct ctx *c, struct encoder *e, struct swift_response *response)
{
    size_t size = (size_t)e->policy->ec_segment;
    ssize_t n;

    while ((n = upload_take(c, e->u, e->segment + e->used, MIN(size - e->used, 65536), response)) > 0) {
        e->used += (size_t)n;
        if (e->used == size && !send_segment(c, e, response))
            return false;
    }
    return n == 0 && (!e->used || send_segment(c, e, response));
}

static void begin(struct encoder *e)
{
    e->segment = g_malloc((size_t)e->policy->ec_segment);
    e->whole = md5_new();
    for (int i = 0; i < policy_fragments(e->policy); i++)
        e->fragments[i] = md5_new();
}

static void end(struct encoder *e)
{
    md5_end_hex(e->whole, e->etag);
    for (int i = 0; i < policy_fragments(e->policy); i++)
        md5_end_hex(e->fragments[i], e->etags[i]);
    g_free(e->segment);
}

/* --- what follows it ------------------------------------------------------------------------------------------------------------------- */

static bool etag_fits(struct ctx *c, const struct encoder *e, const struct headers *footers, struct swift_response *response)
{
    const char *said = headers_get(footers, "Etag");

    said = etag_plain(c, said ? said : request_get(e->u->request, "Etag"));
    if (!said || !*said || !strcasecmp(said, e->etag))
        return true;
    response_error(c, response, 422, NULL);
    return false;
}

static struct headers *fragment_footers(struct ctx *c, const struct encoder *e, int fragment, const struct headers *footers)
{
    const struct storage_policy *p = e->policy;
    struct headers *h = ctx_new(c, struct headers);
    const char *size = ctx_printf(c, "%" PRId64, e->u->request->body_read);

    headers_set(c, h, "X-Object-Sysmeta-Ec-Etag", e->etag);
    headers_set(c, h, "X-Object-Sysmeta-Ec-Content-Length", size);
    headers_set(c, h, "X-Backend-Container-Update-Override-Etag", e->etag);
    headers_set(c, h, "X-Backend-Container-Update-Override-Size", size);
    headers_printf(c, h, "X-Object-Sysmeta-Ec-Frag-Index", "%d", fragment);
    headers_printf(c, h, "X-Object-Sysmeta-Ec-Scheme", "%s %d+%d", p->ec_type, p->ec_data, p->ec_parity);
    headers_printf(c, h, "X-Object-Sysmeta-Ec-Segment-Size", "%" PRId64, p->ec_segment);
    for (size_t i = 0; i < footers->n; i++)
        if (!header_has_prefix(&footers->pairs[i], "X-Object-Sysmeta-Ec-"))
            headers_set(c, h, footers->pairs[i].name, footers->pairs[i].value);
    headers_set(c, h, "Etag", e->etags[fragment]);
    return h;
}

/* --- both phases ----------------------------------------------------------------------------------------------------------------------- */

/* All fragments to the disks, where they do not count yet. False: too few are. */
static bool stage(struct ctx *c, struct encoder *e, const struct headers *footers, struct swift_response *response)
{
    struct upload_all *u = e->u;
    struct backend **all = upload_backends(c, u);
    int staged = 0;

    for (size_t i = 0; i < u->n; i++)
        if (all[i])
            backend_footers(all[i], fragment_footers(c, e, u->puts[i].fragment, footers));
    backends_end_body(c, all, u->n);
    for (size_t i = 0; i < u->n; i++) {
        int status = all[i] ? backend_staged(c, all[i]) : 0;

        staged += status == 100;
        if (all[i] && status != 100) {
            log_warning(c, "swift: a fragment is not stored at %s:%d/%s: %d", u->puts[i].call.node.device->ip, u->puts[i].call.node.device->port,
                        u->puts[i].call.node.device->device, status);
            if (status == 507)
                node_is_full(&u->puts[i].call.node);
            else if (!status || status >= 500)
                node_failed(&u->puts[i].call.node);
            u->puts[i].lost = true;
        }
    }
    if (staged >= u->quorum)
        return true;
    log_error(c, "swift: not enough object servers acknowledged: %d of %d", staged, u->quorum);
    response_error(c, response, 503, NULL);
    return false;
}

static void commit(struct ctx *c, struct encoder *e, struct swift_response *response)
{
    struct timestamp when;
    const char *etag;

    backends_commit(c, upload_backends(c, e->u), e->u->n);
    upload_answers(c, e->u, response, &etag);
    if (response->status / 100 == 2)
        headers_set(c, &response->headers, "Etag", ctx_strdup(c, e->etag));
    if (timestamp_parse(request_get(e->u->request, "X-Timestamp"), &when))
        headers_set(c, &response->headers, "Last-Modified", timestamp_http(c, when));
}

/* How long a fragment archive will be. */
static int64_t archive_size(const struct storage_policy *p, int64_t length)
{
    return length / p->ec_segment * policy_fragment_size(p) + (int64_t)erasure_fragment_size(p->erasure, (size_t)(length % p->ec_segment));
}

static struct headers *all_headers(struct ctx *c, const struct swift_request *r, const struct where *w)
{
    struct headers *all = object_headers(c, r, w);

    for (size_t i = 0; i < w->nodes.replicas; i++) {
        headers_remove(&all[i], "Etag");
        if (r->length > 0)
            headers_printf(c, &all[i], "X-Backend-Obj-Content-Length", "%" PRId64, archive_size(w->policy, r->length));
    }
    return all;
}

void erasure_put(struct ctx *c, struct swift_request *r, struct where *w, struct swift_response *response)
{
    struct upload_all u = { .request = r, .where = w, .n = w->nodes.replicas, .quorum = policy_quorum(w->policy, (int)w->nodes.replicas) };
    struct encoder *e = ctx_new(c, struct encoder);
    struct headers footers = {};
    bool well;

    *e = (struct encoder){ .policy = w->policy, .u = &u };
    upload_connect(c, &u, all_headers(c, r, w), &(struct backend_call){ .length = -1, .footers = true, .phases = true });
    if (upload_wanted(c, &u, response)) {
        share_out(&u, w->policy);
        begin(e);
        well = transfer(c, e, response);
        end(e);
        if (well && upload_footers(c, r, &footers, response) && etag_fits(c, e, &footers, response) && stage(c, e, &footers, response))
            commit(c, e, response);
    }
    upload_close(&u);
}
