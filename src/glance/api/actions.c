/* Deactivate and reactivate: an image whose data may not be read for now. */
#include "glance/model/image.h"

#include <string.h>

static bool act(struct ctx *c, const struct request *request, const char *verb, const char *from, const char *to)
{
    struct image *image = image_lookup(c, request_arg(request, "image_id"));

    if (!image || !image_change_allowed(c, image, verb))
        return false;
    if (strcmp(image->status, to) == 0)
        return true;
    return strcmp(image->status, from) == 0 ? image_transition(c, image, to) : fail(c, ACTION_FORBIDDEN, verb, image->status);
}

static bool image_deactivate(struct ctx *c, struct request *request, struct reply *reply)
{
    return act(c, request, "deactivate", "active", "deactivated");
}

static bool image_reactivate(struct ctx *c, struct request *request, struct reply *reply)
{
    return act(c, request, "reactivate", "deactivated", "active");
}

const struct route glance_action_routes[] = {
    { "POST", "images/{image_id}/actions/deactivate", image_deactivate, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "POST", "images/{image_id}/actions/reactivate", image_reactivate, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
