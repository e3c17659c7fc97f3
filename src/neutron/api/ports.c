/* A port: where something is attached to a network, with its MAC, addresses, security and binding. */
#include "neutron/model/ports.h"

#include <string.h>

#include "neutron/model/fill.h"
#include "neutron/model/groups.h"
#include "neutron/model/ipam.h"
#include "neutron/model/networks.h"
#include "neutron/model/rbac.h"
#include "neutron/plugin/binding.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/nova.h"
#include "neutron/plugin/objects/objects.h"
#include "neutron/plugin/provisioning.h"

const struct attr port_attrs[] = {
    ATTR(struct port, id,                    FILTER | SORT),
    ATTR(struct port, name,                  CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct port, network_id,            CREATE | REQUIRED | FILTER | SORT, .format = &format_uuid),
    ATTR(struct port, project_id,            CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct port, mac_address,           CREATE | UPDATE | FILTER | SORT | POLICY | NULLABLE, .format = &format_mac),
    ATTR(struct port, admin_state_up,        CREATE | UPDATE | FILTER | SORT, .unset = "true"),
    ATTR(struct port, status,                FILTER | SORT, .unset = "DOWN"),
    ATTR(struct port, device_id,             CREATE | UPDATE | FILTER | SORT, .max = 255, .unset = ""),
    ATTR(struct port, device_owner,          CREATE | UPDATE | FILTER | SORT | POLICY, .max = 255, .unset = ""),
    ATTR(struct port, fixed_ips,             CREATE | UPDATE | POLICY | DERIVED),
    ATTR(struct port, allowed_address_pairs, CREATE | UPDATE | POLICY | NULLABLE, .unset = "[]"),
    ATTR(struct port, extra_dhcp_opts,       CREATE | UPDATE | NULLABLE, .unset = "[]"),
    ATTR(struct port, security_groups,       CREATE | UPDATE | DERIVED | NULLABLE),
    ATTR(struct port, vnic_type,             CREATE | UPDATE | POLICY, .unset = "normal", .json = "binding:vnic_type",
         ONE_OF("normal", "direct", "macvtap", "baremetal", "direct-physical", "virtio-forwarder", "smart-nic", "accelerator-direct",
                "accelerator-direct-physical", "remote-managed", "vdpa")),
    ATTR(struct port, profile,               CREATE | UPDATE | POLICY | NULLABLE, .unset = "{}", .json = "binding:profile"),
    ATTR(struct port, host,                  CREATE | UPDATE | FILTER | POLICY | NULLABLE, .max = 255, .unset = "", .json = "binding:host_id"),
    ATTR(struct port, vif_type,              POLICY, .unset = "unbound", .json = "binding:vif_type"),
    ATTR(struct port, vif_details,           POLICY, .unset = "{}", .json = "binding:vif_details"),
    ATTR(struct port, port_security_enabled, CREATE | UPDATE | POLICY, .unset = "true"),
    ATTR(struct port, qos_policy_id,         CREATE | UPDATE | NULLABLE, .format = &format_uuid),
    ATTR(struct port, qos_network_policy_id, DERIVED),
    ATTR(struct port, resource_request,      DERIVED | POLICY),
    ATTR(struct port, numa_affinity_policy,  CREATE | UPDATE | NULLABLE | HIDDEN, ONE_OF("required", "preferred", "legacy")),
    ATTR(struct port, device_profile,        CREATE | NULLABLE | HIDDEN, .max = 255),
    ATTR(struct port, network_owner,         HIDDEN | DERIVED, .json = "network:tenant_id"),
    ATTR(struct port, network_shared,        HIDDEN | DERIVED, .json = "shared"),
    STANDARD_ATTRS(struct port, "0"),
    {}
};

/* What the hooks of one change pass on. */
struct port_work {
    struct network *network;
    json_t *fixed_ips;               /* as asked; NULL: not asked */
    json_t *groups;                  /* to be stored; NULL: as they are */
    bool rebind;
    bool own;                        /* a port of the service's own: no rules are asked */
};

static bool is_trusted(const char *device_owner)
{
    return g_str_has_prefix(device_owner, "network:");
}

bool device_owner_is_compute(const char *device_owner)
{
    return g_str_has_prefix(device_owner, "compute:");
}

/* --- members the table cannot judge ------------------------------------------------------------------------------ */

