/* /servers and what hangs on one: its metadata, tags, addresses, diagnostics, topology and password. */
#include "nova/api/servers.h"

#include "nova/api/action.h"
#include "nova/api/create.h"
#include "nova/jobs/jobs.h"
#include "nova/model/action.h"
#include "nova/rpc/compute.h"

#include "oslo/trace/trace.h"

#include <string.h>

struct instance *server_get(struct ctx *c, struct request *rq)
{
    const char *id = request_arg(rq, "id");
    struct instance *inst = instance_find(c, id);

    span_resource(c, id);
    if (failed(c))
        return NULL;
    if (!inst || (!c->who.is_admin && !text_equal(inst->project_id, c->who.project_id)))
        return fail_null(c, INSTANCE_NOT_FOUND, id);
    return inst;
}

static bool server_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct instance *inst = server_get(c, rq);

    return inst && server_answer(c, rp, inst, false);
}

static void update_text(struct ctx *c, const json_t *asked, const char *name, char **field)
{
    if (json_object_get(asked, name))
        *field = ctx_strdup(c, json_get_string(asked, name));
}

static bool server_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.update"), *asked = json_object_get(body, "server");
    struct instance *inst = body ? server_get(c, rq) : NULL;

    if (!inst)
        return false;
    update_text(c, asked, "name", &inst->name);
    update_text(c, asked, "accessIPv4", &inst->access_ip_v4);
    update_text(c, asked, "accessIPv6", &inst->access_ip_v6);
    inst->access_ip_v6 = ipv6_shortest(c, inst->access_ip_v6);
    update_text(c, asked, "description", &inst->description);
    update_text(c, asked, "hostname", &inst->hostname);
    if (json_get_string(asked, "OS-DCF:diskConfig"))
        inst->auto_disk_config = strcmp(json_get_string(asked, "OS-DCF:diskConfig"), "AUTO") == 0;
    return db_begin(c) && tx_done(c, instance_save(c, inst)) && server_answer(c, rp, inst, c->version < V(2, 75));
}

static const struct server_action delete_action = { .name = "delete", .any_task = true, .unlaunched = true };

/* Deleting what is being deleted is fine. */
static bool delete_begin(struct ctx *c, struct instance *inst)
{
    if (text_equal(inst->task_state, TASK_DELETING))
        return true;
    inst->task_state = ctx_strdup(c, TASK_DELETING);
    inst->progress = 0;
    return instance_set_task(c, inst->uuid, NULL, TASK_DELETING) && action_begin(c, inst->uuid, "delete") && instance_delete_start(c, inst);
}

static bool server_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct instance *inst = server_get(c, rq);

    if (!inst || !action_allowed(c, inst, &delete_action) || !db_begin(c) || !tx_done(c, delete_begin(c, inst)))
        return false;
    jobs_wake(c->service);
    return true;
}

/* --- metadata ----------------------------------------------------------------------------------------------------- */

#define QUIET IN(VM_ACTIVE, VM_PAUSED, VM_SUSPENDED, VM_STOPPED)
static const struct server_action metadata_update = { .name = "update metadata", .states = QUIET, .any_task = true };
static const struct server_action metadata_delete = { .name = "delete metadata", .states = QUIET, .any_task = true };

static json_t *metadata_of(struct ctx *c, const struct instance *inst)
{
    json_t *metadata = json_of(c, inst->metadata);

    return ctx_json(c, json_is_object(metadata) ? json_copy(metadata) : json_object());
}

static bool metadata_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);

    return inst && answer_member(rp, "metadata", metadata_of(c, inst));
}

static bool metadata_store(struct ctx *c, struct instance *inst, const json_t *metadata, const struct server_action *a)
{
    if (!action_allowed(c, inst, a) || !metadata_check(c, metadata))
        return false;
    inst->metadata = json_text(c, metadata);
    return db_begin(c) && tx_done(c, instance_save(c, inst));
}

/* POST adds to what is there, PUT stands for it. */
static bool metadata_write(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.metadata"), *metadata;
    struct instance *inst = body ? server_get(c, rq) : NULL;

    if (!inst)
        return false;
    metadata = strcmp(rq->method, "PUT") == 0 ? ctx_json(c, json_object()) : metadata_of(c, inst);
    json_object_update(metadata, json_object_get(body, "metadata"));
    return metadata_store(c, inst, metadata, &metadata_update) && answer_member(rp, "metadata", metadata);
}

