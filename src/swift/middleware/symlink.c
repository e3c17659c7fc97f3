/* symlink: an object that stands for another one. A static link names the ETag its target must have. */
#include "swift/middleware/middlewares.h"

#include "swift/middleware/hash_params.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

#define SYSMETA "X-Object-Sysmeta-Symlink-Target"
#define TARGET_HEADER "X-Symlink-Target"
#define LOOP_EXTEND "X-Object-Sysmeta-Symloop-Extend"
#define ALLOW_RESERVED "X-Object-Sysmeta-Allow-Reserved-Names"

struct symlink_options { int64_t symloop_max; };

static const struct attr option_rows[] = {
    ATTR(struct symlink_options, symloop_max, 0, .unset = "2", .help = "Links one request may follow."),
    {}
};

/* What clients see ("X-Symlink-Target-Etag") and what is stored ("X-Object-Sysmeta-Symlink-Target-Etag") end alike. */
static const char *const parts[] = { "", "-Account", "-Etag", "-Bytes" };

static bool open_symlink(struct ctx *c, struct step *step)
{
    struct symlink_options *o = (struct symlink_options *)step->options;

    if (o->symloop_max < 1)
        o->symloop_max = 2;
    info_register("symlink", json_pack("{s:I, s:b}", "symloop_max", o->symloop_max, "static_links", 1), false);
    return true;
}

static bool refuse(struct ctx *c, struct swift_response *response, int status, const char *message, const char *location)
{
    response_clear(response);
    response_text(c, response, status, "text/plain", message);
    headers_set(c, &response->headers, "Content-Location", location);
    return false;
}

static const char *stored(struct ctx *c, const struct swift_response *response, const char *part)
{
    return response_get(response, ctx_printf(c, SYSMETA "%s", part));
}

/* --- following -------------------------------------------------------------------------------------------------------- */

struct follow {
    struct ctx *c;
    const struct step *step;
    const struct swift_request *first;
    const char *last_path;           /* of the target at hand, as the link names it */
    int loops;
};

static struct swift_request *target_request(struct follow *f, const struct swift_request *r, const struct swift_response *link)
{
    const char *target = stored(f->c, link, ""), *account = stored(f->c, link, "-Account"), *path, *slash;
    struct swift_request *next;

    target += strspn(target, "/");
    path = name_decode(f->c, target, strlen(target), false);
    slash = path ? strchr(path, '/') : NULL;
    f->last_path = ctx_printf(f->c, "/%s/%s/%s", f->first->version, account ? account : name_quote(f->c, r->account, "/"), target);
    if (!slash)
        return NULL;
    account = account ? name_decode(f->c, account, strlen(account), false) : r->account;
    const char *container = ctx_strndup(f->c, path, (size_t)(slash - path));
    if (response_get(link, ALLOW_RESERVED)) {            /* whoever made it has asked whether it may */
        next = request_sub_authorized(f->c, f->first, r->method, account, container, slash + 1, "SYM");
        next->env->allow_reserved = true;
    } else {
        next = request_sub(f->c, f->first, r->method, account, container, slash + 1, "SYM");
    }
    headers_copy(f->c, &next->headers, &r->headers);
    headers_remove(&next->headers, "X-Backend-Storage-Policy-Index");
    request_set_query(f->c, next, f->first->query_text);
    return next;
}

/* The object at the end of the links; false: the response says why there is none. soft: links without an ETag are followed as well. */
static bool read_target(struct follow *f, struct swift_request *r, const char *etag, bool soft, struct swift_response *response)
{
    const struct symlink_options *o = f->step->options;

    for (;;) {
        const char *target, *target_etag;

        step_next(f->c, f->step, r, response);
        target = response_get(response, SYSMETA);
        target_etag = response_get(response, SYSMETA "-Etag");
        const char *found = target_etag ? target_etag : etag_plain(f->c, response_get(response, "ETag"));
        if (!target || (!target_etag && !soft)) {
            if (found && etag && strcmp(etag, found))
                return refuse(f->c, response, 409, ctx_printf(f->c, "Object Etag '%s' does not match X-Symlink-Target-Etag header '%s'", found, etag),
                              f->last_path);
            if (f->last_path)
                headers_set(f->c, &response->headers, "Content-Location", f->last_path);
            return true;
        }
        if (etag && (!found || strcmp(etag, found)))
            return refuse(f->c, response, 409, "X-Symlink-Target-Etag headers do not match", f->last_path);
        if (f->loops >= o->symloop_max)
            return refuse(f->c, response, 409, ctx_printf(f->c, "Too many levels of symbolic links, maximum allowed is %lld", (long long)o->symloop_max), NULL);
        if (!header_true(&response->headers, LOOP_EXTEND))
            f->loops++;
        r = target_request(f, r, response);
        etag = target_etag;
        soft = true;
        response_clear(response);
        if (!r)
            return refuse(f->c, response, 409, "X-Symlink-Target does not exist", f->last_path);
    }
}

