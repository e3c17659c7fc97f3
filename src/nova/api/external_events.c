/* POST /os-server-external-events: what Neutron and others tell about servers. */
#include "nova/api/servers.h"

#include "nova/jobs/jobs.h"

#include <string.h>

/* The code an event is answered with: 404 nobody knows the server, 400 it needs a tag, 422 it is on no host. */
static int judge(const struct instance *inst, const char *name, const char *tag)
{
    if (!inst)
        return 404;
    if (!tag && (strcmp(name, "volume-extended") == 0 || strcmp(name, "power-update") == 0 || strcmp(name, "accelerator-request-bound") == 0 ||
                 strcmp(name, "volume-reimaged") == 0))
        return 400;
    return inst->host ? 200 : 422;
}

static bool events_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.events"), *events = json_object_get(body, "events"), *event;
    size_t i;

    if (!body)
        return false;
    rp->status = 200;
    json_array_foreach(events, i, event) {
        const char *uuid = json_get_string(event, "server_uuid"), *name = json_get_string(event, "name");
        const char *tag = json_get_string(event, "tag"), *status = json_get_string(event, "status");
        int code = judge(instance_find(c, uuid), name, tag);

        if (code == 200 && !instance_external_event(c, uuid, name, status ? status : "completed", tag))
            return false;
        json_object_set_new(event, "status", json_string(code == 200 ? "completed" : "failed"));
        json_object_set_new(event, "code", json_integer(code));
        if (code != 200)
            rp->status = 207;
    }
    reply_json(rp, body);
    return !failed(c);
}

const struct route nova_external_event_routes[] = {
    { "POST", "os-server-external-events", events_create, .policy = RULE("os-server-external-events:create") },
    {}
};
