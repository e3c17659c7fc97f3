/* Port binding. The drivers are asked in order; one binds a port where its agent lives on the host and can reach the network. */
#include "neutron/plugin/binding.h"

#include <string.h>

#include "neutron/rpc/topics.h"

/* An agent on the userspace datapath whose switch has vhost-user sockets has guests plugged by them. */
static bool is_vhost_user(const json_t *conf, const char **ret_mode)
{
    const json_t *types = json_object_get(json_object_get(conf, "ovs_capabilities"), "iface_types"), *type;
    size_t i;

    *ret_mode = NULL;
    json_array_foreach(types, i, type)
        if (text_equal(json_string_value(type), "dpdkvhostuserclient"))
            *ret_mode = "server";
        else if (text_equal(json_string_value(type), "dpdkvhostuser") && !*ret_mode)
            *ret_mode = "client";
    return *ret_mode && text_equal(json_get_string(conf, "datapath_type"), "netdev");
}

static void openvswitch_details(struct ctx *c, const struct port *port, const json_t *conf, struct binding *b)
{
    const char *datapath = json_get_string(conf, "datapath_type"), *directory = json_get_string(conf, "vhostuser_socket_dir"), *mode;
    json_t *hybrid = json_object_get(conf, "ovs_hybrid_plug"), *details = ctx_json(c, json_pack("{s:s}", "connectivity", "l2"));
    bool vhost_user = strcmp(b->vnic_type, "direct") && is_vhost_user(conf, &mode);

    json_object_set_new(details, "port_filter", json_boolean(!vhost_user));
    json_object_set_new(details, "ovs_hybrid_plug", vhost_user || !hybrid ? json_false() : json_incref(hybrid));
    if (vhost_user) {
        json_object_set_new(details, "vhostuser_mode", json_string(mode));
        json_object_set_new(details, "vhostuser_ovs_plug", json_true());
        json_object_set_new(details, "vhostuser_socket", json_string(ctx_printf(c, "%s/vhu%.11s", directory ? directory : "/var/run/openvswitch", port->id)));
        b->vif_type = ctx_strdup(c, "vhostuser");
    }
    json_object_set_new(details, "datapath_type", json_string(datapath ? datapath : "system"));
    if (json_get_string(conf, "integration_bridge"))
        json_object_set(details, "bridge_name", json_object_get(conf, "integration_bridge"));
    b->vif_details = json_text(c, details);
}

/* A direct port is Open vSwitch's only on a card that switches itself. */
static bool openvswitch_takes(struct ctx *c, const struct binding *b)
{
    json_t *profile = json_of(c, b->profile), *capability;
    size_t i;

    if (strcmp(b->vnic_type, "direct"))
        return true;
    json_array_foreach(json_object_get(profile, "capabilities"), i, capability)
        if (text_equal(json_string_value(capability), "switchdev"))
            return true;
    return false;
}

static const struct mechanism mechanisms[] = {
    { "linuxbridge", AGENT_TYPE_LINUXBRIDGE, "bridge", "{\"port_filter\":true,\"connectivity\":\"l2\"}", (const char *const[]){ "normal", NULL } },
    { "openvswitch", AGENT_TYPE_OPENVSWITCH, "ovs", "{}", (const char *const[]){ "normal", "direct", NULL }, openvswitch_takes, openvswitch_details },
    {}
};

const char *mechanism_of(const char *vif_type)
{
    for (const struct mechanism *m = mechanisms; m->name; m++)
        if (text_equal(m->vif_type, vif_type))
            return m->name;
    return text_equal(vif_type, "vhostuser") ? "openvswitch" : NULL;
}

/* Can an agent with these configurations reach the network's segment? */
static bool reaches(const json_t *conf, const struct network *net)
{
    json_t *types = json_object_get(conf, "tunnel_types"), *type;
    size_t i;

    if (!strcmp(net->network_type, "local"))
        return true;
    if (net->physical_network)
        return json_object_get(json_object_get(conf, "bridge_mappings"), net->physical_network) ||
            json_object_get(json_object_get(conf, "interface_mappings"), net->physical_network);
    json_array_foreach(types, i, type)
        if (text_equal(json_string_value(type), net->network_type))
            return true;
    return false;
}

static bool mechanism_binds(struct ctx *c, const struct mechanism *m, const struct port *port, const struct network *net, struct binding *b)
{
    char *configurations;
    json_t *conf;

    if (!text_in(b->vnic_type, m->vnic_types) || (m->takes && !m->takes(c, b)))
        return false;
    configurations = db_get_text(c, "SELECT configurations FROM agents WHERE agent_type = $1 AND host = $2 AND admin_state_up AND heartbeat_timestamp > $3",
                                 T(m->agent_type), T(b->host), I(clock_us() - neutron_options()->agent_down_time * 1000000));
    conf = json_of(c, (raw_json){ configurations });
    if (!configurations || !reaches(conf, net))
        return false;
    b->vif_type = ctx_strdup(c, m->vif_type);
    b->vif_details.text = ctx_strdup(c, m->vif_details);
    if (m->details)
        m->details(c, port, conf, b);
    return true;
}

bool port_bind(struct ctx *c, const struct port *port, const struct network *net, struct binding *b)
{
    b->vif_details.text = ctx_strdup(c, "{}");
    b->vif_type = ctx_strdup(c, "unbound");
    if (!b->host || !*b->host)
        return true;
    for (const struct mechanism *m = mechanisms; m->name && !failed(c); m++)
        if (mechanism_binds(c, m, port, net, b))
            return true;
    b->vif_type = ctx_strdup(c, "binding_failed");
    return !failed(c);
}
