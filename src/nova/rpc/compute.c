/* The calling end of rpc/compute.h. */
#include "nova/rpc/compute.h"

#include "nova/faults.h"

/* Work is given up after this; the agent says now and then that it is still at it. */
static const struct rpc_options patient = { .timeout_us = 3600 * 1000000LL, .monitor_us = 30 * 1000000LL };

static json_t *call_host(struct ctx *c, const char *host, const char *method, const json_t *args, const struct rpc_options *options)
{
    const struct target to = { .exchange = "nova", .topic = COMPUTE_TOPIC, .server = host, .version = COMPUTE_RPC_VERSION };

    return rpc_call(c, &to, method, args, options);
}

static json_t *call_instance(struct ctx *c, const struct instance *inst, const char *method, json_t *args, const struct rpc_options *options)
{
    ctx_json(c, args);
    if (!inst->host)
        return fail_null(c, INSTANCE_NOT_READY, inst->uuid);
    json_object_set(args, "instance", record_to_json(c, instance_attrs, inst));
    return call_host(c, inst->host, method, args, options);
}

json_t *compute_call(struct ctx *c, const struct instance *inst, const char *method, json_t *args)
{
    return call_instance(c, inst, method, args, NULL);
}

json_t *compute_work(struct ctx *c, const struct instance *inst, const char *method, json_t *args)
{
    return call_instance(c, inst, method, args, &patient);
}

char *compute_host_uptime(struct ctx *c, const char *host)
{
    json_t *text = call_host(c, host, RPC_GET_HOST_UPTIME, ctx_json(c, json_object()), NULL);

    return text ? ctx_strdup(c, json_string_value(text)) : NULL;
}
