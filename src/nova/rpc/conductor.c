/* The calling end of rpc/conductor.h. */
#include "nova/rpc/conductor.h"

static json_t *call(struct ctx *c, const char *method, json_t *args)
{
    static const struct target conductor = { .exchange = "nova", .topic = CONDUCTOR_TOPIC, .version = CONDUCTOR_RPC_VERSION };
    static const struct rpc_options now = { .at_least_once = true };     /* where there is none yet, another try is better than a wait */

    return rpc_call(c, &conductor, method, ctx_json(c, args), &now);
}

bool conductor_report_service(struct ctx *c, const char *host, const char *binary, const char *topic)
{
    return call(c, RPC_REPORT_SERVICE, json_pack("{s:s, s:s, s:s}", "host", host, "binary", binary, "topic", topic)) != NULL;
}

bool conductor_report_node(struct ctx *c, struct compute_node *node)
{
    json_t *known = call(c, RPC_REPORT_NODE, json_pack("{s:O}", "node", record_to_json(c, compute_node_attrs, node)));

    if (known)
        node->uuid = ctx_strdup(c, json_get_string(known, "uuid"));
    return known != NULL;
}

bool conductor_report_usage(struct ctx *c, const struct compute_node *node, bool *ret_known)
{
    json_t *known = call(c, RPC_REPORT_USAGE, json_pack("{s:O}", "node", record_to_json(c, compute_node_attrs, node)));

    *ret_known = json_is_true(known);
    return known != NULL;
}

static json_t *texts(const char *const *list)
{
    json_t *array = json_array();

    for (; *list; list++)
        json_array_append_new(array, json_string(*list));
    return array;
}

static struct instance **instances_read(struct ctx *c, json_t *rows)
{
    struct instance **list = ctx_new_n(c, struct instance *, json_array_size(rows) + 1);
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
        if (!(list[i] = instance_from_json(c, row)))
            return NULL;
    return list;
}

bool conductor_compare_guests(struct ctx *c, const char *const *hosts, const char *const *guests, struct guests_compared *ret)
{
    json_t *found = call(c, RPC_COMPARE_GUESTS, json_pack("{s:o, s:o}", "hosts", texts(hosts), "guests", texts(guests)));

    if (!found)
        return false;
    ret->idle = instances_read(c, json_object_get(found, "idle"));
    ret->unknown = instances_read(c, json_object_get(found, "unknown"));
    return ret->idle && ret->unknown;
}

bool conductor_set_power(struct ctx *c, const char *uuid, enum power_state power, bool stopped)
{
    return call(c, RPC_SET_POWER, json_pack("{s:s, s:i, s:b}", "instance_uuid", uuid, "power_state", (int)power, "stopped", stopped)) != NULL;
}

bool conductor_store_vif(struct ctx *c, const char *uuid, json_t *vif, bool add)
{
    return call(c, RPC_STORE_VIF, json_pack("{s:s, s:O, s:b}", "instance_uuid", uuid, "vif", vif, "add", add)) != NULL;
}
