/* GET / and GET /v3: which versions there are, where, and (as JSON Home) what they offer. */
#include "keystone/api/api.h"

#include <string.h>

static void version_write(struct ctx *c, struct out *o)
{
    out_string(o, "id", "v3.14");
    out_string(o, "status", "stable");
    out_string(o, "updated", "2020-04-07T00:00:00Z");
    out_array(o, "links");
    out_object(o, NULL);
    out_string(o, "rel", "self");
    out_printf(o, "href", "%s/v3/", c->base_url);
    out_end_object(o);
    out_end_array(o);
    out_raw(o, "media-types", "[{\"base\": \"application/json\", \"type\": \"application/vnd.openstack.identity-v3+json\"}]");
}

static bool list_versions(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    reply_header(c, reply, "Location", ctx_printf(c, "%s/v3/", c->base_url));
    out_object(&o, NULL);
    out_object(&o, "versions");
    out_array(&o, "values");
    out_object(&o, NULL);
    version_write(c, &o);
    out_end_object(&o);
    out_end_array(&o);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

static bool show_version(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *accept = request_header(request, "Accept");
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    if (accept && strstr(accept, "application/json-home")) {
        reply->content_type = "application/json-home";
        json_home_write(&o);
    } else {
        out_object(&o, "version");
        version_write(c, &o);
        out_end_object(&o);
    }
    out_end_object(&o);
    return true;
}

const struct route keystone_version_routes[] = {
    { "GET", "/", list_versions, .status = 300, .flags = ROUTE_OPEN },
    { "GET", "/v3", show_version, .flags = ROUTE_OPEN },
    { "GET", "/v3/", show_version, .flags = ROUTE_OPEN },
    {}
};
