/* The object controller: what holds for every policy, and the PUT of replicas. */
#include "swift/proxy/object.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/diskfile.h"
#include "swift/name.h"
#include "swift/proxy/mime_types.h"
#include "swift/proxy/shards.h"

#include <string.h>

/* False: 503 in the response. */
static bool find(struct ctx *c, struct swift_request *r, struct where *w, struct swift_response *response)
{
    const char *index = request_get(r, "X-Backend-Storage-Policy-Index");
    int64_t number;
    int next_part_power;

    w->container = container_info(c, r, r->account, r->container);
    number = w->container->policy_index;
    if (index)
        text_to_int(index, &number);
    w->policy = w->container->status >= 500 ? NULL : policy_by_index((int)number);
    if (!w->policy) {
        response_error(c, response, 503, NULL);
        return false;
    }
    headers_printf(c, &r->headers, "X-Backend-Storage-Policy-Index", "%d", w->policy->index);
    next_part_power = ring_get(c, w->policy->ring)->next_part_power;
    if (next_part_power > 0)                     /* object servers link what they write to where it will be */
        headers_printf(c, &r->headers, "X-Backend-Next-Part-Power", "%d", next_part_power);
    return true;
}

static bool container_exists(struct ctx *c, const struct where *w, struct swift_response *response)
{
    if (w->container->status / 100 == 2)
        return true;
    response_error(c, response, 404, NULL);
    return false;
}

/* --- reading ------------------------------------------------------------------------------------------------------------------- */

/* What SLO has hidden in a content type is not for clients. */
static void clean_type(struct ctx *c, struct swift_response *r)
{
    const char *type = response_get(r, "Content-Type"), *mark = type ? strrchr(type, ';') : NULL;

    if (mark && g_str_has_prefix(mark + 1 + strspn(mark + 1, " "), "swift_bytes="))
        headers_printf(c, &r->headers, "Content-Type", "%.*s", (int)(mark - type), type);
}

static void get(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct where *w = ctx_new(c, struct where);      /* a body that is sent later may ask further nodes */

    if (!find(c, r, w, response) || !proxy_authorized(c, r, w->container->read_acl, response))
        return;
    nodes_init(c, &w->nodes, STORAGE_OBJECT, w->policy->ring, r->account, r->container, r->object, w->policy,
               w->policy->type == POLICY_ERASURE && !strcmp(r->method, "GET") ? NODES_READ_FRAGMENTS : NODES_READ);
    if (w->policy->type == POLICY_ERASURE)
        erasure_get(c, r, w, response);
    else
        proxy_get(c, r, response, &w->nodes, NULL);
    clean_type(c, response);
    if (response_get(response, "Etag"))
        headers_set(c, &response->headers, "Etag", etag_plain(c, response_get(response, "Etag")));
}

/* --- headers of writes ------------------------------------------------------------------------------------------------------------ */

/* Where its row is kept: with the container, or with one of its shards. */
static void find_row(struct ctx *c, const struct swift_request *r, struct where *w)
{
    const char *state = w->container->sharding_state, *account = r->account, *container = r->container;

    if (state && (!strcmp(state, "sharded") || !strcmp(state, "sharding")))
        w->shard = shards_of_update(c, r, account, container, r->object);
    if (w->shard)
        shard_split_name(c, w->shard, &account, &container);
    w->containers = ctx_new(c, struct nodes);
    nodes_init(c, w->containers, STORAGE_CONTAINER, storage_ring(STORAGE_CONTAINER), account, container, NULL, NULL, NODES_WRITE);
}

static void place(struct ctx *c, struct swift_request *r, struct where *w)
{
    const char *delete_at = request_get(r, "X-Delete-At");
    int64_t seconds;

    nodes_init(c, &w->nodes, STORAGE_OBJECT, w->policy->ring, r->account, r->container, r->object, w->policy, NODES_WRITE);
    w->backends = w->nodes.replicas;
    find_row(c, r, w);
    if (!delete_at || !strcmp(r->method, "DELETE") || !text_to_int(delete_at, &seconds))
        return;
    headers_printf(c, &r->headers, "X-Delete-At", "%010" G_GINT64_FORMAT, CLAMP(seconds, 0, 9999999999));
    w->delete_at_container = expirer_container(c, seconds, r->account, r->container, r->object);
    w->expirers = ctx_new(c, struct nodes);
    nodes_init(c, w->expirers, STORAGE_CONTAINER, storage_ring(STORAGE_CONTAINER), EXPIRING_ACCOUNT, w->delete_at_container, NULL, NULL, NODES_WRITE);
}

