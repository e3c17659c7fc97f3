/* container_sync: writes that another cluster of a realm has signed (X-Container-Sync-Auth: <realm> <nonce> <signature>) are let through. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/sync_realms.h"

#include <string.h>

struct container_sync_options { bool allow_full_urls; char *current; };

static const struct attr option_rows[] = {
    ATTR(struct container_sync_options, allow_full_urls, 0, .unset = "true", .help = "X-Container-Sync-To may be a URL, too."),
    ATTR(struct container_sync_options, current, 0, .unset = "", .help = "//REALM/CLUSTER: which of them this one is."),
    {}
};

/* --- /info ------------------------------------------------------------------------------------------------------------- */

static void say(struct ctx *c, const struct container_sync_options *o)
{
    json_t *realms = realms_json(c), *cluster;
    g_autofree char *name = g_ascii_strup(o->current + strspn(o->current, "/"), -1);
    char *other = strchr(name, '/');

    if (other) {
        *other++ = 0;
        g_strdelimit(other, "/", 0);
        cluster = json_object_get(json_object_get(json_object_get(realms, name), "clusters"), other);
        if (cluster)
            json_object_set_new(cluster, "current", json_true());
        else
            log_error(c, "swift: unknown current //REALM/CLUSTER (%s)", o->current);
    }
    info_register("container_sync", json_pack("{s:o}", "realms", realms), false);
}

static bool open_container_sync(struct ctx *c, struct step *step)
{
    say(c, step->options);
    return true;
}

/* --- signatures --------------------------------------------------------------------------------------------------------- */

static bool fits(struct ctx *c, const struct swift_request *r, char *const words[3], const char *key, const char *user_key)
{
    const char *when = request_get(r, "X-Timestamp"), *expected;

    expected = realm_signature(c, r->method, name_quote(c, r->path, "/"), when ? when : "0", words[1], key, user_key);
    return strlen(expected) == strlen(words[2]) && secret_equal(expected, words[2], strlen(expected));
}

/* NULL: it is valid; else why it is not. */
static const char *judge(struct ctx *c, struct swift_request *r, const char *auth, const char *user_key)
{
    const char *shunted = request_get(r, "X-Backend-Inbound-X-Timestamp"), *key, *key2;
    g_auto(GStrv) given = g_strsplit_set(auth, " \t", -1);
    char *words[3];
    size_t n = 0;

    for (char **word = given; *word; word++)
        if (**word && n++ < 3)
            words[n - 1] = *word;
    if (n != 3)
        return "not-3-args";
    key = realm_key(c, words[0], "key");
    key2 = realm_key(c, words[0], "key2");
    if (!key || !*key)
        return "no-local-realm-key";
    if (!user_key || !*user_key)
        return "no-local-user-key";
    if (shunted) {                                           /* gatekeeper has put it aside */
        headers_set(c, &r->headers, "X-Timestamp", shunted);
        headers_remove(&r->headers, "X-Backend-Inbound-X-Timestamp");
    }
    return fits(c, r, words, key, user_key) || (key2 && *key2 && fits(c, r, words, key2, user_key)) ? NULL : "invalid-sig";
}

static void refuse(struct ctx *c, const struct swift_request *r, const char *why, struct swift_response *response)
{
    log_info(c, "swift: %s %s: cs:%s", r->method, r->path, why);
    response_text(c, response, 401, "text/plain", "X-Container-Sync-Auth header not valid; contact cluster operator for support.");
    headers_printf(c, &response->headers, "Www-Authenticate", "SwiftContainerSync realm=\"%s\"", name_quote(c, r->account, "/"));
}

/* --- requests ------------------------------------------------------------------------------------------------------------ */

/* False: the response says what stands against it. */
static bool may_sync_to(struct ctx *c, const struct step *step, const struct swift_request *r, const struct container_info *info, const char *to,
                        struct swift_response *response)
{
    const char *versions = headers_get(&info->sysmeta, "versions-container");

    if (!r->object && (!strcmp(r->method, "PUT") || !strcmp(r->method, "POST")) && versions && *versions) {
        response_error(c, response, 400, "Cannot configure container sync on a container with object versioning configured.");
        return false;
    }
    if (!((const struct container_sync_options *)step->options)->allow_full_urls && strncmp(to, "//", 2)) {
        response_error(c, response, 400, "Full URLs are not allowed for X-Container-Sync-To values. Only realm values of the format "
                       "//realm/cluster/account/container are allowed.\n");
        return false;
    }
    return true;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *to = request_get(r, "X-Container-Sync-To"), *auth = request_get(r, "X-Container-Sync-Auth"), *why;
    const struct container_info *info;

    if (!r->container || !version_is_valid(r->version) || (!to && !auth)) {
        step_next(c, step, r, response);
        return;
    }
    info = container_info(c, r, r->account, r->container);
    if (to && *to && !may_sync_to(c, step, r, info, to, response))
        return;
    if (auth && *auth) {
        why = judge(c, r, auth, info->sync_key);
        if (why) {
            refuse(c, r, why, response);
            return;
        }
        r->env->authorize_override = true;
        r->env->synced = true;
    }
    step_next(c, step, r, response);
}

const struct middleware middleware_container_sync = {
    .name = "container_sync", .options = option_rows, .options_size = sizeof(struct container_sync_options), .open = open_container_sync, .run = run,
};
