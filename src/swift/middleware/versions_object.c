/* Object versioning on objects: what is put goes to the hidden container, and the container gets a static link to it. */
#include "swift/middleware/versions.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/proxy/mime_types.h"
#include "swift/proxy/proxy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINK "X-Object-Sysmeta-Symlink-Target"

struct object {
    struct ctx *c;
    const struct step *step;
    struct swift_request *request;
    const struct container_info *container;
    const char *hidden;              /* NULL: the container has never had versions */
    bool enabled;
};

static bool refuse(struct object *o, struct swift_response *response, int status, const char *message)
{
    response_clear(response);
    if (message)
        response_text(o->c, response, status, "text/plain", message);
    else
        response_error(o->c, response, status, NULL);
    return false;
}

/* What a request of this middleware's own came to; false: the client gets it in other words. The response is closed. */
static bool went_well(struct object *o, struct swift_response *own, struct swift_response *response)
{
    int status = own->status;

    if (status / 100 == 2) {
        response_close(own);
        return true;
    }
    if (status == 404 || status / 100 != 4) {
        response_clear(own);
        return refuse(o, response, status == 404 ? 412 : 503, NULL);
    }
    response_clear(response);
    *response = *own;
    *own = (struct swift_response)RESPONSE_EMPTY;
    return false;
}

static bool hidden_missing(struct object *o, struct swift_response *response)
{
    return refuse(o, response, 500, "The versions container does not exist. You may want to re-enable object versioning.");
}

/* The time of the request; it is given one where it has none. */
static struct timestamp stamp(struct object *o)
{
    const char *text = request_get(o->request, "X-Timestamp");
    struct timestamp t;

    if (text && timestamp_parse(text, &t))
        return t;
    t = timestamp_now();
    headers_set(o->c, &o->request->headers, "X-Timestamp", timestamp_text(o->c, t));
    return t;
}

/* --- PUT ------------------------------------------------------------------------------------------------------------- */

/* An object from before there were versions becomes the first of them. */
static bool keep_unversioned(struct object *o, struct swift_response *source, struct swift_response *response)
{
    struct swift_request *r = versions_request(o->c, o->request, "PUT", o->hidden,
                                               versions_object_name(o->c, o->request->object, versions_time_of(source)));
    struct swift_response put = RESPONSE_EMPTY;

    versions_put_copy(o->c, r, source);
    step_next(o->c, o->step, r, &put);
    if (put.status == 404) {
        response_clear(&put);
        return hidden_missing(o, response);
    }
    bool well = went_well(o, &put, response);
    response_clear(&put);
    return well;
}

static bool keep_current(struct object *o, struct swift_response *response)
{
    struct swift_response *source = ctx_new(o->c, struct swift_response);
    struct swift_request *get;
    bool well = true;

    *source = (struct swift_response)RESPONSE_EMPTY;
    o->request->env->acl = o->container->write_acl;
    if (o->request->env->authorize && !o->request->env->authorize(o->c, o->request, response))
        return false;
    get = versions_request(o->c, o->request, "GET", o->request->container, o->request->object);
    headers_set(o->c, &get->headers, "X-Newest", "True");
    request_set_query(o->c, get, "symlink=get");
    step_next(o->c, o->step, get, source);
    if (source->status / 100 == 2 && (source->length < 0 || source->length > constraints->max_file_size))
        well = refuse(o, response, 413, NULL);
    else if (source->status / 100 == 2 && !header_true(&source->headers, VERSIONS_SYMLINK))
        well = keep_unversioned(o, source, response);
    else if (source->status != 404 && source->status / 100 != 2)
        well = went_well(o, source, response);
    response_clear(source);
    return well;
}

/* The client's bytes go to the hidden container. */
struct written { const char *object, *etag, *type; int64_t bytes; };

static bool write_version(struct object *o, struct timestamp when, struct written *ret, struct swift_response *response)
{
    struct swift_request *client = o->request, *r;
    struct swift_response put = RESPONSE_EMPTY;
    const char *slo;

    ret->object = versions_object_name(o->c, client->object, when);
    r = versions_request(o->c, client, "PUT", o->hidden, ret->object);
    headers_copy(o->c, &r->headers, &client->headers);
    headers_remove(&r->headers, "X-Delete-At");
    headers_remove(&r->headers, "X-Delete-After");
    headers_set(o->c, &r->headers, "X-Backend-Allow-Reserved-Names", "true");
    r->read = client->read;
    r->read_data = client->read_data;
    r->length = client->length;
    r->body_read = client->body_read;
    r->footers = client->footers;
    r->footers_data = client->footers_data;
    step_next(o->c, o->step, r, &put);
    const char *type = request_get(r, "Content-Type");               /* what stands behind may have found it */
    type = type ? type : mime_type_of(client->path);
    slo = request_get(r, "X-Object-Sysmeta-Slo-Size");
    ret->bytes = slo ? atoll(slo) : r->body_read;
    ret->type = ctx_strndup(o->c, type, strcspn(type, ";"));
    ret->etag = ctx_strdup(o->c, response_get(&put, "ETag"));
    if (put.status == 404) {
        response_clear(&put);
        return hidden_missing(o, response);
    }
    bool well = went_well(o, &put, response);
    response_clear(&put);
    return well;
}