static bool meta_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    const char *key = request_arg(rq, "key");
    json_t *value = inst ? json_object_get(metadata_of(c, inst), key) : NULL;

    if (!inst)
        return false;
    if (!value)
        return fail(c, NOT_FOUND_TEXT, "Metadata item was not found");
    return answer_member(rp, "meta", ctx_json(c, json_pack("{s:O}", key, value)));
}

static bool meta_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.meta"), *meta = json_object_get(body, "meta"), *metadata;
    struct instance *inst;

    if (!body)
        return false;
    if (!json_object_get(meta, request_arg(rq, "key")))
        return fail(c, BAD_REQUEST, "Request body and URI mismatch");
    inst = server_get(c, rq);
    if (!inst)
        return false;
    metadata = metadata_of(c, inst);
    json_object_update(metadata, meta);
    return metadata_store(c, inst, metadata, &metadata_update) && answer_member(rp, "meta", meta);
}

static bool meta_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct instance *inst = server_get(c, rq);
    json_t *metadata = inst ? metadata_of(c, inst) : NULL;

    if (!inst)
        return false;
    if (json_object_del(metadata, request_arg(rq, "key")) != 0)
        return fail(c, NOT_FOUND_TEXT, "Metadata item was not found");
    return metadata_store(c, inst, metadata, &metadata_delete);
}

/* --- tags --------------------------------------------------------------------------------------------------------- */

#define MAX_TAGS 50
#define TAGGED(what) ((const struct server_action){ .name = what, .states = QUIET, .any_task = true, .unlaunched = true, .lockless = true })

static bool answer_tags(struct ctx *c, struct reply *rp, const char *uuid)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_array(&o, "tags");
    for (struct rows *r = db_query(c, "SELECT tag FROM instance_tags WHERE instance_uuid = $1 ORDER BY tag", T(uuid)); db_next(r);)
        out_string(&o, NULL, db_text(r, 0));
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool tags_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);

    return inst && answer_tags(c, rp, inst->uuid);
}

static bool tags_stored(struct ctx *c, const char *uuid, json_t *tags)
{
    json_t *tag;
    size_t i;

    if (!db_exec(c, "DELETE FROM instance_tags WHERE instance_uuid = $1", T(uuid)))
        return false;
    json_array_foreach(tags, i, tag)
        if (!db_exec(c, "INSERT INTO instance_tags (instance_uuid, tag) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(uuid),
                     T(json_string_value(tag))))
            return false;
    return true;
}

static bool tags_replace(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.tags");
    const struct instance *inst = body ? server_get(c, rq) : NULL;

    return inst && action_allowed(c, inst, &TAGGED("update tags")) && db_begin(c) &&
           tx_done(c, tags_stored(c, inst->uuid, json_object_get(body, "tags"))) && answer_tags(c, rp, inst->uuid);
}

static bool tags_clear(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);

    return inst && action_allowed(c, inst, &TAGGED("delete tags")) && db_begin(c) && tx_done(c, tags_stored(c, inst->uuid, NULL));
}

static bool has_tag(struct ctx *c, const char *uuid, const char *tag)
{
    return db_count(c, "SELECT count(*) FROM instance_tags WHERE instance_uuid = $1 AND tag = $2", T(uuid), T(tag)) > 0;
}

static bool tag_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);

    return inst && (has_tag(c, inst->uuid, request_arg(rq, "tag")) || fail(c, NO_TAG, inst->uuid, request_arg(rq, "tag")));
}

static bool tag_valid(struct ctx *c, const char *tag)
{
    json_t *value = ctx_json(c, json_string(tag)), *body = ctx_json(c, json_pack("{s:[O]}", "tags", value));
    const char *why;

    if (schema_check(c, "servers.tags", body))
        return true;
    why = strstr(c->fault.message, "Value: ");
    why = why ? ctx_strdup(c, why + strlen("Value: ") + strlen(tag) + 2) : "";
    fault_clear(c);
    return fail(c, INVALID_TAG, tag, why);
}

