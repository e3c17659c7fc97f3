/* The metadata API: answers Neutron's metadata proxy, which says in signed headers whose guest asks. It has no tokens and no
 * catalog entry; errors are WebOb's pages, as the original's.
 */
#include "nova/metadata/metadata.h"

#include "nova/nova.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define PASSWORD_MOST (4 * 255)
#define HEADER_MISSING 400, "HTTPBadRequest", "%s header is missing from request."
#define BAD_SIGNATURE 403, "HTTPForbidden", "Invalid proxy request signature."
#define NO_METADATA 404, "HTTPNotFound", "The resource could not be found."
#define PASSWORD_SET 409, "HTTPConflict", "There was a conflict when trying to complete your request."
#define PASSWORD_LARGE 400, "HTTPBadRequest", "Request is too large."
#define PASSWORD_VERB 400, "HTTPBadRequest", "GET and POST only are supported."

static bool signature_right(struct ctx *c, const char *id, const char *signature)
{
    const char *secret = service_secret(c, "metadata_proxy_shared_secret"), *right;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (!secret)
        return false;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)id, strlen(id), digest, &size);
    right = hex_write(c, digest, size);
    return (strlen(signature) == strlen(right) && secret_equal(signature, right, strlen(right))) || fail(c, BAD_SIGNATURE);
}

/* The instance that the proxy vouches for. */
static struct instance *asker(struct ctx *c, struct request *request)
{
    static const char *const needed[] = { "X-Instance-ID", "X-Instance-ID-Signature", "X-Tenant-ID" };
    struct instance *inst;

    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++)
        if (!request_header(request, needed[i]))
            return fail_null(c, HEADER_MISSING, needed[i]);
    if (!signature_right(c, request_header(request, "X-Instance-ID"), request_header(request, "X-Instance-ID-Signature")))
        return NULL;
    inst = instance_find(c, request_header(request, "X-Instance-ID"));
    if (inst && strcmp(inst->project_id, request_header(request, "X-Tenant-ID")))
        inst = NULL;
    return inst ? inst : fail_null(c, NO_METADATA);
}

/* The guest may say its (encrypted) password once. */
static bool password(struct ctx *c, const struct instance *inst, struct request *request, struct reply *reply)
{
    const char *now = metadata_password(c, inst);
    struct instance *edited;
    json_t *kept;

    if (!strcmp(request->method, "GET")) {
        reply_text(reply, "text/plain", now);
        return true;
    }
    if (strcmp(request->method, "POST"))
        return fail(c, PASSWORD_VERB);
    if (*now)
        return fail(c, PASSWORD_SET);
    if (request->body_size > PASSWORD_MOST)
        return fail(c, PASSWORD_LARGE);
    if (!db_begin(c))
        return false;
    edited = instance_get(c, inst->uuid);
    kept = edited ? json_of(c, edited->system_metadata) : NULL;
    for (size_t i = 0; edited && i < 4; i++) {
        size_t at = MIN(i * 255, request->body_size), n = MIN(255, request->body_size - at);

        json_object_set_new(kept, ctx_printf(c, "password_%zu", i), json_stringn(request->body ? request->body + at : "", n));
    }
    if (edited)
        edited->system_metadata = json_text(c, kept);
    if (edited && instance_save(c, edited))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool answer_metadata(struct ctx *c, struct request *request, struct reply *reply)
{
    struct instance *inst = asker(c, request);
    const char *address = request_header(request, "X-Forwarded-For");
    struct metadata *m = inst ? metadata_of(c, inst, address) : NULL;
    struct metadata_body body;

    if (!m)
        return false;
    if (!metadata_lookup(c, m, request->path, &body))
        return failed(c) ? false : fail(c, NO_METADATA);
    if (body.password)
        return password(c, inst, request, reply);
    reply->content_type = body.content_type;
    buf_add(&reply->body, body.bytes, body.size);
    reply->has_body = true;
    return true;
}

/* The rows are Nova's: the work is done in a ctx of Nova, its fault handed on. */
static bool serve(struct ctx *c, struct request *request, struct reply *reply)
{
    struct ctx own;
    bool ok;

    if (!strcmp(request->path, "/")) {
        reply_text(reply, "text/plain", metadata_versions(c));
        return true;
    }
    ctx_init_child(&own, c, &nova);
    own.db = service_state(&nova)->db;
    ok = answer_metadata(&own, request, reply);
    if (!ok)
        fail(c, own.fault.status, ctx_strdup(c, own.fault.type), "%s", ctx_strdup(c, own.fault.message));
    ctx_clear(&own);
    return ok;
}

/* Handlers by method, since the password is posted to a path that is read as well. */
static const struct route routes[] = {
    { "GET", "/", serve, .flags = ROUTE_OPEN },
    { "GET", "/{path*}", serve, .flags = ROUTE_OPEN },
    { "POST", "/{path*}", serve, .flags = ROUTE_OPEN },
    {}
};
static const struct route *const tables[] = { routes, NULL };

static void error_page(struct ctx *c, struct request *request, struct reply *reply)
{
    static const struct { int status; const char *title, *words; } pages[] = {
        { 400, "Bad Request", "The server could not comply with the request since it is either malformed or otherwise incorrect.<br /><br />\n" },
        { 403, "Forbidden", "Access was denied to this resource.<br /><br />\n" },
        { 404, "Not Found", NULL },
        { 409, "Conflict", NULL },
    };
    const char *title = "Internal Server Error", *words = "";

    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++)
        if (pages[i].status == c->fault.status) {
            title = pages[i].title;
            words = pages[i].words ? pages[i].words : "";
        }
    reply->content_type = "text/html; charset=UTF-8";
    buf_printf(&reply->body, "<html>\n <head>\n  <title>%d %s</title>\n </head>\n <body>\n  <h1>%d %s</h1>\n  %s%s<br /><br />\n\n\n\n </body>\n</html>",
               c->fault.status, title, c->fault.status, title, words, c->fault.message ? c->fault.message : "");
    reply->has_body = true;
}

static const struct rest_style style = { .error = error_page };

const struct service metadata_service = {
    .name = "metadata", .title = "Metadata", .port = 8775, .endpoint = "", .style = &style, .routes = tables, .rows_of = &nova,
};