/* allowed_address_pairs: the words here are bare, without the member's name. */
static bool pair_judge(struct ctx *c, const json_t *pair)
{
    static const char *const known[] = { "mac_address", "ip_address", NULL };
    json_t *value;
    const char *key, *mac = json_get_string(pair, "mac_address");
    struct cidr cidr;

    if (!json_is_object(pair))
        return fail(c, ADDRESS_PAIR_NEEDS_IP);
    if (json_object_get(pair, "mac_address") && !mac_is(mac))
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "'%s' is not a valid MAC address", python_text(c, json_object_get(pair, "mac_address"))));
    if (!json_object_get(pair, "ip_address"))
        return fail(c, ADDRESS_PAIR_NEEDS_IP);
    if (!cidr_read(json_get_string(pair, "ip_address"), &cidr))
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "'%s' is not a valid IP %s", python_text(c, json_object_get(pair, "ip_address")),
                                                    strchr(python_text(c, json_object_get(pair, "ip_address")), '/') ? "subnet" : "address"));
    json_object_foreach((json_t *)(uintptr_t)pair, key, value)
        if (!text_in(key, known))
            return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "Unrecognized attribute(s) '%s'", key));
    return true;
}

static bool pairs_judge(struct ctx *c, struct port *port)
{
    json_t *pairs = json_of(c, port->allowed_address_pairs), *pair, *other;
    size_t i, k;

    if (json_is_null(pairs)) {
        port->allowed_address_pairs.text = ctx_strdup(c, "[]");
        return true;
    }
    if (!json_is_array(pairs))
        return fail(c, HTTP_BAD_REQUEST, "Allowed address pairs must be a list.");
    if ((int64_t)json_array_size(pairs) > neutron_options()->max_allowed_address_pairs)
        return fail(c, ADDRESS_PAIRS_EXHAUSTED, (long long)neutron_options()->max_allowed_address_pairs);
    json_array_foreach(pairs, i, pair) {
        if (!pair_judge(c, pair))
            return false;
        json_array_foreach(pairs, k, other)
            if (k < i && json_equal(pair, other))
                return fail(c, ADDRESS_PAIR_DUPLICATE, python_text(c, json_object_get(pair, "mac_address")), json_get_string(pair, "ip_address"));
    }
    json_array_foreach(pairs, i, pair) {
        const char *mac = json_get_string(pair, "mac_address");

        json_object_set_new(pair, "mac_address", json_string(mac ? mac_canonical(c, mac) : port->mac_address));
    }
    port->allowed_address_pairs = json_text(c, pairs);
    return true;
}

static bool option_judge(struct ctx *c, json_t *option)
{
    json_t *version = json_object_get(option, "ip_version");
    int64_t number = json_is_integer(version) ? json_integer_value(version) : 0;
    const char *name = json_get_string(option, "opt_name");
    json_t *value = json_object_get(option, "opt_value");

    if (!json_is_object(option) || !name || !*name || !value || (!json_is_string(value) && !json_is_null(value)) ||
        (json_is_string(version) && !text_to_int(json_string_value(version), &number)) || (version && number != 4 && number != 6))
        return invalid_input(c, "No valid key specs matched for: %s", python_text(c, option));
    json_object_set_new(option, "ip_version", json_integer(number ? number : 4));
    return true;
}

/* Options given are merged into those there are; a null value takes one away. */
static bool options_judge(struct ctx *c, struct port *port, const struct port *old)
{
    json_t *given = json_of(c, port->extra_dhcp_opts), *merged, *option, *other;
    size_t i, k;

    if (json_is_null(given)) {
        port->extra_dhcp_opts.text = old ? old->extra_dhcp_opts.text : ctx_strdup(c, "[]");
        return true;
    }
    if (!json_is_array(given))
        return invalid_input(c, "'%s' is not a list", python_text(c, given));
    merged = old ? json_of(c, old->extra_dhcp_opts) : ctx_json(c, json_array());
    json_array_foreach(given, i, option) {
        if (!option_judge(c, option))
            return false;
        json_array_foreach(merged, k, other)
            if (json_equal(json_object_get(option, "opt_name"), json_object_get(other, "opt_name")) &&
                json_equal(json_object_get(option, "ip_version"), json_object_get(other, "ip_version"))) {
                json_array_remove(merged, k);
                break;
            }
        if (json_is_string(json_object_get(option, "opt_value")))
            json_array_append(merged, option);
    }
    port->extra_dhcp_opts = json_text(c, merged);
    return true;
}