/* How many updates of containers are to be sent, so that whichever quorum of object servers answers, one reaches a container. */
static size_t updates_needed(size_t containers, int container_quorum, size_t objects, int object_quorum)
{
    return MAX(containers, (size_t)MAX(container_quorum + (int)objects - object_quorum, 0));
}

struct headers *object_headers(struct ctx *c, const struct swift_request *r, const struct where *w)
{
    size_t n = w->backends, rows = w->containers->n_primaries;
    struct headers *all = ctx_new_n(c, struct headers, n + 1), common = {};
    size_t needed = updates_needed(rows, quorum_of((int)rows), n, policy_quorum(w->policy, (int)n));

    proxy_backend_headers(c, r, &common, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        headers_copy(c, &all[i], &common);
        if (!headers_get(&all[i], "X-Backend-Clean-Expiring-Object-Queue"))
            headers_set(c, &all[i], "X-Backend-Clean-Expiring-Object-Queue", i < 2 ? "t" : "f");
    }
    for (size_t i = 0; rows && n && i < needed; i++) {
        if (w->shard)
            headers_set(c, &all[i % n], "X-Backend-Quoted-Container-Path", name_quote(c, w->shard, "/"));
        proxy_add_host(c, &all[i % n], "Container", w->containers->primaries[i % rows], w->containers->partition);
        if (!w->expirers || !w->expirers->n_primaries)
            continue;
        struct headers *h = &all[n - 1 - i % n];
        headers_set(c, h, "X-Delete-At-Container", w->delete_at_container);
        proxy_add_host(c, h, "Delete-At", w->expirers->primaries[i % w->expirers->n_primaries], w->expirers->partition);
    }
    return all;
}

static void stamp(struct ctx *c, struct swift_request *r)
{
    if (!request_get(r, "X-Timestamp"))
        headers_set(c, &r->headers, "X-Timestamp", timestamp_text(c, timestamp_now()));
}

/* --- POST, DELETE -------------------------------------------------------------------------------------------------------------------- */

static void post(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct where w = {};

    if (!find(c, r, &w, response) || !proxy_authorized(c, r, w.container->write_acl, response) || !container_exists(c, &w, response) ||
        !check_metadata(c, r, "object", response))
        return;
    stamp(c, r);
    if (!check_delete_headers(c, r, response))
        return;
    place(c, r, &w);
    proxy_to_all(c, r, response, &w.nodes, "POST", object_headers(c, r, &w), w.nodes.replicas, NULL, 0, 0);
}

static void remove_object(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct where w = {};

    if (!find(c, r, &w, response) || !proxy_authorized(c, r, w.container->write_acl, response) || !container_exists(c, &w, response))
        return;
    stamp(c, r);
    place(c, r, &w);
    w.backends += nodes_add_local_handoffs(c, &w.nodes);
    proxy_to_all(c, r, response, &w.nodes, "DELETE", object_headers(c, r, &w), w.backends, NULL, 0, 204);
}

/* --- PUT ------------------------------------------------------------------------------------------------------------------------------- */

static bool connect_one(struct ctx *c, struct upload_all *u, struct put *p)
{
    if (!nodes_next(c, &u->where->nodes, &p->call.node))
        return false;
    p->backend = backend_open(c, &p->call);
    return true;
}

/* Waits for the node to want the body; asks another instead of one that cannot. */
static void await_one(struct ctx *c, struct upload_all *u, struct put *p)
{
    while (p->backend) {
        p->status = backend_continue(c, p->backend);
        if (p->status && p->status < 500)
            return;
        if (p->status == 507)
            node_is_full(&p->call.node);
        else
            node_failed(&p->call.node);
        backend_close(p->backend);
        p->backend = NULL;
        if (!connect_one(c, u, p))
            p->lost = true;
    }
    p->lost = true;
}

size_t upload_alive(const struct upload_all *u)
{
    size_t n = 0;

    for (size_t i = 0; i < u->n; i++)
        n += !u->puts[i].lost;
    return n;
}

