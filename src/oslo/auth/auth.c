/* The middleware before every service: X-Auth-Token becomes c->who, by Keystone's word or by the cache of it.
 *
 * Follows keystonemiddleware: the service asks with a token of its own; a token that has ended is still good beside the
 * X-Service-Token of a service, so that long operations can finish.
 */
#include "oslo/auth/auth.h"
#include "oslo/auth/access_rules.h"
#include "oslo/auth/policy.h"

#include <pthread.h>
#include <string.h>

#include "oslo/auth/validation.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/client/client.h"
#include "oslo/record/record.h"
#include "oslo/registry/registry.h"

enum {
    CACHE_TIME_S = 300,              /* of a good answer where token_cache_time is not set */
    NEGATIVE_TIME_S = 10,            /* of a bad one */
    RENEW_BEFORE_S = 120,            /* a token of the service's own is renewed so long before it ends */
    SERVICES_MAX = 32,
};

#define KEYSTONE_AWAY 503, "ServiceUnavailable", "The Keystone service is temporarily unavailable."
#define SECOND_US INT64_C(1000000)

/* The service users' own tokens, one a service. */
static struct own_token {
    const struct service *service;
    char *token;
    int64_t renew_us;                /* wall clock */
} own_tokens[SERVICES_MAX];
static pthread_mutex_t own_tokens_lock = PTHREAD_MUTEX_INITIALIZER;

static struct token_cache *cache;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static struct {
    const struct service *service;
    bool (*validate)(struct ctx *, const char *, struct identity *);
} judge;                             /* set before threads start */

static void cache_make(void)
{
    cache = token_cache_new();
}

/* -- what Keystone says -------------------------------------------------------------------------------------------- */

static const char *const *role_names(struct ctx *c, const json_t *roles)
{
    const char **names = ctx_new_n(c, const char *, json_array_size(roles) + 1);
    size_t i, n = 0;
    const json_t *role;

    json_array_foreach(roles, i, role)
        if (json_get_string(role, "name"))
            names[n++] = json_get_string(role, "name");
    return names;
}

void auth_identity_read(struct ctx *c, const json_t *token, struct identity *who)
{
    const json_t *user = json_object_get(token, "user"), *project = json_object_get(token, "project");
    const json_t *domain = json_object_get(token, "domain"), *system = json_object_get(token, "system");
    const json_t *rules = json_object_get(json_object_get(token, "application_credential"), "access_rules");

    *who = (struct identity){
        .user_id = json_get_string(user, "id"),
        .user_name = json_get_string(user, "name"),
        .user_domain_id = json_get_string(json_object_get(user, "domain"), "id"),
        .user_domain_name = json_get_string(json_object_get(user, "domain"), "name"),
        .project_id = json_get_string(project, "id"),
        .project_name = json_get_string(project, "name"),
        .project_domain_id = json_get_string(json_object_get(project, "domain"), "id"),
        .project_domain_name = json_get_string(json_object_get(project, "domain"), "name"),
        .domain_id = json_get_string(domain, "id"),
        .domain_name = json_get_string(domain, "name"),
        .roles = role_names(c, json_object_get(token, "roles")),
        .system = json_get_bool(system, "all", false),
        .access_rules = rules ? json_text(c, rules).text : NULL,
    };
    who->is_admin = identity_has_role(who, "admin");
}

enum answer { GOOD, BAD, REFUSED, AWAY };

static enum answer keystone_ask(struct ctx *c, const char *token, bool allow_expired, json_t **ret_token)
{
    const char *own = auth_service_token(c);

    if (!own)
        return AWAY;
    struct call call = {
        .type = "identity",
        .method = "GET",
        .path = allow_expired ? "/auth/tokens?nocatalog=1&allow_expired=1" : "/auth/tokens?nocatalog=1",
        .headers = (const struct pair[]){ { "X-Auth-Token", own }, { "X-Subject-Token", token }, { ACCESS_RULES_HEADER, "1.0" }, {} },
        .no_auth = true,
    };
    if (client_call(c, &call)) {
        *ret_token = json_object_get(call.reply, "token");
        return *ret_token ? GOOD : AWAY;
    }
    fault_clear(c);
    return call.status == 404 ? BAD : call.status == 401 ? REFUSED : AWAY;
}

