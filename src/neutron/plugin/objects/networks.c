/* Network with its segment, and Subnet. */
#include <string.h>

#include "neutron/plugin/objects/object.h"

/* --- networks ------------------------------------------------------------------------------------------------- */

static const struct object_field segment_fields[] = {
    { "id" }, { "network_id" }, { "name" }, { "network_type" }, { "physical_network" }, { "segmentation_id" }, { "is_dynamic" }, { "segment_index" },
    { "hosts" }, { "revision_number" }, { "created_at" }, { "updated_at" }, {}
};
const struct object_class segment_class = { "NetworkSegment", .minor = 0, .fields = segment_fields };
static const struct object_class security_class = { "NetworkPortSecurity", .minor = 0, .fields = (const struct object_field[]){
    { "id" }, { "port_security_enabled" }, {}
} };

static const struct object_field network_fields[] = {
    { "id" }, { "project_id" }, { "name" }, { "status" }, { "admin_state_up" }, { "vlan_transparent" }, { "availability_zone_hints" },
    { "shared", .born = "false" }, { "mtu", .born = "1500" },
    { "security", .object = &security_class },
    { "segments", .list = &segment_class },
    { "dns_domain", .null = true },
    { "qos_policy_id", .null = true, .born = "null" },
    STANDARD_OBJECT_FIELDS, {}
};

json_t *segment_source(struct ctx *c, const char *network_id, struct rows *rows, int first)
{
    char created[TIME_TEXT_SIZE];

    time_write(created, (utc_time){ db_int(rows, first + 3) }, TIME_ISO_Z);
    return ctx_json(c, json_pack("{s:s, s:s, s:s, s:s?, s:o, s:b, s:i, s:[], s:i, s:s, s:s}", "id", uuid_named(c, ctx_printf(c, "%s segment", network_id)),
                                 "network_id", network_id, "network_type", db_text(rows, first), "physical_network", db_text(rows, first + 1),
                                 "segmentation_id", db_is_null(rows, first + 2) ? json_null() : json_integer(db_int(rows, first + 2)), "is_dynamic", 0,
                                 "segment_index", 0, "hosts", "revision_number", 0, "created_at", created, "updated_at", created));
}

static void segment_row(struct ctx *c, json_t *network, struct rows *rows)
{
    json_object_set_new(network, "segments", json_pack("[O]", segment_source(c, db_text(rows, 0), rows, 1)));
}

static bool network_complete(struct ctx *c, json_t *const *networks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *hints = json_object_get(networks[i], "availability_zone_hints");

        json_object_set_new(networks[i], "security", json_pack("{s:O, s:O}", "id", json_object_get(networks[i], "id"), "port_security_enabled",
                                                               json_object_get(networks[i], "port_security_enabled")));
        if (!json_array_size(hints))
            json_object_del(networks[i], "availability_zone_hints");
    }
    return object_rows(c, networks, n, "SELECT id, " SEGMENT_COLUMNS " FROM networks WHERE id", segment_row);
}

const struct object_class network_class = {
    OBJECT_NETWORK, .minor = 1, .fields = network_fields, .resource = &network_resource, .complete = network_complete,
};

/* --- subnets -------------------------------------------------------------------------------------------------- */

static const struct object_class pool_class = { "IPAllocationPool", .minor = 0, .fields = (const struct object_field[]){
    { "id" }, { "subnet_id" }, { "start" }, { "end" }, {}
} };
static const struct object_class nameserver_class = { "DNSNameServer", .minor = 0, .fields = (const struct object_field[]){
    { "address" }, { "subnet_id" }, { "order" }, {}
} };
static const struct object_class route_class = { "Route", .minor = 0, .fields = (const struct object_field[]){
    { "subnet_id" }, { "destination" }, { "nexthop" }, {}
} };
static const struct object_field subnet_fields[] = {
    { "id" }, { "project_id" }, { "name" }, { "network_id" }, { "segment_id" }, { "subnetpool_id" }, { "ip_version" }, { "cidr" }, { "gateway_ip" },
    { "allocation_pools", .list = &pool_class },
    { "enable_dhcp" }, { "shared" },
    { "dns_nameservers", .list = &nameserver_class },
    { "dns_publish_fixed_ip", .since = 1 },
    { "host_routes", .list = &route_class },
    { "ipv6_ra_mode" }, { "ipv6_address_mode" }, { "service_types" },
    STANDARD_OBJECT_FIELDS, {}
};

static void subnet_complete_one(struct ctx *c, json_t *subnet)
{
    json_t *id = json_object_get(subnet, "id"), *servers = json_array(), *entry;
    size_t i;

    json_array_foreach(json_object_get(subnet, "allocation_pools"), i, entry) {
        json_object_set_new(entry, "id", json_string(uuid_named(c, ctx_printf(c, "%s pool %s", json_string_value(id), json_get_string(entry, "start")))));
        json_object_set(entry, "subnet_id", id);
    }
    json_array_foreach(json_object_get(subnet, "dns_nameservers"), i, entry)
        json_array_append_new(servers, json_pack("{s:O, s:O, s:I}", "address", entry, "subnet_id", id, "order", (json_int_t)i));
    json_object_set_new(subnet, "dns_nameservers", servers);
    json_array_foreach(json_object_get(subnet, "host_routes"), i, entry)
        json_object_set(entry, "subnet_id", id);
    json_object_set_new(subnet, "dns_publish_fixed_ip", json_false());
}

static bool subnet_complete(struct ctx *c, json_t *const *subnets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        subnet_complete_one(c, subnets[i]);
    return true;
}

const struct object_class subnet_class = {
    OBJECT_SUBNET, .minor = 1, .fields = subnet_fields, .resource = &subnet_resource, .complete = subnet_complete,
};
