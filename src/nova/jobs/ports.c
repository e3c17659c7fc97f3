/* An instance's ports, through Neutron's API, and network_info, which is what Nova keeps of them.
 *
 * A port is found again by its device_id, so that nothing is made twice. "Made" ports are Nova's and go with the instance;
 * "taken" ones were there before (preserve_on_delete) and are let go.
 */
#include "nova/jobs/parts.h"

#include "oslo/client/client.h"

#include <string.h>

/* --- calls --------------------------------------------------------------------------------------------------- */

static json_t *neutron(struct ctx *c, const char *method, const char *path, json_t *body, const char *accept_404)
{
    struct call call = { .type = "network", .method = method, .path = path, .body = ctx_json(c, body), .as_service = true, .accept_404 = accept_404 };

    if (!client_call(c, &call))
        return NULL;
    return call.reply && call.status != 404 ? call.reply : ctx_json(c, json_object());
}

static json_t *ports_of(struct ctx *c, const char *instance_uuid)
{
    json_t *reply = neutron(c, "GET", ctx_printf(c, "/v2.0/ports?device_id=%s", instance_uuid), NULL, NULL);

    return reply ? json_object_get(reply, "ports") : NULL;
}

static json_t *network_get(struct ctx *c, const char *id)
{
    json_t *reply = neutron(c, "GET", ctx_printf(c, "/v2.0/networks/%s", id), NULL, NULL);

    return reply ? json_object_get(reply, "network") : NULL;
}

/* --- network_info -------------------------------------------------------------------------------------------- */

static json_t *vif_ips(json_t *port)
{
    json_t *ips = json_array(), *fixed;
    size_t i;

    json_array_foreach(json_object_get(port, "fixed_ips"), i, fixed) {
        const char *address = json_get_string(fixed, "ip_address");

        json_array_append_new(ips, json_pack("{s:s?, s:i, s:s, s:s?, s:[]}", "address", address, "version", address && strchr(address, ':') ? 6 : 4,
                                             "type", "fixed", "subnet_id", json_get_string(fixed, "subnet_id"), "floating_ips"));
    }
    return ips;
}

/* One entry of network_info, of the ctx. */
static json_t *vif_of(struct ctx *c, json_t *port, json_t *network, bool preserve, const char *tag)
{
    const char *id = json_get_string(port, "id"), *network_id = json_get_string(port, "network_id");
    const char *type = json_get_string(port, "binding:vif_type"), *vnic = json_get_string(port, "binding:vnic_type");
    json_t *details = json_object_get(port, "binding:vif_details");
    const char *bridge = json_get_string(details, "bridge_name");

    return ctx_json(c, json_pack("{s:s, s:s?, s:s?, s:O?, s:s, s:s, s:b, s:b, s:s?, s:O?, s:{s:s?, s:s?, s:s}, s:o}",
        "id", id, "address", json_get_string(port, "mac_address"), "type", type, "details", details,
        "devname", ctx_printf(c, "tap%.11s", id),
        "vnic_type", vnic ? vnic : "normal", "active", text_equal(json_get_string(port, "status"), "ACTIVE"), "preserve_on_delete", preserve,
        "tag", tag, "mtu", json_object_get(network, "mtu"), "network", "id", network_id, "label", json_get_string(network, "name"),
        "bridge", bridge ? bridge : ctx_printf(c, "brq%.11s", network_id), "ips", vif_ips(port)));
}

static json_t *vif_find(json_t *vifs, const char *port_id)
{
    json_t *vif;
    size_t i;

    json_array_foreach(vifs, i, vif)
        if (text_equal(json_get_string(vif, "id"), port_id))
            return vif;
    return NULL;
}

bool vifs_active(json_t *vifs)
{
    json_t *vif;
    size_t i;

    json_array_foreach(vifs, i, vif)
        if (!json_get_bool(vif, "active", false))
            return false;
    return true;
}

/* --- what is asked for --------------------------------------------------------------------------------------- */

static bool add_networks(struct ctx *c, json_t *list, const char *query)
{
    json_t *reply = neutron(c, "GET", ctx_printf(c, "/v2.0/networks?%s", query), NULL, NULL), *network;
    size_t i;

    json_array_foreach(json_object_get(reply, "networks"), i, network)
        if (!json_get_bool(network, "router:external", false))
            json_array_append_new(list, json_pack("{s:s}", "uuid", json_get_string(network, "id")));
    return reply != NULL;
}

