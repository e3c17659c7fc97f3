/* SecurityGroup with its rules, SecurityGroupRule, AddressGroup. */
#include "neutron/plugin/objects/object.h"

static const struct object_field rule_fields[] = {
    { "id" }, { "project_id" }, { "security_group_id" }, { "remote_group_id" }, { "direction" }, { "ethertype" }, { "protocol" },
    { "port_range_min" }, { "port_range_max" }, { "remote_ip_prefix" },
    { "remote_address_group_id", .since = 1 },
    { "normalized_cidr", .null = true, .since = 2 },
    { "belongs_to_default_sg", .since = 3 },
    { "revision_number" }, { "description" }, { "created_at" }, { "updated_at" }, {}
};

/* The columns of a rule hold no empty description. */
static bool rule_complete(struct ctx *c, json_t *const *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (json_string_length(json_object_get(rules[i], "description")) == 0)
            json_object_del(rules[i], "description");
    return true;
}

const struct object_class security_group_rule_class = {
    OBJECT_SECURITY_GROUP_RULE, .minor = 3, .fields = rule_fields, .resource = &security_group_rule_resource, .complete = rule_complete,
};

static const struct object_field group_fields[] = {
    { "id" }, { "name" }, { "project_id" },
    { "shared", .since = 1 },
    { "stateful", .since = 2, .born = "true" },
    { "is_default", .born = "false" },
    { "rules", .list = &security_group_rule_class, .minor = 0, .until = 2 },
    { "rules", .list = &security_group_rule_class, .minor = 1, .since = 3, .until = 3 },
    { "rules", .list = &security_group_rule_class, .minor = 2, .since = 4, .until = 5 },
    { "rules", .list = &security_group_rule_class, .minor = 3, .since = 6 },
    STANDARD_OBJECT_FIELDS, {}
};

static bool group_complete(struct ctx *c, json_t *const *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *rules = json_object_get(groups[i], "rules"), *rule;
        size_t k;

        json_array_foreach(rules, k, rule) {
            json_object_set(rule, "belongs_to_default_sg", json_object_get(groups[i], "is_default"));
            rule_complete(c, &rule, 1);
        }
    }
    return true;
}

const struct object_class security_group_class = {
    OBJECT_SECURITY_GROUP, .minor = 6, .fields = group_fields, .resource = &security_group_resource, .complete = group_complete,
};

static const struct object_class association_class = { "AddressAssociation", .minor = 0, .fields = (const struct object_field[]){
    { "address" }, { "address_group_id" }, {}
} };
static const struct object_field address_group_fields[] = {
    { "id" }, { "name" }, { "project_id" },
    { "shared", .since = 2, .born = "false" },
    { "addresses", .list = &association_class },
    { "description" },
    { "revision_number", .since = 1 }, { "created_at", .since = 1 }, { "updated_at", .since = 1 }, {}
};

static bool address_group_complete(struct ctx *c, json_t *const *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *addresses = json_array(), *address;
        size_t k;

        json_array_foreach(json_object_get(groups[i], "addresses"), k, address)
            json_array_append_new(addresses, json_pack("{s:O, s:O}", "address", address, "address_group_id", json_object_get(groups[i], "id")));
        json_object_set_new(groups[i], "addresses", addresses);
    }
    return true;
}

const struct object_class address_group_class = {
    OBJECT_ADDRESS_GROUP, .minor = 2, .fields = address_group_fields, .resource = &address_group_resource, .complete = address_group_complete,
};
