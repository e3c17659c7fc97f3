/* POST /servers/{id}/action: the rows. What one row needs beyond its columns stands above it. */
#include "nova/api/action.h"
#include "nova/api/create.h"
#include "nova/jobs/jobs.h"
#include "nova/model/action.h"
#include "nova/model/quota.h"
#include "nova/virt/virt.h"

#include "oslo/client/client.h"

#include <string.h>

/* --- reboot ------------------------------------------------------------------------------------------------------- */

static bool prepare_soft(struct ctx *c, struct instance *inst, struct doing *d)
{
    json_object_set_new(d->args, "type", json_string("SOFT"));
    return true;
}

static bool prepare_hard(struct ctx *c, struct instance *inst, struct doing *d)
{
    json_object_set_new(d->args, "type", json_string("HARD"));
    return true;
}

static const struct server_action reboot_soft = {
    .name = "reboot", .states = IN(VM_ACTIVE), .task = TASK_REBOOTING, .record = "reboot", .job = "reboot", .prepare = prepare_soft,
};
static const struct server_action reboot_hard = {
    .name = "reboot", .states = IN(VM_ACTIVE, VM_STOPPED, VM_PAUSED, VM_SUSPENDED, VM_ERROR),
    .tasks = IN("", TASK_REBOOTING, TASK_REBOOT_PENDING, TASK_REBOOT_STARTED, TASK_RESUMING, TASK_REBOOTING_HARD, TASK_UNPAUSING,
                TASK_PAUSING, TASK_SUSPENDING),
    .task = TASK_REBOOTING_HARD, .record = "reboot", .job = "reboot", .prepare = prepare_hard,
};

static bool reboot(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "actions.reboot"), *asked = json_object_get(body, "reboot");
    struct instance *inst = body ? server_get(c, rq) : NULL;
    bool hard = body && g_ascii_strcasecmp(json_get_string(asked, "type"), "HARD") == 0;
    struct doing d = { .asked = asked, .args = ctx_json(c, json_object()) };

    return inst && action_run(c, inst, hard ? &reboot_hard : &reboot_soft, &d);
}

/* --- lock --------------------------------------------------------------------------------------------------------- */

static bool is_owner(const struct ctx *c, const struct instance *inst)
{
    return text_equal(inst->project_id, c->who.project_id);
}

static bool prepare_lock(struct ctx *c, struct instance *inst, struct doing *d)
{
    const char *reason = c->version >= V(2, 73) ? json_get_string(d->asked, "locked_reason") : NULL;

    inst->locked = true;
    inst->locked_by = ctx_strdup(c, is_owner(c, inst) ? "owner" : "admin");
    inst->locked_reason = ctx_strdup(c, reason);
    return true;
}

/* What an admin locked only admins unlock. */
static bool prepare_unlock(struct ctx *c, struct instance *inst, struct doing *d)
{
    if (inst->locked_by && strcmp(inst->locked_by, is_owner(c, inst) ? "owner" : "admin") != 0 &&
        !policy_check(c, RULE("os-lock-server:unlock:unlock_override"), PROJECT_TARGET(inst->project_id)))
        return false;
    inst->locked = false;
    inst->locked_by = inst->locked_reason = NULL;
    return true;
}

static bool lock(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = request_json(c, rq);

    if (!body || (c->version >= V(2, 73) && !schema_check(c, "actions.lock", body)))
        return false;
    return server_act(c, rq, rp);
}

/* --- states ------------------------------------------------------------------------------------------------------- */

static bool prepare_reset(struct ctx *c, struct instance *inst, struct doing *d)
{
    inst->vm_state = ctx_strdup(c, json_get_string(d->asked, "state"));
    inst->task_state = NULL;
    return true;
}

/* --- images ------------------------------------------------------------------------------------------------------- */

static const char *const not_inherited[] = { "cache_in_nova", "bittorrent", "img_signature_hash_method", "img_signature",
                                             "img_signature_key_type", "img_signature_certificate_uuid", "base_image_ref", NULL };

