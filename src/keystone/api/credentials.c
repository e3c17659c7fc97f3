/* Credentials: secrets of users kept for other services (EC2 keys, TOTP seeds, certificates), sealed in the database; and the
 * EC2 view of them.
 */
#include "keystone/api/credentials.h"
#include "keystone/api/projects.h"
#include "keystone/token/token.h"

#include <openssl/sha.h>
#include <string.h>

struct credential {
    char *id, *blob, *user_id, *project_id, *type;
    raw_json extra;
};
static const struct attr credential_attrs[] = {
    ATTR(struct credential, id,         CREATE | SORT),
    ATTR(struct credential, blob,       CREATE | UPDATE | REQUIRED | SECRET),
    ATTR(struct credential, user_id,    CREATE | REQUIRED | FILTER),
    ATTR(struct credential, project_id, CREATE | UPDATE | NULLABLE),
    ATTR(struct credential, type,       CREATE | UPDATE | REQUIRED | FILTER),
    ATTR(struct credential, extra,      CREATE | UPDATE | HIDDEN),
    {}
};

/* -- sealing ------------------------------------------------------------------------------------------------------- */

static char *seal(struct ctx *c, const char *blob)
{
    return ring_seal(c, RING_CREDENTIALS, clock_us() / 1000000, blob, strlen(blob));
}

static char *unseal(struct ctx *c, const struct fernet_keys *keys, const char *sealed)
{
    int64_t time;
    void *bytes;
    size_t n;

    for (int i = 0; i < keys->n; i++)
        if (fernet_open(c, &keys->keys[i], sealed, &bytes, &n, &time))
            return ctx_strndup(c, bytes, n);
    return fail_null(c, INTERNAL_ERROR, "a credential's key is not in the repository");
}

static bool credential_fill(struct ctx *c, void *const *page, size_t n)
{
    struct fernet_keys keys;

    if (!ring_keys(c, RING_CREDENTIALS, &keys))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct credential *one = page[i];

        if (!(one->blob = unseal(c, &keys, one->blob)))
            return false;
    }
    return true;
}

static bool credential_check(struct ctx *c, struct change *ch)
{
    struct credential *one = ch->now;

    return (one->blob = seal(c, one->blob)) != NULL;
}

static void credential_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct credential *one = record;

    write_extra(c, o, one->extra);
    write_self(c, o, "credentials", one->id);
}

/* -- judging ------------------------------------------------------------------------------------------------------- */

static bool primary_only(struct ctx *c, const struct request *request)
{
    const struct token *token = token_of_request(c, request);

    return token && (!token_is_delegated(token) || fail(c, NOT_AUTHORIZED, "Delegated tokens cannot access credentials directly"));
}

static char *access_hash(struct ctx *c, const char *access)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)access, strlen(access), digest);
    return hex_write(c, digest, sizeof digest);
}

/* The access key in an EC2 credential's blob; NULL with a fault. */
static const char *ec2_access(struct ctx *c, const char *blob)
{
    json_t *tree = blob ? ctx_json(c, json_loads(blob, 0, NULL)) : NULL;

    if (!tree)
        return fail_null(c, VALIDATION, "Invalid blob in credential");
    if (!json_is_object(tree) || !json_object_size(tree))
        return fail_null(c, EXPECTING, "blob", "credential");
    const char *access = json_get_string(tree, "access");
    return access ? access : fail_null(c, EXPECTING, "access", "credential");
}

/* What binds an EC2 credential to how it was made stays in its blob. */
static bool ec2_same(struct ctx *c, const char *was, const char *now)
{
    static const char *const names[] = { "trust_id", "app_cred_id", "access_token_id", "access_id" };

    if (!now)
        return true;
    if (!ec2_access(c, now))
        return false;
    const json_t *before = ctx_json(c, json_loads(was, 0, NULL)), *after = ctx_json(c, json_loads(now, 0, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (!text_equal(json_get_string(before, names[i]), json_get_string(after, names[i])))
            return fail(c, VALIDATION, ctx_printf(c, "%s can not be updated for credential", names[i]));
    return true;
}

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    static const char *const texts[] = { "blob", "project_id", "type", "user_id" };
    json_t *body = request_json(c, request), *object = json_object_get(body, "credential");
    const struct resource *r = request->route->data;
    const char *type = json_get_string(object, "type"), *access;

    if (!body)
        return false;
    if (json_is_object(object))
        json_object_del(object, "id");
    object = keystone_body(c, r, request, NULL);
    if (!object || !primary_only(c, request))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        const json_t *value = json_object_get(object, texts[i]);

        if (value && !json_is_string(value))
            return keystone_style.invalid(c, r, &(struct invalid){ WRONG_TYPE, attr_find(credential_attrs, texts[i]), texts[i], (json_t *)value });
    }
    if (type && !strcmp(type, "ec2")) {
        if (!json_object_get(object, "project_id"))
            return fail(c, SCHEMA, "'project_id' is a required property");
        access = ec2_access(c, json_get_string(object, "blob"));
        if (!access)
            return false;
        json_object_set_new(object, "id", json_string(access_hash(c, access)));
    }
    return keystone_insert(c, r, request, object, reply);
}

