/* Version documents: GET /, /v2, /v2.1. */
#include "nova/api/api.h"

static const struct version {
    const char *id, *path, *status, *version, *min_version, *updated, *media;
} versions[] = {
    { "v2.0", "/v2/", "SUPPORTED", "", "", "2011-01-21T11:33:21Z", "application/vnd.openstack.compute+json;version=2" },
    { "v2.1", "/v2.1/", "CURRENT", "2.93", "2.1", "2013-07-23T11:33:21Z", "application/vnd.openstack.compute+json;version=2.1" },
};

static void write_version(struct ctx *c, struct out *o, const char *key, const struct version *v, bool whole)
{
    out_object(o, key);
    out_string(o, "id", v->id);
    out_string(o, "status", v->status);
    out_string(o, "version", v->version);
    out_string(o, "min_version", v->min_version);
    out_string(o, "updated", v->updated);
    out_array(o, "links");
    out_object(o, NULL);
    out_string(o, "rel", "self");
    out_printf(o, "href", "%s%s", c->base_url, v->path);
    out_end_object(o);
    if (whole) {
        out_object(o, NULL);
        out_string(o, "rel", "describedby");
        out_string(o, "type", "text/html");
        out_string(o, "href", "http://docs.openstack.org/");
        out_end_object(o);
    }
    out_end_array(o);
    if (whole) {
        out_array(o, "media-types");
        out_object(o, NULL);
        out_string(o, "base", "application/json");
        out_string(o, "type", v->media);
        out_end_object(o);
        out_end_array(o);
    }
    out_end_object(o);
}

static bool versions_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_array(&o, "versions");
    for (size_t i = 0; i < G_N_ELEMENTS(versions); i++)
        write_version(c, &o, NULL, &versions[i], false);
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

static bool version_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    write_version(c, &o, "version", rq->route->data, true);
    out_end_object(&o);
    return true;
}

const struct route nova_version_routes[] = {
    { "GET", "/", versions_list, .flags = ROUTE_OPEN | ROUTE_QUICK },
    { "GET", "/v2", version_show, .flags = ROUTE_OPEN | ROUTE_QUICK, .data = &versions[0] },
    { "GET", "/v2/", version_show, .flags = ROUTE_OPEN | ROUTE_QUICK, .data = &versions[0] },
    { "GET", "/v2.1", version_show, .flags = ROUTE_OPEN | ROUTE_QUICK, .data = &versions[1] },
    { "GET", "/v2.1/", version_show, .flags = ROUTE_OPEN | ROUTE_QUICK, .data = &versions[1] },
    {}
};
