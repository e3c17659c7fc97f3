/* Claims in Placement: the instance is the consumer; a second PUT of the same is the same claim. */
#include "nova/jobs/parts.h"

#include "nova/options.h"
#include "oslo/client/client.h"

#define PLACEMENT_VERSION "placement 1.36"

static json_t *allocation_body(const struct instance *inst, json_t *allocations)
{
    return json_pack("{s:O, s:s, s:s, s:n}", "allocations", allocations, "project_id", inst->project_id, "user_id", inst->user_id,
                     "consumer_generation");
}

static bool claim_put(struct ctx *c, const char *consumer, json_t *body)
{
    struct call call = { .type = "placement", .method = "PUT", .version = PLACEMENT_VERSION, .as_service = true, .body = ctx_json(c, body) };

    call.path = ctx_printf(c, "/allocations/%s", consumer);
    return client_call(c, &call);
}

bool claim_take(struct ctx *c, const struct instance *inst, const char *consumer, json_t *allocations)
{
    json_t *body = allocation_body(inst, allocations), *held;

    if (claim_put(c, consumer, json_incref(body))) {
        json_decref(body);
        return true;
    }
    json_decref(body);
    if (c->fault.status != 409)
        return false;
    /* Taken by this very job before it was killed, or too late for this host. */
    fault_clear(c);
    held = claim_get(c, consumer);
    if (!held || json_object_size(held) == 0)
        return false;
    return json_object_get(held, json_object_iter_key(json_object_iter(allocations))) != NULL || (claim_drop(c, consumer) && false);
}

json_t *claim_get(struct ctx *c, const char *consumer)
{
    struct call call = { .type = "placement", .method = "GET", .version = PLACEMENT_VERSION, .as_service = true };
    json_t *found;

    call.path = ctx_printf(c, "/allocations/%s", consumer);
    if (!client_call(c, &call))
        return NULL;
    found = json_object_get(call.reply, "allocations");
    return found ? found : ctx_json(c, json_object());
}

bool claim_drop(struct ctx *c, const char *consumer)
{
    struct call call = { .type = "placement", .method = "DELETE", .version = PLACEMENT_VERSION, .as_service = true, .accept_404 = "" };

    call.path = ctx_printf(c, "/allocations/%s", consumer);
    return client_call(c, &call);
}

/* What is held, without the generations that only reading shows. */
static json_t *plain_allocations(struct ctx *c, json_t *held)
{
    json_t *plain = ctx_json(c, json_object()), *one;
    const char *provider;

    json_object_foreach(held, provider, one)
        json_object_set_new(plain, provider, json_pack("{s:O}", "resources", json_object_get(one, "resources")));
    return plain;
}

static json_t *consumer_read(struct ctx *c, const char *consumer)
{
    struct call read = { .type = "placement", .method = "GET", .version = PLACEMENT_VERSION, .as_service = true };

    read.path = ctx_printf(c, "/allocations/%s", consumer);
    return client_call(c, &read) ? read.reply : NULL;
}

/* A consumer that holds nothing has no generation: null, as it is read. */
static json_t *consumer_body(const struct instance *inst, json_t *consumer, json_t *allocations)
{
    json_t *body = allocation_body(inst, allocations), *generation = json_object_get(consumer, "consumer_generation");

    if (generation)
        json_object_set(body, "consumer_generation", generation);
    return body;
}

bool claim_move(struct ctx *c, const struct instance *inst, const char *from, const char *to, json_t *allocations)
{
    struct call call = { .type = "placement", .method = "POST", .path = "/allocations", .version = PLACEMENT_VERSION, .as_service = true };
    json_t *source = consumer_read(c, from), *target = source ? consumer_read(c, to) : NULL;

    if (!target)
        return false;
    call.body = ctx_json(c, json_pack("{s:o, s:o}", from, consumer_body(inst, source, allocations),
                                      to, consumer_body(inst, target, plain_allocations(c, json_object_get(source, "allocations")))));
    return client_call(c, &call);
}

static bool claim_set(struct ctx *c, const struct instance *inst, json_t *consumer, json_t *allocations)
{
    return claim_put(c, inst->uuid, consumer_body(inst, consumer, allocations));
}

