/* The calling end of rpc/compute.h. */
#include "nova/rpc/compute.h"

#include "nova/faults.h"

static json_t *call_host(struct ctx *c, const char *host, const char *method, const json_t *args)
{
    const struct target to = { .topic = COMPUTE_TOPIC, .server = host, .version = COMPUTE_RPC_VERSION };

    return rpc_call(c, &to, method, args, NULL);
}

json_t *compute_call(struct ctx *c, const struct instance *inst, const char *method, json_t *args)
{
    ctx_json(c, args);
    if (!inst->host)
        return fail_null(c, INSTANCE_NOT_READY, inst->uuid);
    json_object_set_new(args, "instance_uuid", json_string(inst->uuid));
    return call_host(c, inst->host, method, args);
}

char *compute_host_uptime(struct ctx *c, const char *host)
{
    json_t *text = call_host(c, host, RPC_GET_HOST_UPTIME, ctx_json(c, json_object()));

    return text ? ctx_strdup(c, json_string_value(text)) : NULL;
}
