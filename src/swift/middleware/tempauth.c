/* tempauth: users and keys in the configuration, tokens in the cache; authorization by groups and ACLs. For tests and small clouds.
 *
 *     user_<account>_<user> = <key> [group] [group] [...] [storage url]
 */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/cache.h"
#include "swift/faults.h"
#include "swift/middleware/acl.h"
#include "swift/middleware/s3api/auth.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct tempauth_options {
    char *reseller_prefix, *auth_prefix, *storage_url_scheme, *require_group;
    int64_t token_life;
    bool allow_overrides, log_headers;
};

#define OPTION(member, otherwise, text) ATTR(struct tempauth_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(reseller_prefix, "AUTH", "What the names of its accounts begin with; several with commas between."),
    OPTION(auth_prefix, "/auth/", "Where tokens are given."),
    OPTION(storage_url_scheme, "default", "http or https in storage URLs; default: as the request came."),
    OPTION(require_group, "", "A group the owner of an account must be in besides."),
    OPTION(token_life, "86400", "Seconds a token is good."),
    OPTION(allow_overrides, "true", "Middlewares before this one may authorize."),
    OPTION(log_headers, "false", "Kept for the original's files."),
    {}
};

struct user {
    char *account, *name, *key, *url;
    char **groups;
};

struct tempauth {
    struct resellers *resellers;
    GHashTable *users;               /* "account:user" to struct user */
};

/* --- users, from the configuration ----------------------------------------------------------------------------- */

static void user_free(void *data)
{
    struct user *u = data;

    g_free(u->account);
    g_free(u->name);
    g_free(u->key);
    g_free(u->url);
    g_strfreev(u->groups);
    g_free(u);
}

/* user64_: both names in base64, so that they may hold underscores; the padding is not written. */
static char *name64(struct ctx *c, const char *text)
{
    void *bytes;
    size_t n;
    const char *padded = ctx_printf(c, "%s%.*s", text, (int)((4 - strlen(text) % 4) % 4), "===");

    return base64_read(c, padded, &bytes, &n) ? g_strndup(bytes, n) : NULL;
}

static bool user_add(struct ctx *c, struct tempauth *t, const char *name, const char *value)
{
    bool coded = g_str_has_prefix(name, "user64_");
    const char *account = strchr(name, '_') + 1, *user = strchr(account, '_');
    char **words = g_strsplit_set(value, " \t", -1);
    GPtrArray *groups = g_ptr_array_new();
    struct user *u;

    if (!user || strchr(user + 1, '_')) {
        g_strfreev(words);
        g_ptr_array_free(groups, TRUE);
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "key %s was provided in an invalid format", name));
    }
    u = g_new0(struct user, 1);
    account = ctx_strndup(c, account, (size_t)(user - account));
    u->account = coded ? name64(c, account) : g_strdup(account);
    u->name = coded ? name64(c, user + 1) : g_strdup(user + 1);
    for (size_t i = 0; words[i]; i++) {
        if (!*words[i])
            continue;
        if (!u->key)
            u->key = g_strdup(words[i]);
        else if (strstr(words[i], "://") || strstr(words[i], "$HOST"))
            u->url = g_strdup(words[i]);
        else
            g_ptr_array_add(groups, g_strdup(words[i]));
    }
    g_strfreev(words);
    g_ptr_array_add(groups, NULL);
    u->groups = (char **)g_ptr_array_free(groups, FALSE);
    if (!u->key || !u->account || !u->name) {
        user_free(u);
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "%s has no key set", name));
    }
    if (!u->url)
        u->url = g_strdup_printf("$HOST/v1/%s%s", t->resellers->prefixes[0], name_quote(c, u->account, "/"));
    g_hash_table_replace(t->users, g_strdup_printf("%s:%s", u->account, u->name), u);
    return true;
}