/* What stays as it is may be said, too: the stock client always does. */
static void unchanged_drop(json_t *object, const struct credential *old)
{
    const struct { const char *name, *value; } members[] = { { "type", old->type }, { "user_id", old->user_id } };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        if (members[i].value && text_equal(json_get_string(object, members[i].name), members[i].value))
            json_object_del(object, members[i].name);
}

static bool update(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    struct credential *old = keystone_subject(c, r, "update", request_arg(request, "id"));
    json_t *object;

    if (!old || !primary_only(c, request) || !credential_fill(c, (void *const *)&old, 1))
        return false;
    json_t *asked = json_object_get(request_json(c, request), "credential"), *project = ctx_json(c, json_incref(json_object_get(asked, "project_id")));
    unchanged_drop(asked, old);
    if (json_is_string(project))         /* the schema knows the blob alone */
        json_object_del(asked, "project_id");
    object = keystone_body(c, r, request, old);
    if (!object)
        return false;
    if (json_is_string(project))
        json_object_set(object, "project_id", project);
    if (!strcmp(old->type, "ec2") && !ec2_same(c, old->blob, json_get_string(object, "blob")))
        return false;
    return keystone_change(c, r, request, old, object, reply);
}

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    return keystone_show(c, request, reply) && primary_only(c, request);
}

static bool remove_one(struct ctx *c, struct request *request, struct reply *reply)
{
    return primary_only(c, request) && keystone_remove(c, request, reply);
}

static bool of_user(struct ctx *c, struct sql *s, const void *user_id)
{
    sql_add(s, " AND t.user_id = ?", T(user_id));
    return true;
}

/* Who may not see all sees the own. */
static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    bool all = policy_allows(c, "identity:list_credentials", TARGET("target.credential.user_id", ""));

    return primary_only(c, request) && rule_check(c, "identity:list_credentials", "target.credential.user_id", c->who.user_id, NULL) &&
        keystone_list_where(c, request->route->data, request, reply, all ? NULL : of_user, c->who.user_id);
}

const struct resource credential_resource = {
    .name = "credential", .plural = "credentials", .size = sizeof(struct credential), .attrs = credential_attrs, .flags = NO_BULK,
    .create = create, .show = show, .list = list, .update = update, .remove = remove_one,
    .check = credential_check, .fill = credential_fill, .write = credential_write,
};

/* -- EC2 ----------------------------------------------------------------------------------------------------------- */

static void ec2_write(struct ctx *c, struct out *o, const char *key, const struct credential *one)
{
    const json_t *blob = ctx_json(c, json_loads(one->blob, 0, NULL));
    const char *access = json_get_string(blob, "access");

    out_object(o, key);
    out_string(o, "user_id", one->user_id);
    out_string(o, "tenant_id", one->project_id);
    out_string(o, "access", access);
    out_string(o, "secret", json_get_string(blob, "secret"));
    out_string(o, "trust_id", json_get_string(blob, "trust_id"));
    out_object(o, "links");
    out_printf(o, "self", "%s/v3/users/%s/credentials/OS-EC2/%s", c->base_url, one->user_id, access);
    out_end_object(o);
    out_end_object(o);
}

static void ec2_answer(struct ctx *c, const struct credential *one, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    ec2_write(c, &o, "credential", one);
    out_end_object(&o);
}

static bool ec2_allowed(struct ctx *c, const struct request *request, const char *rule, const char *owner)
{
    return rule_check(c, rule, "user_id", request_arg(request, "user_id"), "target.credential.user_id", owner, NULL);
}

