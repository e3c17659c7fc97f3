/* PUT of an object: the body goes into an unnamed file as it comes; what it says of itself is judged at its end. */
#include "swift/object/object.h"

#include "oslo/base/text.h"
#include "swift/constraints.h"
#include "swift/disk/io.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct upload {
    struct ctx *c;
    struct swift_request *request;
    struct object_target t;
    struct disk_writer *writer;
    int64_t old_delete_at, expected; /* expected: how long it is to be; -1: not said */
    bool full;                       /* a write has failed */
    struct disk_wish wish;           /* the fragment that SSYNC is about */
    /* once it is on the disk: */
    bool staged;
    int fragment;                    /* which it is; -1: a replica */
    struct headers metadata;
    const struct headers *footers;
};

static bool no_space(int error)
{
    return error == ENOSPC || error == EDQUOT || error == ENOTSUP || error == EROFS;
}

static void disk_failed(struct ctx *c, struct swift_response *r)
{
    response_error(c, r, no_space(errno) ? 507 : 500, NULL);
}

/* What is there already: is this newer, and does If-None-Match let it be replaced? */
static bool may_replace(struct ctx *c, struct upload *u, struct swift_response *r)
{
    const char *none = request_get(u->request, "If-None-Match");
    struct disk_object o;
    struct timestamp there = {};

    disk_object_open(c, &u->t.place, u->t.when.raw / 100000, &o);
    disk_object_close(&o);
    if (o.found == DISK_COLLISION || o.found == DISK_ERROR) {
        response_error(c, r, 500, NULL);
        return false;
    }
    if (o.found == DISK_THERE || o.found == DISK_EXPIRED)
        there = o.times.data;
    else if (o.found == DISK_DELETED)
        there = o.timestamp;
    if (o.found == DISK_THERE) {
        u->old_delete_at = o.delete_at;
        if (none && etag_listed(none, o.etag)) {
            response_error(c, r, 412, NULL);
            return false;
        }
    }
    if (timestamp_compare(there, u->t.when) < 0)
        return true;
    headers_set(c, &r->headers, "X-Backend-Timestamp", timestamp_text(c, there));
    response_error(c, r, 409, NULL);
    return false;
}

/* SSYNC is about one fragment: what else lies there does not count. */
static bool object_wish(struct ctx *c, struct upload *u, struct swift_response *r)
{
    const char *text = request_get(u->request, "X-Backend-Ssync-Frag-Index");
    int64_t index = -1;

    if (text && (!text_to_int(text, &index) || index < 0 || index >= policy_fragments(u->t.policy))) {
        response_error(c, r, 500, NULL);
        return false;
    }
    u->wish = (struct disk_wish){ .fragment = (int)index };
    u->t.place.wish = &u->wish;
    return true;
}

struct upload *object_upload(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    struct upload *u = ctx_new(c, struct upload);
    int64_t size = request->length;

    u->c = c;
    u->request = request;
    if (!object_find_target(c, request, true, &u->t, r) || !check_object_creation(c, request, request->object, r))
        return NULL;
    u->fragment = -1;
    if (u->t.policy->type == POLICY_ERASURE && !object_wish(c, u, r))
        return NULL;
    if (size < 0 && request_get(request, "X-Backend-Obj-Content-Length") && !text_to_int(request_get(request, "X-Backend-Obj-Content-Length"), &size)) {
        response_error(c, r, 400, NULL);
        return NULL;
    }
    u->expected = size;
    if (!may_replace(c, u, r))
        return NULL;
    u->writer = disk_writer_open(c, &u->t.place, MAX(size, 0));
    if (u->writer) {
        if (request->digest)
            disk_writer_share(u->writer, request->digest);
        return u;
    }
    disk_failed(c, r);
    return NULL;
}

bool upload_write(struct upload *u, const void *bytes, size_t n)
{
    u->full = u->full || !disk_writer_write(u->writer, bytes, n);
    return !u->full;
}