static void show_link(struct ctx *c, struct swift_response *response)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *value = stored(c, response, parts[i]);

        if (value)
            headers_set(c, &response->headers, ctx_printf(c, TARGET_HEADER "%s", parts[i]), value);
        headers_remove(&response->headers, ctx_printf(c, SYSMETA "%s", parts[i]));
    }
}

static void serve_read(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *symlink = request_param(r, "symlink"), *before = request_get(r, "X-Backend-Ignore-Range-If-Metadata-Present");
    struct follow f = { c, step, r, NULL, 0 };

    if (symlink && !strcmp(symlink, "get")) {
        step_next(c, step, r, response);
        show_link(c, response);
        return;
    }
    headers_set(c, &r->headers, "X-Backend-Ignore-Range-If-Metadata-Present", before ? ctx_printf(c, "%s," SYSMETA, before) : SYSMETA);
    read_target(&f, r, NULL, true, response);
}

/* --- making one ------------------------------------------------------------------------------------------------------- */

struct link { const char *account, *container, *object, *etag, *path; };

static bool read_account(struct ctx *c, struct swift_request *r, struct link *link, struct swift_response *response)
{
    const char *value = request_get(r, TARGET_HEADER "-Account");

    link->account = r->account;
    if (!value)
        return true;
    link->account = name_decode(c, value, strlen(value), false);
    if (!link->account || !*link->account)
        return refuse(c, response, 412, "Account name cannot be empty", NULL);
    if (strchr(link->account, '/'))
        return refuse(c, response, 412, "Account name cannot contain slashes", NULL);
    headers_set(c, &r->headers, TARGET_HEADER "-Account", name_quote(c, link->account, "/"));
    return true;
}

static bool read_link(struct ctx *c, struct swift_request *r, struct link *link, struct swift_response *response)
{
    const char *value = request_get(r, TARGET_HEADER), *path = name_decode(c, value, strlen(value), false), *type = request_get(r, "Content-Type");
    size_t n = path ? strcspn(path, "/") : 0;

    if (!n || !path[n] || !path[n + 1])
        return refuse(c, response, 412, "X-Symlink-Target header must be of the form <container name>/<object name>", NULL);
    link->container = ctx_strndup(c, path, n);
    link->object = path + n + 1;
    headers_set(c, &r->headers, TARGET_HEADER, name_quote(c, path, "/"));
    if (!read_account(c, r, link, response))
        return false;
    if (!strcmp(link->account, r->account) && !strcmp(link->container, r->container) && !strcmp(link->object, r->object))
        return refuse(c, response, 400, "Symlink cannot target itself", NULL);
    link->etag = etag_plain(c, request_get(r, TARGET_HEADER "-Etag"));
    if (link->etag && strpbrk(link->etag, ";\"\\"))
        return refuse(c, response, 400, "Bad X-Symlink-Target-Etag format", NULL);
    if (link->etag && !*link->etag)
        link->etag = NULL;
    if (!link->etag && (!type || !*type))
        headers_set(c, &r->headers, "Content-Type", "application/symlink");
    link->path = ctx_printf(c, "/v1/%s/%s/%s", link->account, link->container, link->object);
    return true;
}

/* Of a static link: that its target is there, with that ETag; and its size and type. */
static bool check_target(struct ctx *c, const struct step *step, struct swift_request *r, const struct link *link, struct swift_response *response)
{
    struct swift_request *head = request_sub(c, r, "HEAD", link->account, link->container, link->object, "SYM");
    struct follow f = { c, step, head, link->path, 0 };
    const char *override, *slo, *size, *type = request_get(r, "Content-Type");

    if (!read_target(&f, head, link->etag, false, response))
        return false;
    if (response->status == 404)
        return refuse(c, response, 409, "X-Symlink-Target does not exist", f.last_path);
    if (response->status / 100 != 2) {
        int status = response->status;

        response_clear(response);
        response_error(c, response, status, NULL);
        return false;
    }
    override = response_get(response, OVERRIDE_ETAG);
    slo = response_get(response, "X-Object-Sysmeta-Slo-Etag");
    size = response_get(response, "X-Object-Sysmeta-Slo-Size");
    if (!request_get(r, OVERRIDE_ETAG) && override && strchr(override, ';'))
        headers_set(c, &r->headers, OVERRIDE_ETAG, ctx_printf(c, EMPTY_MD5 "%s", strchr(override, ';')));
    else if (!request_get(r, OVERRIDE_ETAG) && slo)
        headers_set(c, &r->headers, OVERRIDE_ETAG, ctx_printf(c, EMPTY_MD5 "; slo_etag=%s", slo));
    headers_set(c, &r->headers, SYSMETA "-Bytes", size ? size : ctx_printf(c, "%lld", (long long)response->length));
    headers_set(c, &r->headers, SYSMETA "-Etag", link->etag);
    if (!type || !*type)
        headers_set(c, &r->headers, "Content-Type", response_get(response, "Content-Type"));
    response_clear(response);
    return true;
}