/* What a snapshot begins as: the instance's own image's properties, then those asked for. */
static json_t *snapshot_document(struct ctx *c, const struct instance *inst, const char *name, const char *type, json_t *metadata)
{
    json_t *kept = json_of(c, inst->system_metadata), *image = ctx_json(c, json_object()), *value;
    const char *key;

    json_object_foreach(kept, key, value)
        if (g_str_has_prefix(key, "image_") && !text_in(key + 6, not_inherited) && !g_str_has_prefix(key, "image_min_"))
            json_object_set(image, key + 6, value);
    json_object_set_new(image, "image_type", json_string(type));
    json_object_set_new(image, "instance_uuid", json_string(inst->uuid));
    json_object_set_new(image, "user_id", json_string(c->who.user_id));
    json_object_set_new(image, "base_image_ref", json_string(inst->image_ref ? inst->image_ref : ""));
    json_object_update(image, metadata);
    json_object_set_new(image, "name", json_string(name));
    json_object_set_new(image, "visibility", json_string("private"));
    json_object_set_new(image, "min_disk", json_integer(inst->root_gb));
    if (json_get_string(kept, "image_min_ram"))
        json_object_set_new(image, "min_ram", json_integer(g_ascii_strtoll(json_get_string(kept, "image_min_ram"), NULL, 10)));
    return image;
}

static bool snapshot_image(struct ctx *c, struct instance *inst, const char *type, struct doing *d)
{
    struct call call = { .type = "image", .method = "POST", .path = "/v2/images" };

    if (!instance_action_exists(strcmp(type, "backup") == 0 ? "backup" : "snapshot"))
        return fail(c, NOT_IMPLEMENTED, "The requested functionality is not supported.");
    call.body = snapshot_document(c, inst, json_get_string(d->asked, "name"), type, json_object_get(d->asked, "metadata"));
    if (!client_call(c, &call))
        return false;
    json_object_set(d->args, "image_id", json_object_get(call.reply, "id"));
    return true;
}

static bool prepare_image(struct ctx *c, struct instance *inst, struct doing *d)
{
    if (c->version < V(2, 39) && !metadata_check(c, json_object_get(d->asked, "metadata")))
        return false;
    return snapshot_image(c, inst, "snapshot", d);
}

static bool prepare_backup(struct ctx *c, struct instance *inst, struct doing *d)
{
    if (!snapshot_image(c, inst, "backup", d))
        return false;
    json_object_set(d->args, "backup_type", json_object_get(d->asked, "backup_type"));
    json_object_set_new(d->args, "rotation", json_integer(loose_int(json_object_get(d->asked, "rotation"), 0)));
    return true;
}

static bool reply_image(struct ctx *c, struct reply *rp, struct instance *inst, const struct doing *d)
{
    const char *id = json_get_string(d->args, "image_id");
    const struct service *glance = service_find("image");
    struct out o;

    if (c->version < V(2, 45)) {
        reply_header(c, rp, "Location", ctx_printf(c, "%s/images/%s", glance ? service_url(c, glance) : "", id));
        return true;
    }
    o = answer(rp);
    out_object(&o, NULL);
    out_string(&o, "image_id", id);
    out_end_object(&o);
    return true;
}

/* --- rebuild and resize ------------------------------------------------------------------------------------------- */

static bool rebuild_key(struct ctx *c, struct instance *inst, json_t *asked)
{
    json_t *name = json_object_get(asked, "key_name");

    if (!name)
        return true;
    inst->key_name = ctx_strdup(c, json_string_value(name));
    inst->key_data = inst->key_name ? db_get_text(c, "SELECT public_key FROM keypairs WHERE user_id = $1 AND name = $2", T(inst->user_id),
                                                  T(inst->key_name)) : NULL;
    return !inst->key_name || inst->key_data || fail(c, NOT_FOUND_TEXT, ctx_printf(c, "Keypair %s not found for user %s", inst->key_name,
                                                                                  inst->user_id));
}

