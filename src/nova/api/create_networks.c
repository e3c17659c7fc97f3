/* The networks, ports and security groups of a server, as Neutron knows them to the requester. */
#include "nova/api/create.h"

#include "oslo/client/client.h"

#include <string.h>

static json_t *list_of(struct ctx *c, const char *plural, const char *path)
{
    json_t *reply = client_get(c, "network", "%s", path);

    return reply ? json_object_get(reply, plural) : NULL;
}

/* Without a network said there must be one that is meant; with "auto" there may be none where one can be made. */
static bool check_any(struct ctx *c, bool automatic)
{
    const char *up = automatic ? "&admin_state_up=true" : "";
    json_t *own = list_of(c, "networks", ctx_printf(c, "/v2.0/networks?tenant_id=%s&shared=false&fields=id%s", c->who.project_id, up));
    json_t *shared = own ? list_of(c, "networks", "/v2.0/networks?shared=true&fields=id") : NULL;
    struct call topology = { .type = "network", .method = "GET", .accept_404 = "yes",
                             .path = ctx_printf(c, "/v2.0/auto-allocated-topology/%s?fields=dry-run", c->who.project_id) };

    if (!own || !shared)
        return false;
    if (json_array_size(own) + json_array_size(shared) > 1)
        return fail(c, NETWORK_AMBIGUOUS);
    if (!automatic || json_array_size(own) + json_array_size(shared) == 1 ||
        (client_call(c, &topology) && topology.status != 404))
        return true;
    fault_clear(c);
    return fail(c, NO_AUTO_NETWORK, c->who.project_id);
}

static bool check_port(struct ctx *c, const char *id)
{
    struct call call = { .type = "network", .method = "GET", .path = ctx_printf(c, "/v2.0/ports/%s", id), .accept_404 = "yes" };
    const char *allocation;
    json_t *port;

    if (!client_call(c, &call))
        return false;
    if (call.status == 404)
        return fail(c, CREATE_PORT_NOT_FOUND, id);
    port = json_object_get(call.reply, "port");
    if (json_get_string(port, "device_id") && *json_get_string(port, "device_id"))
        return fail(c, PORT_IN_USE, id);
    allocation = json_get_string(port, "ip_allocation");
    return json_array_size(json_object_get(port, "fixed_ips")) || text_equal(allocation, "deferred") || text_equal(allocation, "none") ||
           fail(c, PORT_REQUIRES_FIXED_IP, id);
}

static bool check_fixed_ip(struct ctx *c, const char *network, const char *address)
{
    json_t *ports = list_of(c, "ports", ctx_printf(c, "/v2.0/ports?network_id=%s&fixed_ips=ip_address%%3D%s&fields=device_id", network,
                                                   client_quote(c, address)));

    if (!ports)
        return false;
    return !json_array_size(ports) || fail(c, FIXED_IP_IN_USE, address, json_get_string(json_array_get(ports, 0), "device_id"));
}

static json_t *found(json_t *networks, const char *id)
{
    json_t *network;
    size_t i;

    json_array_foreach(networks, i, network)
        if (text_equal(json_get_string(network, "id"), id))
            return network;
    return NULL;
}

/* All networks of the list at once. */
static bool check_ids(struct ctx *c, const GPtrArray *ids)
{
    struct buf path = {}, lost = {};
    json_t *networks;

    if (!ids->len)
        return true;
    buf_puts(&path, "/v2.0/networks?fields=id&fields=subnets");
    for (guint i = 0; i < ids->len; i++)
        buf_printf(&path, "&id=%s", (const char *)ids->pdata[i]);
    networks = list_of(c, "networks", path.data);
    buf_clear(&path);
    if (!networks)
        return false;
    for (guint i = 0; i < ids->len; i++) {
        const json_t *network = found(networks, ids->pdata[i]);

        if (!network)
            buf_printf(&lost, "%s%s", lost.len ? ", " : "", (const char *)ids->pdata[i]);
        else if (!json_array_size(json_object_get(network, "subnets")))
            fail(c, NETWORK_REQUIRES_SUBNET, (const char *)ids->pdata[i]);
    }
    if (lost.len && !failed(c))
        fail(c, CREATE_NETWORK_NOT_FOUND, lost.data);
    buf_clear(&lost);
    return !failed(c);
}

