/* POST and DELETE of an object. */
#include "swift/object/object.h"

#include "oslo/base/text.h"
#include "swift/constraints.h"

#include <errno.h>
#include <string.h>

static void disk_failed(struct ctx *c, struct swift_response *r)
{
    response_error(c, r, errno == ENOSPC || errno == EDQUOT || errno == ENOTSUP ? 507 : 500, NULL);
}

static int64_t integer(const char *text)
{
    int64_t value = 0;

    return text && text_to_int(text, &value) ? value : 0;
}

/* --- POST ---------------------------------------------------------------------------------------------------------------------- */

struct post {
    struct swift_request *request;
    struct object_target t;
    struct disk_object o;
    int64_t new_delete_at;
    struct timestamp type_time;      /* of the request's content type; raw 0: it has none */
    const char *type;                /* as it is to be from now on */
    struct headers metadata;
};

/* New metadata, all of it; or, where only the content type is newer, what there is. */
static void take_metadata(struct ctx *c, struct post *p)
{
    if (timestamp_compare(p->t.when, p->o.timestamp) > 0) {
        headers_set(c, &p->metadata, "X-Timestamp", timestamp_text(c, p->t.when));
        object_take_metadata(c, p->request, false, &p->metadata);
        if (p->o.delete_at == p->new_delete_at)
            return;
        if (p->new_delete_at)
            object_update_expirer(c, p->request, &p->t, "PUT", p->new_delete_at);
        if (p->o.delete_at)
            object_update_expirer(c, p->request, &p->t, "DELETE", p->o.delete_at);
        return;
    }
    for (size_t i = 0; i < p->o.metadata.n; i++) {
        const struct pair *h = &p->o.metadata.pairs[i];

        if (is_user_meta(h, "object") || is_transient_sysmeta(h) || object_header_is_kept(h->name))
            headers_set(c, &p->metadata, h->name, h->value);
    }
    headers_set(c, &p->metadata, "X-Timestamp", timestamp_text(c, p->o.timestamp));
}

static void take_type(struct ctx *c, struct post *p)
{
    if (timestamp_compare(p->type_time, p->o.times.content_type) > 0) {
        p->type = request_get(p->request, "Content-Type");
    } else {
        p->type = p->o.content_type;
        p->type_time = p->o.times.content_type;
        if (!timestamp_compare(p->type_time, p->o.times.data))
            return;
    }
    headers_set(c, &p->metadata, "Content-Type", p->type);
    headers_set(c, &p->metadata, "Content-Type-Timestamp", timestamp_text(c, p->type_time));
}

static bool write_post(struct ctx *c, struct post *p)
{
    struct timestamp when;

    timestamp_parse(headers_get(&p->metadata, "X-Timestamp"), &when);
    return disk_write_meta(c, &p->t.place, when, headers_get(&p->metadata, "Content-Type") ? p->type_time : (struct timestamp){}, &p->metadata);
}

static void tell_post(struct ctx *c, struct post *p)
{
    const char *old_type = headers_get(&p->o.data_metadata, "Content-Type"), *bytes = old_type ? strstr(old_type, ";swift_bytes=") : NULL;
    struct headers update = {};
    const char *ec_etag = headers_get(&p->o.metadata, "X-Object-Sysmeta-Ec-Etag"), *ec_size = headers_get(&p->o.metadata, "X-Object-Sysmeta-Ec-Content-Length");

    if (bytes && timestamp_compare(p->type_time, p->o.times.data))
        p->type = ctx_printf(c, "%s%s", p->type, bytes);
    headers_set(c, &update, "X-Size", ec_size ? ec_size : headers_get(&p->o.metadata, "Content-Length"));
    headers_set(c, &update, "X-Content-Type", p->type);
    headers_set(c, &update, "X-Timestamp", timestamp_text(c, p->o.times.data));
    headers_set(c, &update, "X-Content-Type-Timestamp", timestamp_text(c, p->type_time));
    headers_set(c, &update, "X-Meta-Timestamp", headers_get(&p->metadata, "X-Timestamp"));
    headers_set(c, &update, "X-Etag", ec_etag ? ec_etag : p->o.etag);
    object_override_update(c, &update, &p->o.metadata, NULL);
    object_update_container(c, p->request, &p->t, "PUT", &update);
}

