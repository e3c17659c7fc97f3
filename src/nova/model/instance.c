/* The stored instance: its columns, saving it, and what is read off it. */
#include "nova/model/instance.h"

#include "nova/faults.h"
#include "nova/model/states.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

const struct attr instance_attrs[] = {
    ATTR(struct instance, number,            0),
    ATTR(struct instance, uuid,              FILTER | SORT, .format = &format_uuid),
    ATTR(struct instance, name,              FILTER | SORT),
    ATTR(struct instance, hostname,          FILTER | SORT),
    ATTR(struct instance, description,       FILTER | NULLABLE),
    ATTR(struct instance, user_id,           FILTER | SORT),
    ATTR(struct instance, project_id,        FILTER | SORT | OWNER),
    ATTR(struct instance, reservation_id,    FILTER),
    ATTR(struct instance, launch_index,      SORT),
    ATTR(struct instance, image_ref,         FILTER | SORT),
    ATTR(struct instance, kernel_id,         0),
    ATTR(struct instance, ramdisk_id,        0),
    ATTR(struct instance, flavor_id,         FILTER),
    ATTR(struct instance, flavor_name,       0),
    ATTR(struct instance, vcpus,             0),
    ATTR(struct instance, memory_mb,         0),
    ATTR(struct instance, root_gb,           0),
    ATTR(struct instance, ephemeral_gb,      0),
    ATTR(struct instance, swap_mb,           0),
    ATTR(struct instance, rxtx_factor,       0, .unset = "1.0"),
    ATTR(struct instance, extra_specs,       0, .unset = "{}"),
    ATTR(struct instance, old_flavor,        0),
    ATTR(struct instance, new_flavor,        0),
    ATTR(struct instance, vm_state,          FILTER | SORT, .unset = VM_BUILDING),
    ATTR(struct instance, task_state,        FILTER | SORT),
    ATTR(struct instance, power_state,       FILTER | SORT),
    ATTR(struct instance, progress,          FILTER | SORT),
    ATTR(struct instance, host,              FILTER | SORT),
    ATTR(struct instance, node,              FILTER | SORT),
    ATTR(struct instance, launched_on,       0),
    ATTR(struct instance, availability_zone, FILTER | SORT),
    ATTR(struct instance, created_at,        SORT),
    ATTR(struct instance, updated_at,        SORT),
    ATTR(struct instance, launched_at,       SORT),
    ATTR(struct instance, terminated_at,     SORT),
    ATTR(struct instance, deleted_at,        0),
    ATTR(struct instance, deleted,           0),
    ATTR(struct instance, locked,            FILTER | SORT),
    ATTR(struct instance, locked_by,         SORT),
    ATTR(struct instance, locked_reason,     0),
    ATTR(struct instance, key_name,          FILTER | SORT),
    ATTR(struct instance, key_data,          LAZY),
    ATTR(struct instance, user_data,         0),
    ATTR(struct instance, config_drive,      FILTER | SORT),
    ATTR(struct instance, auto_disk_config,  FILTER | SORT, .unset = "true"),
    ATTR(struct instance, access_ip_v4,      FILTER | SORT),
    ATTR(struct instance, access_ip_v6,      FILTER | SORT),
    ATTR(struct instance, root_device_name,  FILTER | SORT),
    ATTR(struct instance, server_group,      0),
    ATTR(struct instance, metadata,          0, .unset = "{}"),
    ATTR(struct instance, system_metadata,   LAZY, .unset = "{}"),
    ATTR(struct instance, trusted_certs,     0),
    ATTR(struct instance, request,           LAZY, .unset = "{}"),
    ATTR(struct instance, network_info,      LAZY, .unset = "[]"),
    ATTR(struct instance, addresses,         0, .unset = "{}"),
    ATTR(struct instance, security_groups,   0, .unset = "[]"),
    ATTR(struct instance, block_devices,     0, .unset = "[]"),
    ATTR(struct instance, fault,             0),
    {}
};

static struct attr list_attrs[G_N_ELEMENTS(instance_attrs)];

static void choose_list_attrs(void)
{
    size_t n = 0;

    for (const struct attr *a = instance_attrs; a->name; a++)
        if (!(a->flags & LAZY))
            list_attrs[n++] = *a;
}

const struct attr *instance_list_attrs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, choose_list_attrs);
    return list_attrs;
}

struct instance *instance_find_deleted(struct ctx *c, const char *uuid)
{
    struct instance *inst = record_new(c, instance_attrs, sizeof *inst);

    return record_find(c, INSTANCE_TABLE, instance_attrs, inst, "uuid", uuid) ? inst : NULL;
}

struct instance *instance_find(struct ctx *c, const char *uuid)
{
    struct instance *inst = instance_find_deleted(c, uuid);

    return inst && !inst->deleted ? inst : NULL;
}

struct instance *instance_get(struct ctx *c, const char *uuid)
{
    struct instance *inst = instance_find(c, uuid);

    return inst || failed(c) ? inst : fail_null(c, INSTANCE_NOT_FOUND, uuid);
}

struct instance *instance_from_json(struct ctx *c, json_t *json)
{
    struct instance *inst = record_new(c, instance_attrs, sizeof *inst);