/* Entries of fixed_ips have rules of their own. */
static bool fixed_ips_allowed(struct ctx *c, const struct port *port, const json_t *fixed_ips, const char *verb)
{
    static const char *const members[] = { "ip_address", "subnet_id" };
    json_t *entry;
    size_t i;

    for (size_t k = 0; k < 2; k++)
        json_array_foreach(fixed_ips, i, entry)
            if (json_object_get(entry, members[k])) {
                if (!policy_check(c, ctx_printf(c, "%s_port:fixed_ips:%s", verb, members[k]), TARGET_RECORD(port_attrs, port)))
                    return false;
                break;
            }
    return true;
}

static bool asked_judge(struct ctx *c, struct change *ch, struct port_work *work)
{
    struct port *port = ch->now;
    json_t *groups = json_object_get(ch->asked, "security_groups"), *group;
    size_t i;

    work->fixed_ips = json_object_get(ch->asked, "fixed_ips");
    if (work->fixed_ips && !fixed_ips_judge(c, work->fixed_ips))
        return false;
    if (json_is_null(groups))
        groups = ctx_json(c, json_array());
    if (groups && !json_is_array(groups))
        return invalid_member(c, "security_groups", "'%s' is not a list", python_text(c, groups));
    json_array_foreach(groups, i, group)
        if (!json_is_string(group) || !uuid_is(json_string_value(group)))
            return invalid_member(c, "security_groups", "'%s' is not a valid UUID", python_text(c, group));
    work->groups = groups;
    if (!port->profile.text)
        port->profile.text = ctx_strdup(c, "{}");
    if (!json_is_object(json_of(c, port->profile)))
        return invalid_member(c, "binding:profile", "'%s' is not a dictionary", python_text(c, json_of(c, port->profile)));
    if (!port->host)
        port->host = ctx_strdup(c, "");
    return true;
}

static bool port_judge(struct ctx *c, struct change *ch)
{
    struct port *port = ch->now;
    const struct port *old = ch->old;
    struct port_work *work = ch->data ? ch->data : ctx_new(c, struct port_work);

    ch->data = work;
    if (!asked_judge(c, ch, work))
        return false;
    if (!(work->network = ch->old || work->own ? rest_find_any(c, &network_resource, port->network_id) : network_get(c, port->network_id)))
        return false;
    port->network_owner = work->network->project_id;
    port->network_shared = work->network->shared;
    if (asked(ch, "mac_address"))
        port->mac_address = port->mac_address ? mac_canonical(c, port->mac_address) : mac_random(c);
    else if (!old)
        port->mac_address = mac_random(c);
    if (!old && !asked(ch, "port_security_enabled"))
        port->port_security_enabled = is_trusted(port->device_owner) ? false : work->network->port_security_enabled;
    return (!asked(ch, "allowed_address_pairs") || pairs_judge(c, port)) && (!asked(ch, "extra_dhcp_opts") || options_judge(c, port, old)) &&
        (!work->fixed_ips || work->own || fixed_ips_allowed(c, port, work->fixed_ips, old ? "update" : "create"));
}

/* --- create and update ---------------------------------------------------------------------------------------- */

static bool mac_check(struct ctx *c, struct port *port, bool given)
{
    for (int tries = 0; tries < 16; tries++) {
        if (!db_count(c, "SELECT count(*) FROM ports WHERE network_id = $1 AND mac_address = $2", T(port->network_id), T(port->mac_address)))
            return !failed(c);
        if (given)
            return fail(c, MAC_IN_USE, port->network_id, port->mac_address);
        port->mac_address = mac_random(c);
    }
    return fail(c, MAC_EXHAUSTED, port->network_id);
}

/* Another project's router may not be named as the device. */
static bool device_check(struct ctx *c, const struct port *port, const struct port *old)
{
    char *owner;

    if (c->who.is_admin || !*port->device_id || !owner_is_router_interface(port->device_owner) ||
        (old && text_equal(old->device_id, port->device_id) && text_equal(old->device_owner, port->device_owner)))
        return true;
    owner = db_get_text(c, "SELECT project_id FROM routers WHERE id = $1", T(port->device_id));
    if (failed(c))
        return false;
    return text_equal(owner, c->who.project_id) || fail(c, DEVICE_NOT_OWNED, port->device_id);
}

