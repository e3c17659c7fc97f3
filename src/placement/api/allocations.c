/* Allocations: of one consumer, of several at once, of a provider. */
#include "placement/api/allocations.h"

#include <string.h>

#define RULE(verb) "placement:allocations:" verb
#define NOBODY "00000000-0000-0000-0000-000000000000"        /* whose they are before 1.8, when nobody says */

/* --- reading -------------------------------------------------------------------------------------------------------- */

static void end_provider(struct out *out, const char *uuid, int64_t generation)
{
    if (!uuid)
        return;
    out_end_object(out);
    out_int(out, "generation", generation);
    out_end_object(out);
}

/* The member "allocations" of a consumer. */
static utc_time write_allocations(struct ctx *c, struct out *out, const char *uuid)
{
    struct rows *rows = db_query(c, "SELECT p.uuid, p.generation, a.resource_class, a.used, a.created_at FROM allocations AS a "
                                    "JOIN resource_providers AS p ON p.uuid = a.provider_uuid JOIN resource_classes AS r ON r.name = a.resource_class "
                                    "WHERE a.consumer_uuid = $1 ORDER BY p.created_at, p.uuid, r.position", T(uuid));
    const char *provider = NULL;
    utc_time last = { 0 };
    int64_t generation = 0;

    out_object(out, "allocations");
    while (db_next(rows)) {
        if (!text_equal(provider, db_text(rows, 0))) {
            end_provider(out, provider, generation);
            provider = db_text(rows, 0);
            generation = db_int(rows, 1);
            out_object(out, provider);
            out_object(out, "resources");
        }
        out_int(out, db_text(rows, 2), db_int(rows, 3));
        later(&last, (utc_time){ db_int(rows, 4) }, (utc_time){ 0 });
    }
    end_provider(out, provider, generation);
    out_end_object(out);
    return last;
}

static void write_consumer(struct ctx *c, struct out *out, const char *uuid)
{
    struct rows *rows = db_query(c, "SELECT project_id, user_id, generation, coalesce(consumer_type, 'unknown') FROM consumers WHERE uuid = $1", T(uuid));

    if (c->version < V(1, 12) || !db_next(rows))
        return;
    out_string(out, "project_id", db_text(rows, 0));
    out_string(out, "user_id", db_text(rows, 1));
    if (c->version >= V(1, 28))
        out_int(out, "consumer_generation", db_int(rows, 2));
    if (c->version >= V(1, 38))
        out_string(out, "consumer_type", db_text(rows, 3));
}

static bool of_consumer(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *uuid = request_arg(request, "consumer_uuid");
    struct out out;
    utc_time last;

    if (!accepts_json(c, request))
        return false;
    out = answer_begin(reply);
    last = write_allocations(c, &out, uuid);
    write_consumer(c, &out, uuid);
    answer_end(c, reply, &out, last);
    return !failed(c);
}

static void end_consumer(struct ctx *c, struct out *out, const char *uuid, int64_t generation)
{
    if (!uuid)
        return;
    out_end_object(out);
    if (c->version >= V(1, 28))
        out_int(out, "consumer_generation", generation);
    out_end_object(out);
}

static utc_time write_by_consumer(struct ctx *c, struct out *out, const char *provider_uuid)
{
    struct rows *rows = db_query(c, "SELECT c.uuid, c.generation, a.resource_class, a.used, a.created_at FROM allocations AS a "
                                    "JOIN consumers AS c ON c.uuid = a.consumer_uuid JOIN resource_classes AS r ON r.name = a.resource_class "
                                    "WHERE a.provider_uuid = $1 ORDER BY c.created_at, c.uuid, r.position", T(provider_uuid));
    const char *consumer = NULL;
    utc_time last = { 0 };
    int64_t generation = 0;

    out_object(out, "allocations");
    while (db_next(rows)) {
        if (!text_equal(consumer, db_text(rows, 0))) {
            end_consumer(c, out, consumer, generation);
            consumer = db_text(rows, 0);
            generation = db_int(rows, 1);
            out_object(out, consumer);
            out_object(out, "resources");
        }
        out_int(out, db_text(rows, 2), db_int(rows, 3));
        later(&last, (utc_time){ db_int(rows, 4) }, (utc_time){ 0 });
    }
    end_consumer(c, out, consumer, generation);
    out_end_object(out);
    return last;
}

