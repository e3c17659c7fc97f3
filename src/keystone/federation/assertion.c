/* See assertion.h. */
#include "keystone/federation/assertion.h"
#include "keystone/federation/oidc.h"

#include <string.h>
#include <strings.h>

static const char *variable_of_header(struct ctx *c, const char *header)
{
    char *name = ctx_printf(c, "HTTP_%s", header);

    for (char *p = name; *p; p++)
        *p = *p == '-' ? '_' : g_ascii_toupper(*p);
    return name;
}

static bool is_trusted(struct ctx *c, const struct request *request)
{
    const char *proxies = keystone_options()->trusted_proxies;

    return proxies && text_in(request->remote, (const char *const *)text_split(c, proxies, ','));
}

static bool is_taken(const char *name)
{
    const char *prefix = keystone_options()->assertion_prefix;

    return !prefix || g_str_has_prefix(name, prefix);
}

static void add(struct ctx *c, GArray *pairs, const char *name, const char *value)
{
    struct pair pair = { name, value };

    if (is_taken(name))
        g_array_append_val(pairs, pair);
}

/* Proxies may write a header's name in small letters: as it came, and in capitals. */
static void add_named(struct ctx *c, GArray *pairs, const char *name, const char *value)
{
    g_autofree char *capitals = g_ascii_strup(name, -1);

    add(c, pairs, name, value);
    if (strcmp(name, capitals))
        add(c, pairs, ctx_strdup(c, capitals), value);
}

static void add_headers(struct ctx *c, GArray *pairs, const struct request *request)
{
    const char *prefix = keystone_options()->proxy_header_prefix;
    size_t n = prefix ? strlen(prefix) : 0;

    for (const struct pair *h = request->headers; h && h->name; h++) {
        if (!strcasecmp(h->name, "X-Auth-Token") || !strcasecmp(h->name, "Authorization") || !text_is_utf8(h->value, strlen(h->value)))
            continue;
        add(c, pairs, variable_of_header(c, h->name), h->value);
        if (n && !strncasecmp(h->name, prefix, n) && h->name[n])
            add_named(c, pairs, h->name + n, h->value);
    }
}

static void add_claims(struct ctx *c, GArray *pairs, const json_t *claims)
{
    const char *name, *text;
    json_t *value;

    json_object_foreach((json_t *)claims, name, value) {
        text = json_joined(c, value, ";");     /* {"groups": ["a", "b"]} is "a;b", as the values of any attribute; objects stay JSON */
        if (!text)
            continue;
        add(c, pairs, ctx_printf(c, "OIDC-%s", name), text);
        add(c, pairs, variable_of_header(c, ctx_printf(c, "OIDC_%s", name)), text);
    }
}

static const struct pair *pairs_of(struct ctx *c, const GArray *array)
{
    struct pair *pairs = ctx_new_n(c, struct pair, array->len + 1);

    if (array->len)
        memcpy(pairs, array->data, array->len * sizeof *pairs);
    return pairs;
}

const struct pair *assertion_of_proxy(struct ctx *c, const struct request *request)
{
    g_autoptr(GArray) pairs = g_array_new(false, false, sizeof(struct pair));

    if (is_trusted(c, request))
        add_headers(c, pairs, request);
    return pairs_of(c, pairs);
}

const struct pair *assertion_read(struct ctx *c, const struct request *request, const struct idp *p)
{
    g_autoptr(GArray) pairs = g_array_new(false, false, sizeof(struct pair));
    const char *authorization = request_header(request, "Authorization");

    if (authorization && keystone_options()->oidc_audience && !strncasecmp(authorization, "Bearer ", strlen("Bearer "))) {
        const json_t *claims = oidc_claims(c, p, authorization + strlen("Bearer "));

        if (!claims)
            return NULL;
        add_claims(c, pairs, claims);            /* before any header that would say otherwise */
    }
    if (is_trusted(c, request))
        add_headers(c, pairs, request);
    return pairs_of(c, pairs);
}

const char *assertion_get(const struct pair *assertion, const char *name)
{
    for (const struct pair *p = assertion; p->name; p++)
        if (!strcmp(p->name, name))
            return p->value;
    return NULL;
}
