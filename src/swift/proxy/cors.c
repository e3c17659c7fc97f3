/* Cross-origin requests: who may ask is what the container's metadata says. */
#include "swift/proxy/proxy.h"

#include "oslo/base/text.h"

#include <string.h>

static bool listed(struct ctx *c, const char *list, char separator, const char *origin)
{
    for (char **each = list ? text_split(c, list, separator) : NULL; each && *each; each++)
        if (!strcmp(*each, "*") || !strcmp(*each, origin))
            return true;
    return false;
}

static bool allowed(struct ctx *c, const struct container_info *i, const char *origin)
{
    return listed(c, i->cors_origin, ' ', origin) || listed(c, proxy_options->cors_allow_origin, ',', origin);
}

static void allow_origin(struct ctx *c, const struct container_info *i, const char *origin, struct swift_response *r)
{
    const char *vary = response_get(r, "Vary");
    g_autofree char *stripped = g_strstrip(g_strdup(i->cors_origin ? i->cors_origin : ""));

    if (!strcmp(stripped, "*")) {
        headers_set(c, &r->headers, "Access-Control-Allow-Origin", "*");
        return;
    }
    headers_set(c, &r->headers, "Access-Control-Allow-Origin", origin);
    headers_set(c, &r->headers, "Vary", vary ? ctx_printf(c, "%s, Origin", vary) : "Origin");
}

void cors_options(struct ctx *c, struct swift_request *r, struct swift_response *response, const char *methods)
{
    const char *origin = request_get(r, "Origin"), *method = request_get(r, "Access-Control-Request-Method");
    const char *asked = request_get(r, "Access-Control-Request-Headers"), *vary;
    const struct container_info *i;

    response_error(c, response, 200, NULL);
    headers_set(c, &response->headers, "Allow", methods);
    if (!origin || !r->container)
        return;
    i = container_info(c, r, r->account, r->container);
    if (!allowed(c, i, origin) || !method || !text_in(method, (const char *const *)text_split(c, methods, ','))) {
        response->status = 401;
        return;
    }
    allow_origin(c, i, origin, response);
    if (i->cors_max_age)
        headers_set(c, &response->headers, "Access-Control-Max-Age", i->cors_max_age);
    headers_set(c, &response->headers, "Access-Control-Allow-Methods", methods);
    if (!asked || !*asked)
        return;
    headers_set(c, &response->headers, "Access-Control-Allow-Headers", asked);
    vary = response_get(response, "Vary");
    headers_set(c, &response->headers, "Vary", vary ? ctx_printf(c, "%s, Access-Control-Request-Headers", vary) : "Access-Control-Request-Headers");
}

static void add_exposed(struct buf *to, const char *name)
{
    buf_puts(to, to->len ? ", " : "");
    for (; *name; name++)
        buf_putc(to, g_ascii_tolower(*name));
}

static const char *exposed(struct ctx *c, const struct container_info *i, const struct swift_response *r)
{
    static const char *const simple[] = { "cache-control", "content-language", "content-type", "expires", "last-modified", "pragma", "etag", "x-timestamp",
                                          "x-trans-id", "x-openstack-request-id" };
    struct buf names = {};
    const char *text;

    for (size_t k = 0; k < G_N_ELEMENTS(simple); k++)
        add_exposed(&names, simple[k]);
    for (char **each = proxy_options->cors_expose_headers ? text_split(c, proxy_options->cors_expose_headers, ',') : NULL; each && *each; each++)
        if (**each)
            add_exposed(&names, *each);
    for (size_t k = 0; k < r->headers.n; k++)
        if (is_user_meta(&r->headers.pairs[k], "container") || is_user_meta(&r->headers.pairs[k], "object"))
            add_exposed(&names, r->headers.pairs[k].name);
    for (char **each = i->cors_expose ? text_split(c, i->cors_expose, ' ') : NULL; each && *each; each++)
        if (**each)
            add_exposed(&names, *each);
    text = ctx_strdup(c, names.data);
    buf_clear(&names);
    return text;
}

void cors_expose(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *origin = request_get(r, "Origin");
    const struct container_info *i;

    if (!origin || !r->container)
        return;
    i = container_info(c, r, r->account, r->container);
    if (proxy_options->strict_cors_mode && !allowed(c, i, origin))
        return;
    if (!response_get(response, "Access-Control-Expose-Headers"))
        headers_set(c, &response->headers, "Access-Control-Expose-Headers", exposed(c, i, response));
    if (!response_get(response, "Access-Control-Allow-Origin"))
        allow_origin(c, i, origin, response);
}