static bool of_provider(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *uuid = request_arg(request, "uuid");
    struct provider p;
    struct out out;
    utc_time last;

    if (!accepts_json(c, request))
        return false;
    if (!provider_find(c, uuid, &p))
        return fail(c, PROVIDER_NO_ALLOCATIONS, uuid, uuid);
    out = answer_begin(reply);
    last = write_by_consumer(c, &out, uuid);
    out_int(&out, "resource_provider_generation", p.generation);
    answer_end(c, reply, &out, last);
    return !failed(c);
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

static void claim_parse(struct ctx *c, const char *consumer_uuid, const json_t *body, struct claim *claim)
{
    const json_t *generation = json_object_get(body, "consumer_generation");
    const char *project = json_get_string(body, "project_id"), *user = json_get_string(body, "user_id");

    *claim = (struct claim){
        .consumer_uuid = consumer_uuid, .project_id = project ? project : NOBODY, .user_id = project ? user : NOBODY,
        .consumer_type = json_get_string(body, "consumer_type"), .has_generation = c->version >= V(1, 28),
        .generation = { json_is_integer(generation) ? json_integer_value(generation) : 0, json_is_integer(generation) },
        .allocations = json_object_get(body, "allocations"),
    };
}

struct claim *claims_parse(struct ctx *c, json_t *consumers, size_t *ret_n)
{
    struct claim *claims = ctx_new_n(c, struct claim, json_object_size(consumers) + 1);
    const char *uuid;
    json_t *body;
    size_t n = 0;

    json_object_foreach(consumers, uuid, body)
        claim_parse(c, uuid, body, &claims[n++]);
    *ret_n = n;
    return claims;
}

/* Until 1.11 a list of providers. */
static json_t *by_provider(struct ctx *c, json_t *list)
{
    json_t *result = ctx_json(c, json_object()), *one;
    size_t i;

    json_array_foreach(list, i, one)
        json_object_set_new(result, json_get_string(json_object_get(one, "resource_provider"), "uuid"),
                            json_pack("{sO}", "resources", json_object_get(one, "resources")));
    return result;
}

static const char *put_schema(const struct ctx *c)
{
    return c->version < V(1, 12) ? "allocation_list" : "allocation";
}

static bool put(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *uuid = request_arg(request, "consumer_uuid");
    struct claim claim;
    json_t *body;

    if (!uuid_is(uuid))
        return fail(c, CONSUMER_MALFORMED, uuid);
    body = body_read(c, request, put_schema(c));
    if (!body)
        return false;
    claim_parse(c, uuid, body, &claim);
    if (c->version < V(1, 12))
        claim.allocations = by_provider(c, claim.allocations);
    return db_begin(c) &&
           settle(c, claims_store(c, &claim, 1, ctx_printf(c, "Unable to allocate inventory for consumer %s: ", uuid)));
}

static bool post(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = body_read(c, request, "allocations");
    struct claim *claims;
    size_t n;

    if (!body)
        return false;
    claims = claims_parse(c, body, &n);
    return db_begin(c) && settle(c, claims_store(c, claims, n, "Unable to allocate inventory "));
}

static bool delete(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *uuid = request_arg(request, "consumer_uuid");

    return db_begin(c) && settle(c, consumer_clear(c, uuid) || (!failed(c) && fail(c, CONSUMER_NONE, uuid)));
}

const struct route allocation_routes[] = {
    { "GET", "/resource_providers/{uuid}/allocations", of_provider, .policy = "placement:resource_providers:allocations:list" },
    { "POST", "/allocations", post, 204, .policy = RULE("manage"), .since = V(1, 13) },
    { "GET", "/allocations/{consumer_uuid}", of_consumer, .policy = RULE("list") },
    { "PUT", "/allocations/{consumer_uuid}", put, 204, .policy = RULE("update") },
    { "DELETE", "/allocations/{consumer_uuid}", delete, 204, .policy = RULE("delete") },
    {}
};
