/* Port, and what hangs on one. */
#include <string.h>

#include "neutron/plugin/binding.h"
#include "neutron/plugin/objects/object.h"

static const struct object_class binding_class = { "PortBinding", .minor = 0, .fields = (const struct object_field[]){
    { "port_id" }, { "host" }, { "profile" }, { "vif_type" }, { "vif_details", .null = true }, { "vnic_type" }, { "status" }, {}
} };
static const struct object_class level_class = { "PortBindingLevel", .minor = 1, .fields = (const struct object_field[]){
    { "port_id" }, { "host" }, { "level" }, { "driver" }, { "segment", .object = &segment_class }, { "segment_id", .since = 1 }, {}
} };
static const struct object_class distributed_class = { "DistributedPortBinding", .minor = 0, .fields = (const struct object_field[]){
    { "port_id" }, { "host" }, { "profile" }, { "vif_type" }, { "vif_details", .null = true }, { "vnic_type" }, { "status" }, { "router_id" }, {}
} };
static const struct object_class allocation_class = { "IPAllocation", .minor = 0, .fields = (const struct object_field[]){
    { "port_id" }, { "subnet_id" }, { "network_id" }, { "ip_address" }, {}
} };
static const struct object_class pair_class = { "AllowedAddressPair", .minor = 0, .fields = (const struct object_field[]){
    { "port_id" }, { "mac_address" }, { "ip_address" }, {}
} };
static const struct object_class option_class = { "ExtraDhcpOpt", .minor = 1, .fields = (const struct object_field[]){
    { "id" }, { "port_id" }, { "opt_name" }, { "opt_value" }, { "ip_version" }, {}
} };
static const struct object_class security_class = { "PortSecurity", .minor = 0, .fields = (const struct object_field[]){
    { "id" }, { "port_security_enabled" }, {}
} };

static const struct object_field port_fields[] = {
    { "id" }, { "project_id" }, { "name" }, { "network_id" }, { "mac_address" }, { "admin_state_up" }, { "device_id" }, { "device_owner" }, { "status" },
    { "allowed_address_pairs", .list = &pair_class },
    { "binding", .object = &binding_class, .null = true, .until = 3 },
    { "bindings", .list = &binding_class, .since = 4 },
    { "data_plane_status", .null = true },
    { "dhcp_options", .from = "extra_dhcp_opts", .list = &option_class, .minor = 1 },
    { "distributed_binding", .null = true, .until = 2 },
    { "distributed_bindings", .list = &distributed_class, .since = 3 },
    { "dns", .null = true },
    { "fixed_ips", .list = &allocation_class },
    { "security", .object = &security_class },
    { "security_group_ids", .from = "security_groups", .born = "null" },
    { "qos_policy_id", .null = true, .born = "null" },
    { "qos_network_policy_id", .null = true, .since = 5, .born = "null" },
    { "binding_levels", .list = &level_class, .minor = 0, .until = 1 },
    { "binding_levels", .list = &level_class, .minor = 1, .since = 2 },
    { "numa_affinity_policy", .since = 6 },
    { "device_profile", .since = 7 },
    { "hints", .null = true, .since = 8 },
    { "hardware_offload_type", .null = true, .since = 9 },
    { "trusted", .null = true, .since = 10 },
    STANDARD_OBJECT_FIELDS, {}
};

/* Entries of a member get the port and network they belong to, and an id of their own where key says what tells them apart. */
static void entries_complete(struct ctx *c, json_t *port, const char *member, const char *key)
{
    const char *id = json_get_string(port, "id");
    json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(port, member), i, entry) {
        json_object_set(entry, "port_id", json_object_get(port, "id"));
        json_object_set(entry, "network_id", json_object_get(port, "network_id"));
        if (key)
            json_object_set_new(entry, "id", json_string(uuid_named(c, ctx_printf(c, "%s %s %s", id, member, json_get_string(entry, key)))));
    }
}

/* Free-form members travel as their text, an empty one of vif_details as null. */
static json_t *binding_source(const char *port_id, const char *host, const char *vnic_type, const char *vif_type, const char *profile, const char *details,
                              const char *status)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s}", "port_id", port_id, "host", host, "vnic_type", vnic_type, "vif_type", vif_type,
                     "profile", profile, "vif_details", details && strcmp(details, "{}") ? details : NULL, "status", status);
}

static void waiting_row(struct ctx *c, json_t *port, struct rows *rows)
{
    json_array_append_new(json_object_get(port, "bindings"), binding_source(db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_text(rows, 3),
                                                                            db_text(rows, 4), db_text(rows, 5), "INACTIVE"));
}

static void level_row(struct ctx *c, json_t *port, struct rows *rows)
{
    const char *driver = mechanism_of(db_text(rows, 3));
    json_t *segment = driver ? segment_source(c, db_text(rows, 1), rows, 4) : NULL;

    if (segment)
        json_array_append_new(json_object_get(port, "binding_levels"),
                              json_pack("{s:s, s:s, s:i, s:s, s:O, s:O}", "port_id", db_text(rows, 0), "host", db_text(rows, 2), "level", 0,
                                        "driver", driver, "segment", segment, "segment_id", json_object_get(segment, "id")));
}

static void own_complete(struct ctx *c, json_t *port)
{
    raw_json profile = json_text(c, json_object_get(port, "binding:profile")), details = json_text(c, json_object_get(port, "binding:vif_details"));
    json_t *own = binding_source(json_get_string(port, "id"), json_get_string(port, "binding:host_id"), json_get_string(port, "binding:vnic_type"),
                                 json_get_string(port, "binding:vif_type"), profile.text ? profile.text : "{}", details.text, "ACTIVE");

    entries_complete(c, port, "fixed_ips", NULL);
    entries_complete(c, port, "allowed_address_pairs", NULL);
    entries_complete(c, port, "extra_dhcp_opts", "opt_name");
    json_object_set(port, "binding", own);
    json_object_set_new(port, "bindings", json_pack("[o]", own));
    json_object_set_new(port, "binding_levels", json_array());
    json_object_set_new(port, "security", json_pack("{s:O, s:O}", "id", json_object_get(port, "id"), "port_security_enabled",
                                                    json_object_get(port, "port_security_enabled")));
}

static bool port_complete(struct ctx *c, json_t *const *ports, size_t n)
{
    for (size_t i = 0; i < n; i++)
        own_complete(c, ports[i]);
    return object_rows(c, ports, n, "SELECT port_id, host, vnic_type, vif_type, profile, vif_details FROM port_bindings WHERE port_id", waiting_row) &&
        object_rows(c, ports, n, "SELECT p.id, n.id, p.host, p.vif_type, n.network_type, n.physical_network, n.segmentation_id, n.created_at FROM ports p"
                    " JOIN networks n ON n.id = p.network_id WHERE p.id", level_row);
}

static bool port_filter(struct ctx *c, struct sql *s, const char *name, const char *const *values)
{
    if (strcmp(name, "security_group_ids"))
        return false;
    sql_add(s, " AND t.id IN (SELECT port_id FROM port_security_groups WHERE security_group_id IN ");
    sql_in(s, values);
    sql_add(s, ")");
    return true;
}

const struct object_class port_class = {
    OBJECT_PORT, .minor = 10, .fields = port_fields, .resource = &port_resource, .complete = port_complete, .filter = port_filter,
};
