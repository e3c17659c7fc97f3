/* What the conductor answers, by RPC: Nova's rows for those who open no database. Each method is one short transaction. */
#include "nova/conductor/conductor.h"

#include "nova/jobs/parts.h"
#include "nova/rpc/conductor.h"
#include "oslo/base/log.h"

#include <string.h>

bool conductor_report(struct ctx *c)
{
    return service_report(c, common_options->host, "nova-conductor", "conductor") &&
           service_report(c, common_options->host, "nova-scheduler", "scheduler");
}

static bool report_service(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *host = json_get_string(args, "host"), *binary = json_get_string(args, "binary"), *topic = json_get_string(args, "topic");

    if (!host || !binary || !topic)
        return fail(c, BAD_REQUEST, "host, binary or topic is missing");
    return service_report(c, host, binary, topic) && (strcmp(binary, "nova-compute") || evacuations_end(c, host));
}

/* --- nodes ----------------------------------------------------------------------------------------------------- */

static struct compute_node *node_read(struct ctx *c, json_t *args)
{
    struct compute_node *node = record_new(c, compute_node_attrs, sizeof *node);

    if (!record_from_json(c, compute_node_attrs, node, json_object_get(args, "node")))
        return NULL;
    return node->host ? node : fail_null(c, BAD_REQUEST, "host is missing");
}

/* Adds what the instances of the host take by their flavors to what it keeps for itself. */
static bool count_usage(struct ctx *c, struct compute_node *node)
{
    struct rows *r = db_query(c, "SELECT coalesce(sum(vcpus), 0), coalesce(sum(memory_mb), 0),"
                              " coalesce(sum(CASE WHEN coalesce(image_ref, '') = '' THEN 0 ELSE root_gb END + ephemeral_gb), 0), count(*),"
                              " count(*) FILTER (WHERE task_state IS NOT NULL)"
                              " FROM instances WHERE host = $1 AND NOT deleted", T(node->host));

    if (!db_next(r))
        return false;
    node->vcpus_used += db_int(r, 0);
    node->memory_mb_used += db_int(r, 1);
    node->local_gb_used += db_int(r, 2);
    node->running_vms = db_int(r, 3);
    node->current_workload = db_int(r, 4);
    db_rows_end(r);
    return !failed(c);
}

static bool report_node(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct compute_node *node = node_read(c, args);

    if (!node || !count_usage(c, node) || !compute_node_report(c, node))
        return false;
    *ret_result = json_pack("{s:s}", "uuid", node->uuid);
    return true;
}

static bool report_usage(struct ctx *c, json_t *args, json_t **ret_result)
{
    const struct compute_node *said = node_read(c, args);
    struct compute_node *node = said ? compute_node_find(c, said->host, NULL) : NULL;

    if (failed(c))
        return false;
    *ret_result = json_boolean(node != NULL);
    if (!node)
        return true;
    node->vcpus_used = said->vcpus_used;
    node->memory_mb_used = said->memory_mb_used;
    node->local_gb_used = said->local_gb_used;
    return count_usage(c, node) && compute_node_report(c, node);
}

/* --- guests ---------------------------------------------------------------------------------------------------- */

static bool idle_instances(struct ctx *c, json_t *hosts, json_t *to)
{
    json_t *host;
    size_t i;

    json_array_foreach(hosts, i, host) {
        struct rows *r = db_query(c, "SELECT uuid FROM instances WHERE host = $1 AND NOT deleted AND task_state IS NULL"
                                  " AND vm_state IN ('active', 'paused', 'stopped', 'suspended', 'rescued')", T(json_string_value(host)));

        while (db_next(r)) {
            struct instance *inst = instance_find(c, db_text(r, 0));

            if (inst)
                json_array_append(to, record_to_json(c, instance_attrs, inst));
        }
    }
    return !failed(c);
}