static bool ec2_create(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *user_id = request_arg(request, "user_id");
    json_t *body = NULL;
    const char *project_id;

    if (!ec2_allowed(c, request, "identity:ec2_create_credential", user_id) || !rest_find_any(c, &user_resource, user_id) ||
        !(body = request_json(c, request)))
        return false;
    project_id = json_get_string(body, "tenant_id");
    if (!rest_find_any(c, &project_resource, project_id ? project_id : "None") || !primary_only(c, request))
        return false;
    const char *access = uuid_new_hex(c);
    json_t *blob = ctx_json(c, json_pack("{s:s, s:s, s:n}", "access", access, "secret", uuid_new_hex(c), "trust_id"));
    json_t *object = ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", access_hash(c, access), "user_id", user_id, "project_id", project_id,
                                           "type", "ec2", "blob", json_text(c, blob).text));
    struct credential *one = rest_insert(c, &credential_resource, object);
    if (!one)
        return false;
    ec2_answer(c, one, reply);
    return true;
}

static bool ec2_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *user_id = request_arg(request, "user_id");
    struct out o = { .to = &reply->body };
    struct page page;

    if (!ec2_allowed(c, request, "identity:ec2_list_credentials", user_id) || !primary_only(c, request) ||
        !rest_find_any(c, &user_resource, user_id))
        return false;
    request->query = NULL;
    if (!rest_page_where(c, &credential_resource, request, of_user, user_id, &page))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "credentials");
    for (size_t i = 0; i < page.n; i++)
        if (!strcmp(((struct credential *)page.records[i])->type, "ec2"))
            ec2_write(c, &o, NULL, page.records[i]);
    out_end_array(&o);
    write_list_links(c, &o, request);
    out_end_object(&o);
    return true;
}

/* The credential an access key names. */
static struct credential *ec2_subject(struct ctx *c, const struct request *request, const char *rule)
{
    struct credential *one = rest_find_any(c, &credential_resource, access_hash(c, request_arg(request, "access")));

    if (!one || !ec2_allowed(c, request, rule, one->user_id) || !rest_find_any(c, &user_resource, request_arg(request, "user_id")) ||
        !credential_fill(c, (void *const *)&one, 1) || !primary_only(c, request))
        return NULL;
    return strcmp(one->type, "ec2") ? fail_null(c, UNAUTHORIZED) : one;
}

static bool ec2_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct credential *one = ec2_subject(c, request, "identity:ec2_get_credential");

    if (one)
        ec2_answer(c, one, reply);
    return one != NULL;
}

static bool ec2_remove(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct credential *one = ec2_subject(c, request, "identity:ec2_delete_credential");

    return one && keystone_exec(c, "DELETE FROM credentials WHERE id = $1", T(one->id));
}

bool ec2_key_get(struct ctx *c, const char *access, struct ec2_key *ret_key)
{
    struct credential *one = rest_find_any(c, &credential_resource, access_hash(c, access));

    if (!one || !credential_fill(c, (void *const *)&one, 1))
        return false;
    if (strcmp(one->type, "ec2"))
        return fail(c, UNAUTHORIZED);
    const json_t *blob = ctx_json(c, json_loads(one->blob, 0, NULL));
    *ret_key = (struct ec2_key){
        .user_id = one->user_id, .project_id = one->project_id, .secret = json_get_string(blob, "secret"),
        .trust_id = json_get_string(blob, "trust_id"), .app_cred_id = json_get_string(blob, "app_cred_id"),
        .access_token_id = json_get_string(blob, "access_token_id"),
    };
    return true;
}

const char *const *credential_blobs(struct ctx *c, const char *user_id, const char *type)
{
    struct rows *rows = db_query(c, "SELECT blob FROM credentials WHERE user_id = $1 AND type = $2", T(user_id), T(type));
    g_autoptr(GPtrArray) blobs = g_ptr_array_new();
    struct fernet_keys keys;

    if (!ring_keys(c, RING_CREDENTIALS, &keys))
        return NULL;
    while (db_next(rows)) {
        char *blob = unseal(c, &keys, db_text(rows, 0));

        if (!blob)
            return NULL;
        g_ptr_array_add(blobs, blob);
    }
    const char **list = ctx_new_n(c, const char *, blobs->len + 1);
    if (blobs->len)
        memcpy(list, blobs->pdata, blobs->len * sizeof *list);
    return failed(c) ? NULL : list;
}

/* Each asks its rule about the credential's user. */
const struct route ec2_routes[] = {
    { "GET",    "/v3/users/{user_id}/credentials/OS-EC2", ec2_list, .flags = ROUTE_NO_POLICY },
    { "POST",   "/v3/users/{user_id}/credentials/OS-EC2", ec2_create, .status = 201, .flags = ROUTE_NO_POLICY },
    { "GET",    "/v3/users/{user_id}/credentials/OS-EC2/{access}", ec2_show, .flags = ROUTE_NO_POLICY },
    { "DELETE", "/v3/users/{user_id}/credentials/OS-EC2/{access}", ec2_remove, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
