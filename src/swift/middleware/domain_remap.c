/* domain_remap: the account (and the container) in the name of the host: container.account.example.com/object. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>
#include <strings.h>

struct domain_remap_options { char *storage_domain, *path_root, *reseller_prefixes, *default_reseller_prefix; bool mangle_client_paths; };

#define OPTION(member, otherwise, text) ATTR(struct domain_remap_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(storage_domain, "example.com", "Domains under which accounts are hosts; several with commas between."),
    OPTION(path_root, "v1", "The version that such paths are of."),
    OPTION(reseller_prefixes, "AUTH", "What names of accounts begin with."),
    OPTION(default_reseller_prefix, "", "For accounts whose names begin with none of them; empty: they pass."),
    OPTION(mangle_client_paths, "false", "A version at the beginning of the client's path is dropped."),
    {}
};

static bool open_domain_remap(struct ctx *c, struct step *step)
{
    const char *prefix = ((const struct domain_remap_options *)step->options)->default_reseller_prefix;

    info_register("domain_remap", json_pack("{s:s?}", "default_reseller_prefix", *prefix ? prefix : NULL), false);
    return true;
}

/* What stands before a storage domain; NULL: the host is under none. */
static char *before_domain(struct ctx *c, const struct domain_remap_options *o, const char *host)
{
    char **domains = text_split(c, o->storage_domain, ',');
    const char *colon = strrchr(host, ':');

    host = colon ? ctx_strndup(c, host, (size_t)(colon - host)) : host;
    for (size_t i = 0; domains[i]; i++) {
        const char *domain = *domains[i] == '.' ? domains[i] : ctx_printf(c, ".%s", domains[i]);

        if (*domains[i] && g_str_has_suffix(host, domain))
            return ctx_strndup(c, host, strlen(host) - strlen(domain));
    }
    return NULL;
}

/* With its prefix as it is spelled; hosts know neither case nor underscores. NULL: none of ours. */
static const char *account_named(struct ctx *c, const struct domain_remap_options *o, char *account)
{
    char **prefixes = text_split(c, o->reseller_prefixes, ',');

    if (!strchr(account, '_') && strchr(account, '-'))
        *strchr(account, '-') = '_';
    size_t n = strcspn(account, "_");
    for (size_t i = 0; prefixes[i]; i++)
        if (*prefixes[i] && strlen(prefixes[i]) == n && !strncasecmp(prefixes[i], account, n))
            return ctx_printf(c, "%s%s", prefixes[i], account + n);
    return *o->default_reseller_prefix ? ctx_printf(c, "%s_%s", o->default_reseller_prefix, account) : NULL;
}

/* Redirections lead to where the client was. */
static void rewrite_location(struct ctx *c, const char *asked, const char *path, struct swift_response *response)
{
    const char *location = response_get(response, "Location"), *host = location ? strstr(location, "://") : NULL, *at;

    at = host ? strchr(host + 3, '/') : location;
    if (at && g_str_has_prefix(at, path))
        headers_set(c, &response->headers, "Location", ctx_printf(c, "%.*s%s%s", (int)(at - location), location, asked, at + strlen(path)));
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct domain_remap_options *o = step->options;
    const char *host = request_get(r, "Host"), *account, *container = NULL, *path = r->path + 1, *asked = r->path, *root;
    char *parts = host ? before_domain(c, o, host) : NULL, *dot;

    if (!parts) {
        step_next(c, step, r, response);
        return;
    }
    parts += strspn(parts, ".");
    dot = strchr(parts, '.');
    if (dot && strchr(dot + 1, '.')) {
        response_text(c, response, 400, "text/plain", "Bad domain in host header");
        return;
    }
    if (dot) {
        *dot = 0;
        container = parts;
        parts = dot + 1;
    }
    account = account_named(c, o, parts);
    if (!account) {
        step_next(c, step, r, response);
        return;
    }
    root = ctx_printf(c, "%s/", o->path_root);
    if (o->mangle_client_paths && g_str_has_prefix(ctx_printf(c, "%s/", path), root))
        path = strlen(path) > strlen(root) ? path + strlen(root) : "";
    r->path = ctx_printf(c, "/%s/%s/%s%s%s", o->path_root, account, container ? container : "", container ? "/" : "", path);
    request_split(c, r);
    const char *mapped = name_quote(c, r->path, "/");
    step_next(c, step, r, response);
    rewrite_location(c, name_quote(c, asked, "/"), mapped, response);
}

const struct middleware middleware_domain_remap = {
    .name = "domain_remap", .options = option_rows, .options_size = sizeof(struct domain_remap_options), .open = open_domain_remap, .run = run,
};