static bool tag_add(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *tag = request_arg(rq, "tag");
    const struct instance *inst = server_get(c, rq);

    if (!inst || !action_allowed(c, inst, &TAGGED("update tag")) || !tag_valid(c, tag))
        return false;
    if (db_count(c, "SELECT count(*) FROM instance_tags WHERE instance_uuid = $1", T(inst->uuid)) >= MAX_TAGS)
        return fail(c, BAD_REQUEST, "The number of tags exceeded the per-server limit 50");
    rp->status = 204;
    if (has_tag(c, inst->uuid, tag))
        return true;
    rp->status = 201;
    reply_header(c, rp, "Location", ctx_printf(c, "%s/tags/%s", server_url(c, inst->uuid), tag));
    return db_begin(c) && tx_done(c, db_exec(c, "INSERT INTO instance_tags (instance_uuid, tag) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                                             T(inst->uuid), T(tag)));
}

static bool tag_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *tag = request_arg(rq, "tag");
    const struct instance *inst = server_get(c, rq);

    if (!inst || !action_allowed(c, inst, &TAGGED("delete tag")))
        return false;
    if (!has_tag(c, inst->uuid, tag))
        return fail(c, INSTANCE_TAG_NOT_FOUND, inst->uuid, tag);
    return db_begin(c) && tx_done(c, db_exec(c, "DELETE FROM instance_tags WHERE instance_uuid = $1 AND tag = $2", T(inst->uuid), T(tag)));
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static bool addresses_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    struct out o;

    if (!inst)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    server_write_addresses(c, &o, inst);
    out_end_object(&o);
    return true;
}

static bool address_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    const char *label = request_arg(rq, "label");
    json_t *list = inst ? json_object_get(json_of(c, inst->addresses), label) : NULL;
    struct out o;

    if (!inst)
        return false;
    if (!list)
        return fail(c, NOT_FOUND_TEXT, "Instance is not a member of specified network");
    o = answer(rp);
    out_object(&o, NULL);
    server_write_network(&o, label, list);
    out_end_object(&o);
    return true;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

/* Before 2.48 the driver's own words: flat, a number a disk and a CPU. */
static json_t *old_diagnostics(struct ctx *c, const json_t *d)
{
    static const char *const words[][2] = { { "read_bytes", "read" }, { "read_requests", "read_req" }, { "write_bytes", "write" },
                                            { "write_requests", "write_req" }, { "errors_count", "errors" } };
    static const char *const nic_words[][2] = { { "rx_octets", "rx" }, { "rx_errors", "rx_errors" }, { "rx_drop", "rx_drop" },
                                                { "rx_packets", "rx_packets" }, { "tx_octets", "tx" }, { "tx_errors", "tx_errors" },
                                                { "tx_drop", "tx_drop" }, { "tx_packets", "tx_packets" } };
    json_t *flat = ctx_json(c, json_object()), *item, *memory = json_object_get(d, "memory_details");
    size_t i;

    json_array_foreach(json_object_get(d, "cpu_details"), i, item)
        json_object_set(flat, ctx_printf(c, "cpu%zu_time", i), json_object_get(item, "time"));
    json_object_set_new(flat, "memory", json_integer(json_get_int(memory, "maximum", 0) * 1024));
    json_array_foreach(json_object_get(d, "disk_details"), i, item)
        for (size_t k = 0; k < G_N_ELEMENTS(words); k++)
            json_object_set_new(flat, ctx_printf(c, "vd%c_%s", (char)('a' + i), words[k][1]), json_integer(json_get_int(item, words[k][0], 0)));
    json_array_foreach(json_object_get(d, "nic_details"), i, item)
        for (size_t k = 0; k < G_N_ELEMENTS(nic_words); k++)
            json_object_set_new(flat, ctx_printf(c, "vnet%zu_%s", i, nic_words[k][1]), json_integer(json_get_int(item, nic_words[k][0], 0)));
    return flat;
}

static bool diagnostics(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    static const struct server_action any = { .name = "get_diagnostics", .any_task = true, .unlaunched = true, .lockless = true };
    json_t *found = inst && action_allowed(c, inst, &any) ? compute_call(c, inst, RPC_GET_DIAGNOSTICS, json_object()) : NULL;

    if (!found)
        return false;
    reply_json(rp, c->version >= V(2, 48) ? found : old_diagnostics(c, found));
    return true;
}

static bool topology(struct ctx *c, struct request *rq, struct reply *rp)
{
    if (!server_get(c, rq))
        return false;
    reply_text(rp, "application/json", "{\"nodes\": [], \"pagesize_kb\": null}");
    return true;
}

static bool password_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    json_t *kept = inst ? json_of(c, inst->system_metadata) : NULL;
    struct buf text = {};
    struct out o;

    if (!inst)
        return false;
    for (int i = 0; i < 4; i++) {
        const char *piece = json_get_string(kept, ctx_printf(c, "password_%d", i));

        buf_puts(&text, piece ? piece : "");
    }
    o = answer(rp);
    out_object(&o, NULL);
    out_string(&o, "password", text.data ? text.data : "");
    out_end_object(&o);
    buf_clear(&text);
    return true;
}

