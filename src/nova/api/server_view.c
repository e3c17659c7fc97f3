/* How a server is shown, member by member in the order of the original, by microversion and by what the requester may see. */
#include "nova/api/servers.h"

#include <string.h>

/* --- what is found out once a page -------------------------------------------------------------------------------- */

#define CHUNK 200

static void load_tags(struct ctx *c, struct server_view *v, struct instance *const *page, size_t n)
{
    v->tags = ctx_own(c, g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (void (*)(void *))g_ptr_array_unref),
                      (void (*)(void *))g_hash_table_unref);
    for (size_t from = 0; from < n; from += CHUNK) {
        const char *uuids[CHUNK + 1] = {};
        struct sql *s = sql_new(c);

        for (size_t i = from; i < n && i < from + CHUNK; i++)
            uuids[i - from] = page[i]->uuid;
        sql_add(s, "SELECT instance_uuid, tag FROM instance_tags WHERE instance_uuid IN ");
        sql_in(s, uuids);
        sql_add(s, " ORDER BY instance_uuid, tag");
        for (struct rows *r = sql_query(s); db_next(r);) {
            char *uuid = db_text(r, 0);
            GPtrArray *list = g_hash_table_lookup(v->tags, uuid);

            if (!list)
                g_hash_table_insert(v->tags, uuid, list = g_ptr_array_new());
            g_ptr_array_add(list, db_text(r, 1));
        }
    }
}

static void load_services(struct ctx *c, struct server_view *v)
{
    size_t n;
    struct service_row **all = services_all(c, &n);

    v->services = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_unref);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i]->binary, "nova-compute") == 0)
            g_hash_table_insert(v->services, all[i]->host, all[i]);
}

struct server_view server_view_of(struct ctx *c, struct instance *const *page, size_t n)
{
    const struct policy_target *target = n ? PROJECT_TARGET(page[0]->project_id) : NULL;
    struct server_view v = { .extended = policy_allows(c, RULE("os-extended-server-attributes"), target) };

    v.zones = zones_load(c);
    if (c->version >= V(2, 16)) {
        v.host_status = policy_allows(c, RULE("servers:show:host_status"), target);
        v.host_status_unknown = !v.host_status && policy_allows(c, RULE("servers:show:host_status:unknown-only"), target);
        load_services(c, &v);
    }
    if (c->version >= V(2, 26))
        load_tags(c, &v, page, n);
    if (c->version >= V(2, 47))
        v.extra_specs = policy_allows(c, RULE("servers:show:flavor-extra-specs"), target);
    return v;
}

/* --- members ------------------------------------------------------------------------------------------------------ */

static void write_bookmark(struct ctx *c, struct out *o, const char *key, const char *collection, const char *id)
{
    out_object(o, key);
    out_string(o, "id", id);
    out_array(o, "links");
    out_object(o, NULL);
    out_string(o, "rel", "bookmark");
    out_printf(o, "href", "%s/%s/%s", c->base_url, collection, id);
    out_end_object(o);
    out_end_array(o);
    out_end_object(o);
}

static void write_image(struct ctx *c, struct out *o, const struct instance *inst)
{
    if (inst->image_ref && *inst->image_ref)
        write_bookmark(c, o, "image", "images", inst->image_ref);
    else
        out_string(o, "image", "");
}

static void write_flavor(struct ctx *c, struct out *o, const struct server_view *v, const struct instance *inst)
{
    if (c->version < V(2, 47)) {
        write_bookmark(c, o, "flavor", "flavors", inst->flavor_id);
        return;
    }
    out_object(o, "flavor");
    out_int(o, "vcpus", inst->vcpus);
    out_int(o, "ram", inst->memory_mb);
    out_int(o, "disk", inst->root_gb);
    out_int(o, "ephemeral", inst->ephemeral_gb);
    out_int(o, "swap", inst->swap_mb);
    out_string(o, "original_name", inst->flavor_name);
    if (v->extra_specs)
        out_raw(o, "extra_specs", inst->extra_specs.text ? inst->extra_specs.text : "{}");
    out_end_object(o);
}

/* Without the extension's members only version and address are told. */
void server_write_network(struct out *o, const char *label, const json_t *list)
{
    json_t *address;
    size_t i;

    out_array(o, label);
    json_array_foreach((json_t *)(uintptr_t)list, i, address) {
        out_object(o, NULL);
        out_int(o, "version", json_get_int(address, "version", 4));
        out_string(o, "addr", json_get_string(address, "addr"));
        out_end_object(o);
    }
    out_end_array(o);
}

