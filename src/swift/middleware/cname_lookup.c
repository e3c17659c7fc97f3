/* cname_lookup: a Host that is an alias of something below storage_domain, as the name servers say, stands for that. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/cache.h"
#include "swift/faults.h"
#include "swift/middleware/dns.h"
#include "swift/quick.h"

#include <arpa/inet.h>
#include <string.h>

#define NOTHING_S 60                         /* how long it is remembered that there is no alias */

struct cname_lookup_options { char *storage_domain, *nameservers; int64_t lookup_depth; };

static const struct attr option_rows[] = {
    ATTR(struct cname_lookup_options, storage_domain, 0, .unset = "example.com", .help = "What hosts end with; several with commas between."),
    ATTR(struct cname_lookup_options, nameservers, 0, .unset = "", .help = "ip[:port] of name servers, several with commas between; the host's own when empty."),
    ATTR(struct cname_lookup_options, lookup_depth, 0, .min = 0, .unset = "1", .help = "Aliases of aliases that are followed."),
    {}
};

static bool open_cname_lookup(struct ctx *c, struct step *step)
{
    const struct cname_lookup_options *o = step->options;

    quick_forbid();
    if (*o->nameservers && !dns_servers_valid(c, o->nameservers))
        return fail(c, PIPELINE_INVALID, "Invalid cname_lookup/nameservers configuration found. All nameservers must be valid IPv4 or IPv6, followed by an "
                    "optional :<integer> port.");
    info_register("cname_lookup", json_pack("{s:I}", "lookup_depth", o->lookup_depth), false);
    return true;
}

static bool is_storage(struct ctx *c, const struct cname_lookup_options *o, const char *domain)
{
    char **ends = text_split(c, o->storage_domain, ',');

    domain = ctx_printf(c, ".%s", domain);
    for (; *ends; ends++)
        if (**ends && g_str_has_suffix(domain, **ends == '.' ? *ends : ctx_printf(c, ".%s", *ends)))
            return true;
    return false;
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* What it is an alias of; NULL: of nothing. */
static const char *alias_of(struct ctx *c, const struct cname_lookup_options *o, const char *domain)
{
    const char *key = ctx_printf(c, "cname-%s", domain), *name = NULL;
    json_t *known = cache_get(c, key);
    enum dns_found found;
    int64_t ttl = 0;

    if (known)
        return json_string_value(known);
    found = dns_cname(c, *o->nameservers ? o->nameservers : NULL, domain, &name, &ttl);
    if (found == DNS_NOTHING)
        cache_set(c, key, json_false(), NOTHING_S);
    else if (found == DNS_FOUND && ttl > 0)
        cache_set(c, key, ctx_json(c, json_string(name)), ttl);
    return found == DNS_FOUND ? name : NULL;
}

/* The host below a storage domain it leads to; NULL: *ret_why says why there is none. */
static const char *follow(struct ctx *c, const struct cname_lookup_options *o, const char *domain, const char **ret_why)
{
    const char *found = NULL;

    for (int64_t i = 0; i < o->lookup_depth; i++) {
        found = alias_of(c, o, domain);
        if (!found || !*found || !strcmp(found, domain)) {
            found = NULL;
            break;
        }
        if (is_storage(c, o, found))
            return found;
        domain = found;
    }
    *ret_why = found ? ctx_printf(c, "CNAME lookup failed after %" G_GINT64_FORMAT " tries", o->lookup_depth) : "CNAME lookup failed to resolve to a valid domain";
    return NULL;
}

/* Redirections lead to where the client was. */
static void rewrite(struct ctx *c, const char *header, const char *asked, const char *found, struct swift_response *response)
{
    const char *location = response_get(response, header), *scheme_end = location ? strstr(location, "://") : NULL, *rest;

    if (!scheme_end || (!g_str_has_prefix(location, "http://") && !g_str_has_prefix(location, "https://")) || !g_str_has_prefix(scheme_end + 3, found))
        return;
    rest = scheme_end + 3 + strlen(found);
    if (!*rest || *rest == '/')
        headers_set(c, &response->headers, header, ctx_printf(c, "%.*s%s%s", (int)(scheme_end + 3 - location), location, asked, rest));
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct cname_lookup_options *o = step->options;
    const char *host = request_get(r, "Host"), *colon = host ? strrchr(host, ':') : NULL, *why, *found;
    const char *domain = colon ? ctx_strndup(c, host, (size_t)(colon - host)) : host;

    if (!domain || !*o->storage_domain || is_address(domain) || is_storage(c, o, domain)) {
        step_next(c, step, r, response);
        return;
    }
    found = follow(c, o, domain, &why);
    if (!found) {
        response_text(c, response, 400, "text/plain", why);
        return;
    }
    log_info(c, "swift: mapped %s to %s", domain, found);
    found = ctx_printf(c, "%s%s", found, colon ? colon : "");
    headers_set(c, &r->headers, "Host", found);
    step_next(c, step, r, response);
    rewrite(c, "Location", host, found, response);
    rewrite(c, "Content-Location", host, found, response);
}

const struct middleware middleware_cname_lookup = {
    .name = "cname_lookup", .options = option_rows, .options_size = sizeof(struct cname_lookup_options), .open = open_cname_lookup, .run = run,
};