static void own_token_drop(const struct service *service)
{
    pthread_mutex_lock(&own_tokens_lock);
    for (int i = 0; i < SERVICES_MAX; i++)
        if (own_tokens[i].service == service)
            own_tokens[i].renew_us = 0;
    pthread_mutex_unlock(&own_tokens_lock);
}

static int64_t cache_time_us(void)
{
    int64_t seconds = common_options ? common_options->token_cache_time : 0;

    return (seconds ? seconds : CACHE_TIME_S) * SECOND_US;
}

/* Asks Keystone, in a ctx of its own. A reference; NULL: there was no answer. */
static struct validation *validate_remotely(struct ctx *c, const char *token, bool allow_expired)
{
    struct validation *v = NULL;
    struct identity who;
    struct ctx asking;
    utc_time expires = { INT64_MAX };
    json_t *body = NULL;

    ctx_init_child(&asking, c, c->service);
    enum answer answer = keystone_ask(&asking, token, allow_expired, &body);
    if (answer == REFUSED) {
        own_token_drop(c->service);
        answer = keystone_ask(&asking, token, allow_expired, &body);
    }
    if (answer == GOOD) {
        auth_identity_read(&asking, body, &who);
        who.token = token;
        time_parse(json_get_string(body, "expires_at") ?: "", &expires);
        v = validation_new(&who, expires.us, clock_mono_us() + (allow_expired ? 0 : cache_time_us()));
    } else if (answer == BAD) {
        v = validation_new(NULL, INT64_MAX, clock_mono_us() + NEGATIVE_TIME_S * SECOND_US);
    } else {
        log_warning(&asking, "the identity service does not validate tokens: %s",
                    answer == REFUSED ? "it refuses this service's own" : asking.fault.message ?: "no answer");
    }
    ctx_clear(&asking);
    return v;
}

