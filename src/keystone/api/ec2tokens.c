/* /v3/ec2tokens and /v3/s3tokens: a service shows a request that a user signed with an EC2 key, and gets a token of that user. */
#include "keystone/api/api.h"
#include "keystone/api/credentials.h"
#include "keystone/auth/ec2_signature.h"
#include "keystone/token/token.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)

/* The body under any of the names it has been given. NULL with a fault. */
static const json_t *credentials_of(struct ctx *c, struct request *request)
{
    static const char *const names[] = { "credentials", "credential", "ec2Credentials" };
    json_t *body = request->body_size ? request_json(c, request) : NULL;

    if (failed(c) || !json_object_size(body))
        return failed(c) ? NULL : fail_null(c, VALIDATION, "request must include a request body");
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const json_t *found = json_object_get(body, names[i]);

        if (json_object_size(found))
            return json_get_string(found, "access") ? found : fail_null(c, UNAUTHORIZED);
    }
    return fail_null(c, UNAUTHORIZED);
}

/* Signed long ago is as good as not signed. */
static bool fresh(struct ctx *c, const json_t *credentials)
{
    const char *text = ec2_timestamp(credentials);
    int64_t at;

    if (!text)
        return true;
    return (ec2_time_read(c, text, &at) && clock_us() <= at + keystone_options()->credential_ttl * 60 * SECOND_US) || fail(c, UNAUTHORIZED);
}

/* User and project must be there and enabled. */
static bool owner_judge(struct ctx *c, const struct ec2_key *key)
{
    const char *project_id = key->project_id ? key->project_id : "None";
    const struct project *project = rest_find_any(c, &project_resource, project_id);
    const struct user *user = project ? rest_find_any(c, &user_resource, key->user_id) : NULL;

    return user && ((user->enabled && project->enabled) || fail(c, UNAUTHORIZED));
}

/* A key that was made with a delegated token gives a token of that delegation. */
static bool payload_fill(struct ctx *c, const struct ec2_key *key, struct payload *p)
{
    p->user_id = key->user_id;
    p->project_id = key->project_id;
    p->methods = METHOD_EC2;
    p->expires_s = clock_us() / SECOND_US + keystone_options()->token_expiration;
    p->audit_ids[0] = audit_id_new(c);
    if (key->trust_id) {
        p->version = PAYLOAD_TRUST;
        p->trust_id = key->trust_id;
        p->user_id = db_get_text(c, "SELECT trustee_user_id FROM trusts WHERE id = $1 AND deleted_at IS NULL", T(key->trust_id));
        return p->user_id || (!failed(c) && fail(c, NO_SUCH, "trust", key->trust_id));
    }
    p->version = key->app_cred_id ? PAYLOAD_APPLICATION_CREDENTIAL : key->access_token_id ? PAYLOAD_OAUTH : PAYLOAD_PROJECT;
    p->app_cred_id = key->app_cred_id;
    p->access_token_id = key->access_token_id;
    if (p->version == PAYLOAD_PROJECT)
        return true;
    const char *project_id = key->app_cred_id
        ? db_get_text(c, "SELECT project_id FROM application_credentials WHERE id = $1", T(key->app_cred_id))
        : db_get_text(c, "SELECT project_id FROM access_tokens WHERE id = $1", T(key->access_token_id));
    if (!project_id)
        return failed(c) ? false : key->app_cred_id ? fail(c, NO_SUCH, "Application Credential", key->app_cred_id)
                                                    : fail(c, NOT_FOUND, "Access token not found");
    return text_equal(project_id, key->project_id) || fail(c, UNAUTHORIZED);
}

static const struct token *exchange(struct ctx *c, struct request *request, bool (*is_signed)(struct ctx *, const json_t *, const char *))
{
    const json_t *credentials = credentials_of(c, request);
    struct payload p = {};
    struct ec2_key key;

    if (!credentials || !ec2_key_get(c, json_get_string(credentials, "access"), &key))
        return NULL;
    if (!key.secret || !is_signed(c, credentials, key.secret))
        return fail_null(c, UNAUTHORIZED);
    return owner_judge(c, &key) && fresh(c, credentials) && payload_fill(c, &key, &p) ? token_issue(c, &p) : NULL;
}

static bool ec2tokens(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct token *token = exchange(c, request, ec2_signed);

    if (!token)
        return false;
    token_write(token, true, &reply->body);
    reply->has_body = true;
    reply_header(c, reply, "X-Subject-Token", token->who.token);
    return true;
}

static bool s3tokens(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct token *token = exchange(c, request, s3_signed);

    if (!token)
        return false;
    token_write(token, true, &reply->body);
    reply->has_body = true;
    return true;
}

const struct route ec2token_routes[] = {
    { "POST", "/v3/ec2tokens", ec2tokens, .policy = "identity:ec2tokens_validate" },
    { "POST", "/v3/s3tokens", s3tokens, .policy = "identity:s3tokens_validate" },
    {}
};