/* The groups a new port gets: those asked, else the project's default one where port security is on and it has addresses. */
static bool groups_choose(struct ctx *c, struct port *port, struct port_work *work, const struct port *old)
{
    bool pairs = strcmp(port->allowed_address_pairs.text, "[]") != 0;

    if (!old && !work->groups && port->port_security_enabled && !is_trusted(port->device_owner)) {
        char *id = default_group(c, port->project_id);

        if (!id)
            return false;
        work->groups = ctx_json(c, json_pack("[s]", id));
    } else if (work->groups && !port_groups_check(c, work->groups, port->project_id)) {
        return false;
    }
    if (!port->port_security_enabled && pairs)
        return fail(c, ADDRESS_PAIRS_NEED_SECURITY);
    if (port->port_security_enabled)
        return true;
    if (json_array_size(work->groups) && !is_trusted(port->device_owner))
        return old ? fail(c, PORT_SECURITY_HAS_GROUPS) : fail(c, PORT_SECURITY_REQUIRED);
    if (old && !work->groups && json_array_size(json_of(c, old->security_groups)))
        return fail(c, PORT_SECURITY_HAS_GROUPS);
    return true;
}

static bool bind(struct ctx *c, struct port *port, const struct port_work *work)
{
    struct binding b = { .host = port->host, .vnic_type = port->vnic_type, .profile = port->profile };

    if (!port_bind(c, port, work->network, &b))
        return false;
    port->vif_type = b.vif_type;
    port->vif_details = b.vif_details;
    return true;
}

static bool port_updating(struct ctx *c, struct port *port, const struct port *old, struct port_work *work)
{
    bool bound = strcmp(old->vif_type, "unbound") && strcmp(old->vif_type, "binding_failed");

    if (!text_equal(port->mac_address, old->mac_address)) {
        if (bound)
            return fail(c, PORT_BOUND, port->id, old->vif_type, old->mac_address, port->mac_address);
        if (!mac_check(c, port, true))
            return false;
    }
    if (work->fixed_ips && owner_is_router_interface(old->device_owner) && !owner_is_router_interface(port->device_owner))
        return fail(c, BAD_RESOURCE_REQUEST, "port", "router port cannot change its owner");
    work->rebind = !text_equal(port->host, old->host) || !text_equal(port->vnic_type, old->vnic_type) ||
        (!text_equal(port->profile.text, old->profile.text) && *port->host) || (*port->host && !strcmp(old->vif_type, "binding_failed")) ||
        (*port->host && !strcmp(old->vif_type, "unbound"));
    return true;
}

static bool port_check(struct ctx *c, struct change *ch)
{
    struct port *port = ch->now;
    const struct port *old = ch->old;
    struct port_work *work = ch->data;

    if (!device_check(c, port, old))
        return false;
    if (old ? !port_updating(c, port, old, work) : !mac_check(c, port, asked(ch, "mac_address")))
        return false;
    if (!groups_choose(c, port, work, old))
        return false;
    if (!old || work->rebind) {
        if (!bind(c, port, work))
            return false;
        if (old)
            port->status = ctx_strdup(c, "DOWN");
    }
    return true;
}

/* Who must be ready before a bound port is ACTIVE. */
static bool blocks_set(struct ctx *c, const struct port *port, const struct port_work *work)
{
    bool bound = strcmp(port->vif_type, "unbound") && strcmp(port->vif_type, "binding_failed");

    if (!bound || !port->admin_state_up)
        return true;
    if (!provisioning_block(c, port->id, BLOCK_L2))
        return false;
    if (is_trusted(port->device_owner) || !db_count(c, "SELECT count(*) FROM ip_allocations a JOIN subnets s ON s.id = a.subnet_id WHERE a.port_id = $1"
                                                     " AND s.enable_dhcp", T(port->id)))
        return !failed(c);
    if (!db_count(c, "SELECT count(*) FROM agents WHERE agent_type = 'DHCP agent' AND admin_state_up AND heartbeat_timestamp > $1",
                  I(clock_us() - neutron_options()->agent_down_time * 1000000)))
        return !failed(c);
    return provisioning_block(c, port->id, BLOCK_DHCP);
}

static bool port_stored(struct ctx *c, struct change *ch)
{
    struct port *port = ch->now;
    struct port_work *work = ch->data;

    if (!ch->old && !ipam_give(c, port, work->fixed_ips))
        return false;
    if (ch->old && work->fixed_ips) {
        port->fixed_ips = ((const struct port *)ch->old)->fixed_ips;
        if (!ipam_change(c, port, work->fixed_ips))
            return false;
        if (device_owner_is_compute(port->device_owner) && !nova_event_add(c, "network-changed", port->device_id, port->id))
            return false;
    }
    if (work->groups && !port_groups_set(c, port->id, work->groups))
        return false;
    if (work->groups)
        port->security_groups = json_text(c, work->groups);
    return (!(!ch->old || work->rebind) || blocks_set(c, port, work)) && object_changed(c, OBJECT_PORT, port->id);
}

