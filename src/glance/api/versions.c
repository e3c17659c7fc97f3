/* Version documents: /, /versions and whatever is no version. GET /v2 leads to /v2/. */
#include "glance/glance.h"

/* Newest first. 2.14 and 2.16 belong to the image cache, which is not here. */
static const char *const versions[] = {
    "v2.15", "v2.13", "v2.12", "v2.11", "v2.10", "v2.9", "v2.8", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0",
};

static void write_versions(struct ctx *c, struct reply *reply)
{
    struct out out = { .to = &reply->body };

    out_object(&out, NULL);
    out_array(&out, "versions");
    for (size_t i = 0; i < G_N_ELEMENTS(versions); i++) {
        out_object(&out, NULL);
        out_string(&out, "id", versions[i]);
        out_string(&out, "status", i == 0 ? "CURRENT" : "SUPPORTED");
        out_array(&out, "links");
        out_object(&out, NULL);
        out_string(&out, "rel", "self");
        out_printf(&out, "href", "%s/v2/", c->base_url);
        out_end_object(&out);
        out_end_array(&out);
        out_end_object(&out);
    }
    out_end_array(&out);
    out_end_object(&out);
    reply->has_body = true;
}

static bool versions_show(struct ctx *c, struct request *request, struct reply *reply)
{
    write_versions(c, reply);
    return true;
}

static bool version_redirect(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_header(c, reply, "Location", ctx_printf(c, "%s/v2/", c->base_url));
    reply->content_type = "text/plain; charset=utf8";
    return true;
}

const struct route glance_version_routes[] = {
    { "GET", "/", versions_show, .status = 300, .flags = ROUTE_OPEN | ROUTE_QUICK },
    { "GET", "/versions", versions_show, .flags = ROUTE_OPEN | ROUTE_QUICK },
    { "GET", "/v2", version_redirect, .status = 302, .flags = ROUTE_OPEN | ROUTE_QUICK | ROUTE_EMPTY },
    { "GET", "/{unknown}", versions_show, .status = 300, .flags = ROUTE_OPEN | ROUTE_QUICK },
    { "GET", "/v1/{rest*}", versions_show, .status = 300, .flags = ROUTE_OPEN | ROUTE_QUICK },
    {}
};