static void set_text(struct ctx *c, json_t *asked, const char *name, char **field)
{
    if (json_object_get(asked, name))
        *field = ctx_strdup(c, json_get_string(asked, name));
}

static bool prepare_rebuild(struct ctx *c, struct instance *inst, struct doing *d)
{
    json_t *image = image_get(c, json_get_string(d->asked, "imageRef"));
    const char *password = json_get_string(d->asked, "adminPass"), *disk = json_get_string(d->asked, "OS-DCF:diskConfig");

    if (failed(c) && strcmp(c->fault.type, "ImageNotFound") == 0) {
        fault_clear(c);
        return fail(c, BAD_REQUEST, "Cannot find image for rebuild");
    }
    if (!image || !image_fits(c, image, instance_flavor(c, inst)) || !metadata_check(c, json_object_get(d->asked, "metadata")) ||
        !files_check(c, json_object_get(d->asked, "personality")) || !rebuild_key(c, inst, d->asked))
        return false;
    set_text(c, d->asked, "name", &inst->name);
    set_text(c, d->asked, "description", &inst->description);
    set_text(c, d->asked, "accessIPv4", &inst->access_ip_v4);
    set_text(c, d->asked, "accessIPv6", &inst->access_ip_v6);
    inst->access_ip_v6 = ipv6_shortest(c, inst->access_ip_v6);
    set_text(c, d->asked, "hostname", &inst->hostname);
    set_text(c, d->asked, "user_data", &inst->user_data);
    if (disk)
        inst->auto_disk_config = strcmp(disk, "AUTO") == 0;
    if (json_object_get(d->asked, "metadata"))
        inst->metadata = json_text(c, json_object_get(d->asked, "metadata"));
    if (json_object_get(d->asked, "trusted_image_certificates"))
        inst->trusted_certs = json_text(c, json_object_get(d->asked, "trusted_image_certificates"));
    inst->image_ref = ctx_strdup(c, json_get_string(image, "id"));
    image_taken(c, inst, image);
    inst->progress = 0;
    json_object_set(d->args, "image_ref", json_object_get(image, "id"));
    if (json_object_get(d->asked, "personality"))
        json_object_set(d->args, "files", json_object_get(d->asked, "personality"));
    json_object_set_new(d->args, "preserve_ephemeral", json_boolean(loose_bool(json_object_get(d->asked, "preserve_ephemeral"), false)));
    d->password = password ? password : password_new(c);
    return true;
}

static bool reply_rebuild(struct ctx *c, struct reply *rp, struct instance *inst, const struct doing *d)
{
    struct server_view v = server_view_of(c, &inst, 1);
    struct out o = answer(rp);

    v.plain = c->version < V(2, 75);
    v.rebuilt = true;
    out_object(&o, NULL);
    out_object(&o, "server");
    server_write(c, &o, &v, inst);
    out_string(&o, "adminPass", d->password);
    if (c->version >= V(2, 57))
        out_string(&o, "user_data", inst->user_data);
    if (c->version >= V(2, 54) && v.plain)
        out_string(&o, "key_name", inst->key_name);
    if (c->version >= V(2, 71))
        server_write_groups(&o, inst);
    out_end_object(&o);
    out_end_object(&o);
    reply_header(c, rp, "Location", server_url(c, inst->uuid));
    return !failed(c);
}