void upload_abort(struct upload *u)
{
    disk_writer_free(u->writer);
    u->writer = NULL;
}

static bool etag_fits(struct ctx *c, const struct upload *u, const struct headers *footers, const char *etag)
{
    const char *said = footers ? headers_get(footers, "Etag") : NULL;

    said = etag_plain(c, said ? said : request_get(u->request, "Etag"));
    return !said || !*said || !strcasecmp(said, etag);
}

static void gather_metadata(struct ctx *c, const struct upload *u, const struct headers *footers, const char *etag, struct headers *metadata)
{
    headers_set(c, metadata, "X-Timestamp", timestamp_text(c, u->t.when));
    headers_set(c, metadata, "Content-Type", request_get(u->request, "Content-Type"));
    headers_printf(c, metadata, "Content-Length", "%" G_GINT64_FORMAT, disk_writer_size(u->writer));
    headers_set(c, metadata, "ETag", etag);
    object_take_metadata(c, u->request, true, metadata);
    for (size_t i = 0; footers && i < footers->n; i++) {
        const struct pair *h = &footers->pairs[i];

        if (is_user_meta(h, "object") || is_sys_meta(h, "object") || is_transient_sysmeta(h))
            headers_set(c, metadata, header_title(c, h->name), h->value);
    }
}

static void tell(struct ctx *c, const struct upload *u, const struct headers *metadata, const struct headers *footers)
{
    const char *text = request_get(u->request, "X-Delete-At");
    struct headers update = {};
    int64_t delete_at = 0;

    if (text && text_to_int(text, &delete_at) && delete_at && delete_at != u->old_delete_at)
        object_update_expirer(c, u->request, &u->t, "PUT", delete_at);
    if (u->old_delete_at && delete_at != u->old_delete_at)
        object_update_expirer(c, u->request, &u->t, "DELETE", u->old_delete_at);
    headers_set(c, &update, "X-Size", headers_get(metadata, "Content-Length"));
    headers_set(c, &update, "X-Content-Type", headers_get(metadata, "Content-Type"));
    headers_set(c, &update, "X-Timestamp", headers_get(metadata, "X-Timestamp"));
    headers_set(c, &update, "X-Etag", headers_get(metadata, "ETag"));
    object_override_update(c, &update, &u->request->headers, footers);
    object_update_container(c, u->request, &u->t, "PUT", &update);
}

/* False: the response says what is wrong. */
static bool judge(struct ctx *c, struct upload *u, const struct headers *footers, struct swift_response *r)
{
    if (u->full)
        disk_failed(c, r);
    else if (u->expected >= 0 && disk_writer_size(u->writer) != u->expected)
        response_error(c, r, 499, NULL);
    else if (!etag_fits(c, u, footers, disk_writer_etag(u->writer)))
        response_error(c, r, 422, NULL);
    else
        return true;
    return false;
}

/* --- the end ------------------------------------------------------------------------------------------------------------------- */

/* Under which name it is to lie there. NULL: the response says why under none. */
static const char *file_name(struct ctx *c, struct upload *u, struct swift_response *r)
{
    const char *said = headers_get(&u->metadata, "X-Object-Sysmeta-Ec-Frag-Index");
    int64_t index = u->wish.fragment;

    if (u->t.policy->type != POLICY_ERASURE)
        return ctx_printf(c, "%s.data", timestamp_text(c, u->t.when));
    if ((said && !text_to_int(said, &index)) || index < 0 || index >= policy_fragments(u->t.policy)) {
        response_error(c, r, 500, NULL);
        return NULL;
    }
    headers_printf(c, &u->metadata, "X-Object-Sysmeta-Ec-Frag-Index", "%d", (int)index);
    u->fragment = (int)index;
    return fragment_file_name(c, u->t.when, u->fragment, false);
}

