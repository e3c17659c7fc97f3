/* s3api: the API of Amazon's S3 in front of Swift: buckets are containers, keys are objects.
 *
 * A request that is signed as S3's are is handled here by one or several requests to the rest of the pipeline; the others pass. Learned
 * from the behaviour of Swift's own s3api middleware.
 */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/faults.h"
#include "swift/middleware/hash_params.h"
#include "swift/middleware/middlewares.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPTION(member, otherwise, text) ATTR(struct s3_options, member, 0, .unset = otherwise, .help = text)

static const struct attr s3_option_rows[] = {
    OPTION(allow_no_owner, "false", "With s3_acl: what nobody is known to own belongs to everybody."),
    OPTION(location, "us-east-1", "The region, as it stands in signatures."),
    OPTION(dns_compliant_bucket_names, "true", "Buckets are named as hosts may be."),
    OPTION(max_bucket_listing, "1000", "Rows of a listing."),
    OPTION(max_parts_listing, "1000", "Parts of a listing of parts."),
    OPTION(max_multi_delete_objects, "1000", "Objects of one request that deletes several."),
    OPTION(multi_delete_concurrency, "2", "Kept for the original's files; deletions of one request follow one another here."),
    OPTION(s3_acl, "false", "S3's own access control lists, kept in system metadata; false: Swift's."),
    OPTION(storage_domain, "", "Domains under which a bucket may stand in the Host header; several with commas between."),
    OPTION(auth_pipeline_check, "true", "Whether a pipeline without authentication behind s3api is refused."),
    OPTION(max_upload_part_num, "1000", "Parts of one upload."),
    OPTION(check_bucket_owner, "false", "With s3_acl: buckets of others are left out of the list of buckets."),
    OPTION(force_swift_request_proxy_log, "false", "Log the requests made to Swift as well."),
    OPTION(allow_multipart_uploads, "true", "Uploads in parts; they need slo in the pipeline."),
    OPTION(min_segment_size, "5242880", "Bytes a part but the last must have."),
    OPTION(allowable_clock_skew, "900", "Seconds a request's date may be away."),
    OPTION(cors_preflight_allow_origin, "", "Origins whose preflight requests are answered; \"*\": all."),
    OPTION(ratelimit_as_client_error, "false", "SlowDown is 429 and not 503."),
    {}
};

static const char preflight_methods[] = "GET, HEAD, PUT, POST, DELETE, OPTIONS";

bool s3_of_object(struct s3_request *s)
{
    return (s->bucket && s->key) || s3_fail(s, S3_INVALID_REQUEST, "A key must be specified", NULL);
}

/* --- who handles it ---------------------------------------------------------------------------------------------- */

static const struct s3_controller *controller_of(struct s3_request *s)
{
    static const char *const multipart[] = { "partNumber", "uploadId", "uploads" };
    static const char *const unsupported[] = { "notification", "policy", "requestPayment", "torrent", "website", "cors", "restore" };

    if (!s->bucket)
        return &s3_service;
    for (size_t i = 0; !s->options->allow_multipart_uploads && i < G_N_ELEMENTS(multipart); i++)
        if (s3_param(s, multipart[i])) {
            s3_fail(s, S3_NOT_IMPLEMENTED, "Multi-part feature isn't support", NULL);
            return NULL;
        }
    if (s->options->s3_acl && s3_param(s, "acl"))
        return &s3_acl_of_s3;
    for (size_t i = 0; s3_by_parameter[i]; i++)
        if (s3_param(s, s3_by_parameter[i]->parameter))
            return s3_by_parameter[i];
    for (size_t i = 0; i < G_N_ELEMENTS(unsupported); i++)
        if (s3_param(s, unsupported[i])) {
            s3_fail(s, S3_NOT_IMPLEMENTED, "The requested resource is not implemented", NULL);
            return NULL;
        }
    return s->key ? &s3_object : &s3_bucket;
}

