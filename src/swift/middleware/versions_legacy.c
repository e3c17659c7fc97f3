/* Versions the older way: before an object is overwritten or deleted, it is copied into the container that X-Versions-Location (a DELETE
 * brings the one before back) or X-History-Location (a DELETE leaves a marker) names.
 */
#include "swift/middleware/versions.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/proxy/proxy.h"

#include <string.h>

#define LOCATION_META "X-Container-Sysmeta-Versions-Location"
#define MODE_META "X-Container-Sysmeta-Versions-Mode"

struct legacy {
    struct ctx *c;
    const struct step *step;
    struct swift_request *request;
    const struct container_info *container;
    const char *archive;             /* the container of the versions */
    bool authorized;
};

static bool refuse(struct ctx *c, struct swift_response *response, int status, const char *message)
{
    response_clear(response);
    if (message)
        response_text(c, response, status, "text/plain", message);
    else
        response_error(c, response, status, NULL);
    return false;
}

static struct swift_request *own(struct legacy *l, const char *method, const char *container, const char *object)
{
    struct swift_request *r = request_sub_authorized(l->c, l->request, method, l->request->account, container, object, "VW");

    request_set_body(r, "", 0);
    return r;
}

/* The client hears 412 of a 4xx, 503 of all else that is no success. */
static bool went_well(struct legacy *l, struct swift_response *of, struct swift_response *response)
{
    int status = of->status;

    response_clear(of);
    return status / 100 == 2 || refuse(l->c, response, status / 100 == 4 ? 412 : 503, NULL);
}

static bool authorized(struct legacy *l, struct swift_response *response)
{
    if (!l->authorized && l->request->env->authorize) {
        l->request->env->acl = l->container->write_acl;
        if (!l->request->env->authorize(l->c, l->request, response))
            return false;
    }
    l->authorized = true;
    return true;
}

/* "003foo/": the length of the name in three hex digits, in characters. */
static const char *prefix_of(struct legacy *l)
{
    const char *object = l->request->object;

    return ctx_printf(l->c, "%03zx%s/", name_length(object), object);
}

/* --- copying ------------------------------------------------------------------------------------------------------------ */

/* 404: there is no such object. False: the response says what is wrong. */
static bool copy(struct legacy *l, const char *from_container, const char *from, const char *to_container, const char *to, bool *ret_there,
                 struct swift_response *response)
{
    struct swift_response *source = ctx_new(l->c, struct swift_response), put = RESPONSE_EMPTY;
    struct swift_request *get = own(l, "GET", from_container, from), *r;
    bool well;

    *source = (struct swift_response)RESPONSE_EMPTY;
    *ret_there = false;
    headers_set(l->c, &get->headers, "X-Newest", "True");
    request_set_query(l->c, get, "symlink=get");
    versions_serve(l->c, l->step, get, source);
    if (source->status == 404) {
        response_clear(source);
        return true;
    }
    if (source->status / 100 != 2)
        return went_well(l, source, response);
    if (source->length < 0 || source->length > constraints->max_file_size) {
        response_clear(source);
        return refuse(l->c, response, 412, NULL);
    }
    *ret_there = true;
    if (!to)                                             /* into the archive, under the time it was written */
        to = ctx_printf(l->c, "%s%s", prefix_of(l), timestamp_text(l->c, versions_time_of(source)));
    r = own(l, "PUT", to_container, to);
    versions_put_copy(l->c, r, source);
    versions_serve(l->c, l->step, r, &put);
    well = went_well(l, &put, response);
    response_clear(source);
    return well;
}

static bool archive_current(struct legacy *l, struct swift_response *response)
{
    bool there;

    return authorized(l, response) && copy(l, l->request->container, l->request->object, l->archive, NULL, &there, response);
}

/* --- DELETE that leaves a marker -------------------------------------------------------------------------------------------- */

