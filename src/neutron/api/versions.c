/* What is here: the versions, the resources of v2.0, and the extensions that are really served. */
#include <string.h>

#include "neutron/neutron.h"

static bool versions_list(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *self = json_pack("{s:s, s:s}", "rel", "self", "href", ctx_printf(c, "%s/v2.0/", request->scheme_host ? request->scheme_host : ""));

    reply_json(reply, ctx_json(c, json_pack("{s:[{s:s, s:s, s:[o]}]}", "versions", "id", "v2.0", "status", "CURRENT", "links", self)));
    return true;
}

static bool version_show(struct ctx *c, struct request *request, struct reply *reply)
{
    static const struct { const char *name, *collection; } core[] = {
        { "network", "networks" }, { "subnet", "subnets" }, { "subnetpool", "subnetpools" }, { "port", "ports" }
    };
    json_t *list = json_array();

    for (size_t i = 0; i < G_N_ELEMENTS(core); i++) {
        const char *href = ctx_printf(c, "%s/v2.0/%s", request->scheme_host ? request->scheme_host : "", core[i].collection);

        json_array_append_new(list, json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "name", core[i].name, "collection", core[i].collection,
                                              "links", "rel", "self", "href", href));
    }
    reply_json(reply, ctx_json(c, json_pack("{s:o}", "resources", list)));
    return true;
}

const struct route neutron_version_routes[] = {
    { "GET", "/", versions_list, 200, ROUTE_OPEN },
    { "GET", "/v2.0", version_show, 200, ROUTE_OPEN },
    { "GET", "/v2.0/", version_show, 200, ROUTE_OPEN },
    {}
};