static s3_handler *handler_for(const struct s3_controller *k, const char *method)
{
    const struct { const char *method; s3_handler *run; } rows[] = {
        { "GET", k->get }, { "HEAD", k->head }, { "PUT", k->put }, { "POST", k->post }, { "DELETE", k->delete },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (!strcmp(rows[i].method, method))
            return rows[i].run;
    return NULL;
}

static bool handle(struct s3_request *s, struct swift_response *response)
{
    s3_handler *run_it;

    if (s->options->s3_acl && !s3_authenticate(s))
        return false;
    s->controller = controller_of(s);
    if (!s->controller)
        return false;
    run_it = handler_for(s->controller, s->method);
    if (!run_it)
        return s3_fail(s, S3_METHOD_NOT_ALLOWED, NULL, "Method", s->method, "ResourceType", s->controller->resource, NULL);
    return run_it(s, response);
}

/* --- what is not S3's ------------------------------------------------------------------------------------------------ */

/* Would a browser's question be about a request to S3? */
static bool is_preflight(const struct swift_request *r)
{
    const char *headers = request_get(r, "Access-Control-Request-Headers");

    if (strcmp(r->method, "OPTIONS") || !request_get(r, "Origin"))
        return false;
    if (headers && strcasestr(headers, "authorization") && !g_str_has_prefix(r->path, "/v1/") && !g_str_has_prefix(r->path, "/v1.0/"))
        return true;
    return request_param(r, "AWSAccessKeyId") || request_param(r, "X-Amz-Credential");
}

static void preflight(struct ctx *c, const struct s3_options *options, struct swift_request *r, struct swift_response *response)
{
    const char *origin = request_get(r, "Origin"), *asked = request_get(r, "Access-Control-Request-Headers");
    char **allowed = text_split(c, options->cors_preflight_allow_origin, ',');
    bool allow = allowed[0] && !strcmp(allowed[0], "*");

    for (size_t i = 0; allowed[i] && !allow; i++)
        allow = !strcmp(allowed[i], origin);
    response->status = allow ? 200 : 401;
    headers_set(c, &response->headers, "Allow", preflight_methods);
    if (!allow)
        return;
    headers_set(c, &response->headers, "Access-Control-Allow-Origin", origin);
    headers_set(c, &response->headers, "Access-Control-Allow-Methods", preflight_methods);
    headers_set(c, &response->headers, "Vary", "Origin, Access-Control-Request-Headers");
    if (asked && *asked)
        headers_set(c, &response->headers, "Access-Control-Allow-Headers", g_strstrip(g_ascii_strdown(asked, -1)));
}

/* In a container's listing, what S3 calls the ETag of a multipart upload becomes a member. */
static void name_etag(struct ctx *c, void *data, json_t *row)
{
    const char *etag = hash_param_take(c, row, "s3_etag");

    if (etag)
        json_object_set_new(row, "s3_etag", json_sprintf("\"%s\"", etag));
}

/* --- the middleware ------------------------------------------------------------------------------------------------------ */

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct s3_options *options = step->options;
    struct s3_request s = { .c = c, .step = step, .options = options, .client = r, .method = r->method };
    bool foreign = false;

    if (*options->cors_preflight_allow_origin && is_preflight(r)) {
        preflight(c, options, r, response);
        return;
    }
    bool well = s3_request_read(&s, &foreign);
    if (foreign) {
        step_next(c, step, r, response);
        if (r->container && !r->object && !strcmp(r->method, "GET"))
            listing_change(c, response, "s3_etag=", name_etag, NULL);
        return;
    }
    if (well) {
        r->env->middleware[SLOT_S3] = &s.auth;
        r->env->source = "S3";
        well = handle(&s, response);
    }
    if (well)
        s3_translate(&s, response);
    else
        s3_error_write(&s, response);
    if (r->env->trans_id) {
        headers_set(c, &response->headers, "x-amz-id-2", r->env->trans_id);
        headers_set(c, &response->headers, "x-amz-request-id", r->env->trans_id);
    }
    r->env->middleware[SLOT_S3] = NULL;
}

static bool open_s3(struct ctx *c, struct step *step)
{
    const struct s3_options *o = step->options;
    struct s3_options *mine = (struct s3_options *)step->options;

    if (strchr(o->cors_preflight_allow_origin, '*') && strcmp(o->cors_preflight_allow_origin, "*"))
        return fail(c, PIPELINE_INVALID, "if cors_preflight_allow_origin should include all domains, * must be the only entry");
    mine->allow_multipart_uploads = o->allow_multipart_uploads && pipeline_has("slo");
    if (o->auth_pipeline_check && !pipeline_has("tempauth") && !(pipeline_has("s3token") && pipeline_has("keystoneauth")))
        return fail(c, PIPELINE_INVALID, "expected auth between s3api and proxy-server");
    info_register("s3api", json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:b}", "max_bucket_listing", o->max_bucket_listing, "max_parts_listing",
                                     o->max_parts_listing, "max_upload_part_num", o->max_upload_part_num, "max_multi_delete_objects",
                                     o->max_multi_delete_objects, "allow_multipart_uploads", o->allow_multipart_uploads, "min_segment_size",
                                     o->min_segment_size, "s3_acl", o->s3_acl), false);
    return true;
}

const struct middleware middleware_s3api = {
    .name = "s3api", .options = s3_option_rows, .options_size = sizeof(struct s3_options), .open = open_s3, .run = run,
};