bool claim_add(struct ctx *c, const struct instance *inst, json_t *allocations)
{
    json_t *consumer = consumer_read(c, inst->uuid), *all;

    if (!consumer)
        return false;
    all = plain_allocations(c, json_object_get(consumer, "allocations"));
    json_object_update(all, allocations);
    return claim_set(c, inst, consumer, all);
}

bool claim_only(struct ctx *c, const struct instance *inst, const char *host, const char *node)
{
    const struct compute_node *kept = compute_node_find(c, host, node);
    json_t *consumer = kept ? consumer_read(c, inst->uuid) : NULL;
    json_t *held = json_object_get(consumer, "allocations"), *one = kept ? json_object_get(held, kept->uuid) : NULL;

    if (!one || json_object_size(held) == 1)
        return !failed(c);
    return claim_set(c, inst, consumer, ctx_json(c, json_pack("{s:{s:O}}", kept->uuid, "resources", json_object_get(one, "resources"))));
}

/* --- placing ------------------------------------------------------------------------------------------------- */

/* Two builds of one group may have chosen at once: asked again in the transaction that settles it. */
static bool group_still_fits(struct ctx *c, const struct request_spec *spec, const char *host)
{
    int64_t there;

    if (!text_equal(spec->group_policy, "anti-affinity") && !text_equal(spec->group_policy, "affinity"))
        return true;
    there = db_count(c, "SELECT count(*) FROM server_group_members m JOIN instances i ON i.uuid = m.instance_uuid"
                     " WHERE m.group_id = $1 AND i.uuid <> $2 AND NOT i.deleted AND i.host = $3",
                     T(spec->inst->server_group), T(spec->inst->uuid), T(host));
    if (*spec->group_policy == 'a' && spec->group_policy[1] == 'n')
        return there < spec->max_server_per_host;
    return there || !db_count(c, "SELECT count(*) FROM server_group_members m JOIN instances i ON i.uuid = m.instance_uuid"
                              " WHERE m.group_id = $1 AND i.uuid <> $2 AND NOT i.deleted AND i.host IS NOT NULL",
                              T(spec->inst->server_group), T(spec->inst->uuid));
}

static bool settle(struct ctx *c, struct job *job, const struct request_spec *spec, const struct host_state *h, const char *task_state)
{
    struct instance *inst = instance_edit(c, job->resource_id);

    if (!inst)
        return false;
    if (!group_still_fits(c, spec, h->node->host)) {
        db_rollback(c);
        return false;
    }
    inst->host = inst->launched_on = h->node->host;
    inst->node = h->node->hypervisor_hostname;
    inst->availability_zone = ctx_strdup(c, h->zone);
    if (!text_equal(inst->task_state, TASK_DELETING))
        inst->task_state = ctx_strdup(c, task_state);
    if (!event_begin(c, inst->uuid, job_event(job->kind), inst->host)) {
        db_rollback(c);
        return false;
    }
    return instance_edited(c, inst);
}

bool instance_place(struct ctx *c, struct job *job, const struct request_spec *spec, const char *task_state)
{
    int64_t tries = nova_options()->max_attempts;
    size_t n = 0;

    for (int64_t i = 0; i < tries; i++) {
        struct host_state **hosts = scheduler_select(c, spec, &n);

        if (!hosts)
            return false;
        for (size_t h = 0; h < n; h++) {
            if (claim_take(c, spec->inst, spec->inst->uuid, hosts[h]->allocations)) {
                if (settle(c, job, spec, hosts[h], task_state))
                    return true;
                if (failed(c) || !claim_drop(c, spec->inst->uuid))
                    return false;
            }
            if (failed(c))
                return false;
        }
    }
    return fail(c, MAX_RETRIES, ctx_printf(c, "Exhausted all hosts available for retrying build failures for instance %s.", spec->inst->uuid));
}

void instance_unplace(struct ctx *c, struct job *job)
{
    struct instance *inst;

    if (!claim_drop(c, job->resource_id) || !(inst = instance_edit(c, job->resource_id)))
        return;
    inst->host = inst->node = NULL;
    instance_edited(c, inst);
}
