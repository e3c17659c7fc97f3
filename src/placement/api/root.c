/* GET /: the one version there is. */
#include "placement/api/api.h"

static bool home(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out out = answer_begin(reply);

    out_array(&out, "versions");
    out_object(&out, NULL);
    out_string(&out, "id", "v1.0");
    out_string(&out, "max_version", "1.39");
    out_string(&out, "min_version", "1.0");
    out_string(&out, "status", "CURRENT");
    out_array(&out, "links");
    out_object(&out, NULL);
    out_string(&out, "rel", "self");
    out_string(&out, "href", "");
    out_end_object(&out);
    out_end_array(&out);
    out_end_object(&out);
    out_end_array(&out);
    answer_end(c, reply, &out, (utc_time){ 0 });
    return true;
}

const struct route root_routes[] = { { "GET", "/", home, .flags = ROUTE_OPEN }, {} };