/* The container's object becomes a static link to that version. */
static void link_version(struct object *o, struct timestamp when, const struct written *w, struct swift_response *response)
{
    static const char *const not_of_links[] = { "ETag", "X-If-Delete-At", "X-Symlink-Target-Account", "X-Object-Manifest", "X-Static-Large-Object",
                                                "X-Object-Sysmeta-Slo-Etag", "X-Object-Sysmeta-Slo-Size", "Transfer-Encoding" };
    struct swift_request *r = o->request;
    const char *name;
    struct timestamp version;

    r->method = "PUT";
    stamp(o);
    struct timestamp later = when;
    later.offset++;
    headers_set(o->c, &r->headers, "X-Timestamp", timestamp_text(o->c, later));
    for (size_t i = 0; i < G_N_ELEMENTS(not_of_links); i++)
        headers_remove(&r->headers, not_of_links[i]);
    /* what the link must find is known, unless the version is a static link itself: then symlink looks */
    headers_set(o->c, &r->headers, LINK "-Etag", etag_plain(o->c, w->etag ? w->etag : ""));
    headers_printf(o->c, &r->headers, LINK "-Bytes", "%lld", (long long)w->bytes);
    headers_set(o->c, &r->headers, "Content-Type", w->type);
    headers_set(o->c, &r->headers, "X-Symlink-Target", name_quote(o->c, ctx_printf(o->c, "%s/%s", o->hidden, w->object), "/"));
    headers_set(o->c, &r->headers, VERSIONS_SYMLINK, "true");
    headers_set(o->c, &r->headers, "X-Object-Sysmeta-Symloop-Extend", "true");
    headers_set(o->c, &r->headers, "X-Object-Sysmeta-Allow-Reserved-Names", "true");
    headers_set(o->c, &r->headers, "X-Backend-Allow-Reserved-Names", "true");
    r->env->allow_reserved = true;
    r->env->content_type_overridden = false;
    r->footers = NULL;
    request_set_body(r, "", 0);
    step_next(o->c, o->step, r, response);
    headers_set(o->c, &response->headers, "ETag", w->etag);
    if (versions_split(o->c, w->object, &name, &version))
        headers_set(o->c, &response->headers, "X-Object-Version-Id", timestamp_text(o->c, version));
}

static void serve_put(struct object *o, struct swift_response *response)
{
    struct written w = { 0 };
    struct timestamp when;

    if (!keep_current(o, response))
        return;
    when = stamp(o);
    if (write_version(o, when, &w, response))
        link_version(o, when, &w, response);
}

/* --- DELETE, POST ------------------------------------------------------------------------------------------------------ */

/* A marker says that it was deleted then; the link goes. */
static void serve_delete(struct object *o, struct swift_response *response)
{
    struct swift_response put = RESPONSE_EMPTY;
    struct swift_request *marker;
    struct timestamp when;

    if (!keep_current(o, response))
        return;
    when = stamp(o);
    marker = versions_request(o->c, o->request, "PUT", o->hidden, versions_object_name(o->c, o->request->object, when));
    headers_set(o->c, &marker->headers, "Content-Type", DELETE_MARKER_TYPE);
    headers_set(o->c, &marker->headers, "X-Timestamp", timestamp_text(o->c, when));
    marker->env->content_type_overridden = true;
    step_next(o->c, o->step, marker, &put);
    bool well = went_well(o, &put, response);
    response_clear(&put);
    if (!well)
        return;
    step_next(o->c, o->step, o->request, response);
    if (response->status / 100 == 2 || response->status == 404)
        headers_set(o->c, &response->headers, "X-Object-Version-Id", timestamp_text(o->c, when));
    headers_set(o->c, &response->headers, "X-Backend-Content-Type", DELETE_MARKER_TYPE);
}

