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
    int64_t old_delete_at;
    bool full;                       /* a write has failed */
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

struct upload *object_upload(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    struct upload *u = ctx_new(c, struct upload);
    int64_t size = request->length;

    u->c = c;
    u->request = request;
    if (!object_find_target(c, request, true, &u->t, r) || !check_object_creation(c, request, request->object, r))
        return NULL;
    if (u->t.policy->type == POLICY_ERASURE) {
        response_error(c, r, 501, NULL);
        return NULL;
    }
    if (size < 0 && request_get(request, "X-Backend-Obj-Content-Length") && !text_to_int(request_get(request, "X-Backend-Obj-Content-Length"), &size)) {
        response_error(c, r, 400, NULL);
        return NULL;
    }
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
    else if (u->request->length >= 0 && disk_writer_size(u->writer) != u->request->length)
        response_error(c, r, 499, NULL);
    else if (!etag_fits(c, u, footers, disk_writer_etag(u->writer)))
        response_error(c, r, 422, NULL);
    else
        return true;
    return false;
}

static void answer(struct ctx *c, struct upload *u, const struct headers *metadata, const struct headers *footers, struct swift_response *r)
{
    upload_abort(u);
    tell(c, u, metadata, footers);
    if (failed(c)) {
        response_error(c, r, c->fault.status, NULL);
        fault_clear(c);
        return;
    }
    response_error(c, r, 201, NULL);
    headers_printf(c, &r->headers, "Etag", "\"%s\"", headers_get(metadata, "ETag"));
}

void uploads_finish(struct ctx *c, const struct upload_end *ends, size_t n)
{
    struct disk_commit *commits = ctx_new_n(c, struct disk_commit, n + 1);
    const struct upload_end **good = ctx_new_n(c, const struct upload_end *, n + 1);
    struct headers *metadata = ctx_new_n(c, struct headers, n + 1);
    size_t n_good = 0;

    for (size_t i = 0; i < n; i++) {
        struct upload *u = ends[i].upload;

        if (!judge(c, u, ends[i].footers, ends[i].response)) {
            upload_abort(u);
            continue;
        }
        gather_metadata(c, u, ends[i].footers, ctx_strdup(c, disk_writer_etag(u->writer)), &metadata[n_good]);
        commits[n_good] = (struct disk_commit){ u->writer, &metadata[n_good], ctx_printf(c, "%s.data", timestamp_text(c, u->t.when)), 0 };
        good[n_good++] = &ends[i];
    }
    disk_writers_commit(c, commits, n_good);
    for (size_t i = 0; i < n_good; i++) {
        if (!commits[i].error) {
            answer(c, good[i]->upload, &metadata[i], good[i]->footers, good[i]->response);
            continue;
        }
        errno = commits[i].error;
        disk_failed(c, good[i]->response);
        upload_abort(good[i]->upload);
    }
}

void upload_finish(struct ctx *c, struct upload *u, const struct headers *footers, struct swift_response *r)
{
    uploads_finish(c, &(struct upload_end){ u, footers, r }, 1);
}

void object_put(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    struct upload *u = object_upload(c, request, r);
    ssize_t n = 1;
    char *block;

    if (!u)
        return;
    block = g_malloc(65536);
    while (n > 0) {
        n = request_take(c, request, block, 65536);
        if (n > 0)
            upload_write(u, block, (size_t)n);
    }
    g_free(block);
    if (n >= 0) {
        upload_finish(c, u, NULL, r);
        return;
    }
    upload_abort(u);
    response_error(c, r, c->fault.status == 408 ? 408 : 499, NULL);
    fault_clear(c);
}