static bool twice(json_t *networks, size_t upto, const char *port)
{
    for (size_t i = 0; i < upto; i++)
        if (text_equal(json_get_string(json_array_get(networks, i), "port"), port))
            return true;
    return false;
}

/* The shape of one entry, without asking anybody. */
static bool judge(struct ctx *c, json_t *networks, size_t i, int64_t count)
{
    const json_t *asked = json_array_get(networks, i);
    const char *uuid = json_get_string(asked, "uuid"), *port = json_get_string(asked, "port"), *ip = json_get_string(asked, "fixed_ip");

    if (port && twice(networks, i, port))
        return fail(c, PORT_TWICE, port);
    if (port && ip)
        return fail(c, PORT_WITH_FIXED_IP, ip, port);
    if (!port && !uuid)
        return fail(c, BAD_REQUEST, "Bad network format: missing 'uuid'");
    if (!port && !uuid_is(uuid))
        return fail(c, NETWORK_BAD_UUID, uuid);
    if (count > 1 && port)
        return fail(c, LAUNCH_FAILED, "Unable to launch multiple instances with a single configured port ID. Please launch your"
                    " instance one by one with different ports.");
    return count <= 1 || !ip || fail(c, LAUNCH_FAILED, "max_count cannot be greater than 1 if an fixed_ip is specified.");
}

static bool check_list(struct ctx *c, json_t *networks, int64_t count)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    json_t *asked;
    size_t i;

    for (i = 0; i < json_array_size(networks); i++)
        if (!judge(c, networks, i, count))
            return false;
    json_array_foreach(networks, i, asked) {
        const char *uuid = json_get_string(asked, "uuid"), *port = json_get_string(asked, "port"), *ip = json_get_string(asked, "fixed_ip");

        if (port ? !check_port(c, port) : ip && !check_fixed_ip(c, uuid, ip))
            return false;
        if (!port && !g_ptr_array_find_with_equal_func(ids, uuid, g_str_equal, NULL))
            g_ptr_array_add(ids, (char *)(uintptr_t)uuid);
    }
    return check_ids(c, ids);
}

bool networks_check(struct ctx *c, json_t *networks, int64_t count)
{
    if (json_is_string(networks) && strcmp(json_string_value(networks), "none") == 0)
        return true;
    if (json_array_size(networks))
        return check_list(c, networks, count);
    return check_any(c, json_is_string(networks));
}

/* --- security groups ---------------------------------------------------------------------------------------------- */

static const char *group_id(struct ctx *c, const char *name)
{
    json_t *groups = NULL;

    if (uuid_is(name))
        groups = list_of(c, "security_groups", ctx_printf(c, "/v2.0/security-groups?id=%s&fields=id", name));
    if (!failed(c) && !json_array_size(groups))
        groups = list_of(c, "security_groups", ctx_printf(c, "/v2.0/security-groups?name=%s&tenant_id=%s&fields=id", client_quote(c, name),
                                                          c->who.project_id));
    if (failed(c))
        return NULL;
    if (!json_array_size(groups))
        return fail_null(c, CREATE_GROUP_NOT_FOUND, name);
    if (json_array_size(groups) > 1)
        return fail_null(c, GROUP_NOT_UNIQUE, name);
    return json_get_string(json_array_get(groups, 0), "id");
}

json_t *groups_check(struct ctx *c, json_t *asked)
{
    json_t *ids = ctx_json(c, json_array()), *group;
    size_t i;

    json_array_foreach(asked, i, group) {
        const char *name = json_get_string(group, "name"), *id;

        if (!name)
            continue;
        id = strcmp(name, "default") == 0 ? name : group_id(c, name);
        if (!id)
            return NULL;
        json_array_append_new(ids, json_string(id));
    }
    return ids;
}
