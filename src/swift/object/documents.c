/* PUT of an object whose body is MIME: the object, what is known of it only when it has been read (footers), and the word that enough other
 * nodes have theirs, for which the sender is asked when this one's is on the disk. */
#include "swift/object/object.h"

#include "oslo/base/text.h"
#include "swift/multipart.h"
#include "swift/name.h"

#include <string.h>

#define FOOTERS_MOST (1 << 20)

struct documents {
    struct multipart *parts;
    struct headers head;             /* of the one at hand */
    bool footers, phases;            /* what the sender wants to send */
};

static ssize_t read_document(struct ctx *c, void *data, void *bytes, size_t n)
{
    return multipart_read(data, bytes, n);
}

/* --- footers ------------------------------------------------------------------------------------------------------------------------- */

static const char *value_text(struct ctx *c, json_t *value)
{
    if (json_is_integer(value))
        return ctx_printf(c, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return json_is_string(value) ? ctx_strdup(c, json_string_value(value)) : NULL;
}

bool object_read_footers(struct ctx *c, const char *md5, const char *text, size_t n, struct headers *ret, struct swift_response *r)
{
    uint8_t digest[16];
    const char *name;
    json_t *all, *value;
    char hex[33];

    if (!md5 || !*md5) {
        response_error(c, r, 400, "no Content-MD5 in footer");
        return false;
    }
    md5_of(text, n, digest);
    digest_hex(digest, hex);
    if (strcmp(hex, md5)) {
        response_error(c, r, 422, "footer MD5 mismatch");
        return false;
    }
    all = ctx_json(c, json_loadb(text, n, 0, NULL));
    if (!json_is_object(all)) {
        response_error(c, r, 400, "invalid JSON for footer doc");
        return false;
    }
    json_object_foreach(all, name, value)
        if (value_text(c, value))
            headers_set(c, ret, ctx_strdup(c, name), value_text(c, value));
    return true;
}

/* The whole document. False: the response says what is wrong. */
static bool take_footers(struct ctx *c, struct documents *d, struct headers *ret, struct swift_response *r)
{
    struct buf text = {};
    ssize_t n = multipart_next(c, d->parts, &d->head);
    bool well = n > 0;

    if (!well)
        response_error(c, r, n ? 499 : 400, n ? NULL : "couldn't find footer MIME doc");
    while (well && n > 0 && text.len < FOOTERS_MOST) {
        buf_reserve(&text, 4096);
        n = multipart_read(d->parts, text.data + text.len, 4096);
        text.len += n > 0 ? (size_t)n : 0;
    }
    if (well && n) {
        response_error(c, r, n < 0 ? 499 : 413, NULL);
        well = false;
    }
    well = well && object_read_footers(c, headers_get(&d->head, "Content-MD5"), text.data ? text.data : "", text.len, ret, r);
    buf_clear(&text);
    return well;
}

/* --- the phases ---------------------------------------------------------------------------------------------------------------------- */

/* Tells the sender what this server understands of what it wants. */
static bool ask(struct ctx *c, const struct swift_request *request, const struct documents *d)
{
    struct headers h = {};

    if (d->phases)
        headers_set(c, &h, "X-Obj-Multiphase-Commit", "yes");
    if (d->footers)
        headers_set(c, &h, "X-Obj-Metadata-Footer", "yes");
    return !request->go_on || request->go_on(c, request->read_data, &h);
}

/* It is on the disk: do the others have theirs? False: the response says they have not. */
static bool is_confirmed(struct ctx *c, const struct swift_request *request, struct documents *d, struct swift_response *r)
{
    const char *document;
    int found = -1;

    multipart_go_on(d->parts);
    if (ask(c, request, d))
        found = multipart_next(c, d->parts, &d->head);
    if (found <= 0) {
        response_error(c, r, found ? 499 : 400, found ? NULL : "couldn't find PUT commit MIME doc");
        return false;
    }
    document = headers_get(&d->head, "X-Document");
    if (document && !strcmp(document, "put commit"))
        return true;
    response_error(c, r, 500, NULL);
    return false;
}

static void drain(struct ctx *c, struct documents *d)
{
    while (multipart_next(c, d->parts, &d->head) > 0)
        ;
}

void object_put_documents(struct ctx *c, struct swift_request *request, struct upload *u, struct swift_response *r)
{
    const char *boundary = request_get(request, "X-Backend-Obj-Multipart-Mime-Boundary");
    struct documents d = { .footers = header_true(&request->headers, "X-Backend-Obj-Metadata-Footer"),
                           .phases = header_true(&request->headers, "X-Backend-Obj-Multiphase-Commit") };
    struct headers footers = {};
    struct upload_end end = { u, &footers, r };

    if (!boundary || !*boundary) {
        upload_abort(u);
        response_error(c, r, 400, NULL);
        return;
    }
    d.parts = multipart_new(c, boundary, request);
    if (!ask(c, request, &d) || multipart_next(c, d.parts, &d.head) <= 0 || !object_fill(c, u, read_document, d.parts)) {
        object_broken(c, u, r);
        return;
    }
    if (d.footers && !take_footers(c, &d, &footers, r)) {
        upload_abort(u);
        return;
    }
    if (d.phases) {
        uploads_stage(c, &end, 1);
        if (r->status != 100 || !is_confirmed(c, request, &d, r))
            return;
    }
    drain(c, &d);
    uploads_finish(c, &end, 1);
}
