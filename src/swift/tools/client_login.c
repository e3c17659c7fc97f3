/* Where a client's account is, and the token to it: of the auth of the proxy itself (v1), or of Keystone (v2.0, v3). */
#include "swift/tools/client.h"

#include "oslo/base/text.h"
#include "oslo/http/fetch.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_US (60 * G_USEC_PER_SEC)
#define LOGIN_FAILED         401, "ClientException", "%s"

static const char *header_of(const struct fetch *f, const char *name)
{
    for (const struct pair *p = f->reply_headers; p && p->name; p++)
        if (!strcasecmp(p->name, name))
            return p->value;
    return NULL;
}

static bool is_said(const char *text)
{
    return text && *text;
}

/* --- the proxy's own auth --------------------------------------------------------------------------------------------------------------- */

static bool log_in_1(struct ctx *c, const struct login *l, struct client *client)
{
    const struct pair headers[] = { { "X-Auth-User", l->user }, { "X-Auth-Key", l->key }, {} };
    struct fetch f = { .method = "GET", .url = l->url, .headers = headers, .timeout_us = TIMEOUT_US, .insecure = l->insecure };

    if (!fetch(c, &f))
        return false;
    client->url = header_of(&f, "X-Storage-Url");
    client->token = header_of(&f, "X-Storage-Token");
    if (!client->token)
        client->token = header_of(&f, "X-Auth-Token");
    return f.status / 100 == 2 && client->url && client->token ? true
                                                               : fail(c, LOGIN_FAILED, ctx_printf(c, "Auth GET failed: %s %d", l->url, f.status));
}

/* --- Keystone --------------------------------------------------------------------------------------------------------------------------- */

/* The URL with its version; *ret_v2: which body it takes. */
static const char *versioned(struct ctx *c, const struct login *l, bool *ret_v2)
{
    char *url = ctx_strdup(c, l->url);
    const char *last;

    for (size_t n = strlen(url); n && url[n - 1] == '/'; n--)
        url[n - 1] = '\0';
    last = strrchr(url, '/') ? strrchr(url, '/') + 1 : url;
    *ret_v2 = *l->version == '2';
    if (text_in(last, (const char *const[]){ "v2", "v3", "v2.0", "v3.0", NULL }))
        return url;
    return ctx_printf(c, "%s/%s", url, *ret_v2 ? "v2.0" : "v3");
}

static json_t *domain_of(const char *name)
{
    return is_said(name) ? json_pack("{ss}", "name", name) : json_pack("{ss}", "id", "default");
}

static json_t *credentials(const struct login *l, bool v2, const char *project, const char *user)
{
    if (v2)
        return json_pack("{s{sss{ssss}}}", "auth", "tenantName", project, "passwordCredentials", "username", user, "password", l->key);
    return json_pack("{s{s{s[s]s{s{ssssso}}}s{s{ssso}}}}", "auth", "identity", "methods", "password", "password", "user", "name", user, "password", l->key,
                     "domain", domain_of(l->user_domain), "scope", "project", "name", project, "domain", domain_of(l->project_domain));
}

/* "publicURL" is the interface "public" of v3. */
static bool is_interface(const char *interface, const char *endpoint_type)
{
    size_t n = strlen(endpoint_type) - (g_str_has_suffix(endpoint_type, "URL") ? 3 : 0);

    return interface && strlen(interface) == n && !strncmp(interface, endpoint_type, n);
}

static const char *endpoint(const json_t *catalog, const struct login *l, bool v2)
{
    json_t *entry, *e;
    size_t i, k;

    json_array_foreach(catalog, i, entry) {
        json_t *endpoints = json_object_get(entry, "endpoints");

        if (!text_equal(json_string_value(json_object_get(entry, "type")), "object-store"))
            continue;
        json_array_foreach(endpoints, k, e) {
            const char *url = json_string_value(json_object_get(e, v2 ? l->endpoint_type : "url"));

            if (url && (!is_said(l->region) || text_equal(l->region, json_string_value(json_object_get(e, "region")))) &&
                (v2 || is_interface(json_string_value(json_object_get(e, "interface")), l->endpoint_type)))
                return url;
        }
    }
    return NULL;
}

static bool log_in_keystone(struct ctx *c, const struct login *l, struct client *client)
{
    const struct pair headers[] = { { "Content-Type", "application/json" }, {} };
    const char *colon = strchr(l->user, ':'), *user = colon ? colon + 1 : l->user;
    const char *project = is_said(l->project) ? l->project : colon ? ctx_strndup(c, l->user, (size_t)(colon - l->user)) : NULL;
    struct fetch f = { .method = "POST", .headers = headers, .timeout_us = TIMEOUT_US, .insecure = l->insecure };
    json_t *said, *top;
    bool v2;

    f.url = versioned(c, l, &v2);
    f.url = ctx_printf(c, "%s/%s", f.url, v2 ? "tokens" : "auth/tokens");
    if (!project)
        return fail(c, LOGIN_FAILED, v2 ? "No tenant specified" : "No project name or project id specified.");
    said = ctx_json(c, credentials(l, v2, project, user));
    g_autofree char *body = json_dumps(said, JSON_COMPACT);
    f.body = body;
    f.body_size = strlen(body);
    if (!fetch(c, &f))
        return false;
    if (f.status == 401)
        return fail(c, LOGIN_FAILED, v2 ? "Unauthorized. Check username, password and tenant name/id."
                                        : "Unauthorized. Check username/id, password, tenant name/id and user/tenant domain name/id.");
    if (f.status / 100 != 2)
        return fail(c, LOGIN_FAILED, ctx_printf(c, "Authorization Failure. %s: %d", f.url, f.status));
    top = ctx_json(c, json_loadb(f.reply ? f.reply : "", f.reply_size, 0, NULL));
    top = json_object_get(top, v2 ? "access" : "token");
    client->token = v2 ? json_string_value(json_object_get(json_object_get(top, "token"), "id")) : header_of(&f, "X-Subject-Token");
    client->url = endpoint(json_object_get(top, v2 ? "serviceCatalog" : "catalog"), l, v2);
    if (!client->url)
        return fail(c, LOGIN_FAILED, "Endpoint for object-store not found - have you specified a region?");
    return client->token ? true : fail(c, LOGIN_FAILED, ctx_printf(c, "no token: %s", f.url));
}

/* --- either ----------------------------------------------------------------------------------------------------------------------------- */

bool client_log_in(struct ctx *c, const struct login *l, struct client *client)
{
    bool own = text_in(l->version, (const char *const[]){ "1", "1.0", NULL });
    const char *slash;

    if (!own && !text_in(l->version, (const char *const[]){ "2", "2.0", "3", "3.0", NULL }))
        return fail(c, LOGIN_FAILED, ctx_printf(c, "Unknown auth_version %s specified and no session found.", l->version));
    if (!(own ? log_in_1 : log_in_keystone)(c, l, client))
        return false;
    slash = strrchr(client->url, '/');
    client->account = slash ? name_decode(c, slash + 1, strlen(slash + 1), false) : NULL;
    return client->account && *client->account ? true : fail(c, LOGIN_FAILED, ctx_printf(c, "no account: %s", client->url));
}
