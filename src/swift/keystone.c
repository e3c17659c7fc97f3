/* A log-in at Keystone: API version 3, or 2.0. */
#include "swift/keystone.h"

#include "oslo/base/text.h"
#include "oslo/http/fetch.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_US (60 * G_USEC_PER_SEC)
#define LOGIN_FAILED         401, "ClientException", "%s"

static bool is_said(const char *text)
{
    return text && *text;
}

/* The URL with its version. */
static const char *versioned(struct ctx *c, const struct keystone_login *l)
{
    char *url = ctx_strdup(c, l->url);
    const char *last;

    for (size_t n = strlen(url); n && url[n - 1] == '/'; n--)
        url[n - 1] = '\0';
    last = strrchr(url, '/') ? strrchr(url, '/') + 1 : url;
    if (text_in(last, (const char *const[]){ "v2", "v3", "v2.0", "v3.0", NULL }))
        return url;
    return ctx_printf(c, "%s/%s", url, l->v2 ? "v2.0" : "v3");
}

/* --- who, and for what ------------------------------------------------------------------------------------------------------------------ */

static json_t *named(const char *id, const char *name)
{
    return is_said(id) ? json_pack("{ss}", "id", id) : json_pack("{ss}", "name", name);
}

/* A name is one of a domain. */
static json_t *named_in(const char *id, const char *name, const char *domain_id, const char *domain_name)
{
    json_t *it = named(id, name);

    if (!is_said(id) && (is_said(domain_id) || is_said(domain_name)))
        json_object_set_new(it, "domain", named(domain_id, domain_name));
    return it;
}

/* NULL: none. */
static json_t *scope_of(const struct keystone_login *l)
{
    if (is_said(l->trust_id))
        return json_pack("{s{ss}}", "OS-TRUST:trust", "id", l->trust_id);
    if (is_said(l->project_id) || is_said(l->project_name))
        return json_pack("{so}", "project", named_in(l->project_id, l->project_name, l->project_domain_id, l->project_domain_name));
    if (is_said(l->domain_id) || is_said(l->domain_name))
        return json_pack("{so}", "domain", named(l->domain_id, l->domain_name));
    return NULL;
}

static json_t *credentials(const struct keystone_login *l)
{
    json_t *user;

    if (l->v2)
        return json_pack("{s{sss{ssss}}}", "auth", "tenantName", l->project_name, "passwordCredentials", "username", l->user_name, "password", l->password);
    user = named_in(l->user_id, l->user_name ? l->user_name : "", l->user_domain_id, l->user_domain_name);
    json_object_set_new(user, "password", json_string(l->password ? l->password : ""));
    return json_pack("{s{s{s[s]s{so}}so*}}", "auth", "identity", "methods", "password", "password", "user", user, "scope", scope_of(l));
}

/* --- where ------------------------------------------------------------------------------------------------------------------------------- */

/* "publicURL" is the interface "public" of v3. */
static bool is_interface(const char *interface, const char *wanted)
{
    size_t n = strlen(wanted) - (g_str_has_suffix(wanted, "URL") ? 3 : 0);

    return interface && strlen(interface) == n && !strncmp(interface, wanted, n);
}

static const char *endpoint_of(const json_t *catalog, const struct keystone_login *l)
{
    json_t *entry, *e;
    size_t i, k;

    json_array_foreach(catalog, i, entry) {
        json_t *endpoints = json_object_get(entry, "endpoints");

        if (!text_equal(json_string_value(json_object_get(entry, "type")), l->service_type))
            continue;
        json_array_foreach(endpoints, k, e) {
            const char *url = json_string_value(json_object_get(e, l->v2 ? l->interface : "url"));

            if (url && (!is_said(l->region) || text_equal(l->region, json_string_value(json_object_get(e, "region")))) &&
                (l->v2 || is_interface(json_string_value(json_object_get(e, "interface")), l->interface)))
                return url;
        }
    }
    return NULL;
}

/* --- the log-in -------------------------------------------------------------------------------------------------------------------------- */

static const char *header_of(const struct fetch *f, const char *name)
{
    for (const struct pair *p = f->reply_headers; p && p->name; p++)
        if (!strcasecmp(p->name, name))
            return p->value;
    return NULL;
}

static bool ask(struct ctx *c, const struct keystone_login *l, struct fetch *f)
{
    json_t *said = ctx_json(c, credentials(l));
    char *body = json_dumps(said, JSON_COMPACT);
    bool answered;

    f->body = body;
    f->body_size = strlen(body);
    answered = fetch(c, f);
    OPENSSL_cleanse(body, f->body_size);
    free(body);
    return answered;
}

bool keystone_log_in(struct ctx *c, const struct keystone_login *l, const char **ret_token, const char **ret_endpoint)
{
    const struct pair headers[] = { { "Content-Type", "application/json" }, {} };
    struct fetch f = { .method = "POST", .headers = headers, .timeout_us = TIMEOUT_US, .insecure = l->insecure };
    json_t *top;

    f.url = ctx_printf(c, "%s/%s", versioned(c, l), l->v2 ? "tokens" : "auth/tokens");
    if (!ask(c, l, &f))
        return false;
    if (f.status == 401)
        return fail(c, LOGIN_FAILED, l->v2 ? "Unauthorized. Check username, password and tenant name/id."
                                           : "Unauthorized. Check username/id, password, tenant name/id and user/tenant domain name/id.");
    if (f.status / 100 == 5)
        return fail(c, UNAVAILABLE, ctx_printf(c, "Authorization Failure. %s: %d", f.url, f.status));
    if (f.status / 100 != 2)
        return fail(c, LOGIN_FAILED, ctx_printf(c, "Authorization Failure. %s: %d", f.url, f.status));
    top = ctx_json(c, json_loadb(f.reply ? f.reply : "", f.reply_size, 0, NULL));
    top = json_object_get(top, l->v2 ? "access" : "token");
    *ret_token = l->v2 ? json_string_value(json_object_get(json_object_get(top, "token"), "id")) : header_of(&f, "X-Subject-Token");
    *ret_endpoint = endpoint_of(json_object_get(top, l->v2 ? "serviceCatalog" : "catalog"), l);
    return *ret_token ? true : fail(c, LOGIN_FAILED, ctx_printf(c, "no token: %s", f.url));
}