/* A POST to the link is one to its version. */
static void serve_post(struct object *o, struct swift_response *response)
{
    struct swift_request *post = versions_request(o->c, o->request, "POST", NULL, NULL);
    const char *location, *path, *prefix;

    headers_copy(o->c, &post->headers, &o->request->headers);
    headers_remove(&post->headers, "X-Delete-At");
    headers_remove(&post->headers, "X-Delete-After");
    step_next(o->c, o->step, o->request, response);
    location = response_get(response, "Location");
    if (response->status != 307 || !header_true(&response->headers, VERSIONS_SYMLINK) || !location)
        return;
    path = name_decode(o->c, location, strlen(location), false);
    prefix = ctx_printf(o->c, "/%s/%s/%s/", o->request->version, o->request->account, o->hidden);
    if (!path || strncmp(path, prefix, strlen(prefix)))
        return;
    response_clear(response);
    request_set_path(o->c, post, o->request->account, o->hidden, path + strlen(prefix));
    step_next(o->c, o->step, post, response);
}

/* --- GET, HEAD ----------------------------------------------------------------------------------------------------------- */

/* Where an answer names the hidden container, it names the version instead. */
static void name_version(struct object *o, struct swift_response *response)
{
    const char *location = response_get(response, "Content-Location"), *target = response_get(response, "X-Symlink-Target"), *prefix, *path, *object;
    const struct swift_request *r = o->request;
    struct timestamp when;

    headers_set(o->c, &response->headers, "X-Object-Version-Id", "null");
    prefix = ctx_printf(o->c, "/%s/%s/%s/", r->version, r->account, o->hidden);
    path = location ? name_decode(o->c, location, strlen(location), false) : NULL;
    if (path && g_str_has_prefix(path, prefix) && versions_split(o->c, path + strlen(prefix), &object, &when)) {
        headers_set(o->c, &response->headers, "X-Object-Version-Id", timestamp_text(o->c, when));
        headers_set(o->c, &response->headers, "Content-Location",
                    ctx_printf(o->c, "%s?version-id=%s", name_quote(o->c, ctx_printf(o->c, "/%s/%s/%s/%s", r->version, r->account, r->container, r->object), "/"),
                               timestamp_text(o->c, when)));
    }
    prefix = ctx_printf(o->c, "%s/", o->hidden);
    path = target ? name_decode(o->c, target, strlen(target), false) : NULL;
    if (path && g_str_has_prefix(path, prefix) && versions_split(o->c, path + strlen(prefix), &object, &when)) {
        headers_set(o->c, &response->headers, "X-Object-Version-Id", timestamp_text(o->c, when));
        headers_set(o->c, &response->headers, "X-Symlink-Target",
                    ctx_printf(o->c, "%s?version-id=%s", name_quote(o->c, ctx_printf(o->c, "%s/%s", r->container, r->object), "/"), timestamp_text(o->c, when)));
    }
}

static void read_null(struct object *o, struct swift_response *response)
{
    const char *location;

    step_next(o->c, o->step, o->request, response);
    if (response->status / 100 != 2)
        return;
    location = response_get(response, "Content-Location");
    location = location ? name_decode(o->c, location, strlen(location), false) : NULL;
    if (location && strstr(location, RESERVED "versions" RESERVED))
        refuse(o, response, 404, NULL);                  /* the current one has a version of its own */
    else
        headers_set(o->c, &response->headers, "X-Object-Version-Id", "null");
}

static void go_to_version(struct object *o, struct timestamp when)
{
    struct swift_request *r = o->request;

    request_set_path(o->c, r, r->account, o->hidden, versions_object_name(o->c, r->object, when));
    r->env->allow_reserved = true;
    headers_set(o->c, &r->headers, "X-Backend-Allow-Reserved-Names", "true");
}

static void read_version(struct object *o, const char *version, struct timestamp when, struct swift_response *response)
{
    const char *type;

    go_to_version(o, when);
    step_next(o->c, o->step, o->request, response);
    if (response->status / 100 == 2)
        headers_set(o->c, &response->headers, "X-Object-Version-Id", version);
    type = response_get(response, "X-Backend-Content-Type");
    type = type ? type : response_get(response, "Content-Type");
    if (type && !strcmp(type, DELETE_MARKER_TYPE)) {
        refuse(o, response, 404, NULL);
        headers_set(o->c, &response->headers, "X-Object-Version-Id", version);
        headers_set(o->c, &response->headers, "Content-Type", DELETE_MARKER_TYPE);
    }
}

/* --- ?version-id ------------------------------------------------------------------------------------------------------------ */

/* *ret_target: what the container's object links to; NULL: it is gone, or no link. */
static bool current_link(struct object *o, const char **ret_target, struct swift_response *response)
{
    struct swift_request *head = versions_request(o->c, o->request, "HEAD", o->request->container, o->request->object);
    struct swift_response own = RESPONSE_EMPTY;
    const char *target;
    bool well = true;

    *ret_target = NULL;
    headers_set(o->c, &head->headers, "X-Newest", "True");
    request_set_query(o->c, head, "symlink=get");
    step_next(o->c, o->step, head, &own);
    if (own.status != 404) {
        target = header_true(&own.headers, VERSIONS_SYMLINK) ? response_get(&own, "X-Symlink-Target") : NULL;
        *ret_target = target ? name_decode(o->c, target, strlen(target), false) : NULL;
        well = went_well(o, &own, response);
    }
    response_clear(&own);
    return well;
}