static bool tempauth_open(struct ctx *c, struct step *step)
{
    struct tempauth_options *options = (struct tempauth_options *)step->options;
    struct tempauth *t = g_new0(struct tempauth, 1);

    step->state = t;
    t->resellers = resellers_new(options->reseller_prefix);
    t->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, user_free);
    options->auth_prefix = g_strdup_printf("%s%s%s", *options->auth_prefix == '/' ? "" : "/", options->auth_prefix,
                                           g_str_has_suffix(options->auth_prefix, "/") ? "" : "/");
    if (!options->auth_prefix[1] || !strcmp(options->auth_prefix, "//"))
        options->auth_prefix = g_strdup("/auth/");
    for (const struct pair *p = conf_section(step->conf, step->section); p->name; p++)
        if ((g_str_has_prefix(p->name, "user_") || g_str_has_prefix(p->name, "user64_")) && !user_add(c, t, p->name, p->value))
            return false;
    info_register("tempauth", json_pack("{s:b}", "account_acls", 1), false);
    return true;
}

static void tempauth_close(struct step *step)
{
    struct tempauth *t = step->state;

    if (!t)
        return;
    g_hash_table_destroy(t->users);
    resellers_free(t->resellers);
    g_free(t);
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

static const char *account_id(const struct user *u)
{
    const char *slash = strrchr(u->url, '/');

    return slash ? slash + 1 : u->url;
}

/* account, account:user, its groups; .admin stands for all accounts of that name. Of the process (g_strfreev). */
static char **groups_of(const struct tempauth *t, const struct user *u)
{
    GPtrArray *list = g_ptr_array_new();
    bool admin = false, has_id = false;

    g_ptr_array_add(list, g_strdup(u->account));
    g_ptr_array_add(list, g_strdup_printf("%s:%s", u->account, u->name));
    for (size_t i = 0; u->groups[i]; i++)
        if (!strcmp(u->groups[i], ".admin"))
            admin = true;
        else
            g_ptr_array_add(list, g_strdup(u->groups[i]));
    for (size_t i = 0; admin && t->resellers->prefixes[i]; i++) {
        if (!*t->resellers->prefixes[i])
            continue;
        g_ptr_array_add(list, g_strconcat(t->resellers->prefixes[i], u->account, NULL));
        has_id = has_id || !strcmp(list->pdata[list->len - 1], account_id(u));
    }
    if (admin && !has_id)
        g_ptr_array_add(list, g_strdup(account_id(u)));
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

static const char *const *groups_copy(struct ctx *c, char *const *groups)
{
    size_t n = g_strv_length((char **)groups);
    const char **copy = ctx_new_n(c, const char *, n + 1);

    for (size_t i = 0; i < n; i++)
        copy[i] = ctx_strdup(c, groups[i]);
    return copy;
}

static const char *token_key(struct ctx *c, const struct tempauth *t, const char *text)
{
    return ctx_printf(c, "%s/token/%s", t->resellers->prefixes[0], text);
}

/* What is kept of a token: [when it ends, "group,group,..."]. NULL: it is not known, or has ended. */
static const char *const *groups_of_token(struct ctx *c, const struct tempauth *t, const char *text, double *ret_ends)
{
    json_t *token = cache_get(c, token_key(c, t, text));
    const char *groups = json_string_value(json_array_get(token, 1));

    *ret_ends = json_number_value(json_array_get(token, 0));
    return groups && *ret_ends > (double)clock_us() / 1e6 ? (const char *const *)text_split(c, groups, ',') : NULL;
}

static bool same_groups(const char *const *a, char *const *b)
{
    size_t n = 0;

    for (; a[n]; n++)
        if (!text_in(a[n], (const char *const *)b))
            return false;
    for (; *b; b++)
        if (!text_in(*b, a))
            return false;
    return true;
}

/* Its token that is still good, or a new one. NULL: it cannot be kept. */
static const char *token_for(struct ctx *c, const struct tempauth *t, const struct tempauth_options *options, const char *user_key, const struct user *u,
                             int64_t *ret_life)
{
    const char *key = ctx_printf(c, "%s/user/%s", t->resellers->prefixes[0], user_key), *text = json_string_value(cache_get(c, key));
    g_auto(GStrv) groups = groups_of(t, u);
    g_autofree char *joined = g_strjoinv(",", groups);
    double ends = 0, now = (double)clock_us() / 1e6;
    const char *const *have = text ? groups_of_token(c, t, text, &ends) : NULL;

    if (!have || !same_groups(have, groups)) {
        text = ctx_printf(c, "%stk%s", t->resellers->prefixes[0], uuid_new_hex(c));
        ends = now + (double)options->token_life;
        if (!cache_set(c, token_key(c, t, text), ctx_json(c, json_pack("[f, s]", ends, joined)), options->token_life) ||
            !cache_set(c, key, ctx_json(c, json_string(text)), options->token_life))
            return NULL;
    }
    *ret_life = (int64_t)(ends - now);
    return text;
}

static void refuse(struct ctx *c, struct swift_response *response, const char *realm)
{
    response_error(c, response, 401, NULL);
    headers_printf(c, &response->headers, "Www-Authenticate", "Swift realm=\"%s\"", realm && *realm ? realm : "unknown");
}

static void give_token(struct ctx *c, const struct step *step, const char *account, const char *user, const char *key, const struct swift_request *r,
                       struct swift_response *response)
{
    const struct tempauth_options *options = step->options;
    struct tempauth *t = step->state;
    int64_t life;

    if (!account || !user || !key || !*account || !*user || !*key) {
        refuse(c, response, account);
        return;
    }
    const char *name = ctx_printf(c, "%s:%s", account, user);
    const struct user *u = g_hash_table_lookup(t->users, name);
    if (!u) {
        refuse(c, response, account);
        return;
    }
    if (strlen(u->key) != strlen(key) || !secret_equal(u->key, key, strlen(key))) {
        refuse(c, response, "unknown");
        return;
    }
    const char *token = token_for(c, t, options, name, u, &life), *host = strstr(u->url, "$HOST"), *url = u->url;
    if (!token) {
        response_error(c, response, 503, NULL);
        return;
    }
    if (host)
        url = ctx_printf(c, "%.*s%s%s", (int)(host - u->url), u->url, r->env->scheme_host, host + 5);
    if (strcmp(options->storage_url_scheme, "default") && strchr(url, ':'))
        url = ctx_printf(c, "%s%s", options->storage_url_scheme, strchr(url, ':'));
    response_text(c, response, 200, "text/html; charset=UTF-8", "");
    headers_set(c, &response->headers, "X-Auth-Token", token);
    headers_set(c, &response->headers, "X-Storage-Token", token);
    headers_printf(c, &response->headers, "X-Auth-Token-Expires", "%lld", (long long)life);
    headers_set(c, &response->headers, "X-Storage-Url", url);
}

static const char *either(const struct swift_request *r, const char *one, const char *other)
{
    const char *value = request_get(r, one);

    return value && *value ? value : request_get(r, other);
}

/* GET <auth prefix>/v1.0, /auth, /v1/<account>/auth */
static void serve_auth(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *rest = r->path + strlen(((const struct tempauth_options *)step->options)->auth_prefix), *user, *colon;
    char **parts = text_split(c, rest, '/');

    if (strcmp(r->method, "GET")) {
        response_error(c, response, 405, NULL);
        return;
    }
    if (!*rest || !*parts[0]) {
        response_error(c, response, 404, NULL);
        return;
    }
    if (!strcmp(parts[0], "v1") && parts[1] && parts[2] && !strcmp(parts[2], "auth")) {
        const char *account = parts[1];

        user = request_get(r, "X-Storage-User");
        if (!user || !*user) {
            user = request_get(r, "X-Auth-User");
            colon = user ? strchr(user, ':') : NULL;
            if (!colon || strncmp(user, account, (size_t)(colon - user)) || strlen(account) != (size_t)(colon - user)) {
                refuse(c, response, account);
                return;
            }
            user = colon + 1;
        }
        give_token(c, step, account, user, either(r, "X-Storage-Pass", "X-Auth-Key"), r, response);
        return;
    }
    if (strcmp(parts[0], "auth") && strcmp(parts[0], "v1.0")) {
        response_error(c, response, 400, NULL);
        return;
    }
    user = either(r, "X-Auth-User", "X-Storage-User");
    colon = user ? strchr(user, ':') : NULL;
    if (!colon) {
        refuse(c, response, "unknown");
        return;
    }
    give_token(c, step, ctx_strndup(c, user, (size_t)(colon - user)), colon + 1, either(r, "X-Auth-Key", "X-Storage-Pass"), r, response);
}

/* --- who may ---------------------------------------------------------------------------------------------------------- */

static bool in_groups(const struct swift_request *r, const char *name)
{
    return text_in(name, r->env->groups);
}

/* X-Account-Access-Control becomes system metadata, once it is well formed. */
static const char *take_account_acl(struct ctx *c, struct swift_request *r, const char *text)
{
    static const char *const keys[] = { "admin", "read-write", "read-only", NULL };
    json_t *acl = *text ? ctx_json(c, json_loads(text, 0, NULL)) : ctx_json(c, json_object()), *list, *one;
    const char *key;
    size_t i;

    if (!json_is_object(acl))
        return ctx_printf(c, "Syntax error in input ('%s')", text);
    json_object_foreach(acl, key, list)
        if (!text_in(key, keys))
            return ctx_printf(c, "Key \"%s\" not recognized", key);
    for (size_t k = 0; keys[k]; k++) {
        list = json_object_get(acl, keys[k]);
        if (list && !json_is_array(list))
            return ctx_printf(c, "Value for key \"%s\" must be a list", keys[k]);
        json_array_foreach(list, i, one)
            if (!json_is_string(one))
                return ctx_printf(c, "Elements of \"%s\" list must be strings", keys[k]);
    }
    headers_set(c, &r->headers, "X-Account-Sysmeta-Core-Access-Control", text);
    headers_remove(&r->headers, "X-Account-Access-Control");
    return NULL;
}

static bool listed(const struct swift_request *r, json_t *acl, const char *key)
{
    json_t *list = json_object_get(acl, key), *one;
    size_t i;

    json_array_foreach(list, i, one)
        if (json_is_string(one) && in_groups(r, json_string_value(one)))
            return true;
    return false;
}

static bool account_acl_allows(struct ctx *c, struct swift_request *r, bool reads)
{
    const char *text = headers_get(&account_info(c, r, r->account)->sysmeta, "core-access-control");
    json_t *acl = text && *text ? ctx_json(c, json_loads(text, 0, NULL)) : NULL;

    if (!json_is_object(acl))
        return false;
    if (listed(r, acl, "admin")) {
        r->env->swift_owner = true;
        return true;
    }
    return (listed(r, acl, "read-write") && (r->container || reads)) || (listed(r, acl, "read-only") && reads);
}

static bool is_owner(const struct step *step, struct swift_request *r, const char *prefix)
{
    const struct tempauth *t = step->state;
    bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
    bool changes_account = !r->container && (!strcmp(r->method, "DELETE") || !strcmp(r->method, "PUT"));
    bool plain = !text_in(r->account, t->resellers->prefixes) && r->account[strlen(prefix)] != '.';

    if (in_groups(r, ".reseller_admin") && plain) {
        r->env->swift_owner = true;
        return true;
    }
    if (in_groups(r, ".reseller_reader") && plain && reads)
        return true;
    if (in_groups(r, r->account) && !changes_account) {
        const char *group = resellers_option(step, prefix, "require_group");

        if (!group || !*group || in_groups(r, group)) {
            r->env->swift_owner = true;
            return true;
        }
    }
    return false;
}

static bool authorize(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const struct step *step = r->env->authorize_data;
    const char *prefix, *text = request_get(r, "X-Account-Access-Control"), *wrong;
    bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
    const char *const *groups;

    if (!r->account) {
        response_error(c, response, 404, NULL);
        return false;
    }
    prefix = resellers_prefix(((const struct tempauth *)step->state)->resellers, r->account);
    if (!prefix)
        return auth_denied(c, r, response);
    if (text && (wrong = take_account_acl(c, r, text))) {
        response_text(c, response, 400, "text/plain; charset=UTF-8", ctx_printf(c, "X-Account-Access-Control invalid: %s\n\nInput: %s\n", wrong, text));
        return false;
    }
    if (is_owner(step, r, prefix) || acl_sync_allowed(c, r) || !strcmp(r->method, "OPTIONS"))
        return true;
    groups = acl_groups(c, r->env->acl);
    if (acl_referrer_allowed(c, r->env->acl, request_get(r, "Referer")) && (r->object || text_in(".rlistings", groups)))
        return true;
    for (size_t i = 0; r->env->groups && r->env->groups[i]; i++)
        if (text_in(r->env->groups[i], groups))
            return true;
    return account_acl_allows(c, r, reads) || auth_denied(c, r, response);
}

/* --- the middleware ------------------------------------------------------------------------------------------------------ */

/* Who has signed a request to the S3 API; the account takes the place of the access key in its path. */
static const char *const *groups_of_signer(struct ctx *c, struct tempauth *t, struct swift_request *r, const struct s3_auth *auth)
{
    const struct user *u = g_hash_table_lookup(t->users, auth->access_key);

    if (!u || !s3_signature_valid(auth, u->key))
        return NULL;
    char **groups = groups_of(t, u);
    const char *const *copy = groups_copy(c, groups);
    g_strfreev(groups);
    request_set_path(c, r, ctx_strdup(c, account_id(u)), r->container, r->object);
    return copy;
}

static const char *const *joined(struct ctx *c, const char *const *a, const char *const *b)
{
    size_t n = g_strv_length((char **)a), m = g_strv_length((char **)b);
    const char **both = ctx_new_n(c, const char *, n + m + 1);

    memcpy(both, a, n * sizeof *a);
    memcpy(both + n, b, m * sizeof *b);
    return both;
}

static void know(const struct step *step, struct swift_request *r, const char *const *groups)
{
    r->env->groups = groups;
    r->env->user = groups ? groups[1] : NULL;
    r->env->authorize = authorize;
    r->env->authorize_data = step;
    r->env->clean_acl = acl_clean;
    if (groups && text_in(".reseller_admin", groups))
        r->env->reseller_request = true;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct tempauth_options *options = step->options;
    struct tempauth *t = step->state;
    const struct s3_auth *s3 = s3_auth_of(r);
    const char *token = request_get(r, "X-Auth-Token"), *service = request_get(r, "X-Service-Token"), *own = t->resellers->prefixes[0];
    const char *const *groups = NULL, *const *more;
    double ends;

    token = token ? token : request_get(r, "X-Storage-Token");
    if (options->allow_overrides && r->env->authorize_override) {
        step_next(c, step, r, response);
        return;
    }
    if (g_str_has_prefix(r->path, options->auth_prefix)) {
        serve_auth(c, step, r, response);
        return;
    }
    if (s3 || (token && g_str_has_prefix(token, own))) {
        groups = s3 ? groups_of_signer(c, t, r, s3) : groups_of_token(c, t, token, &ends);
        if (groups && service && (more = groups_of_token(c, t, service, &ends)))
            groups = joined(c, groups, more);
        if (groups) {
            know(step, r, groups);
        } else if (*own && !s3) {
            response_error(c, response, 401, NULL);
            auth_challenge_swift(c, r, response);
            return;
        } else if (!r->env->authorize) {
            r->env->authorize = auth_denied_always;
        }
    } else {
        const char *prefix = r->account ? resellers_prefix(t->resellers, r->account) : NULL;

        if ((prefix && *prefix) || (!*own && !r->env->authorize))
            know(step, r, NULL);
        else if (!r->env->authorize)
            r->env->authorize = auth_denied_always;
    }
    step_next(c, step, r, response);
}

const struct middleware middleware_tempauth = {
    .name = "tempauth", .options = option_rows, .options_size = sizeof(struct tempauth_options), .open = tempauth_open, .run = run, .close = tempauth_close,
};