/* Nothing was said: the one network the project has, or that is shared; with auto, one is made where there is none. */
static json_t *own_networks(struct ctx *c, const char *project, bool automatic)
{
    json_t *list = ctx_json(c, json_array()), *made;

    if (!add_networks(c, list, ctx_printf(c, "project_id=%s&shared=false&admin_state_up=true", project)) ||
        !add_networks(c, list, "shared=true&admin_state_up=true"))
        return NULL;
    if (json_array_size(list) > 1)
        return fail_null(c, MULTIPLE_NETWORKS);
    if (json_array_size(list) == 0 && automatic) {
        made = neutron(c, "GET", ctx_printf(c, "/v2.0/auto-allocated-topology/%s", project), NULL, NULL);
        if (!made)
            return NULL;
        json_array_append_new(list, json_pack("{s:s?}", "uuid", json_get_string(json_object_get(made, "auto_allocated_topology"), "id")));
    }
    return list;
}

static json_t *networks_asked(struct ctx *c, const struct instance *inst)
{
    json_t *asked = json_object_get(json_of(c, inst->request), "networks");

    if (json_is_array(asked))
        return asked;
    if (text_equal(json_string_value(asked), "none"))
        return ctx_json(c, json_array());
    return own_networks(c, inst->project_id, text_equal(json_string_value(asked), "auto"));
}

/* True when nothing but the project's own default group was asked for, which Neutron gives by itself. */
static bool groups_default(json_t *groups)
{
    json_t *name;
    size_t i;

    json_array_foreach(groups, i, name)
        if (!text_equal(json_string_value(name), "default"))
            return false;
    return true;
}

/* Ids of the security groups asked for by name or id; JSON null for the default. NULL with a fault. */
static json_t *groups_asked(struct ctx *c, const struct instance *inst)
{
    json_t *asked = json_object_get(json_of(c, inst->request), "security_groups"), *ids = ctx_json(c, json_array()), *reply, *name, *group;
    size_t i, j;

    if (groups_default(asked))
        return ctx_json(c, json_null());
    reply = neutron(c, "GET", ctx_printf(c, "/v2.0/security-groups?project_id=%s&fields=id&fields=name", inst->project_id), NULL, NULL);
    if (!reply)
        return NULL;
    json_array_foreach(asked, i, name) {
        const char *wanted = json_string_value(name), *found = NULL;

        json_array_foreach(json_object_get(reply, "security_groups"), j, group)
            if (text_equal(json_get_string(group, "id"), wanted) || (!found && text_equal(json_get_string(group, "name"), wanted)))
                found = json_get_string(group, "id");
        if (!found)
            return fail_null(c, SECURITY_GROUP_NOT_FOUND, wanted ? wanted : "");
        json_array_append_new(ids, json_string(found));
    }
    return ids;
}

json_t *security_groups_shown(struct ctx *c, const struct instance *inst)
{
    json_t *asked = json_object_get(json_of(c, inst->request), "security_groups"), *shown = ctx_json(c, json_array()), *name;
    size_t i;

    json_array_foreach(asked, i, name)
        json_array_append_new(shown, json_pack("{s:s?}", "name", json_string_value(name)));
    if (json_array_size(shown) == 0)
        json_array_append_new(shown, json_pack("{s:s}", "name", "default"));
    return shown;
}

/* --- making and taking --------------------------------------------------------------------------------------- */

static json_t *owner(struct ctx *c, const struct instance *inst)
{
    return json_pack("{s:s, s:s, s:s}", "device_id", inst->uuid, "device_owner",
                     ctx_printf(c, "compute:%s", inst->availability_zone && *inst->availability_zone ? inst->availability_zone : DEFAULT_AVAILABILITY_ZONE),
                     "binding:host_id", inst->host ? inst->host : "");
}

static json_t *port_make(struct ctx *c, const struct instance *inst, const char *network_id, const char *fixed_ip, json_t *groups)
{
    json_t *port = owner(c, inst), *reply;

    json_object_set_new(port, "network_id", json_string(network_id));
    json_object_set_new(port, "project_id", json_string(inst->project_id));
    json_object_set_new(port, "admin_state_up", json_true());
    if (fixed_ip)
        json_object_set_new(port, "fixed_ips", json_pack("[{s:s}]", "ip_address", fixed_ip));
    if (json_is_array(groups))
        json_object_set(port, "security_groups", groups);
    reply = neutron(c, "POST", "/v2.0/ports", json_pack("{s:o}", "port", port), NULL);
    return reply ? json_object_get(reply, "port") : NULL;
}