static bool post_allowed(struct ctx *c, struct post *p, struct swift_response *r)
{
    const char *type = request_get(p->request, "Content-Type");
    bool replication = header_true(&p->request->headers, "X-Backend-Replication");

    p->new_delete_at = integer(request_get(p->request, "X-Delete-At"));
    if (p->new_delete_at && p->new_delete_at * 100000 < p->t.when.raw) {
        response_text(c, r, 400, "text/plain", "X-Delete-At in past");
        return false;
    }
    disk_object_open(c, &p->t.place, replication ? 0 : p->t.when.raw / 100000, &p->o);
    disk_object_close(&p->o);
    if (p->o.found != DISK_THERE) {
        response_error(c, r, p->o.found == DISK_ERROR || p->o.found == DISK_COLLISION ? 500 : 404, NULL);
        return false;
    }
    if (type && *type && !timestamp_parse(request_get(p->request, "Content-Type-Timestamp"), &p->type_time))
        p->type_time = p->t.when;
    if (timestamp_compare(p->o.timestamp, p->t.when) < 0 || timestamp_compare(p->o.times.content_type, p->type_time) < 0)
        return true;
    headers_set(c, &r->headers, "X-Backend-Timestamp", timestamp_text(c, p->o.timestamp));
    response_error(c, r, 409, NULL);
    return false;
}

void object_post(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    struct post p = { .request = request };

    if (!object_find_target(c, request, true, &p.t, r) || !post_allowed(c, &p, r))
        return;
    take_metadata(c, &p);
    take_type(c, &p);
    if (!write_post(c, &p)) {
        disk_failed(c, r);
        return;
    }
    tell_post(c, &p);
    response_error(c, r, 202, NULL);
    headers_set(c, &r->headers, "X-Backend-Content-Type", p.type);
    for (size_t i = 0; i < p.o.metadata.n; i++)
        if (is_sys_meta(&p.o.metadata.pairs[i], "object"))
            headers_set(c, &r->headers, p.o.metadata.pairs[i].name, p.o.metadata.pairs[i].value);
}

/* --- DELETE -------------------------------------------------------------------------------------------------------------------- */

/* The expirer deletes only what is still to be deleted at the time it knows. True: it may; else *ret_status says why not. */
static bool expirer_may(const struct swift_request *request, const struct object_target *t, const struct disk_object *o, struct timestamp there, int *ret_status)
{
    struct timestamp asked;

    if (!timestamp_parse(request_get(request, "X-If-Delete-At"), &asked))
        *ret_status = 400;
    else if (!timestamp_set(there))
        *ret_status = 404;
    else if (timestamp_compare(there, t->when) >= 0)
        *ret_status = 409;
    else if (o->delete_at * 100000 != asked.raw)
        *ret_status = 412;
    else
        *ret_status = 204;
    return *ret_status == 204;
}

static const char *refusal(int status)
{
    return status == 400 ? "Bad X-If-Delete-At header value" : status == 412 ? "X-If-Delete-At and X-Delete-At do not match" : NULL;
}

static bool there_is(const struct disk_object *o)
{
    return o->found == DISK_THERE || o->found == DISK_EXPIRED;
}

void object_delete(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    struct headers update = {};
    struct disk_object o;
    struct timestamp there = {};
    struct object_target t;
    int status;

    if (!object_find_target(c, request, true, &t, r))
        return;
    disk_object_open(c, &t.place, t.when.raw / 100000, &o);
    disk_object_close(&o);
    if (there_is(&o))
        there = o.times.data;
    else if (o.found == DISK_DELETED)
        there = o.timestamp;
    bool newer = timestamp_compare(there, t.when) < 0;
    status = o.found != DISK_THERE ? 404 : newer ? 204 : 409;
    if (request_get(request, "X-If-Delete-At") && !expirer_may(request, &t, &o, there, &status)) {
        response_error(c, r, status, refusal(status));
        return;
    }
    if (there_is(&o) && o.delete_at)
        object_update_expirer(c, request, &t, "DELETE", o.delete_at);
    if (newer) {
        if (!disk_write_tombstone(c, &t.place, t.when)) {
            disk_failed(c, r);
            return;
        }
        headers_set(c, &update, "X-Timestamp", timestamp_text(c, t.when));
        object_update_container(c, request, &t, "DELETE", &update);
    }
    response_error(c, r, status, NULL);
    headers_set(c, &r->headers, "X-Backend-Timestamp", timestamp_text(c, newer ? t.when : there));
    headers_set(c, &r->headers, "X-Backend-Content-Type", there_is(&o) && o.content_type ? o.content_type : "");
}
