/* What the compute agent answers, by RPC: it is given the instance's row and has the hypervisor do it. */
#include "nova/compute/compute.h"
#include "nova/faults_compute.h"
#include "nova/jobs/parts.h"
#include "nova/rpc/conductor.h"
#include "nova/virt/virt.h"

/* The row, as the caller had it. */
static struct instance *row_of(struct ctx *c, json_t *args, json_t **ret_vifs)
{
    struct instance *inst = instance_from_json(c, json_object_get(args, "instance"));

    if (inst && ret_vifs)
        *ret_vifs = json_of(c, inst->network_info);
    return inst;
}

static bool power_now(struct ctx *c, const struct instance *inst, bool ok, json_t **ret_result)
{
    enum power_state power;

    if (!ok || !virt_state(c, inst, &power))
        return false;
    *ret_result = json_pack("{s:i}", "power_state", (int)power);
    return true;
}

/* --- for the jobs -------------------------------------------------------------------------------------------- */

static bool spawn_guest(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *vifs;
    struct instance *inst = row_of(c, args, &vifs);
    const char *image = json_get_string(args, "image_id");
    bool ok;

    if (inst && image)
        inst->image_ref = ctx_strdup(c, image);
    ok = inst && virt_spawn(c, inst, vifs, json_get_bool(args, "waiting", false));
    compute_usage_changed();
    return power_now(c, inst, ok, ret_result);
}

static bool destroy_guest(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct instance *inst = row_of(c, args, NULL);
    const char *lives_on = json_get_string(args, "lives_on");

    if (inst && lives_on)
        inst->host = ctx_strdup(c, lives_on);
    compute_usage_changed();
    return inst && virt_destroy(c, inst, json_get_bool(args, "keep_files", false));
}

static bool change_guest(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *vifs;
    struct instance *inst = row_of(c, args, &vifs);
    bool ok = inst && virt_change(c, inst, vifs, (enum guest_change)json_get_int(args, "change", 0));

    return power_now(c, inst, ok, ret_result);
}

static bool snapshot_guest(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct instance *inst = row_of(c, args, NULL);

    return inst && virt_snapshot(c, inst, json_get_string(args, "image_id"));
}

static bool resize_guest(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *vifs;
    struct instance *inst = row_of(c, args, &vifs);

    compute_usage_changed();
    return inst && virt_resize(c, inst, vifs, json_get_bool(args, "revert", false));
}

static bool confirm_guest(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct instance *inst = row_of(c, args, NULL);

    compute_usage_changed();
    return inst && virt_confirm(c, inst);
}

static bool pre_live_migration(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *vifs;
    struct instance *inst = row_of(c, args, &vifs);

    compute_usage_changed();
    return power_now(c, inst, inst && virt_pre_live_migration(c, inst, vifs), ret_result);
}

static bool live_migration(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct instance *inst = row_of(c, args, NULL);
    const char *host = json_get_string(args, "host_to");

    compute_usage_changed();
    return inst && (host ? virt_live_migration(c, inst, host) : fail(c, BAD_REQUEST, "host_to is missing"));
}

static bool rescue_guest(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *vifs;
    struct instance *inst = row_of(c, args, &vifs);

    return power_now(c, inst, inst && virt_rescue(c, inst, vifs, json_get_string(args, "image_id")), ret_result);
}

static bool unrescue_guest(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *vifs;
    struct instance *inst = row_of(c, args, &vifs);

    return power_now(c, inst, inst && virt_unrescue(c, inst, vifs), ret_result);
}

/* --- for the API, while a user waits ------------------------------------------------------------------------- */

static bool get_console_output(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct instance *inst = row_of(c, args, NULL);
    char *text = inst ? virt_console_output(c, inst, json_get_int(args, "tail_length", -1)) : NULL;

    if (text)
        *ret_result = json_string(text);
    return text != NULL;
}