static json_t *port_take(struct ctx *c, const struct instance *inst, const char *port_id)
{
    json_t *reply = neutron(c, "PUT", ctx_printf(c, "/v2.0/ports/%s", port_id), json_pack("{s:o}", "port", owner(c, inst)), NULL);

    return reply ? json_object_get(reply, "port") : NULL;
}

static bool port_bound(struct ctx *c, json_t *port)
{
    const char *type = json_get_string(port, "binding:vif_type");

    return !text_equal(type, "binding_failed") || fail(c, PORT_BINDING_FAILED, json_get_string(port, "id"));
}

/* A port that an earlier run made for this request: of that network, and not given to an earlier request. */
static json_t *port_again(json_t *existing, const char *network_id, json_t *vifs)
{
    json_t *port;
    size_t i;

    json_array_foreach(existing, i, port)
        if (text_equal(json_get_string(port, "network_id"), network_id) && !vif_find(vifs, json_get_string(port, "id")))
            return port;
    return NULL;
}

json_t *ports_allocate(struct ctx *c, const struct instance *inst, bool again)
{
    json_t *asked = networks_asked(c, inst), *vifs = ctx_json(c, json_array()), *existing = NULL, *groups, *one;
    size_t i;

    if (!asked || json_array_size(asked) == 0)
        return asked;
    groups = groups_asked(c, inst);
    if (!groups || (again && !(existing = ports_of(c, inst->uuid))))
        return NULL;
    json_array_foreach(asked, i, one) {
        const char *port_id = json_get_string(one, "port"), *network_id = json_get_string(one, "uuid");
        json_t *port = port_id ? NULL : port_again(existing, network_id, vifs), *network;

        if (!port)
            port = port_id ? port_take(c, inst, port_id) : port_make(c, inst, network_id, json_get_string(one, "fixed_ip"), groups);
        if (!port || !port_bound(c, port) || !(network = network_get(c, json_get_string(port, "network_id"))))
            return NULL;
        json_array_append(vifs, vif_of(c, port, network, port_id != NULL, json_get_string(one, "tag")));
    }
    return vifs;
}

/* Was the port there before the instance? What the request says counts where network_info was not yet written. */
static bool port_taken(struct ctx *c, const struct instance *inst, const char *port_id)
{
    json_t *vif = vif_find(json_of(c, inst->network_info), port_id), *asked = json_object_get(json_of(c, inst->request), "networks"), *one;
    size_t i;

    if (vif)
        return json_get_bool(vif, "preserve_on_delete", false);
    json_array_foreach(asked, i, one)
        if (text_equal(json_get_string(one, "port"), port_id))
            return true;
    return false;
}

static bool port_free(struct ctx *c, const char *port_id, bool taken)
{
    const char *path = ctx_printf(c, "/v2.0/ports/%s", port_id);

    if (taken)
        return neutron(c, "PUT", path, json_pack("{s:{s:s, s:s, s:s}}", "port", "device_id", "", "device_owner", "", "binding:host_id", ""), "") != NULL;
    return neutron(c, "DELETE", path, NULL, "") != NULL;
}

bool ports_release(struct ctx *c, const struct instance *inst)
{
    json_t *ports = ports_of(c, inst->uuid), *port;
    size_t i;

    json_array_foreach(ports, i, port) {
        const char *id = json_get_string(port, "id");

        if (!port_free(c, id, port_taken(c, inst, id)))
            return false;
    }
    return ports != NULL;
}

bool ports_bind(struct ctx *c, const struct instance *inst, const char *host)
{
    json_t *vifs = json_of(c, inst->network_info), *vif;
    size_t i;

    json_array_foreach(vifs, i, vif) {
        json_t *body = json_pack("{s:{s:s}}", "port", "binding:host_id", host);

        if (!neutron(c, "PUT", ctx_printf(c, "/v2.0/ports/%s", json_get_string(vif, "id")), body, ""))
            return false;
    }
    return true;
}

bool ports_unwired(struct ctx *c, const char *instance_uuid)
{
    struct instance *inst = instance_edit(c, instance_uuid);
    json_t *vifs = inst ? json_of(c, inst->network_info) : NULL, *vif;
    size_t i;

    if (!inst)
        return false;
    json_array_foreach(vifs, i, vif)
        json_object_set_new(vif, "active", json_false());
    instance_set_network_info(c, inst, vifs);
    return instance_edited(c, inst);
}

/* --- reading again ------------------------------------------------------------------------------------------- */

