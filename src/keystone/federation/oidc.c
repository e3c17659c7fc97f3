/* See oidc.h. What an issuer publishes is kept for a while, and read again, not too often, when a key is unknown. */
#include "keystone/federation/oidc.h"
#include "keystone/federation/jwt.h"
#include "oslo/base/log.h"
#include "oslo/http/fetch.h"

#include <pthread.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define KEEP_US (300 * SECOND_US)
#define AGAIN_US SECOND_US    /* so long an unknown key is not asked for again */
#define SKEW_S 60

enum { DOCUMENT_MAX = 1 << 20, ISSUERS_MAX = 1000 };

/* What an issuer publishes: its configuration and its keys, as JSON text. */
struct publication {
    char *configuration, *keys;
    int64_t read_us;                 /* monotonic */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *publications;     /* by issuer; guarded by lock */

static void publication_free(void *data)
{
    struct publication *p = data;

    g_free(p->configuration);
    g_free(p->keys);
    g_free(p);
}

static void publication_keep(const char *issuer, const char *configuration, const char *keys)
{
    struct publication *p = g_new0(struct publication, 1);

    *p = (struct publication){ g_strdup(configuration), g_strdup(keys), clock_mono_us() };
    pthread_mutex_lock(&lock);
    if (!publications)
        publications = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, publication_free);
    if (g_hash_table_size(publications) >= ISSUERS_MAX)
        g_hash_table_remove_all(publications);
    g_hash_table_replace(publications, g_strdup(issuer), p);
    pthread_mutex_unlock(&lock);
}

/* A copy in the ctx if it is no older than that. */
static bool publication_find(struct ctx *c, const char *issuer, int64_t age_us, struct publication *ret_publication)
{
    pthread_mutex_lock(&lock);
    const struct publication *p = publications ? g_hash_table_lookup(publications, issuer) : NULL;
    bool fresh = p && clock_mono_us() - p->read_us < age_us;
    if (fresh)
        *ret_publication = (struct publication){ ctx_strdup(c, p->configuration), ctx_strdup(c, p->keys), p->read_us };
    pthread_mutex_unlock(&lock);
    return fresh;
}

/* -- asking the provider ------------------------------------------------------------------------------------------- */

static bool collect(void *data, const void *bytes, size_t n)
{
    struct buf *to = data;

    if (to->len + n > DOCUMENT_MAX)
        return false;
    buf_add(to, bytes, n);
    return true;
}

/* The object that is answered; NULL with a fault 503. */
static json_t *ask(struct ctx *c, struct fetch *f)
{
    struct buf reply = {};
    json_t *tree = NULL;

    f->write = collect;
    f->data = &reply;
    f->timeout_us = 10 * SECOND_US;
    f->ca_file = keystone_options()->oidc_ca_file;
    if (fetch(c, f) && f->status == 200)
        tree = json_read(c, reply.data ? reply.data : "", reply.len);
    buf_clear(&reply);
    if (json_is_object(tree))
        return tree;
    log_warning(c, "an identity provider does not answer as it should url=%s status=%d error=%s", f->url, f->status,
                failed(c) ? c->fault.message : "no JSON object");
    fault_clear(c);
    return fail_null(c, UNAVAILABLE, "The identity provider does not answer.");
}

static json_t *ask_url(struct ctx *c, const char *url)
{
    return ask(c, &(struct fetch){ .method = "GET", .url = url, .headers = (const struct pair[]){ { "Accept", "application/json" }, {} } });
}

static bool publication_read(struct ctx *c, const char *issuer, struct publication *ret_publication)
{
    size_t n = strlen(issuer);
    json_t *configuration = ask_url(c, ctx_printf(c, "%.*s/.well-known/openid-configuration", (int)(n && issuer[n - 1] == '/' ? n - 1 : n), issuer));
    const char *keys_url = json_get_string(configuration, "jwks_uri");
    json_t *keys;

    if (!configuration)
        return false;
    if (!text_equal(json_get_string(configuration, "issuer"), issuer) || !keys_url)
        return fail(c, UNAVAILABLE, "The identity provider publishes what is another's.");
    keys = ask_url(c, keys_url);
    if (!keys)
        return false;
    *ret_publication = (struct publication){ json_text(c, configuration).text, json_text(c, keys).text, clock_mono_us() };
    publication_keep(issuer, ret_publication->configuration, ret_publication->keys);
    return true;
}

static const json_t *member_tree(struct ctx *c, const char *text)
{
    return json_of(c, (raw_json){ (char *)text });
}