static bool prepare_resize(struct ctx *c, struct instance *inst, struct doing *d)
{
    struct buf text = {};
    const char *id;
    struct flavor *f;
    struct quota_set set;

    python_str(&text, json_object_get(d->asked, "flavorRef"));
    id = ctx_strdup(c, text.data);
    buf_clear(&text);
    f = flavor_get(c, id);
    if (!f) {
        fault_clear(c);
        return fail(c, CREATE_FLAVOR_NOT_FOUND, id);
    }
    if (strcmp(f->id, inst->flavor_id) == 0)
        return fail(c, BAD_REQUEST, "When resizing, instances must change flavor!");
    if (!f->disk && inst->root_gb)
        return fail(c, BAD_REQUEST, "Resize to zero disk flavor is not allowed.");
    if (!quota_limits(c, inst->project_id, inst->user_id, &set) || !quota_usage(c, inst->project_id, NULL, &set))
        return false;
    for (const enum quota *q = (const enum quota[]){ QUOTA_CORES, QUOTA_RAM, QUOTAS }; *q != QUOTAS; q++) {
        int64_t more = *q == QUOTA_CORES ? f->vcpus - inst->vcpus : f->ram - inst->memory_mb;

        if (more > 0 && set.limit[*q] >= 0 && set.used[*q] + more > set.limit[*q])
            return fail(c, TOO_MANY_INSTANCES, quota_kinds[*q].name, ctx_printf(c, "%" PRId64, more),
                        ctx_printf(c, "%" PRId64, set.used[*q]), ctx_printf(c, "%" PRId64, set.limit[*q]), quota_kinds[*q].name);
    }
    if (json_get_string(d->asked, "OS-DCF:diskConfig"))
        inst->auto_disk_config = strcmp(json_get_string(d->asked, "OS-DCF:diskConfig"), "AUTO") == 0;
    inst->progress = 0;
    json_object_set(d->args, "flavor", flavor_to_json(c, f));
    return true;
}

static bool prepare_migrate(struct ctx *c, struct instance *inst, struct doing *d)
{
    const char *host = c->version >= V(2, 56) ? json_get_string(d->asked, "host") : NULL;

    if (host && !service_find_by_host(c, host, "nova-compute"))
        return fail(c, CREATE_HOST_NOT_FOUND, host);
    if (host && text_equal(host, inst->host))
        return fail(c, BAD_REQUEST, "Cannot migrate to the host where the server exists.");
    if (host)
        json_object_set_new(d->args, "host", json_string(host));
    return true;
}

/* A host that was asked for: by force it is asked no filter, which the first versions always meant. */
static void take_host(struct ctx *c, struct doing *d, const char *host, int version)
{
    bool forced = c->version < version || loose_bool(json_object_get(d->asked, "force"), false);

    if (host)
        json_object_set_new(d->args, forced ? "force_host" : "host", json_string(host));
}

/* Before 2.34 the user waits until it is known that it can go. */
static bool prepare_live(struct ctx *c, struct instance *inst, struct doing *d)
{
    const char *host = json_get_string(d->asked, "host");

    if (!virt_moves())
        return fail(c, NOT_IMPLEMENTED, "The requested functionality is not supported.");
    if (c->version >= V(2, 30) && loose_bool(json_object_get(d->asked, "force"), false) && !host)
        return fail(c, BAD_REQUEST, "Can't force to a non-provided destination");
    if (host && !service_find_by_host(c, host, "nova-compute"))
        return fail(c, CREATE_HOST_NOT_FOUND, host);
    take_host(c, d, host, V(2, 30));
    if (c->version >= V(2, 34) || live_migration_check(c, inst, json_get_string(d->args, "host"), json_get_string(d->args, "force_host")))
        return true;
    if (text_equal(c->fault.type, "NoValidHost"))
        c->fault.status = 400;
    return false;
}

static bool reply_password(struct ctx *c, struct reply *rp, struct instance *inst, const struct doing *d)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_string(&o, "adminPass", d->password);
    out_end_object(&o);
    return true;
}

