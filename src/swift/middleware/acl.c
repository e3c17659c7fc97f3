/* Swift's access control lists, and what the auth middlewares share beside them. */
#include "swift/middleware/acl.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/proxy/pipeline.h"
#include "swift/proxy/proxy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *acl_refuse(struct ctx *c, struct swift_response *response, const char *message)
{
    response_error(c, response, 400, message);
    return NULL;
}

/* One item in its normal form; "" when there is nothing in it. */
static const char *clean_item(struct ctx *c, const char *header, const char *raw, struct swift_response *response)
{
    static const char *const referrers[] = { ".r", ".ref", ".referer", ".referrer", NULL };
    const char *colon = strchr(raw, ':');

    if (!colon)
        return raw;
    char *first = g_strstrip(ctx_strndup(c, raw, (size_t)(colon - raw))), *second = g_strstrip(ctx_strdup(c, colon + 1));
    if (*first != '.')
        return raw;
    if (!text_in(first, referrers))
        return acl_refuse(c, response, ctx_printf(c, "Unknown designator '%s' in ACL: '%s'", first, raw));
    if (strcasestr(header, "write"))
        return acl_refuse(c, response, ctx_printf(c, "Referrers not allowed in write ACL: '%s'", raw));
    bool negated = *second == '-';
    if (negated)
        second = g_strstrip(second + 1);
    if (*second == '*' && second[1])
        second = g_strstrip(second + 1);
    if (!*second || !strcmp(second, "."))
        return acl_refuse(c, response, ctx_printf(c, "No host/domain value after referrer designation in ACL: '%s'", raw));
    return ctx_printf(c, ".r:%s%s", negated ? "-" : "", second);
}

const char *acl_clean(struct ctx *c, const char *header, const char *value, struct swift_response *response)
{
    char **items = text_split(c, value, ',');
    const char *list = "";

    for (size_t i = 0; items[i]; i++) {
        const char *item = *items[i] ? clean_item(c, header, items[i], response) : "";

        if (!item)
            return NULL;
        if (*item)
            list = ctx_printf(c, "%s%s%s", list, *list ? "," : "", item);
    }
    return list;
}

/* The host of a URL in lower case; "unknown". */
static const char *host_of(struct ctx *c, const char *url)
{
    const char *at = url ? strstr(url, "://") : NULL;

    if (!at)
        return "unknown";
    at += 3;
    size_t n = strcspn(at, "/?#");
    const char *user = memrchr(at, '@', n);
    if (user) {
        n -= (size_t)(user + 1 - at);
        at = user + 1;
    }
    size_t host = *at == '[' ? strcspn(at, "]") : strcspn(at, ":");
    char *text = ctx_strndup(c, *at == '[' ? at + 1 : at, MIN(host, n) - (*at == '['));
    for (char *p = text; *p; p++)
        *p = (char)g_ascii_tolower(*p);
    return *text ? text : "unknown";
}

bool acl_referrer_allowed(struct ctx *c, const char *acl, const char *referer)
{
    char **items = text_split(c, acl ? acl : "", ',');
    const char *host = host_of(c, referer);
    bool allowed = false;

    for (size_t i = 0; items[i]; i++) {
        const char *match = items[i];

        if (strncmp(match, ".r:", 3))
            continue;
        match += 3;
        bool negated = *match == '-';
        match += negated;
        if (!strcmp(match, host) || (*match == '.' && g_str_has_suffix(host, match)) || (!negated && !strcmp(match, "*")))
            allowed = !negated;
    }
    return allowed;
}

const char *const *acl_groups(struct ctx *c, const char *acl)
{
    char **items = text_split(c, acl ? acl : "", ',');
    size_t n = 0;

    for (size_t i = 0; items[i]; i++)
        if (*items[i] && strncmp(items[i], ".r:", 3)) {
            char *decoded = name_decode(c, items[i], strlen(items[i]), false);

            items[n++] = decoded ? decoded : items[i];
        }
    items[n] = NULL;
    return (const char *const *)items;
}

bool acl_sync_allowed(struct ctx *c, const struct swift_request *r)
{
    const char *given = request_get(r, "X-Container-Sync-Key"), *key;

    if (!given || !r->container || !request_get(r, "X-Timestamp"))
        return false;
    key = container_info(c, r, r->account, r->container)->sync_key;
    return key && *key && strlen(key) == strlen(given) && secret_equal(key, given, strlen(key));
}

void auth_challenge_swift(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    headers_printf(c, &response->headers, "Www-Authenticate", "Swift realm=\"%s\"", r->account ? name_quote(c, r->account, "/") : "unknown");
}

bool auth_denied(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    bool known = r->env->groups || r->env->who;

    response_error(c, response, known ? 403 : 401, NULL);
    if (!known)
        auth_challenge_swift(c, r, response);
    return false;
}

bool auth_denied_always(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    return auth_denied(c, r, response);
}

/* --- reseller prefixes ---------------------------------------------------------------------------------------- */

struct resellers *resellers_new(const char *option)
{
    struct resellers *resellers = g_new0(struct resellers, 1);
    char **words = g_strsplit(option ? option : "AUTH", ",", -1);
    size_t n = 0;

    resellers->prefixes = g_new0(const char *, g_strv_length(words) + 2);
    for (size_t i = 0; words[i]; i++) {
        char *word = g_strstrip(words[i]);

        if (!*word)
            continue;
        if (!strcmp(word, "''"))
            resellers->prefixes[n++] = g_strdup("");
        else
            resellers->prefixes[n++] = g_strconcat(word, g_str_has_suffix(word, "_") ? "" : "_", NULL);
    }
    if (!n)
        resellers->prefixes[n++] = g_strdup("");
    g_strfreev(words);
    return resellers;
}

void resellers_free(struct resellers *resellers)
{
    if (!resellers)
        return;
    for (size_t i = 0; resellers->prefixes[i]; i++)
        g_free((char *)resellers->prefixes[i]);
    g_free(resellers->prefixes);
    g_free(resellers);
}

const char *resellers_prefix(const struct resellers *resellers, const char *account)
{
    const char *empty = NULL;

    for (size_t i = 0; resellers->prefixes[i]; i++) {
        if (!*resellers->prefixes[i])
            empty = resellers->prefixes[i];
        else if (account && g_str_has_prefix(account, resellers->prefixes[i]))
            return resellers->prefixes[i];
    }
    return account ? empty : NULL;
}

const char *resellers_option(const struct step *step, const char *prefix, const char *name)
{
    char own[128];
    const char *value;

    g_snprintf(own, sizeof own, "%s%s", *prefix ? prefix : "''", name);
    value = conf_get(step->conf, step->section, own);
    return value && *value ? value : conf_get(step->conf, step->section, name);
}