static bool leave_marker(struct legacy *l, struct swift_response *response)
{
    struct swift_response put = RESPONSE_EMPTY;
    struct swift_request *r;

    if (!archive_current(l, response))
        return false;
    r = own(l, "PUT", l->archive, ctx_printf(l->c, "%s%s", prefix_of(l), timestamp_text(l->c, timestamp_now())));
    headers_set(l->c, &r->headers, "Content-Type", DELETE_MARKER_TYPE);
    r->env->content_type_overridden = true;
    versions_serve(l->c, l->step, r, &put);
    return went_well(l, &put, response);
}

/* --- DELETE that brings the one before back ----------------------------------------------------------------------------------- */

/* The versions, newest first, page after page. */
struct versions_iterator { json_t *page; size_t at; const char *marker; bool over; };

/* False: an error. *ret NULL: there is none any more. */
static bool next_version(struct legacy *l, struct versions_iterator *i, json_t **ret, struct swift_response *response)
{
    struct swift_response listing = RESPONSE_EMPTY;

    *ret = NULL;
    if (i->over)
        return true;
    if (!i->page || i->at == json_array_size(i->page)) {
        struct swift_request *get = own(l, "GET", l->archive, NULL);

        request_set_query(l->c, get, ctx_printf(l->c, "format=json&prefix=%s&marker=%s&reverse=on", name_quote(l->c, prefix_of(l), ""),
                                                name_quote(l->c, i->marker ? i->marker : "", "")));
        versions_serve(l->c, l->step, get, &listing);
        if (listing.status == 404) {
            response_clear(&listing);
            i->over = true;
            return true;
        }
        if (listing.status / 100 != 2) {
            int status = listing.status;

            response_clear(&listing);
            return refuse(l->c, response, status / 100 == 4 ? 412 : 500, NULL);
        }
        i->page = versions_read_listing(l->c, &listing);
        i->at = 0;
        if (!json_array_size(i->page)) {
            i->over = true;
            return true;
        }
        i->marker = row_name(l->c, json_array_get(i->page, json_array_size(i->page) - 1), "name");
    }
    *ret = json_array_get(i->page, i->at++);
    return true;
}

static bool is_marker(json_t *row)
{
    const char *type = json_string_value(json_object_get(row, "content_type"));

    return type && !strcmp(type, DELETE_MARKER_TYPE);
}

static bool delete_version(struct legacy *l, const char *name, struct swift_response *response)
{
    struct swift_request *r = own(l, "DELETE", l->archive, name);
    struct swift_response gone = RESPONSE_EMPTY;

    versions_serve(l->c, l->step, r, &gone);
    if (gone.status == 404) {
        response_clear(&gone);
        return true;
    }
    return went_well(l, &gone, response);
}

/* Copies the newest version that is there back; *ret: its name, NULL without one. What is no data ends the search. */
static bool restore(struct legacy *l, struct versions_iterator *i, const char **ret, struct swift_response *response)
{
    json_t *row;
    bool there;

    *ret = NULL;
    while (next_version(l, i, &row, response)) {
        const char *name = row ? row_name(l->c, row, "name") : NULL;

        if (!name || is_marker(row))
            return true;
        if (!copy(l, l->archive, name, l->request->container, l->request->object, &there, response))
            return false;
        if (there) {
            *ret = name;
            return true;
        }
    }
    return false;
}

static bool object_there(struct legacy *l, bool *ret, struct swift_response *response)
{
    struct swift_request *head = own(l, "HEAD", l->request->container, l->request->object);
    struct swift_response of = RESPONSE_EMPTY;

    headers_set(l->c, &head->headers, "X-Newest", "True");
    versions_serve(l->c, l->step, head, &of);
    *ret = of.status != 404;
    if (*ret)
        return went_well(l, &of, response);
    response_clear(&of);
    return true;
}