static bool prepare_evacuate(struct ctx *c, struct instance *inst, struct doing *d)
{
    const char *host = json_get_string(d->asked, "host"), *password = json_get_string(d->asked, "adminPass");
    const struct service_row *from = inst->host ? service_find_by_host(c, inst->host, "nova-compute") : NULL;

    if (c->version >= V(2, 29) && loose_bool(json_object_get(d->asked, "force"), false) && !host)
        return fail(c, BAD_REQUEST, "Can't force to a non-provided destination");
    if (c->version < V(2, 14) && loose_bool(json_object_get(d->asked, "onSharedStorage"), false)) {
        if (password)
            return fail(c, BAD_REQUEST, "admin password can't be changed on existing disk");
    } else {
        d->password = password ? password : password_new(c);
    }
    if (host && !service_find_by_host(c, host, "nova-compute"))
        return fail(c, NOT_FOUND_TEXT, ctx_printf(c, "Compute host %s not found.", host));
    if (host && text_equal(host, inst->host))
        return fail(c, BAD_REQUEST, "The target host can't be the same one.");
    if (from && service_is_up(from))
        return fail(c, BAD_REQUEST, ctx_printf(c, "Compute service of %s is still in use.", inst->host));
    take_host(c, d, host, V(2, 29));
    return true;
}

/* The original's word where a disk was shared: no password was made. */
static bool reply_evacuate(struct ctx *c, struct reply *rp, struct instance *inst, const struct doing *d)
{
    return c->version >= V(2, 14) || reply_password(c, rp, inst, d);
}

static bool prepare_rescue(struct ctx *c, struct instance *inst, struct doing *d)
{
    const char *password = json_get_string(d->asked, "adminPass"), *image = json_get_string(d->asked, "rescue_image_ref");

    if (image) {
        if (!image_get(c, image))
            return false;
        json_object_set_new(d->args, "image_ref", json_string(image));
    }
    d->password = password ? password : password_new(c);
    return true;
}

static bool prepare_unshelve(struct ctx *c, struct instance *inst, struct doing *d)
{
    const char *zone = c->version >= V(2, 77) ? json_get_string(d->asked, "availability_zone") : NULL;
    const char *host = c->version >= V(2, 91) ? json_get_string(d->asked, "host") : NULL;

    if (zone && strcmp(inst->vm_state, VM_SHELVED_OFFLOADED) != 0)
        return fail(c, CONFLICT, ctx_printf(c, "The server to be unshelved has vm_state %s. The specified availability zone will be ignored"
                                            " unless it is shelved offloaded.", inst->vm_state));
    if (host && !policy_check(c, RULE("os-shelve:unshelve_to_host"), NULL))
        return false;
    if (zone)
        json_object_set_new(d->args, "availability_zone", json_string(zone));
    if (host)
        json_object_set_new(d->args, "host", json_string(host));
    return true;
}

static bool unshelve(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = request_json(c, rq);

    if (!body || (c->version >= V(2, 77) && !json_is_null(json_object_get(body, "unshelve")) && !schema_check(c, "actions.unshelve", body)))
        return false;
    return server_act(c, rq, rp);
}

static bool prepare_password(struct ctx *c, struct instance *inst, struct doing *d)
{
    json_object_set(d->args, "password", json_object_get(d->asked, "adminPass"));
    return true;
}

static bool force_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    static const struct server_action a = { .name = "force_delete", .any_task = true, .unlaunched = true };
    struct instance *inst = server_get(c, rq);

    if (!inst || !action_allowed(c, inst, &a) || !db_begin(c))
        return false;
    inst->task_state = ctx_strdup(c, TASK_DELETING);
    if (!tx_done(c, instance_set_task(c, inst->uuid, NULL, TASK_DELETING) && action_begin(c, inst->uuid, "delete") &&
                    instance_delete_start(c, inst)))
        return false;
    jobs_wake(c->service);
    return true;
}

static bool gone(struct ctx *c, struct request *rq, struct reply *rp)
{
    return fail(c, GONE);
}

/* --- the rows ----------------------------------------------------------------------------------------------------- */

#define ACTION(key, rule, ...) \
    { "POST", "servers/{id}/action", server_act, 202, 0, RULE(rule), .action = key, .data = &(const struct server_action){ __VA_ARGS__ } }
