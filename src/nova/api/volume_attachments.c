/* /servers/{id}/os-volume_attachments: the volumes of a server. Volumes are Cinder's; where no service has them there are none. */
#include "nova/api/action.h"

#include "oslo/client/client.h"

#include <string.h>

static const struct server_action attach = {
    .name = "attach_volume", .states = IN(VM_ACTIVE, VM_PAUSED, VM_STOPPED, VM_RESIZED, VM_SOFT_DELETED, VM_SHELVED, VM_SHELVED_OFFLOADED),
    .unlaunched = true,
};

/* The instance's entry for a volume; NULL: it is not attached. */
static json_t *attachment(struct ctx *c, const struct instance *inst, const char *volume)
{
    json_t *devices = json_of(c, inst->block_devices), *device;
    size_t i;

    json_array_foreach(devices, i, device)
        if (text_equal(json_get_string(device, "volume_id"), volume))
            return device;
    return NULL;
}

static bool volume_exists(struct ctx *c, const char *id)
{
    struct call call = { .type = "volumev3", .method = "GET", .path = ctx_printf(c, "/volumes/%s", client_quote(c, id)), .accept_404 = "yes" };

    if (client_call(c, &call) && call.status != 404)
        return true;
    fault_clear(c);
    return fail(c, VOLUME_NOT_FOUND, id);
}

static void write_attachment(struct ctx *c, struct out *o, const char *key, const struct instance *inst, const json_t *device)
{
    const char *volume = json_get_string(device, "volume_id");

    out_object(o, key);
    if (c->version < V(2, 89))
        out_string(o, "id", volume);
    out_string(o, "serverId", inst->uuid);
    out_string(o, "device", json_get_string(device, "device_name"));
    out_string(o, "volumeId", volume);
    if (c->version >= V(2, 70))
        out_string(o, "tag", json_get_string(device, "tag"));
    if (c->version >= V(2, 79))
        out_bool(o, "delete_on_termination", json_get_bool(device, "delete_on_termination", false));
    if (c->version >= V(2, 89)) {
        out_string(o, "attachment_id", json_get_string(device, "attachment_id"));
        out_string(o, "bdm_uuid", json_get_string(device, "uuid"));
    }
    out_end_object(o);
}

static bool attachments_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "servers.page_query"), *devices, *device;
    const struct instance *inst = query ? server_get(c, rq) : NULL;
    struct out o;
    size_t i;

    if (!inst)
        return false;
    devices = json_of(c, inst->block_devices);
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "volumeAttachments");
    json_array_foreach(devices, i, device)
        if (json_get_string(device, "volume_id"))
            write_attachment(c, &o, NULL, inst, device);
    out_end_array(&o);
    out_end_object(&o);
    return true;
}

static bool attachment_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    const char *volume = request_arg(rq, "volume_id");
    const json_t *device = inst ? attachment(c, inst, volume) : NULL;
    struct out o;

    if (!inst)
        return false;
    if (!device)
        return fail(c, VOLUME_NOT_ATTACHED, inst->uuid, volume);
    o = answer(rp);
    out_object(&o, NULL);
    write_attachment(c, &o, "volumeAttachment", inst, device);
    out_end_object(&o);
    return true;
}

/* Attaching is not built: what exists elsewhere cannot be attached here. */
static bool attachment_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.volume_attachment");
    const struct instance *inst = body ? server_get(c, rq) : NULL;

    return inst && action_allowed(c, inst, &attach) && volume_exists(c, json_get_string(json_object_get(body, "volumeAttachment"), "volumeId")) &&
           fail(c, NOT_IMPLEMENTED, "The requested functionality is not supported.");
}

static bool attachment_change(struct ctx *c, struct request *rq, struct reply *rp)
{
    bool deleting = strcmp(rq->method, "DELETE") == 0;
    const char *volume = request_arg(rq, "volume_id");
    const struct instance *inst = deleting || schema_body(c, rq, "servers.volume_attachment") ? server_get(c, rq) : NULL;

    if (!inst || !action_allowed(c, inst, &attach) || !volume_exists(c, volume))
        return false;
    if (!attachment(c, inst, volume))
        return fail(c, VOLUME_NOT_ATTACHED, inst->uuid, volume);
    return fail(c, NOT_IMPLEMENTED, "The requested functionality is not supported.");
}

#define ATTACHMENTS "servers/{id}/os-volume_attachments"
const struct route nova_volume_attachment_routes[] = {
    { "GET", ATTACHMENTS, attachments_list, .policy = RULE("os-volumes-attachments:index") },
    { "POST", ATTACHMENTS, attachment_create, .policy = RULE("os-volumes-attachments:create") },
    { "GET", ATTACHMENTS "/{volume_id}", attachment_show, .policy = RULE("os-volumes-attachments:show") },
    { "PUT", ATTACHMENTS "/{volume_id}", attachment_change, 202, 0, RULE("os-volumes-attachments:update") },
    { "DELETE", ATTACHMENTS "/{volume_id}", attachment_change, 202, ROUTE_EMPTY, RULE("os-volumes-attachments:delete") },
    {}
};