/* Floating addresses of the ports, into the ips they lead to. */
static bool add_floating(struct ctx *c, json_t *vifs)
{
    struct buf query = {};
    json_t *reply, *vif, *ip, *floating;
    const char *path;
    size_t i, k;

    json_array_foreach(vifs, i, vif)
        buf_printf(&query, "%sport_id=%s", i ? "&" : "/v2.0/floatingips?", json_get_string(vif, "id"));
    path = ctx_strdup(c, query.data);
    buf_clear(&query);
    if (!path)
        return true;
    reply = neutron(c, "GET", path, NULL, NULL);
    json_array_foreach(json_object_get(reply, "floatingips"), i, floating) {
        vif = vif_find(vifs, json_get_string(floating, "port_id"));
        json_array_foreach(json_object_get(vif, "ips"), k, ip)
            if (text_equal(json_get_string(ip, "address"), json_get_string(floating, "fixed_ip_address")))
                json_array_append(json_object_get(ip, "floating_ips"), json_object_get(floating, "floating_ip_address"));
    }
    return reply != NULL;
}

/* The names of the groups that the ports are in, once each. */
static json_t *group_names(struct ctx *c, json_t *ports)
{
    json_t *seen = ctx_json(c, json_object()), *names = ctx_json(c, json_array()), *port, *id, *reply, *group;
    struct buf query = {};
    const char *path;
    size_t i, j;

    json_array_foreach(ports, i, port)
        json_array_foreach(json_object_get(port, "security_groups"), j, id)
            if (json_object_get(seen, json_string_value(id)) == NULL) {
                json_object_set_new(seen, json_string_value(id), json_true());
                buf_printf(&query, "%sid=%s", query.len ? "&" : "/v2.0/security-groups?fields=name&", json_string_value(id));
            }
    path = ctx_strdup(c, query.data);
    buf_clear(&query);
    if (!path)
        return names;
    if (!(reply = neutron(c, "GET", path, NULL, NULL)))
        return NULL;
    json_array_foreach(json_object_get(reply, "security_groups"), i, group)
        json_array_append_new(names, json_pack("{s:s?}", "name", json_get_string(group, "name")));
    return names;
}

json_t *ports_read(struct ctx *c, const struct instance *inst, json_t **ret_groups)
{
    json_t *ports = ports_of(c, inst->uuid), *had = json_of(c, inst->network_info), *vifs = ctx_json(c, json_array()), *old, *port;
    size_t i, j;

    if (!ports)
        return NULL;
    /* Those it had come first, in their order; new ones follow. */
    for (int round = 0; round < 2; round++)
        json_array_foreach(round ? ports : had, i, old) {
            const char *id = json_get_string(old, "id"), *label;
            json_t *network = NULL, *vif = vif_find(had, id);

            if (round == 1 && vif_find(vifs, id))
                continue;
            json_array_foreach(ports, j, port)
                if (text_equal(json_get_string(port, "id"), id)) {
                    if (!(network = network_get(c, json_get_string(port, "network_id"))))
                        return NULL;
                    label = json_get_string(vif, "tag");
                    json_array_append(vifs, vif_of(c, port, network, port_taken(c, inst, id), label));
                }
        }
    *ret_groups = group_names(c, ports);
    return *ret_groups && add_floating(c, vifs) ? vifs : NULL;
}

/* --- one more, one less -------------------------------------------------------------------------------------- */

json_t *port_attach(struct ctx *c, const struct instance *inst, const char *network_id, const char *port_id, const char *fixed_ip, const char *tag)
{
    json_t *port, *network, *own;

    if (!port_id && !network_id) {
        if (!(own = own_networks(c, inst->project_id, false)))
            return NULL;
        network_id = json_get_string(json_array_get(own, 0), "uuid");
        if (!network_id)
            return fail_null(c, INTERFACE_ATTACH_FAILED, inst->uuid);
    }
    port = port_id ? port_take(c, inst, port_id) : port_make(c, inst, network_id, fixed_ip, NULL);
    if (!port || !(network = network_get(c, json_get_string(port, "network_id"))))
        return NULL;
    if (!port_bound(c, port)) {
        struct fault cause = c->fault;

        fault_clear(c);
        port_free(c, json_get_string(port, "id"), port_id != NULL);
        fault_clear(c);
        return fail_null(c, cause.status, cause.type, "%s", cause.message);
    }
    return vif_of(c, port, network, port_id != NULL, tag);
}

bool port_detach(struct ctx *c, json_t *vif)
{
    return port_free(c, json_get_string(vif, "id"), json_get_bool(vif, "preserve_on_delete", false));
}