#define SNAPSHOTABLE IN(VM_ACTIVE, VM_STOPPED, VM_PAUSED, VM_SUSPENDED)

const struct route nova_server_action_routes[] = {
    ACTION("os-start", "servers:start", .name = "start", .states = IN(VM_STOPPED), .task = TASK_POWERING_ON, .record = "start", .job = "start"),
    ACTION("os-stop", "servers:stop", .name = "stop", .states = IN(VM_ACTIVE, VM_ERROR), .task = TASK_POWERING_OFF, .record = "stop",
           .job = "stop"),
    { "POST", "servers/{id}/action", reboot, 202, 0, RULE("servers:reboot"), .action = "reboot" },
    ACTION("pause", "os-pause-server:pause", .name = "pause", .states = IN(VM_ACTIVE), .task = TASK_PAUSING, .record = "pause", .job = "pause"),
    ACTION("unpause", "os-pause-server:unpause", .name = "unpause", .states = IN(VM_PAUSED), .task = TASK_UNPAUSING, .record = "unpause",
           .job = "unpause"),
    ACTION("suspend", "os-suspend-server:suspend", .name = "suspend", .states = IN(VM_ACTIVE), .task = TASK_SUSPENDING, .record = "suspend",
           .job = "suspend"),
    ACTION("resume", "os-suspend-server:resume", .name = "resume", .states = IN(VM_SUSPENDED), .task = TASK_RESUMING, .record = "resume",
           .job = "resume"),
    { "POST", "servers/{id}/action", lock, 202, 0, RULE("os-lock-server:lock"), .action = "lock",
      .data = &(const struct server_action){ .name = "lock", .any_task = true, .unlaunched = true, .lockless = true, .record = "lock",
                                             .prepare = prepare_lock } },
    ACTION("unlock", "os-lock-server:unlock", .name = "unlock", .any_task = true, .unlaunched = true, .lockless = true, .record = "unlock",
           .prepare = prepare_unlock),
    ACTION("os-resetState", "os-admin-actions:reset_state", .name = "reset_state", .schema = "actions.os-resetState", .any_task = true,
           .unlaunched = true, .lockless = true, .task = "", .prepare = prepare_reset),
    ACTION("createImage", "servers:create_image", .name = "createImage", .schema = "actions.createImage", .states = SNAPSHOTABLE,
           .lockless = true, .task = TASK_IMAGE_SNAPSHOT_PENDING, .record = "createImage", .job = "snapshot", .prepare = prepare_image,
           .reply = reply_image),
    ACTION("createBackup", "os-create-backup", .name = "createBackup", .schema = "actions.createBackup", .states = SNAPSHOTABLE,
           .lockless = true, .task = TASK_IMAGE_BACKUP, .record = "createBackup", .job = "backup", .prepare = prepare_backup,
           .reply = reply_image),
    ACTION("rebuild", "servers:rebuild", .name = "rebuild", .schema = "actions.rebuild", .states = IN(VM_ACTIVE, VM_STOPPED, VM_ERROR),
           .task = TASK_REBUILDING, .record = "rebuild", .job = "rebuild", .prepare = prepare_rebuild, .reply = reply_rebuild),
    ACTION("resize", "servers:resize", .name = "resize", .schema = "actions.resize", .states = IN(VM_ACTIVE, VM_STOPPED),
           .task = TASK_RESIZE_PREP, .record = "resize", .job = "resize", .prepare = prepare_resize),
    { "POST", "servers/{id}/action", server_act, 204, ROUTE_EMPTY, RULE("servers:confirm_resize"), .action = "confirmResize",
      .data = &(const struct server_action){ .name = "confirmResize", .states = IN(VM_RESIZED), .task = TASK_RESIZE_CONFIRMING,
                                             .record = "confirmResize", .job = "confirm_resize" } },
    ACTION("revertResize", "servers:revert_resize", .name = "revertResize", .states = IN(VM_RESIZED), .task = TASK_RESIZE_REVERTING,
           .record = "revertResize", .job = "revert_resize"),
    ACTION("migrate", "os-migrate-server:migrate", .name = "migrate", .states = IN(VM_ACTIVE, VM_STOPPED), .task = TASK_RESIZE_PREP,
           .record = "migrate", .job = "migrate", .prepare = prepare_migrate),
    ACTION("os-migrateLive", "os-migrate-server:migrate_live", .name = "os-migrateLive", .schema = "actions.os-migrateLive",
           .states = IN(VM_ACTIVE, VM_PAUSED), .task = TASK_MIGRATING, .record = "live-migration", .job = "live_migrate",
           .prepare = prepare_live),
    { "POST", "servers/{id}/action", server_act, 200, 0, RULE("os-evacuate"), .action = "evacuate",
      .data = &(const struct server_action){ .name = "evacuate", .schema = "actions.evacuate", .states = IN(VM_ACTIVE, VM_STOPPED, VM_ERROR),
                                             .lockless = true, .task = TASK_REBUILDING, .record = "evacuate", .job = "evacuate",
                                             .prepare = prepare_evacuate, .reply = reply_evacuate } },
    ACTION("rescue", "os-rescue", .name = "rescue", .schema = "actions.rescue", .states = IN(VM_ACTIVE, VM_STOPPED, VM_ERROR),
           .task = TASK_RESCUING, .record = "rescue", .job = "rescue", .prepare = prepare_rescue, .reply = reply_password),
    ACTION("unrescue", "os-unrescue", .name = "unrescue", .states = IN(VM_RESCUED), .task = TASK_UNRESCUING, .record = "unrescue",
           .job = "unrescue"),
    ACTION("shelve", "os-shelve:shelve", .name = "shelve", .states = SNAPSHOTABLE, .task = TASK_SHELVING, .record = "shelve", .job = "shelve"),
    ACTION("shelveOffload", "os-shelve:shelve_offload", .name = "shelveOffload", .states = IN(VM_SHELVED), .task = TASK_SHELVING_OFFLOADING,
           .record = "shelveOffload", .job = "shelve_offload"),
    { "POST", "servers/{id}/action", unshelve, 202, 0, RULE("os-shelve:unshelve"), .action = "unshelve",
      .data = &(const struct server_action){ .name = "unshelve", .states = IN(VM_SHELVED, VM_SHELVED_OFFLOADED), .task = TASK_UNSHELVING,
                                             .record = "unshelve", .job = "unshelve", .prepare = prepare_unshelve } },
    ACTION("changePassword", "os-admin-password", .name = "changePassword", .schema = "actions.changePassword", .states = IN(VM_ACTIVE),
           .task = TASK_UPDATING_PASSWORD, .record = "changePassword", .job = "change_password", .prepare = prepare_password),
    { "POST", "servers/{id}/action", server_act, 202, 0, RULE("servers:trigger_crash_dump"), V(2, 17), .action = "trigger_crash_dump",
      .data = &(const struct server_action){ .name = "trigger_crash_dump", .schema = "actions.trigger_crash_dump",
                                             .states = IN(VM_ACTIVE, VM_PAUSED, VM_RESCUED, VM_RESIZED, VM_ERROR),
                                             .record = "trigger_crash_dump", .job = "trigger_crash_dump" } },
    ACTION("restore", "os-deferred-delete:restore", .name = "restore", .states = IN(VM_SOFT_DELETED), .task = TASK_RESTORING,
           .record = "restore", .job = "restore"),
    { "POST", "servers/{id}/action", force_delete, 202, 0, RULE("os-deferred-delete:force"), .action = "forceDelete" },
    { "POST", "servers/{id}/action", gone, 202, ROUTE_NO_POLICY, .action = "resetNetwork" },          /* taken out of the original */
    ACTION("injectNetworkInfo", "os-admin-actions:inject_network_info", .name = "inject_network_info", .any_task = true, .unlaunched = true),
    {}
};