static void delete_version(struct object *o, const char *version, struct timestamp when, struct swift_response *response)
{
    const char *wanted = ctx_printf(o->c, "%s/%s", o->hidden, versions_object_name(o->c, o->request->object, when)), *target, *name, *current = "null";
    struct swift_response link = RESPONSE_EMPTY;
    struct timestamp linked;

    if (!current_link(o, &target, response))
        return;
    if (target && !strcmp(target, wanted)) {             /* the current one: the link goes first, then what it points to */
        struct swift_request first = *o->request;

        request_set_query(o->c, &first, "");
        step_next(o->c, o->step, &first, &link);
        bool well = went_well(o, &link, response);
        response_clear(&link);
        if (!well)
            return;
    } else if (target && strchr(target, '/') && versions_split(o->c, strchr(target, '/') + 1, &name, &linked)) {
        current = timestamp_text(o->c, linked);
    }
    go_to_version(o, when);
    step_next(o->c, o->step, o->request, response);
    headers_set(o->c, &response->headers, "X-Object-Version-Id", version);
    headers_set(o->c, &response->headers, "X-Object-Current-Version-Id", current);
}

/* PUT makes a version the current one. */
static void put_version(struct object *o, struct timestamp when, struct swift_response *response)
{
    const char *name = versions_object_name(o->c, o->request->object, when);
    struct swift_request *head = versions_request(o->c, o->request, "HEAD", o->hidden, name);
    struct swift_response own = RESPONSE_EMPTY;
    struct written w = { .object = name };

    if (o->request->length > 0) {
        refuse(o, response, 400, "PUT version-id requests require a zero byte body");
        return;
    }
    request_set_query(o->c, head, "symlink=get");
    step_next(o->c, o->step, head, &own);
    if (own.status == 404) {
        response_clear(&own);
        if (container_info(o->c, o->request, o->request->account, o->hidden)->status / 100 == 2)
            refuse(o, response, 404, "The specified version does not exist");
        else
            hidden_missing(o, response);
        return;
    }
    w.etag = ctx_strdup(o->c, response_get(&own, "ETag"));
    w.type = ctx_strdup(o->c, response_get(&own, "Content-Type"));
    w.bytes = own.length;
    if (went_well(o, &own, response)) {
        request_set_query(o->c, o->request, "");
        link_version(o, stamp(o), &w, response);
    }
    response_clear(&own);
}

static void serve_version(struct object *o, const char *version, struct swift_response *response)
{
    const char *method = o->request->method;
    bool null = !strcmp(version, "null");
    struct timestamp when = { 0 };

    if (!strcmp(method, "POST")) {
        response_error(o->c, response, 400, "POST to a specific version is not allowed");
    } else if (!o->hidden && !null) {
        response_error(o->c, response, 400, "version-aware operations require that the container is versioned");
    } else if (!null && !timestamp_parse(version, &when)) {
        response_error(o->c, response, 400, "Invalid version parameter");
    } else if (null && strcmp(method, "GET") && strcmp(method, "HEAD")) {
        step_next(o->c, o->step, o->request, response);  /* the link itself */
    } else if (null) {
        read_null(o, response);
    } else if (!strcmp(method, "DELETE")) {
        delete_version(o, version, when, response);
    } else if (!strcmp(method, "PUT")) {
        put_version(o, when, response);
    } else {
        read_version(o, version, when, response);
    }
}

void versions_of_object(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    struct object o = { .c = c, .step = step, .request = r, .container = container_info(c, r, r->account, r->container) };
    const char *quoted = headers_get(&o.container->sysmeta, "versions-container"), *version = request_param(r, "version-id");
    char *hidden = quoted && *quoted ? name_decode(c, quoted, strlen(quoted), false) : NULL;

    if (hidden)
        hidden[strcspn(hidden, "/")] = 0;
    o.hidden = hidden;
    o.enabled = header_true(&o.container->sysmeta, "versions-enabled");
    if (version && *version) {
        serve_version(&o, version, response);
    } else if (!o.hidden) {
        step_next(c, step, r, response);
    } else if (!strcmp(r->method, "PUT") && o.enabled) {
        serve_put(&o, response);
    } else if (!strcmp(r->method, "DELETE") && o.enabled) {
        serve_delete(&o, response);
    } else if (!strcmp(r->method, "POST")) {
        serve_post(&o, response);
    } else {
        step_next(c, step, r, response);
        if (strcmp(r->method, "PUT") && strcmp(r->method, "DELETE"))
            name_version(&o, response);
    }
}
