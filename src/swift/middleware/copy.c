/* copy: COPY, and PUT with X-Copy-From: an object read and written within the cluster. */
#include "swift/middleware/middlewares.h"

#include "swift/name.h"

#include <string.h>
#include <strings.h>

#define OVERRIDE "X-Object-Sysmeta-Container-Update-Override-"

static bool refuse(struct ctx *c, struct swift_response *response, int status, const char *message)
{
    response_text(c, response, status, status == 400 ? "text/plain" : "text/html; charset=UTF-8", message);
    return false;
}

/* "<container>/<object>", quoted, perhaps with a slash before it. */
static bool read_path(struct ctx *c, const struct swift_request *r, const char *header, const char **ret_container, const char **ret_object,
                      struct swift_response *response)
{
    const char *value = request_get(r, header), *path = name_decode(c, value, strlen(value), false);
    size_t n;

    path = path && *path == '/' ? path + 1 : path;
    n = path ? strcspn(path, "/") : 0;
    if (!n || !path[n] || !path[n + 1])
        return refuse(c, response, 412, ctx_printf(c, "%s header must be of the form <container name>/<object name>", header));
    *ret_container = ctx_strndup(c, path, n);
    *ret_object = path + n + 1;
    return true;
}

static bool read_account(struct ctx *c, const struct swift_request *r, const char *header, const char **ret_account, struct swift_response *response)
{
    const char *value = request_get(r, header), *account;

    if (!value || !*value)
        return true;
    account = name_decode(c, value, strlen(value), false);
    if (!account || !*account)
        return refuse(c, response, 412, "Account name cannot be empty");
    if (strchr(account, '/'))
        return refuse(c, response, 412, "Account name cannot contain slashes");
    *ret_account = account;
    return true;
}

/* --- the source ---------------------------------------------------------------------------------------------------- */

static const char *source_query(struct ctx *c, const struct swift_request *r)
{
    const char *manifest = request_param(r, "multipart-manifest");

    return manifest && !strcmp(manifest, "get") ? ctx_printf(c, "%s&format=raw", r->query_text) : r->query_text;
}

static bool get_source(struct ctx *c, const struct step *step, const struct swift_request *r, const char *account, const char *container,
                       const char *object, struct swift_response *source)
{
    struct swift_request *get = request_sub(c, r, "GET", account, container, object, "SSC");

    headers_copy(c, &get->headers, &r->headers);
    headers_remove(&get->headers, "X-Backend-Storage-Policy-Index");
    headers_set(c, &get->headers, "X-Newest", "true");
    request_set_query(c, get, source_query(c, r));
    step_next(c, step, get, source);
    if (source->status >= 300)
        return false;
    if (source->length < 0 || source->length > constraints->max_file_size) {
        response_clear(source);
        response_error(c, source, 413, NULL);
        return false;
    }
    return true;
}

struct source_body { struct swift_response response; };

static ssize_t read_source(struct ctx *c, void *data, void *bytes, size_t n)
{
    return response_take(c, &((struct source_body *)data)->response, bytes, n);
}

/* --- the copy -------------------------------------------------------------------------------------------------------- */

static bool is_meta(const char *name)
{
    static const char *const prefixes[] = { "X-Object-Meta-", "X-Object-Sysmeta-", "X-Object-Transient-Sysmeta-" };

    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
        if (!strncasecmp(name, prefixes[i], strlen(prefixes[i])))
            return true;
    return false;
}

/* The new object's headers: the source's under those of the request, or (X-Fresh-Metadata) only its system metadata. */
static void merge_headers(struct ctx *c, struct swift_request *r, const struct swift_response *source)
{
    static const char *const never[] = { "X-Static-Large-Object", "X-Object-Manifest", "ETag", "Content-Type", "X-Timestamp", "X-Backend-Timestamp" };
    bool fresh = header_true(&r->headers, "X-Fresh-Metadata");
    struct headers merged = { 0 };

    for (size_t i = 0; i < source->headers.n; i++) {
        const struct pair *h = &source->headers.pairs[i];
        bool take = fresh ? !strncasecmp(h->name, "X-Object-Sysmeta-", 17) : true;

        for (size_t k = 0; k < G_N_ELEMENTS(never) && take; k++)
            take = strcasecmp(h->name, never[k]) != 0;
        if (take)
            headers_set(c, &merged, h->name, h->value);
    }
    headers_copy(c, &merged, &r->headers);
    r->headers = merged;
}

/* multipart-manifest=get copies the manifest itself. */
static void set_query(struct ctx *c, struct swift_request *r, const struct swift_response *source)
{
    const char *manifest = request_param(r, "multipart-manifest");
    struct buf b = { 0 };
    bool whole = manifest && !strcmp(manifest, "get");

    if (whole && response_get(source, "X-Object-Manifest"))
        headers_set(c, &r->headers, "X-Object-Manifest", response_get(source, "X-Object-Manifest"));
    for (const struct pair *p = r->query; p->name; p++) {
        const char *value = p->value ? p->value : "";

        if (!strcmp(p->name, "version-id"))
            continue;
        if (whole && !strcmp(p->name, "multipart-manifest")) {
            if (response_get(source, "X-Object-Manifest"))
                continue;
            if (response_get(source, "X-Static-Large-Object"))
                value = "put";
        }
        buf_printf(&b, "%s%s=", b.len ? "&" : "", name_quote(c, p->name, ""));
        name_quote_to(&b, value, "");
    }
    request_set_query(c, r, ctx_strdup(c, b.data ? b.data : ""));
    buf_clear(&b);
}