void server_write_addresses(struct ctx *c, struct out *o, const struct instance *inst)
{
    json_t *networks = json_of(c, inst->addresses), *list;
    const char *label;

    out_object(o, "addresses");
    json_object_foreach(networks, label, list)
        server_write_network(o, label, list);
    out_end_object(o);
}

static void write_addresses(struct ctx *c, struct out *o, const struct server_view *v, const struct instance *inst)
{
    if (strcmp(inst->vm_state, VM_BUILDING) == 0 || !inst->addresses.text)
        out_raw(o, "addresses", "{}");
    else if (v->plain)
        server_write_addresses(c, o, inst);
    else
        out_raw(o, "addresses", inst->addresses.text);
}

static void write_fault(struct ctx *c, struct out *o, const struct instance *inst, const char *status)
{
    json_t *fault;
    int64_t code;

    if (!inst->fault.text || (strcmp(status, "ERROR") != 0 && strcmp(status, "DELETED") != 0))
        return;
    fault = json_of(c, inst->fault);
    code = json_get_int(fault, "code", 500);
    out_object(o, "fault");
    out_int(o, "code", code);
    out_string(o, "created", json_get_string(fault, "created"));
    out_string(o, "message", json_get_string(fault, "message"));
    if (json_get_string(fault, "details") && (c->who.is_admin || code != 500))
        out_string(o, "details", json_get_string(fault, "details"));
    out_end_object(o);
}

static void write_usage_time(struct out *o, const char *key, utc_time at)
{
    char text[TIME_TEXT_SIZE];

    out_string(o, key, at.us ? time_write(text, (utc_time){ at.us / 1000000 * 1000000 }, TIME_ISO_MICRO) : NULL);
}

static void write_extended(struct ctx *c, struct out *o, const struct server_view *v, const struct instance *inst)
{
    out_string(o, "OS-EXT-SRV-ATTR:host", inst->host);
    out_string(o, "OS-EXT-SRV-ATTR:instance_name", instance_domain_name(c, inst));
    out_string(o, "OS-EXT-SRV-ATTR:hypervisor_hostname", inst->node);
    if (c->version < V(2, 3))
        return;
    out_string(o, "OS-EXT-SRV-ATTR:reservation_id", inst->reservation_id);
    out_int(o, "OS-EXT-SRV-ATTR:launch_index", inst->launch_index);
    out_string(o, "OS-EXT-SRV-ATTR:hostname", inst->hostname);
    out_string(o, "OS-EXT-SRV-ATTR:kernel_id", inst->kernel_id ? inst->kernel_id : "");
    out_string(o, "OS-EXT-SRV-ATTR:ramdisk_id", inst->ramdisk_id ? inst->ramdisk_id : "");
    out_string(o, "OS-EXT-SRV-ATTR:root_device_name", inst->root_device_name);
    if (!v->rebuilt)
        out_string(o, "OS-EXT-SRV-ATTR:user_data", inst->user_data);
}

static void write_volumes(struct ctx *c, struct out *o, const struct instance *inst)
{
    bool any = inst->block_devices.text && strstr(inst->block_devices.text, "volume_id");
    json_t *devices = any ? json_of(c, inst->block_devices) : NULL, *device;
    size_t i;

    out_array(o, "os-extended-volumes:volumes_attached");
    if (any)
        json_array_foreach(devices, i, device) {
            if (!json_get_string(device, "volume_id"))
                continue;
            out_object(o, NULL);
            out_string(o, "id", json_get_string(device, "volume_id"));
            if (c->version >= V(2, 3))
                out_bool(o, "delete_on_termination", json_get_bool(device, "delete_on_termination", false));
            out_end_object(o);
        }
    out_end_array(o);
}

static const char *host_status(const struct server_view *v, const struct instance *inst)
{
    const struct service_row *s = inst->host ? g_hash_table_lookup(v->services, inst->host) : NULL;

    if (!s)
        return "";
    if (s->forced_down)
        return "DOWN";
    if (s->disabled)
        return "MAINTENANCE";
    return service_is_up(s) ? "UP" : "UNKNOWN";
}

static void write_host_status(struct out *o, const struct server_view *v, const struct instance *inst)
{
    const char *status = v->services ? host_status(v, inst) : "";

    if (v->host_status || (v->host_status_unknown && strcmp(status, "UNKNOWN") == 0))
        out_string(o, "host_status", status);
}

static void write_tags(struct out *o, const struct server_view *v, const struct instance *inst)
{
    const GPtrArray *tags = g_hash_table_lookup(v->tags, inst->uuid);

    out_array(o, "tags");
    for (guint i = 0; tags && i < tags->len; i++)
        out_string(o, NULL, tags->pdata[i]);
    out_end_array(o);
}