static bool token_validate(struct ctx *c, const char *token, bool allow_expired, struct identity *ret_who)
{
    struct token_key key;

    pthread_once(&cache_once, cache_make);
    token_key_of(token, &key);
    struct validation *v = token_cache_find(cache, &key);
    if (v && !validation_who(v) && allow_expired) {
        cached_unref(v);
        v = NULL;
    }
    if (!v) {
        struct token_ticket ticket = token_cache_ticket(cache, &key);

        v = validate_remotely(c, token, allow_expired);
        if (!v)
            return fail(c, KEYSTONE_AWAY);
        if (!allow_expired)
            token_cache_add(cache, &key, ticket, v);
    }
    ctx_own(c, v, cached_unref);
    if (!validation_who(v))
        return fail(c, UNAUTHORIZED);
    *ret_who = *validation_who(v);
    return true;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

bool auth_token(struct ctx *c, const char *token, struct identity *ret_who)
{
    if (judge.validate && c->service == judge.service)
        return judge.validate(c, token, ret_who);
    return token_validate(c, token, false, ret_who);
}

bool auth_request(struct ctx *c, const struct request *r)
{
    const char *token = request_header(r, "X-Auth-Token"), *service_token = request_header(r, "X-Service-Token");
    struct identity who, service_who = {};
    bool allow_expired = false;

    if (!token || !*token)
        return fail(c, UNAUTHORIZED);
    if (judge.validate && c->service == judge.service) {
        if (!judge.validate(c, token, &who))
            return false;
    } else {
        if (service_token && *service_token) {
            if (!token_validate(c, service_token, false, &service_who))
                return false;
            allow_expired = identity_has_role(&service_who, "service");
        }
        if (!token_validate(c, token, allow_expired, &who))
            return false;
    }
    /* What a service does for the user it was asked for by the user, where the rules were looked at. */
    if (who.access_rules && !allow_expired && !access_rules_allow(c, who.access_rules, c->service->type, r->method, r->raw_path))
        return fail(c, UNAUTHORIZED);
    c->who = who;
    c->who.service_roles = service_who.roles;
    if (policy_exists(c, "context_is_admin"))
        c->who.is_admin = policy_allows(c, "context_is_admin", NULL);
    return true;
}

const char *auth_challenge(struct ctx *c)
{
    const struct service *identity = service_find("identity");
    char *url = identity ? service_url(c, identity) : ctx_strdup(c, "");

    if (g_str_has_suffix(url, "/v3") && (!judge.service || c->service != judge.service))
        url[strlen(url) - 3] = '\0';
    return ctx_printf(c, "Keystone uri=\"%s\"", url);
}

void auth_refuse(struct ctx *c, struct reply *reply)
{
    const bool unauthorized = c->fault.status == 401;
    g_autoptr(GString) text = g_string_new(NULL);

    reply->status = unauthorized ? 401 : 503;
    g_string_append_printf(text, "{\"error\": {\"code\": %d, \"title\": \"%s\", \"message\": \"%s\"}}", reply->status,
                           unauthorized ? "Unauthorized" : "Service Unavailable", c->fault.message ?: "");
    reply_text(reply, "application/json", text->str);
    if (unauthorized)
        reply_header(c, reply, "WWW-Authenticate", auth_challenge(c));
}

void auth_forget(const char *token)
{
    struct token_key key;

    pthread_once(&cache_once, cache_make);
    if (token)
        token_key_of(token, &key);
    token_cache_forget(cache, token ? &key : NULL);
}

void auth_judge(const struct service *service, bool (*validate)(struct ctx *, const char *, struct identity *))
{
    judge.service = service;
    judge.validate = validate;
}

/* -- the service's own user ---------------------------------------------------------------------------------------- */

/* Copies the kept token of the service while it is fresh; NULL when there is none. */
static const char *own_token_find(struct ctx *c)
{
    const char *token = NULL;

    pthread_mutex_lock(&own_tokens_lock);
    for (int i = 0; i < SERVICES_MAX && !token; i++)
        if (own_tokens[i].service == c->service && clock_us() < own_tokens[i].renew_us)
            token = ctx_strdup(c, own_tokens[i].token);
    pthread_mutex_unlock(&own_tokens_lock);
    return token;
}

static void own_token_keep(const struct service *service, const char *token, int64_t renew_us)
{
    pthread_mutex_lock(&own_tokens_lock);
    for (int i = 0; i < SERVICES_MAX; i++) {
        struct own_token *own = &own_tokens[i];

        if (own->service && own->service != service)
            continue;
        g_free(own->token);
        *own = (struct own_token){ .service = service, .token = g_strdup(token), .renew_us = renew_us };
        break;
    }
    pthread_mutex_unlock(&own_tokens_lock);
}

static json_t *password_request(struct ctx *c, const char *user, const char *password)
{
    return ctx_json(c, json_pack("{s:{s:{s:[s], s:{s:{s:s, s:{s:s}, s:s}}}, s:{s:{s:s, s:{s:s}}}}}", "auth", "identity",
                                 "methods", "password", "password", "user", "name", user, "domain", "id", "default",
                                 "password", password, "scope", "project", "name", "service", "domain", "id", "default"));
}

/* A new token of the service user. NULL with a fault. */
static const char *own_token_fetch(struct ctx *c)
{
    const char *password = service_password(c, c->service->name), *token = NULL;
    struct call call = { .type = "identity", .method = "POST", .path = "/auth/tokens?nocatalog=1", .no_auth = true };
    utc_time expires = {};

    if (!password)
        return NULL;
    call.body = password_request(c, c->service->name, password);
    if (!client_call(c, &call))
        return NULL;
    for (const struct pair *h = call.reply_headers; h && h->name; h++)
        if (!g_ascii_strcasecmp(h->name, "X-Subject-Token"))
            token = ctx_strdup(c, h->value);
    if (!token || !time_parse(json_get_string(json_object_get(call.reply, "token"), "expires_at") ?: "", &expires))
        return fail_null(c, KEYSTONE_AWAY);
    own_token_keep(c->service, token, expires.us - RENEW_BEFORE_S * SECOND_US);
    return token;
}

const char *auth_service_token(struct ctx *c)
{
    const char *token = own_token_find(c);

    return token ? token : own_token_fetch(c);
}

bool auth_as_service(struct ctx *c)
{
    const char *token = auth_service_token(c);
    struct identity who;

    if (!token || !auth_token(c, token, &who))
        return false;
    c->who = who;
    c->who.is_admin = true;
    return true;
}