static bool any_said(const struct upload_all *u, int status)
{
    for (size_t i = 0; i < u->n; i++)
        if (!u->puts[i].lost && u->puts[i].status == status)
            return true;
    return false;
}

void upload_connect(struct ctx *c, struct upload_all *u, const struct headers *headers, const struct backend_call *like)
{
    u->puts = ctx_new_n(c, struct put, u->n + 1);
    u->where->nodes.limit = MAX(u->where->nodes.limit, u->n);
    for (size_t i = 0; i < u->n; i++) {
        struct backend_call *call = &u->puts[i].call;

        *call = *like;
        call->kind = STORAGE_OBJECT;
        call->partition = u->where->nodes.partition;
        call->method = "PUT";
        call->account = u->request->account;
        call->container = u->request->container;
        call->object = u->request->object;
        call->headers = &headers[i];
        call->for_request = u->request;
        u->puts[i].lost = !connect_one(c, u, &u->puts[i]);
    }
    for (size_t i = 0; i < u->n; i++)
        if (!u->puts[i].lost)
            await_one(c, u, &u->puts[i]);
}

bool upload_wanted(struct ctx *c, const struct upload_all *u, struct swift_response *response)
{
    const char *none = request_get(u->request, "If-None-Match");

    if (none && any_said(u, 412))
        response_error(c, response, 412, NULL);
    else if (any_said(u, 409))
        response_error(c, response, 202, NULL);
    else if ((int)upload_alive(u) < u->quorum)
        response_error(c, response, 503, NULL);
    else
        return true;
    return false;
}

void upload_send(struct put *p, const void *bytes, size_t n)
{
    if (p->lost || p->status != 100 || backend_write(p->backend, bytes, n))
        return;
    log_warning(NULL, "swift: an upload to %s:%d/%s broke off", p->call.node.device->ip, p->call.node.device->port, p->call.node.device->device);
    node_failed(&p->call.node);
    p->lost = true;
}

ssize_t upload_take(struct ctx *c, struct upload_all *u, void *bytes, size_t n, struct swift_response *response)
{
    ssize_t got = request_take(c, u->request, bytes, n);
    int status = 0;

    if ((int)upload_alive(u) < u->quorum)
        status = 503;
    else if (got < 0)
        status = c->fault.status == 408 ? 408 : 499;
    else if (u->request->body_read > constraints->max_file_size)
        status = 413;
    else if (!got && u->request->length > 0 && u->request->body_read < u->request->length)
        status = 499;
    if (!status)
        return got;
    fault_clear(c);
    response_error(c, response, status, NULL);
    return -1;
}

enum { BLOCK_SMALL = 65536, BLOCK_LARGE = 262144 };  /* of a body, at a time; fewer, larger writes where there is more of it */

/* The client's body to all nodes. False: the response says what went wrong. */
static bool transfer(struct ctx *c, struct upload_all *u, struct swift_response *response)
{
    size_t room = u->request->length >= 0 && u->request->length <= BLOCK_SMALL ? BLOCK_SMALL : BLOCK_LARGE;
    char *block = g_malloc(room);
    ssize_t n;

    while ((n = upload_take(c, u, block, room, response)) > 0)
        for (size_t i = 0; i < u->n; i++)
            upload_send(&u->puts[i], block, (size_t)n);
    g_free(block);
    return n == 0;
}

static void finish_one(struct ctx *c, struct put *p, struct answer *a)
{
    a->response = (struct swift_response)RESPONSE_EMPTY;
    a->status = 503;
    if (p->lost)
        return;
    if (!backend_answer(c, p->backend, &a->response)) {
        node_failed(&p->call.node);
        return;
    }
    a->status = a->response.status;
    if (a->status == 507)
        node_is_full(&p->call.node);
    else if (a->status >= 500)
        node_failed(&p->call.node);
    if (a->response.read)
        response_take_all(c, &a->response, 65536, NULL);
}

bool upload_footers(struct ctx *c, struct swift_request *r, struct headers *footers, struct swift_response *response)
{
    if (!r->footers || r->footers(c, r->footers_data, footers))
        return true;
    response_error(c, response, c->fault.status, NULL);
    fault_clear(c);
    return false;
}

struct backend **upload_backends(struct ctx *c, const struct upload_all *u)
{
    struct backend **all = ctx_new_n(c, struct backend *, u->n + 1);