/* --- delete --------------------------------------------------------------------------------------------------- */

static bool port_deleting(struct ctx *c, void *record)
{
    const struct port *port = record;
    static const char *const kept[] = { "network:router_gateway", "network:floatingip", NULL };

    if (text_in(port->device_owner, kept) || owner_is_router_interface(port->device_owner)) {
        const char *owner = !strcmp(port->device_owner, "network:floatingip") ? "floatingips WHERE floating_port_id" : "routers WHERE id";
        const char *id = !strcmp(port->device_owner, "network:floatingip") ? port->id : port->device_id;

        if (db_count(c, ctx_printf(c, "SELECT count(*) FROM %s = $1", owner), T(id)) && json_array_size(json_of(c, port->fixed_ips)))
            return fail(c, SERVICE_PORT_IN_USE, port->id, ctx_printf(c, "has device owner %s", port->device_owner));
    }
    if (failed(c) || (device_owner_is_compute(port->device_owner) && !nova_event_add(c, "network-vif-deleted", port->device_id, port->id)))
        return false;
    return db_exec(c, "UPDATE floatingips SET last_known_router_id = router_id, router_id = NULL, port_id = NULL,"
                                 " fixed_ip_address = NULL, status = 'DOWN', revision_number = revision_number + 1 WHERE port_id = $1", T(port->id)) &&
        object_changed(c, OBJECT_PORT, port->id);
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static void fixed_ip_element(struct out *o, struct rows *rows)
{
    out_object(o, NULL);
    out_string(o, "subnet_id", db_text(rows, 1));
    out_string(o, "ip_address", db_text(rows, 2));
    out_end_object(o);
}

static void network_row(void *record, struct rows *rows, void *data)
{
    struct port *port = record;

    port->network_owner = db_text(rows, 1);
    port->qos_network_policy_id = db_text(rows, 2);
}

static bool port_fill(struct ctx *c, void *const *page, size_t n)
{
    static const struct fill fixed_ips = {
        .select = "SELECT port_id, subnet_id, ip_address FROM ip_allocations WHERE port_id", .order = " ORDER BY port_id, position",
        .key = offsetof(struct port, id),
    };
    static const struct fill groups = {
        .select = "SELECT port_id, security_group_id FROM port_security_groups WHERE port_id", .key = offsetof(struct port, id),
    };
    static const struct fill networks = { .select = "SELECT id, project_id, qos_policy_id FROM networks WHERE id", .key = offsetof(struct port, network_id) };

    return fill_lists(c, page, n, &fixed_ips, offsetof(struct port, fixed_ips), fixed_ip_element) &&
        fill_lists(c, page, n, &groups, offsetof(struct port, security_groups), fill_string) && fill_rows(c, page, n, &networks, network_row, NULL) &&
        (c->who.is_admin || rbac_fill_shared(c, page, n, "network", offsetof(struct port, network_id), offsetof(struct port, network_shared)));
}

static bool port_visible(struct ctx *c, struct sql *s)
{
    sql_add(s, " AND (t.project_id = ? OR t.network_id IN (SELECT id FROM networks WHERE project_id = ?))", T(c->who.project_id), T(c->who.project_id));
    return true;
}

/* fixed_ips=ip_address=10.0.0.2&fixed_ips=subnet_id=...&fixed_ips=ip_address_substr=10.0 */
static bool fixed_ips_filter(struct ctx *c, const char *const *values, struct sql *s)
{
    static const struct { const char *key, *piece; } keys[] = {
        { "subnet_id=", "a.subnet_id = ?" }, { "ip_address=", "a.ip_address = ?" }, { "ip_address_substr=", "a.ip_address LIKE '%' || ? || '%'" }
    };

    for (size_t k = 0; k < G_N_ELEMENTS(keys); k++) {
        bool any = false;

        for (const char *const *value = values; *value; value++) {
            size_t length = strlen(keys[k].key);
            struct ip ip;

            if (strncmp(*value, keys[k].key, length))
                continue;
            const char *text = *value + length;
            if (k == 1 && ip_read(text, &ip))
                text = ip_text(c, ip);
            sql_add(s, any ? " OR " : " AND EXISTS (SELECT 1 FROM ip_allocations a WHERE a.port_id = t.id AND (");
            sql_add(s, keys[k].piece, T(text));
            any = true;
        }
        if (any)
            sql_add(s, "))");
    }
    return true;
}

static bool port_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    *ret_taken = true;
    if (!strcmp(name, "fixed_ips"))
        return fixed_ips_filter(c, values, s);
    if (!strcmp(name, "security_groups")) {
        sql_add(s, " AND t.id IN (SELECT port_id FROM port_security_groups WHERE security_group_id IN ");
        sql_in(s, values);
        sql_add(s, ")");
        return true;
    }
    if (!strcmp(name, "mac_address")) {
        const char **macs = ctx_new_n(c, const char *, g_strv_length((char **)(uintptr_t)values) + 1);

        for (size_t i = 0; values[i]; i++)
            macs[i] = mac_is(values[i]) ? mac_canonical(c, values[i]) : values[i];
        sql_add(s, " AND t.mac_address IN ");
        sql_in(s, macs);
        return true;
    }
    *ret_taken = false;
    return true;
}

