/* Where a client's account is, and the token to it: of the auth of the proxy itself (v1), or of Keystone (v2.0, v3). */
#include "swift/tools/client.h"

#include "oslo/base/text.h"
#include "oslo/http/fetch.h"
#include "swift/keystone.h"
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

/* "project:user", where no project is named otherwise. */
static bool log_in_keystone(struct ctx *c, const struct login *l, struct client *client)
{
    const char *colon = strchr(l->user, ':');
    const struct keystone_login login = {
        .url = l->url, .v2 = *l->version == '2', .user_name = colon ? colon + 1 : l->user, .password = l->key,
        .user_domain_name = l->user_domain, .user_domain_id = is_said(l->user_domain) ? NULL : "default",
        .project_name = is_said(l->project) ? l->project : colon ? ctx_strndup(c, l->user, (size_t)(colon - l->user)) : NULL,
        .project_domain_name = l->project_domain, .project_domain_id = is_said(l->project_domain) ? NULL : "default",
        .service_type = "object-store", .interface = l->endpoint_type, .region = l->region, .insecure = l->insecure,
    };

    if (!login.project_name)
        return fail(c, LOGIN_FAILED, login.v2 ? "No tenant specified" : "No project name or project id specified.");
    if (!keystone_log_in(c, &login, &client->token, &client->url))
        return false;
    return client->url ? true : fail(c, LOGIN_FAILED, "Endpoint for object-store not found - have you specified a region?");
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