    if (!record_from_json(c, instance_attrs, inst, json))
        return NULL;
    return inst->uuid ? inst : fail_null(c, BAD_REQUEST, "An instance without its uuid.");
}

bool instance_insert(struct ctx *c, struct instance *inst)
{
    inst->number = counter_next(c, "instances");
    inst->created_at = utc_now();
    return inst->number && record_insert(c, INSTANCE_TABLE, instance_attrs, inst);
}

bool instance_save(struct ctx *c, struct instance *inst)
{
    inst->updated_at = utc_now();
    return record_update(c, INSTANCE_TABLE, instance_attrs, inst, "uuid");
}

bool instance_set_task(struct ctx *c, const char *uuid, const char *expected_task, const char *task_state)
{
    int64_t changed = 0;
    const char *task = task_state && *task_state ? task_state : NULL;

    if (!expected_task)
        db_changed(c, &changed, "UPDATE instances SET task_state = $1, updated_at = $2 WHERE uuid = $3 AND NOT deleted",
                   T(task), I(clock_us()), T(uuid));
    else
        db_changed(c, &changed, "UPDATE instances SET task_state = $1, updated_at = $2 WHERE uuid = $3 AND NOT deleted"
                   " AND coalesce(task_state, '') = $4", T(task), I(clock_us()), T(uuid), T(expected_task));
    return changed == 1;
}

bool instance_mark_deleted(struct ctx *c, struct instance *inst)
{
    utc_time now = utc_now();

    inst->deleted = true;
    inst->deleted_at = now;
    if (!inst->terminated_at.us)
        inst->terminated_at = now;
    inst->vm_state = ctx_strdup(c, VM_DELETED);
    inst->task_state = NULL;
    inst->power_state = POWER_NOSTATE;
    return instance_save(c, inst) &&
           db_exec(c, "DELETE FROM instance_tags WHERE instance_uuid = $1", T(inst->uuid)) &&
           db_exec(c, "DELETE FROM server_group_members WHERE instance_uuid = $1", T(inst->uuid)) &&
           db_exec(c, "DELETE FROM console_tokens WHERE instance_uuid = $1", T(inst->uuid));
}

/* One address as the API shows it; the times of members' order are the original's. */
static json_t *address_shown(json_t *vif, const char *address, int64_t version, const char *type)
{
    return json_pack("{s:I, s:s, s:s, s:s?}", "version", (json_int_t)version, "addr", address, "OS-EXT-IPS:type", type,
                     "OS-EXT-IPS-MAC:mac_addr", json_get_string(vif, "address"));
}

static void addresses_of_vif(json_t *addresses, json_t *vif)
{
    const char *label = json_get_string(json_object_get(vif, "network"), "label");
    json_t *list = json_object_get(addresses, label ? label : ""), *ip, *floating;
    size_t i, j;

    if (!list) {
        list = json_array();
        json_object_set_new(addresses, label ? label : "", list);
    }
    json_array_foreach(json_object_get(vif, "ips"), i, ip) {
        const char *address = json_get_string(ip, "address");

        if (!address)
            continue;
        json_array_append_new(list, address_shown(vif, address, json_get_int(ip, "version", 4), "fixed"));
        json_array_foreach(json_object_get(ip, "floating_ips"), j, floating)
            if (json_is_string(floating))
                json_array_append_new(list, address_shown(vif, json_string_value(floating), 4, "floating"));
    }
}

void instance_set_network_info(struct ctx *c, struct instance *inst, json_t *network_info)
{
    json_t *addresses = ctx_json(c, json_object()), *vif;
    size_t i;

    json_array_foreach(network_info, i, vif)
        addresses_of_vif(addresses, vif);
    inst->network_info = json_text(c, network_info);
    inst->addresses = json_text(c, addresses);
}

void instance_set_fault(struct ctx *c, struct instance *inst, int code, const char *message, const char *details)
{
    char created[TIME_TEXT_SIZE];
    json_t *fault = json_pack("{s:i, s:s, s:s, s:s?}", "code", code, "created", time_write(created, utc_now(), TIME_ISO_Z),
                              "message", message ? message : "", "details", details);

    inst->fault = json_text(c, ctx_json(c, fault));
}

const char *instance_status_of(const char *vm_state, const char *task_state)
{
    for (const struct state_status *s = state_statuses; s->vm_state; s++)
        if (text_equal(s->vm_state, vm_state) && (!s->task_state || text_equal(s->task_state, task_state)))
            return s->status;
    return "UNKNOWN";
}

const char *instance_status(const struct instance *inst)
{
    return instance_status_of(inst->vm_state, inst->task_state);
}

char *instance_domain_name(struct ctx *c, const struct instance *inst)
{
    return ctx_printf(c, "instance-%08" PRIx64, (uint64_t)inst->number);
}

char *instance_host_id(struct ctx *c, const char *project_id, const char *host)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const char *text;

    if (!host || !*host)
        return ctx_strdup(c, "");
    text = ctx_printf(c, "%s%s", project_id, host);
    EVP_Digest(text, strlen(text), digest, &size, EVP_sha224(), NULL);
    return hex_write(c, digest, size);
}

int64_t counter_next(struct ctx *c, const char *name)
{
    return db_count(c, "INSERT INTO counters (name, value) VALUES ($1, 1)"
                    " ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value", T(name));
}