/* The issuer's keys, among them kid if the issuer has it. */
static const json_t *keys_of(struct ctx *c, const char *issuer, const char *kid)
{
    struct publication p;

    if (publication_find(c, issuer, KEEP_US, &p)) {
        const json_t *keys = member_tree(c, p.keys);

        if (jwks_has(keys, kid) || clock_mono_us() - p.read_us < AGAIN_US)
            return keys;
    }
    return publication_read(c, issuer, &p) ? member_tree(c, p.keys) : NULL;
}

/* -- judging ------------------------------------------------------------------------------------------------------- */

/* Is one of them ours? */
static bool audience_fits(struct ctx *c, const json_t *audience)
{
    const char *const *ours = (const char *const *)text_split(c, keystone_options()->oidc_audience, ',');
    const json_t *item;
    size_t i;

    if (text_in("*", ours) || text_in(json_string_value(audience), ours))
        return true;
    json_array_foreach(audience, i, item)
        if (text_in(json_string_value(item), ours))
            return true;
    return false;
}

static bool time_fits(const json_t *claims)
{
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
    double now = (double)(clock_us() / SECOND_US);

    return json_is_number(exp) && now < json_number_value(exp) && (!nbf || (json_is_number(nbf) && json_number_value(nbf) <= now + SKEW_S));
}

static const json_t *refuse(struct ctx *c, const char *why)
{
    log_info(c, "a bearer token is refused: %s", why);
    return fail_null(c, UNAUTHORIZED);
}

static const json_t *judge(struct ctx *c, const json_t *claims)
{
    if (!audience_fits(c, json_object_get(claims, "aud")))
        return refuse(c, "its audience is another");
    return time_fits(claims) ? claims : refuse(c, "its time is not now");
}

static const json_t *claims_of_jwt(struct ctx *c, const struct idp *p, const struct jwt *jwt)
{
    const char *issuer = json_get_string(jwt->claims, "iss");
    const json_t *keys;

    if (!issuer || !idp_has_remote_id(p, issuer))
        return refuse(c, "its issuer is not of this identity provider");
    keys = keys_of(c, issuer, jwt->kid);
    if (!keys)
        return NULL;
    return jwt_verify(c, jwt, keys) ? judge(c, jwt->claims) : refuse(c, "its signature is none of its issuer");
}

/* -- tokens that say nothing themselves ---------------------------------------------------------------------------- */

static const char *introspection_url(struct ctx *c, const char *issuer)
{
    struct publication p;

    if (!publication_find(c, issuer, KEEP_US, &p) && !publication_read(c, issuer, &p))
        return NULL;
    const char *url = json_get_string(member_tree(c, p.configuration), "introspection_endpoint");
    if (!url)
        refuse(c, "its issuer does not tell of tokens");
    return url;
}

static const json_t *claims_by_asking(struct ctx *c, const char *issuer, const char *token)
{
    const struct keystone_options *o = keystone_options();
    const char *url = introspection_url(c, issuer), *pair = ctx_printf(c, "%s:%s", o->oidc_client_id, o->oidc_client_secret);
    g_autofree char *quoted = g_uri_escape_string(token, NULL, FALSE);
    const char *body = ctx_printf(c, "token=%s", quoted);
    const struct pair headers[] = {
        { "Content-Type", "application/x-www-form-urlencoded" }, { "Accept", "application/json" },
        { "Authorization", ctx_printf(c, "Basic %s", base64_write(c, pair, strlen(pair))) }, {},
    };
    json_t *claims = url ? ask(c, &(struct fetch){ .method = "POST", .url = url, .headers = headers, .body = body, .body_size = strlen(body) }) : NULL;

    if (!claims)
        return NULL;
    if (!json_is_true(json_object_get(claims, "active")))
        return refuse(c, "its issuer says it is not active");
    if (json_object_get(claims, "iss") && !text_equal(json_get_string(claims, "iss"), issuer))
        return refuse(c, "its issuer is another");
    json_object_set_new(claims, "iss", json_string(issuer));
    return judge(c, claims);
}

const json_t *oidc_claims(struct ctx *c, const struct idp *p, const char *token)
{
    const json_t *remote_id;
    struct jwt jwt;
    size_t i;

    if (jwt_read(c, token, &jwt))
        return claims_of_jwt(c, p, &jwt);
    json_array_foreach(p->remote_ids, i, remote_id)
        if (keystone_options()->oidc_client_id && keystone_options()->oidc_client_secret && g_str_has_prefix(json_string_value(remote_id), "http"))
            return claims_by_asking(c, json_string_value(remote_id), token);
    return refuse(c, "it is not signed, and nobody can be asked");
}