/* Another cluster has looked: its target may not be here yet. */
static bool believe(struct ctx *c, struct swift_request *r, const struct link *link)
{
    headers_set(c, &r->headers, SYSMETA "-Bytes", request_get(r, TARGET_HEADER "-Bytes"));
    headers_set(c, &r->headers, SYSMETA "-Etag", link->etag);
    return true;
}

static void serve_put(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    static const char *const params[] = { "symlink_target", "symlink_target_account", "symlink_target_etag", "symlink_target_bytes" };
    struct link link = { 0 };
    const char *override;
    char byte;

    if (r->length > 0 || (r->length < 0 && request_take(c, r, &byte, 1) != 0)) {
        refuse(c, response, 400, "Symlink requests require a zero byte body", NULL);
        return;
    }
    if (!read_link(c, r, &link, response) || (link.etag && !(r->env->synced ? believe(c, r, &link) : check_target(c, step, r, &link, response))))
        return;
    for (int i = 0; i < 2; i++) {
        const char *header = ctx_printf(c, TARGET_HEADER "%s", parts[i]);

        if (request_get(r, header))
            headers_set(c, &r->headers, ctx_printf(c, SYSMETA "%s", parts[i]), request_get(r, header));
        headers_remove(&r->headers, header);
    }
    override = request_get(r, OVERRIDE_ETAG);
    override = override ? override : EMPTY_MD5;
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *value = request_get(r, ctx_printf(c, SYSMETA "%s", parts[i]));

        if (value)
            override = ctx_printf(c, "%s; %s=%s", override, params[i], value);
    }
    headers_set(c, &r->headers, OVERRIDE_ETAG, override);
    step_next(c, step, r, response);
}

/* A POST changes the link itself, and says so. */
static void serve_post(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    struct headers kept = { 0 };
    const char *target, *account, *etag;

    if (request_get(r, TARGET_HEADER)) {
        refuse(c, response, 400, "A PUT request is required to set a symlink target", NULL);
        return;
    }
    step_next(c, step, r, response);
    target = stored(c, response, "");
    if (response->status / 100 != 2 || !target)
        return;
    account = stored(c, response, "-Account");
    etag = stored(c, response, "-Etag");
    headers_copy_prefix(c, &kept, &response->headers, "X-Object-Sysmeta-");
    response_clear(response);
    response_error(c, response, 307, "The requested POST was applied to a symlink. POST directly to the target to apply requested metadata.");
    headers_copy(c, &response->headers, &kept);
    headers_set(c, &response->headers, "Location", ctx_printf(c, "/%s/%s/%s", r->version, account ? account : name_quote(c, r->account, "/"), target));
    headers_set(c, &response->headers, TARGET_HEADER "-Etag", etag);
}

/* --- listings ----------------------------------------------------------------------------------------------------------- */

static void name_target(struct ctx *c, void *data, json_t *row)
{
    const struct swift_request *r = data;
    const char *target = hash_param_take(c, row, "symlink_target"), *account = hash_param_take(c, row, "symlink_target_account");
    const char *etag = hash_param_take(c, row, "symlink_target_etag"), *bytes = hash_param_take(c, row, "symlink_target_bytes");

    if (etag)
        json_object_set_new(row, "symlink_etag", json_string(etag));
    if (bytes)
        json_object_set_new(row, "symlink_bytes", json_integer(atoll(bytes)));
    if (target)
        json_object_set_new(row, "symlink_path", json_sprintf("/%s/%s/%s", r->version, account ? account : r->account, target));
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    if (r->object && (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"))) {
        serve_read(c, step, r, response);
    } else if (r->object && !strcmp(r->method, "PUT") && request_get(r, TARGET_HEADER)) {
        serve_put(c, step, r, response);
    } else if (r->object && !strcmp(r->method, "POST")) {
        serve_post(c, step, r, response);
    } else {
        step_next(c, step, r, response);
        if (r->container && !r->object && !strcmp(r->method, "GET"))
            listing_change(c, response, "symlink_target=", name_target, r);
    }
}

const struct middleware middleware_symlink = {
    .name = "symlink", .options = option_rows, .options_size = sizeof(struct symlink_options), .open = open_symlink, .run = run,
};
