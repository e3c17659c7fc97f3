/* Port binding. The drivers are asked in order; one binds a port where its agent lives on the host and can reach the network. */
#include "neutron/plugin/binding.h"

#include <string.h>

#include "neutron/rpc/topics.h"

static const struct mechanism mechanisms[] = {
    { "linuxbridge", AGENT_TYPE_LINUXBRIDGE, "bridge", "{\"port_filter\":true,\"connectivity\":\"l2\"}", (const char *const[]){ "normal", NULL } },
    { "openvswitch", AGENT_TYPE_OPENVSWITCH, "ovs",
      "{\"port_filter\":true,\"connectivity\":\"l2\",\"ovs_hybrid_plug\":false,\"datapath_type\":\"system\",\"bridge_name\":\"br-int\"}",
      (const char *const[]){ "normal", "direct", NULL } },
    {}
};

const char *mechanism_of(const char *vif_type)
{
    for (const struct mechanism *m = mechanisms; m->name; m++)
        if (text_equal(m->vif_type, vif_type))
            return m->name;
    return NULL;
}

/* Can an agent with these configurations reach the network's segment? */
static bool reaches(struct ctx *c, const char *configurations, const struct network *net)
{
    json_t *tree = json_of(c, (raw_json){ (char *)(uintptr_t)configurations });
    json_t *types = json_object_get(tree, "tunnel_types"), *type;
    size_t i;

    if (!strcmp(net->network_type, "local"))
        return true;
    if (net->physical_network)
        return json_object_get(json_object_get(tree, "bridge_mappings"), net->physical_network) ||
            json_object_get(json_object_get(tree, "interface_mappings"), net->physical_network);
    json_array_foreach(types, i, type)
        if (text_equal(json_string_value(type), net->network_type))
            return true;
    return false;
}

static bool mechanism_binds(struct ctx *c, const struct mechanism *m, const struct network *net, const struct binding *b)
{
    char *configurations;

    if (!text_in(b->vnic_type, m->vnic_types))
        return false;
    configurations = db_get_text(c, "SELECT configurations FROM agents WHERE agent_type = $1 AND host = $2 AND admin_state_up AND heartbeat_timestamp > $3",
                                 T(m->agent_type), T(b->host), I(clock_us() - neutron_options()->agent_down_time * 1000000));
    return configurations && reaches(c, configurations, net);
}

bool port_bind(struct ctx *c, const struct port *port, const struct network *net, struct binding *b)
{
    b->vif_details.text = ctx_strdup(c, "{}");
    b->vif_type = ctx_strdup(c, "unbound");
    if (!b->host || !*b->host)
        return true;
    for (const struct mechanism *m = mechanisms; m->name && !failed(c); m++)
        if (mechanism_binds(c, m, net, b)) {
            b->vif_type = ctx_strdup(c, m->vif_type);
            b->vif_details.text = ctx_strdup(c, m->vif_details);
            return true;
        }
    b->vif_type = ctx_strdup(c, "binding_failed");
    return !failed(c);
}