/* What the extensions of old add; an update's answer leaves it out before 2.75. */
static void write_extensions(struct ctx *c, struct out *o, const struct server_view *v, const struct instance *inst)
{
    out_string(o, "OS-EXT-AZ:availability_zone",
               inst->host ? zone_of_host(v->zones, inst->host) : inst->availability_zone ? inst->availability_zone : "");
    out_string(o, "config_drive", inst->config_drive ? "True" : "");
    out_string(o, "key_name", inst->key_name);
    write_usage_time(o, "OS-SRV-USG:launched_at", inst->launched_at);
    write_usage_time(o, "OS-SRV-USG:terminated_at", inst->terminated_at);
    if (inst->security_groups.text && strcmp(inst->security_groups.text, "[]") != 0 && !v->in_list)
        out_raw(o, "security_groups", inst->security_groups.text);
    if (v->extended)
        write_extended(c, o, v, inst);
    out_string(o, "OS-EXT-STS:task_state", inst->task_state);
    out_string(o, "OS-EXT-STS:vm_state", inst->vm_state);
    out_int(o, "OS-EXT-STS:power_state", inst->power_state);
    write_volumes(c, o, inst);
    if (c->version >= V(2, 16) && !v->in_list)
        write_host_status(o, v, inst);
}

static const char *const progress_statuses[] = { "ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING", NULL };

void server_write(struct ctx *c, struct out *o, const struct server_view *v, const struct instance *inst)
{
    const char *status = inst->deleted ? "DELETED" : instance_status(inst);

    out_string(o, "id", inst->uuid);
    out_string(o, "name", inst->name);
    out_string(o, "status", status);
    out_string(o, "tenant_id", inst->project_id);
    out_string(o, "user_id", inst->user_id);
    out_raw(o, "metadata", inst->metadata.text ? inst->metadata.text : "{}");
    out_string(o, "hostId", instance_host_id(c, inst->project_id, inst->host));
    write_image(c, o, inst);
    write_flavor(c, o, v, inst);
    out_time(o, "created", inst->created_at);
    out_time(o, "updated", inst->updated_at.us ? inst->updated_at : inst->created_at);
    write_addresses(c, o, v, inst);
    out_string(o, "accessIPv4", inst->access_ip_v4 ? inst->access_ip_v4 : "");
    out_string(o, "accessIPv6", inst->access_ip_v6 ? inst->access_ip_v6 : "");
    write_links(c, o, "servers", inst->uuid);
    out_string(o, "OS-DCF:diskConfig", inst->auto_disk_config ? "AUTO" : "MANUAL");
    write_fault(c, o, inst, status);
    if (text_in(status, progress_statuses))
        out_int(o, "progress", inst->progress);
    if (!v->plain)
        write_extensions(c, o, v, inst);
    if (c->version >= V(2, 9))
        out_bool(o, "locked", inst->locked);
    if (c->version >= V(2, 73))
        out_string(o, "locked_reason", inst->locked_reason);
    if (c->version >= V(2, 19))
        out_string(o, "description", inst->description);
    if (c->version >= V(2, 26))
        write_tags(o, v, inst);
    if (c->version >= V(2, 63))
        out_raw(o, "trusted_image_certificates", inst->trusted_certs.text);
    if (c->version >= V(2, 90) && (!v->extended || v->plain))
        out_string(o, "OS-EXT-SRV-ATTR:hostname", inst->hostname);
    if (!v->in_list)
        return;
    if (c->version >= V(2, 16))
        write_host_status(o, v, inst);
    if (inst->security_groups.text && strcmp(inst->security_groups.text, "[]") != 0)
        out_raw(o, "security_groups", inst->security_groups.text);
}

void server_write_groups(struct out *o, const struct instance *inst)
{
    out_array(o, "server_groups");
    if (inst->server_group)
        out_string(o, NULL, inst->server_group);
    out_end_array(o);
}

bool server_answer(struct ctx *c, struct reply *rp, struct instance *inst, bool plain)
{
    struct server_view v = server_view_of(c, &inst, 1);
    struct out o = answer(rp);

    v.plain = plain;
    out_object(&o, NULL);
    out_object(&o, "server");
    server_write(c, &o, &v, inst);
    if (c->version >= V(2, 71))
        server_write_groups(&o, inst);
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

char *server_url(struct ctx *c, const char *uuid)
{
    return ctx_printf(c, "%s%s/servers/%s", c->base_url, nova.endpoint, uuid);
}