static bool password_clear(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct instance *inst = server_get(c, rq);
    json_t *kept = inst ? ctx_json(c, json_copy(json_of(c, inst->system_metadata))) : NULL;

    if (!inst)
        return false;
    for (int i = 0; i < 4; i++)
        json_object_del(kept, ctx_printf(c, "password_%d", i));
    inst->system_metadata = json_text(c, kept);
    return db_begin(c) && tx_done(c, instance_save(c, inst));
}

const struct route nova_server_routes[] = {
    { "GET", "servers", servers_list, .policy = RULE("servers:index") },
    { "GET", "servers/detail", servers_detail, .policy = RULE("servers:detail") },
    { "POST", "servers", server_create, 202, .policy = RULE("servers:create") },
    { "GET", "servers/{id}", server_show, .policy = RULE("servers:show") },
    { "PUT", "servers/{id}", server_update, .policy = RULE("servers:update") },
    { "DELETE", "servers/{id}", server_delete, 204, ROUTE_EMPTY, RULE("servers:delete") },
    {}
};

const struct route nova_server_part_routes[] = {
    { "GET", "servers/{id}/metadata", metadata_list, .policy = RULE("server-metadata:index") },
    { "POST", "servers/{id}/metadata", metadata_write, .policy = RULE("server-metadata:create") },
    { "PUT", "servers/{id}/metadata", metadata_write, .policy = RULE("server-metadata:update_all") },
    { "GET", "servers/{id}/metadata/{key}", meta_show, .policy = RULE("server-metadata:show") },
    { "PUT", "servers/{id}/metadata/{key}", meta_update, .policy = RULE("server-metadata:update") },
    { "DELETE", "servers/{id}/metadata/{key}", meta_delete, 204, ROUTE_EMPTY, RULE("server-metadata:delete") },
    { "GET", "servers/{id}/tags", tags_list, .policy = RULE("os-server-tags:index"), .since = V(2, 26) },
    { "PUT", "servers/{id}/tags", tags_replace, .policy = RULE("os-server-tags:update_all"), .since = V(2, 26) },
    { "DELETE", "servers/{id}/tags", tags_clear, 204, ROUTE_EMPTY, RULE("os-server-tags:delete_all"), V(2, 26) },
    { "GET", "servers/{id}/tags/{tag}", tag_show, 204, ROUTE_EMPTY, RULE("os-server-tags:show"), V(2, 26) },
    { "PUT", "servers/{id}/tags/{tag}", tag_add, 201, ROUTE_EMPTY, RULE("os-server-tags:update"), V(2, 26) },
    { "DELETE", "servers/{id}/tags/{tag}", tag_delete, 204, ROUTE_EMPTY, RULE("os-server-tags:delete"), V(2, 26) },
    { "GET", "servers/{id}/ips", addresses_list, .policy = RULE("ips:index") },
    { "GET", "servers/{id}/ips/{label}", address_show, .policy = RULE("ips:show") },
    { "GET", "servers/{id}/diagnostics", diagnostics, .policy = RULE("os-server-diagnostics") },
    { "GET", "servers/{id}/topology", topology, .policy = "compute:server:topology:index", .since = V(2, 78) },
    { "GET", "servers/{id}/os-server-password", password_show, .policy = RULE("os-server-password:show") },
    { "DELETE", "servers/{id}/os-server-password", password_clear, 204, ROUTE_EMPTY, RULE("os-server-password:clear") },
    {}
};