    for (size_t i = 0; i < u->n; i++)
        all[i] = u->puts[i].lost ? NULL : u->puts[i].backend;
    return all;
}

bool upload_answers(struct ctx *c, struct upload_all *u, struct swift_response *response, const char **ret_etag)
{
    struct answer *answers = ctx_new_n(c, struct answer, u->n + 1);
    bool agree = true;

    *ret_etag = NULL;
    for (size_t i = 0; i < u->n; i++) {
        finish_one(c, &u->puts[i], &answers[i]);
        const char *etag = answers[i].status / 100 == 2 ? etag_plain(c, response_get(&answers[i].response, "Etag")) : NULL;

        agree = agree && (!etag || !*ret_etag || !strcmp(etag, *ret_etag));
        *ret_etag = *ret_etag ? *ret_etag : etag;
    }
    proxy_best(c, answers, u->n, u->quorum, 0, response);
    return agree;
}

void upload_close(struct upload_all *u)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->puts[i].backend)
            backend_close(u->puts[i].backend);
}

static void end_bodies(struct ctx *c, struct upload_all *u, const struct headers *footers)
{
    struct backend **all = upload_backends(c, u);

    for (size_t i = 0; i < u->n; i++)
        if (all[i] && u->request->footers)
            backend_footers(all[i], footers);
    backends_end_body(c, all, u->n);
}

static void store(struct ctx *c, struct swift_request *r, struct where *w, struct swift_response *response)
{
    struct upload_all u = { .request = r, .where = w, .n = w->nodes.replicas, .quorum = policy_quorum(w->policy, (int)w->nodes.replicas) };
    struct backend_call like = { .length = r->footers || !r->length ? -1 : r->length, .footers = r->footers != NULL, .digest = disk_digest_new(c) };
    const char *etag;
    struct headers footers = {};
    struct timestamp when;

    upload_connect(c, &u, object_headers(c, r, w), &like);
    if (upload_wanted(c, &u, response) && transfer(c, &u, response) && upload_footers(c, r, &footers, response)) {
        end_bodies(c, &u, &footers);
        if (!upload_answers(c, &u, response, &etag)) {
            log_error(c, "swift: object servers returned mismatched etags");
            response_error(c, response, 500, NULL);
        } else if (etag && response->status / 100 == 2) {
            headers_set(c, &response->headers, "Etag", etag);
        }
        if (timestamp_parse(request_get(r, "X-Timestamp"), &when))
            headers_set(c, &response->headers, "Last-Modified", timestamp_http(c, when));
    }
    upload_close(&u);
}

static void guess_type(struct ctx *c, struct swift_request *r)
{
    const char *type = request_get(r, "Content-Type");

    if (!header_true(&r->headers, "X-Detect-Content-Type") && type && *type)
        return;
    headers_set(c, &r->headers, "Content-Type", mime_type_of(r->path));
    headers_remove(&r->headers, "X-Detect-Content-Type");
}

/* Where the container's listing keeps its own words no client may write. */
static bool type_is_well(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    if (r->env->content_type_overridden || (!strstr(request_get(r, "Content-Type"), "; swift_") && !strstr(request_get(r, "Content-Type"), ";swift_")))
        return true;
    response_error(c, response, 400, "Invalid Content-Type, swift_* is not a valid parameter name.");
    return false;
}

static void put(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *none = request_get(r, "If-None-Match");
    struct where w = {};

    if (none && !etag_listed(none, "*")) {
        response_text(c, response, 400, "text/plain", "If-None-Match only supports *");
        return;
    }
    if (!find(c, r, &w, response) || !proxy_authorized(c, r, w.container->write_acl, response) || !container_exists(c, &w, response))
        return;
    guess_type(c, r);
    stamp(c, r);
    if (!check_object_creation(c, r, r->object, response) || !type_is_well(c, r, response))
        return;
    place(c, r, &w);
    nodes_local_first(c, &w.nodes);
    if (w.policy->type == POLICY_ERASURE)
        erasure_put(c, r, &w, response);
    else
        store(c, r, &w, response);
}

void object_controller(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    if (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"))
        get(c, r, response);
    else if (!strcmp(r->method, "PUT"))
        put(c, r, response);
    else if (!strcmp(r->method, "POST"))
        post(c, r, response);
    else
        remove_object(c, r, response);
}