/* Has it been evacuated from one of these hosts, to none of them? One with a task may be on its way. */
static bool was_evacuated(struct ctx *c, json_t *hosts, const struct instance *inst)
{
    bool from = false;
    json_t *host;
    size_t i;

    if (inst->task_state)
        return false;
    json_array_foreach(hosts, i, host) {
        if (text_equal(json_string_value(host), inst->host))
            return false;
        from = from || db_count(c, "SELECT count(*) FROM instance_migrations WHERE instance_uuid = $1 AND source_compute = $2"
                                " AND migration_type = 'evacuation' AND status IN ('done', 'completed')", T(inst->uuid), T(json_string_value(host)));
    }
    return from;
}

static bool unknown_guests(struct ctx *c, json_t *hosts, json_t *guests, json_t *to)
{
    json_t *guest;
    size_t i;

    json_array_foreach(guests, i, guest) {
        struct instance *inst = instance_find_deleted(c, json_string_value(guest));

        if (failed(c))
            return false;
        if (!inst)
            json_array_append_new(to, json_pack("{s:O}", "uuid", guest));
        else if (inst->deleted || was_evacuated(c, hosts, inst))
            json_array_append(to, record_to_json(c, instance_attrs, inst));
    }
    return true;
}

static bool compare_guests(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *idle = ctx_json(c, json_array()), *unknown = ctx_json(c, json_array()), *hosts = json_object_get(args, "hosts");

    if (!idle_instances(c, hosts, idle) || !unknown_guests(c, hosts, json_object_get(args, "guests"), unknown))
        return false;
    *ret_result = json_pack("{s:O, s:O}", "idle", idle, "unknown", unknown);
    return true;
}

static const char *uuid_of(struct ctx *c, json_t *args)
{
    const char *uuid = json_get_string(args, "instance_uuid");

    return uuid ? uuid : fail_null(c, BAD_REQUEST, "instance_uuid is missing");
}

static bool set_power(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *uuid = uuid_of(c, args);
    struct instance *inst = uuid ? instance_edit(c, uuid) : NULL;
    int64_t now = json_get_int(args, "power_state", POWER_NOSTATE);

    if (!inst)
        return false;
    if (inst->task_state) {          /* a job has it since */
        db_rollback(c);
        return true;
    }
    log_info(c, "instance %s: power state was %d, is %d", uuid, (int)inst->power_state, (int)now);
    inst->power_state = now;
    if (json_get_bool(args, "stopped", false) && !strcmp(inst->vm_state, VM_ACTIVE))
        inst->vm_state = ctx_strdup(c, VM_STOPPED);
    return instance_edited(c, inst);
}

static bool store_vif(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *uuid = uuid_of(c, args);
    struct instance *inst = uuid ? instance_edit(c, uuid) : NULL;
    json_t *vif = json_object_get(args, "vif"), *vifs, *one;
    size_t i;

    if (!inst)
        return false;
    vifs = json_of(c, inst->network_info);
    json_array_foreach(vifs, i, one)
        if (text_equal(json_get_string(one, "id"), json_get_string(vif, "id"))) {
            json_array_remove(vifs, i);
            break;
        }
    if (json_get_bool(args, "add", false))
        json_array_append(vifs, vif);
    instance_set_network_info(c, inst, vifs);
    return instance_edited(c, inst);
}

static const struct rpc_method methods[] = {
    { RPC_REPORT_SERVICE, report_service },
    { RPC_REPORT_NODE, report_node },
    { RPC_REPORT_USAGE, report_usage },
    { RPC_COMPARE_GUESTS, compare_guests },
    { RPC_SET_POWER, set_power },
    { RPC_STORE_VIF, store_vif },
    {}
};

const struct rpc_server conductor_rpc_server = {
    .exchange = "nova", .topic = CONDUCTOR_TOPIC, .fault_module = "nova.exception", .role = "conductor",
    .endpoints = (const struct rpc_endpoint[]){ { NULL, CONDUCTOR_RPC_VERSION, methods }, {} },
};