const struct resource port_resource = {
    .name = "port", .plural = "ports", .size = sizeof(struct port), .attrs = port_attrs, .quota = "port",
    .judge = port_judge, .check = port_check, .stored = port_stored, .deleting = port_deleting, .committed = notify_change,
    .fill = port_fill, .visible = port_visible, .filter = port_filter,
};

/* --- for others of the service -------------------------------------------------------------------------------- */

struct port *port_get(struct ctx *c, const char *id)
{
    void *port = rest_find_any(c, &port_resource, id);

    return port && port_fill(c, &port, 1) ? port : NULL;
}

json_t *port_json(struct ctx *c, const struct port *port)
{
    json_t *tree = record_to_json(c, port_attrs, port);

    json_object_del(tree, "network:tenant_id");
    json_object_del(tree, "shared");
    json_object_set_new(tree, "tenant_id", json_string(port->project_id));
    return tree;
}

struct sql *ports_select(struct ctx *c)
{
    struct sql *s = sql_new(c);
    struct buf columns = { 0 };

    record_columns(&columns, port_attrs, "t.");
    sql_add(s, ctx_printf(c, "SELECT %s FROM ports t WHERE 1 = 1", columns.data));
    buf_clear(&columns);
    return s;
}

struct port **ports_fetch(struct ctx *c, struct sql *s, size_t *ret_n)
{
    GPtrArray *list = g_ptr_array_new();
    struct rows *rows;
    struct port **ports;

    for (rows = sql_query(s); db_next(rows);) {
        struct port *port = ctx_new(c, struct port);

        record_from_row(rows, port_attrs, port, 0);
        g_ptr_array_add(list, port);
    }
    ports = ctx_new_n(c, struct port *, list->len + 1);
    if (list->len)
        memcpy(ports, list->pdata, list->len * sizeof(*ports));
    *ret_n = list->len;
    g_ptr_array_free(list, TRUE);
    return !failed(c) && port_fill(c, (void *const *)ports, *ret_n) ? ports : NULL;
}

struct port *port_make(struct ctx *c, json_t *body)
{
    struct port *port = record_new(c, port_attrs, sizeof(*port));
    struct port_work work = { .own = true };
    struct change ch = { .resource = &port_resource, .now = port, .asked = body, .data = &work };

    if (!record_from_json(c, port_attrs, port, body))
        return NULL;
    if (json_object_get(body, "tenant_id"))
        port->project_id = ctx_strdup(c, json_get_string(body, "tenant_id"));
    port->id = port->id ? port->id : uuid_new(c);
    port->created_at = port->updated_at = utc_now();
    port->revision_number = 1;
    port->project_id = port->project_id ? port->project_id : ctx_strdup(c, "");
    bool ok = port_judge(c, &ch) && port_check(c, &ch) && record_insert(c, "ports", port_attrs, port) && port_stored(c, &ch);
    void *filled = port;
    return ok && port_fill(c, &filled, 1) ? port : NULL;
}

bool port_drop(struct ctx *c, const char *id)
{
    return object_changed(c, OBJECT_PORT, id) && db_exec(c, "DELETE FROM ports WHERE id = $1", T(id));
}

bool port_set_host(struct ctx *c, struct port *port, const char *host)
{
    struct port_work work = { .network = rest_find_any(c, &network_resource, port->network_id), .rebind = true };

    port->host = ctx_strdup(c, host);
    port->revision_number++;
    port->updated_at = utc_now();
    return work.network && bind(c, port, &work) && record_update(c, "ports", port_attrs, port, "id") && blocks_set(c, port, &work) &&
        object_changed(c, OBJECT_PORT, port->id);
}