static void say_source(struct ctx *c, const struct swift_request *r, const struct swift_response *source, const char *account, const char *path,
                       struct swift_response *response)
{
    for (size_t i = 0; i < r->headers.n; i++)
        if (is_meta(r->headers.pairs[i].name) || !strcasecmp(r->headers.pairs[i].name, "X-Delete-At"))
            headers_add(c, &response->headers, r->headers.pairs[i].name, r->headers.pairs[i].value);
    headers_set(c, &response->headers, "X-Copied-From-Account", name_quote(c, account, "/"));
    headers_set(c, &response->headers, "X-Copied-From", name_quote(c, path, "/"));
    if (response_get(source, "Last-Modified"))
        headers_set(c, &response->headers, "X-Copied-From-Last-Modified", response_get(source, "Last-Modified"));
    if (response_get(source, "X-Object-Version-Id"))
        headers_set(c, &response->headers, "X-Copied-From-Version-Id", response_get(source, "X-Object-Version-Id"));
}

static void serve_put(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *account = r->account, *container, *object, *type = request_get(r, "Content-Type"), *manifest = request_param(r, "multipart-manifest");
    struct source_body *source = ctx_new(c, struct source_body);

    source->response = (struct swift_response)RESPONSE_EMPTY;
    if (r->length > 0) {
        refuse(c, response, 400, "Copy requests require a zero byte body");
        return;
    }
    if (!read_account(c, r, "X-Copy-From-Account", &account, response) || !read_path(c, r, "X-Copy-From", &container, &object, response))
        return;
    if (!get_source(c, step, r, account, container, object, &source->response)) {
        *response = source->response;
        return;
    }
    bool slo = response_get(&source->response, "X-Static-Large-Object"), dlo = response_get(&source->response, "X-Object-Manifest");
    bool plain = source->response.status == 200 && !slo && (!dlo || (manifest && !strcmp(manifest, "get")));
    merge_headers(c, r, &source->response);
    set_query(c, r, &source->response);
    if (plain)                                           /* what arrives is held against what was there */
        headers_set(c, &r->headers, "ETag", g_strstrip(g_strdelimit(ctx_strdup(c, response_get(&source->response, "ETag") ?: ""), "\"", ' ')));
    else
        headers_remove_prefix(&r->headers, OVERRIDE);
    headers_remove(&r->headers, "X-Copy-From");
    headers_remove(&r->headers, "X-Copy-From-Account");
    headers_remove(&r->headers, "X-Fresh-Metadata");
    headers_remove(&r->headers, "Range");
    if (!type || !*type)
        headers_set(c, &r->headers, "Content-Type", response_get(&source->response, "Content-Type"));
    r->env->source = "SSC";
    r->read = read_source;
    r->read_data = source;
    r->length = source->response.length;
    r->body_read = 0;
    step_next(c, step, r, response);
    if (response->status / 100 == 2)
        say_source(c, r, &source->response, account, ctx_printf(c, "%s/%s", container, object), response);
    response_close(&source->response);
}

/* COPY is a PUT to its Destination from where it points to. */
static void serve_copy(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *account = r->account, *container, *object, *destination = request_get(r, "Destination");

    if (!destination || !*destination) {
        refuse(c, response, 412, "Destination header required");
        return;
    }
    if (!read_account(c, r, "Destination-Account", &account, response) || !read_path(c, r, "Destination", &container, &object, response))
        return;
    if (request_get(r, "Destination-Account")) {
        headers_set(c, &r->headers, "X-Copy-From-Account", name_quote(c, r->account, "/"));
        headers_remove(&r->headers, "Destination-Account");
    }
    headers_set(c, &r->headers, "X-Copy-From", ctx_printf(c, "/%s/%s", name_quote(c, r->container, "/"), name_quote(c, r->object, "/")));
    headers_remove(&r->headers, "Destination");
    r->method = "PUT";
    r->length = 0;
    request_set_path(c, r, account, container, object);
    serve_put(c, step, r, response);
}

static void allow_copy(struct ctx *c, struct swift_response *response)
{
    static const char *const lists[] = { "Allow", "Access-Control-Allow-Methods" };

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const char *value = response_get(response, lists[i]);

        if (value && !strstr(value, "COPY"))
            headers_set(c, &response->headers, lists[i], ctx_printf(c, "%s, COPY", value));
    }
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *from = request_get(r, "X-Copy-From");

    if (r->object && !strcmp(r->method, "PUT") && from && *from) {
        serve_put(c, step, r, response);
    } else if (r->object && !strcmp(r->method, "COPY")) {
        serve_copy(c, step, r, response);
    } else {
        step_next(c, step, r, response);
        if (r->object && !strcmp(r->method, "OPTIONS") && response->status / 100 == 2)
            allow_copy(c, response);
    }
}

const struct middleware middleware_copy = { .name = "copy", .run = run };