static bool get_vnc_console(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *type = json_get_string(args, "console_type"), *host = NULL;
    struct instance *inst = row_of(c, args, NULL);
    int port = 0;

    if (!text_equal(type, "novnc"))
        return fail(c, CONSOLE_UNAVAILABLE, type ? type : "");
    if (!inst || !virt_vnc(c, inst, &host, &port))
        return false;
    *ret_result = json_pack("{s:s, s:i, s:n}", "host", host, "port", port, "internal_access_path");
    return true;
}

static bool get_instance_diagnostics(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *vifs;
    struct instance *inst = row_of(c, args, &vifs);

    *ret_result = inst ? json_incref(virt_diagnostics(c, inst, vifs)) : NULL;
    return *ret_result != NULL;
}

static bool get_host_uptime(struct ctx *c, json_t *args, json_t **ret_result)
{
    char *text = virt_uptime(c, common_options->host);

    if (text)
        *ret_result = json_string(text);
    return text != NULL;
}

/* What could not be plugged is given back, and the first fault stays. */
static bool give_back(struct ctx *c, const char *uuid, json_t *vif)
{
    struct fault cause = c->fault;

    fault_clear(c);
    port_detach(c, vif);
    fault_clear(c);
    conductor_store_vif(c, uuid, vif, false);
    fault_clear(c);
    return fail(c, cause.status, cause.type, "%s", cause.message);
}

static bool attach_interface(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct instance *inst = row_of(c, args, NULL);
    json_t *vif = inst ? port_attach(c, inst, json_get_string(args, "network_id"), json_get_string(args, "port_id"),
                                     json_get_string(args, "requested_ip"), json_get_string(args, "tag")) : NULL;

    if (!vif)
        return false;
    if (!conductor_store_vif(c, inst->uuid, vif, true) || !virt_attach_interface(c, inst, vif))
        return give_back(c, inst->uuid, vif);
    if (!vifs_active(ctx_json(c, json_pack("[O]", vif))) && plugged_wait(ctx_json(c, json_pack("[O]", vif)), 2000000))
        conductor_store_vif(c, inst->uuid, vif, true);
    *ret_result = json_incref(vif);
    return !failed(c);
}

static bool detach_interface(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *port_id = json_get_string(args, "port_id");
    struct instance *inst = row_of(c, args, NULL);
    json_t *vifs = inst ? json_of(c, inst->network_info) : NULL, *vif;
    size_t i;

    json_array_foreach(vifs, i, vif)
        if (text_equal(json_get_string(vif, "id"), port_id))
            return virt_detach_interface(c, inst, vif) && port_detach(c, vif) && conductor_store_vif(c, inst->uuid, vif, false);
    return inst && fail(c, PORT_NOT_ATTACHED, port_id ? port_id : "");
}

static const struct rpc_method methods[] = {
    { RPC_SPAWN_GUEST, spawn_guest },
    { RPC_DESTROY_GUEST, destroy_guest },
    { RPC_CHANGE_GUEST, change_guest },
    { RPC_SNAPSHOT_GUEST, snapshot_guest },
    { RPC_RESIZE_GUEST, resize_guest },
    { RPC_CONFIRM_GUEST, confirm_guest },
    { RPC_PRE_LIVE_MIGRATION, pre_live_migration },
    { RPC_LIVE_MIGRATION, live_migration },
    { RPC_RESCUE_GUEST, rescue_guest },
    { RPC_UNRESCUE_GUEST, unrescue_guest },
    { RPC_GET_CONSOLE_OUTPUT, get_console_output },
    { RPC_GET_VNC_CONSOLE, get_vnc_console },
    { RPC_GET_DIAGNOSTICS, get_instance_diagnostics },
    { RPC_GET_HOST_UPTIME, get_host_uptime },
    { RPC_ATTACH_INTERFACE, attach_interface },
    { RPC_DETACH_INTERFACE, detach_interface },
    {}
};

const struct rpc_server compute_rpc_server = {
    .exchange = "nova", .topic = COMPUTE_TOPIC, .fault_module = "nova.exception", .role = "compute", .threads = 8, .per_host = true,
    .endpoints = (const struct rpc_endpoint[]){ { NULL, COMPUTE_RPC_VERSION, methods }, {} },
};