/* *ret_instead: the version that the DELETE goes to; NULL: to the object itself. */
static bool pop(struct legacy *l, const char **ret_instead, struct swift_response *response)
{
    struct versions_iterator i = { 0 };
    const char *restored;
    json_t *row;
    bool there;

    *ret_instead = NULL;
    while (next_version(l, &i, &row, response)) {
        const char *name = row ? row_name(l->c, row, "name") : NULL;

        if (!name)
            return true;
        if (!authorized(l, response))
            return false;
        if (is_marker(row)) {                            /* it was deleted before: of what came after, or of the deletion itself? */
            if (!object_there(l, &there, response))
                return false;
            if (there)
                return true;
            if (!restore(l, &i, &restored, response) || (restored && !delete_version(l, restored, response)))
                return false;
            *ret_instead = name;
            return true;
        }
        if (!copy(l, l->archive, name, l->request->container, l->request->object, &there, response))
            return false;
        if (there) {
            *ret_instead = name;
            return true;
        }
    }
    return false;
}

static void serve_pop(struct legacy *l, struct swift_response *response)
{
    const char *instead;

    if (!pop(l, &instead, response))
        return;
    if (instead)
        versions_serve(l->c, l->step, own(l, "DELETE", l->archive, instead), response);
    else
        versions_serve(l->c, l->step, l->request, response);
}

/* --- containers ------------------------------------------------------------------------------------------------------------- */

static bool has(const struct swift_request *r, const char *header)
{
    const char *value = request_get(r, header);

    return value && *value;
}

/* The headers of a client as system metadata. */
static bool set_location(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    static const char versions[] = "X-Versions-Location", history[] = "X-History-Location";
    bool stack = request_get(r, versions) && !(has(r, history) && !has(r, versions)), any = request_get(r, versions) || request_get(r, history);
    const char *value = any ? request_get(r, stack ? versions : history) : NULL;

    if (has(r, versions) && has(r, history))
        return refuse(c, response, 400, "Only one of x-versions-location or x-history-location may be specified");
    if (value && *value) {
        if (strchr(value, '/'))
            return refuse(c, response, 412, "Container name cannot contain slashes");
        headers_set(c, &r->headers, LOCATION_META, value);
        headers_set(c, &r->headers, MODE_META, stack ? "stack" : "history");
        headers_set(c, &r->headers, versions, "");
        headers_remove(&r->headers, "X-Remove-Versions-Location");
        headers_remove(&r->headers, "X-Remove-History-Location");
    } else if (any || has(r, "X-Remove-Versions-Location") || has(r, "X-Remove-History-Location")) {
        headers_set(c, &r->headers, versions, "");
        headers_set(c, &r->headers, LOCATION_META, "");
        headers_set(c, &r->headers, MODE_META, "");
        headers_remove(&r->headers, "X-Remove-Versions-Location");
        headers_remove(&r->headers, "X-Remove-History-Location");
    }
    headers_remove(&r->headers, history);
    return true;
}

static void serve_container(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *location, *mode;

    if (!set_location(c, r, response))
        return;
    versions_serve(c, step, r, response);
    location = response_get(response, LOCATION_META);
    mode = response_get(response, MODE_META);
    if (location && *location)
        headers_set(c, &response->headers, mode && !strcmp(mode, "history") ? "X-History-Location" : "X-Versions-Location", location);
}

void versions_legacy(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    struct legacy l = { .c = c, .step = step, .request = r };
    const char *location, *mode;
    bool put = !strcmp(r->method, "PUT");

    if (!r->object) {
        serve_container(c, step, r, response);
        return;
    }
    if (!put && strcmp(r->method, "DELETE")) {
        versions_serve(c, step, r, response);
        return;
    }
    l.container = container_info(c, r, r->account, r->container);
    location = headers_get(&l.container->sysmeta, "versions-location");
    mode = headers_get(&l.container->sysmeta, "versions-mode");
    char *archive = location && *location ? name_decode(c, location, strlen(location), false) : NULL;
    if (!archive) {
        versions_serve(c, step, r, response);
        return;
    }
    archive[strcspn(archive, "/")] = 0;
    l.archive = archive;
    if (!put && !text_equal(mode, "history"))
        serve_pop(&l, response);
    else if (put ? archive_current(&l, response) : leave_marker(&l, response))
        versions_serve(c, step, r, response);
}