void uploads_stage(struct ctx *c, const struct upload_end *ends, size_t n)
{
    struct disk_commit *commits = ctx_new_n(c, struct disk_commit, n + 1);
    const struct upload_end **good = ctx_new_n(c, const struct upload_end *, n + 1);
    size_t n_good = 0;

    for (size_t i = 0; i < n; i++) {
        struct upload *u = ends[i].upload;
        const char *name = NULL;

        u->footers = ends[i].footers;
        if (judge(c, u, u->footers, ends[i].response)) {
            gather_metadata(c, u, u->footers, ctx_strdup(c, disk_writer_etag(u->writer)), &u->metadata);
            name = file_name(c, u, ends[i].response);
        }
        if (!name) {
            upload_abort(u);
            continue;
        }
        commits[n_good] = (struct disk_commit){ u->writer, &u->metadata, name, 0 };
        good[n_good++] = &ends[i];
    }
    disk_writers_commit(c, commits, n_good);
    for (size_t i = 0; i < n_good; i++) {
        struct upload *u = good[i]->upload;

        u->staged = !commits[i].error;
        errno = commits[i].error;
        if (u->staged)
            response_error(c, good[i]->response, 100, NULL);
        else
            disk_failed(c, good[i]->response);
        upload_abort(u);
    }
}

static void answer(struct ctx *c, const struct upload *u, struct swift_response *r)
{
    tell(c, u, &u->metadata, u->footers);
    if (failed(c)) {
        response_error(c, r, c->fault.status, NULL);
        fault_clear(c);
        return;
    }
    response_error(c, r, 201, NULL);
    headers_printf(c, &r->headers, "Etag", "\"%s\"", headers_get(&u->metadata, "ETag"));
}

void uploads_finish(struct ctx *c, const struct upload_end *ends, size_t n)
{
    struct upload_end *fresh = ctx_new_n(c, struct upload_end, n + 1);
    size_t n_fresh = 0;

    for (size_t i = 0; i < n; i++)
        if (!ends[i].upload->staged)
            fresh[n_fresh++] = ends[i];
    uploads_stage(c, fresh, n_fresh);
    for (size_t i = 0; i < n; i++) {
        const struct upload *u = ends[i].upload;

        if (!u->staged)
            continue;
        if (u->fragment < 0 || header_true(&u->request->headers, "X-Backend-No-Commit") ||
            disk_make_durable(c, &u->t.place, u->t.when, u->fragment))
            answer(c, u, ends[i].response);
        else
            disk_failed(c, ends[i].response);
    }
}

void upload_finish(struct ctx *c, struct upload *u, const struct headers *footers, struct swift_response *r)
{
    uploads_finish(c, &(struct upload_end){ u, footers, r }, 1);
}

/* The end of what can be read. False: it broke off. */
bool object_fill(struct ctx *c, struct upload *u, body_reader *read, void *data)
{
    char *block = g_malloc(65536);
    ssize_t n;

    while ((n = read(c, data, block, 65536)) > 0)
        upload_write(u, block, (size_t)n);
    g_free(block);
    return n == 0;
}

static ssize_t read_request(struct ctx *c, void *request, void *bytes, size_t n)
{
    return request_take(c, request, bytes, n);
}

void object_broken(struct ctx *c, struct upload *u, struct swift_response *r)
{
    upload_abort(u);
    response_error(c, r, c->fault.status == 408 ? 408 : 499, NULL);
    fault_clear(c);
}

void object_put(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    struct upload *u = object_upload(c, request, r);

    if (!u)
        return;
    if (header_true(&request->headers, "X-Backend-Obj-Metadata-Footer") || header_true(&request->headers, "X-Backend-Obj-Multiphase-Commit"))
        object_put_documents(c, request, u, r);
    else if (object_fill(c, u, read_request, request))
        upload_finish(c, u, NULL, r);
    else
        object_broken(c, u, r);
}
