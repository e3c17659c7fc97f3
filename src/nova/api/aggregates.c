/* /os-aggregates: groups of hosts with metadata; the key availability_zone makes one a zone. */
#include "nova/api/api.h"

#include "nova/model/host.h"
#include "nova/model/instance.h"

#include <string.h>

struct aggregate {
    int64_t id;
    char *uuid, *name;
    raw_json metadata;
    utc_time created_at, updated_at;
};

static const struct attr aggregate_attrs[] = {
    ATTR(struct aggregate, id,         0),
    ATTR(struct aggregate, uuid,       0),
    ATTR(struct aggregate, name,       0),
    ATTR(struct aggregate, metadata,   0, .unset = "{}"),
    ATTR(struct aggregate, created_at, 0),
    ATTR(struct aggregate, updated_at, 0),
    {}
};

static void write_time(struct out *o, const char *key, utc_time at)
{
    char text[TIME_TEXT_SIZE];

    out_string(o, key, at.us ? time_write(text, (utc_time){ at.us / 1000000 * 1000000 }, TIME_ISO_MICRO) : NULL);
}

static void write_aggregate(struct ctx *c, struct out *o, const struct aggregate *a, bool whole)
{
    out_int(o, "id", a->id);
    if (c->version >= V(2, 41))
        out_string(o, "uuid", a->uuid);
    out_string(o, "name", a->name);
    if (whole) {
        out_array(o, "hosts");
        for (struct rows *r = db_query(c, "SELECT host FROM aggregate_hosts WHERE aggregate_id = $1 ORDER BY host", I(a->id)); db_next(r);)
            out_string(o, NULL, db_text(r, 0));
        out_end_array(o);
        out_raw(o, "metadata", a->metadata.text ? a->metadata.text : "{}");
    }
    write_time(o, "created_at", a->created_at);
    write_time(o, "updated_at", a->updated_at);
    out_null(o, "deleted_at");
    out_bool(o, "deleted", false);
    out_string(o, "availability_zone", json_get_string(json_of(c, a->metadata), "availability_zone"));
}

static bool answer_aggregate(struct ctx *c, struct reply *rp, const struct aggregate *a, bool whole)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_object(&o, "aggregate");
    write_aggregate(c, &o, a, whole);
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool aggregates_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct sql *s = sql_new(c);
    struct out o = answer(rp);

    sql_add(s, "SELECT ");
    record_columns(&s->text, aggregate_attrs, "");
    sql_add(s, " FROM aggregates ORDER BY id");
    out_object(&o, NULL);
    out_array(&o, "aggregates");
    for (struct rows *r = sql_query(s); db_next(r);) {
        struct aggregate a;

        record_from_row(r, aggregate_attrs, &a, 0);
        out_object(&o, NULL);
        write_aggregate(c, &o, &a, true);
        out_end_object(&o);
    }
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

static struct aggregate *aggregate_get(struct ctx *c, const char *id)
{
    struct aggregate *a = record_new(c, aggregate_attrs, sizeof *a);
    struct sql *s = sql_new(c);
    struct rows *r;
    int64_t number;
    bool found;

    if (!text_to_int(id, &number))
        return fail_null(c, NOT_AN_INTEGER, "id");
    sql_add(s, "SELECT ");
    record_columns(&s->text, aggregate_attrs, "");
    sql_add(s, " FROM aggregates WHERE id = ?", I(number));
    r = sql_query(s);
    found = db_next(r);
    if (found)
        record_from_row(r, aggregate_attrs, a, 0);
    db_rows_end(r);
    return found ? a : failed(c) ? NULL : fail_null(c, AGGREGATE_NOT_FOUND, id);
}

static bool aggregate_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct aggregate *a = aggregate_get(c, request_arg(rq, "id"));

    return a && answer_aggregate(c, rp, a, true);
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

static bool name_free(struct ctx *c, const struct aggregate *a)
{
    return !db_count(c, "SELECT count(*) FROM aggregates WHERE name = $1 AND id <> $2", T(a->name), I(a->id)) ||
           fail(c, AGGREGATE_EXISTS, a->name);
}

static bool insert(struct ctx *c, struct aggregate *a)
{
    if (!name_free(c, a))
        return false;
    a->id = counter_next(c, "aggregates");
    a->uuid = uuid_new(c);
    a->created_at = utc_now();
    return record_insert(c, "aggregates", aggregate_attrs, a);
}

static bool aggregate_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "hosts.aggregate_create"), *asked = json_object_get(body, "aggregate");
    const char *zone = json_get_string(asked, "availability_zone");
    struct aggregate *a = record_new(c, aggregate_attrs, sizeof *a);

    if (!body)
        return false;
    a->name = g_strstrip(ctx_strdup(c, json_get_string(asked, "name")));
    if (zone)
        a->metadata = json_text(c, ctx_json(c, json_pack("{s:s}", "availability_zone", zone)));
    return db_begin(c) && tx_done(c, insert(c, a)) && answer_aggregate(c, rp, a, false);
}

static bool store(struct ctx *c, struct aggregate *a)
{
    a->updated_at = utc_now();
    return name_free(c, a) && record_update(c, "aggregates", aggregate_attrs, a, "uuid");
}

/* A zone with instances in it keeps its name; a host is in one zone at most. */
static bool zone_may_become(struct ctx *c, const struct aggregate *a, const char *zone)
{
    const char *old = json_get_string(json_of(c, a->metadata), "availability_zone");

    if (text_equal(old, zone))
        return true;
    if (db_count(c, "SELECT count(*) FROM instances i JOIN aggregate_hosts h ON h.host = i.host WHERE h.aggregate_id = $1"
                 " AND NOT i.deleted", I(a->id)))
        return fail(c, AGGREGATE_HAS_INSTANCES, ctx_printf(c, "%" PRId64, a->id));
    return !failed(c);
}

/* null takes a key away. */
static bool metadata_merge(struct ctx *c, struct aggregate *a, json_t *changes)
{
    json_t *metadata = ctx_json(c, json_copy(json_of(c, a->metadata))), *value;
    const char *key;

    if (!json_is_object(metadata))
        metadata = ctx_json(c, json_object());
    if (json_object_get(changes, "availability_zone") && !zone_may_become(c, a, json_get_string(changes, "availability_zone")))
        return false;
    json_object_foreach(changes, key, value) {
        if (json_is_null(value))
            json_object_del(metadata, key);
        else
            json_object_set(metadata, key, value);
    }
    a->metadata = json_text(c, metadata);
    return true;
}

static bool aggregate_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "hosts.aggregate_update"), *asked = json_object_get(body, "aggregate"), *changes;
    struct aggregate *a = body ? aggregate_get(c, request_arg(rq, "id")) : NULL;

    if (!a)
        return false;
    if (json_get_string(asked, "name"))
        a->name = g_strstrip(ctx_strdup(c, json_get_string(asked, "name")));
    changes = ctx_json(c, json_object());
    if (json_object_get(asked, "availability_zone"))
        json_object_set(changes, "availability_zone", json_object_get(asked, "availability_zone"));
    return metadata_merge(c, a, changes) && db_begin(c) && tx_done(c, store(c, a)) && answer_aggregate(c, rp, a, true);
}

static bool set_metadata(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "hosts.set_metadata");
    struct aggregate *a = body ? aggregate_get(c, request_arg(rq, "id")) : NULL;

    return a && metadata_merge(c, a, json_object_get(json_object_get(body, "set_metadata"), "metadata")) && db_begin(c) &&
           tx_done(c, store(c, a)) && answer_aggregate(c, rp, a, true);
}

static bool aggregate_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct aggregate *a = aggregate_get(c, request_arg(rq, "id"));

    if (!a)
        return false;
    if (db_count(c, "SELECT count(*) FROM aggregate_hosts WHERE aggregate_id = $1", I(a->id)))
        return fail(c, AGGREGATE_NOT_EMPTY, request_arg(rq, "id"));
    return db_begin(c) && tx_done(c, db_exec(c, "DELETE FROM aggregates WHERE id = $1", I(a->id)));
}

static bool host_insert(struct ctx *c, const struct aggregate *a, const char *host)
{
    const char *zone = json_get_string(json_of(c, a->metadata), "availability_zone"), *other = zone_of_host(zones_load(c), host);

    if (db_count(c, "SELECT count(*) FROM aggregate_hosts WHERE aggregate_id = $1 AND host = $2", I(a->id), T(host)))
        return fail(c, AGGREGATE_HAS_HOST, ctx_printf(c, "%" PRId64, a->id), host);
    if (zone && strcmp(other, DEFAULT_AVAILABILITY_ZONE) != 0 && strcmp(other, zone) != 0)
        return fail(c, AGGREGATE_IN_ZONE, ctx_printf(c, "%" PRId64, a->id), other);
    return db_exec(c, "INSERT INTO aggregate_hosts (aggregate_id, host) VALUES ($1, $2)", I(a->id), T(host));
}

static bool host_add(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "hosts.add_host");
    const char *host = json_get_string(json_object_get(body, "add_host"), "host");
    const struct aggregate *a;

    if (!body)
        return false;
    if (!service_find_by_host(c, host, "nova-compute"))
        return failed(c) ? false : fail(c, COMPUTE_HOST_NOT_FOUND, host);
    a = aggregate_get(c, request_arg(rq, "id"));
    return a && db_begin(c) && tx_done(c, host_insert(c, a, host)) && answer_aggregate(c, rp, a, true);
}

static bool host_take_out(struct ctx *c, const struct aggregate *a, const char *host)
{
    int64_t gone = 0;

    db_changed(c, &gone, "DELETE FROM aggregate_hosts WHERE aggregate_id = $1 AND host = $2", I(a->id), T(host));
    return gone || fail(c, AGGREGATE_HOST_NOT_REMOVED, host, ctx_printf(c, "%" PRId64, a->id));
}

static bool host_remove(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "hosts.remove_host");
    const char *host = json_get_string(json_object_get(body, "remove_host"), "host");
    const struct aggregate *a = body ? aggregate_get(c, request_arg(rq, "id")) : NULL;

    if (!a && body && c->fault.status == 404) {
        fault_clear(c);
        return fail(c, AGGREGATE_HOST_NOT_REMOVED, host, request_arg(rq, "id"));
    }
    return a && db_begin(c) && tx_done(c, host_take_out(c, a, host)) && answer_aggregate(c, rp, a, true);
}

const struct route nova_aggregate_routes[] = {
    { "GET", "os-aggregates", aggregates_list, .policy = RULE("os-aggregates:index") },
    { "POST", "os-aggregates", aggregate_create, .policy = RULE("os-aggregates:create") },
    { "GET", "os-aggregates/{id}", aggregate_show, .policy = RULE("os-aggregates:show") },
    { "PUT", "os-aggregates/{id}", aggregate_update, .policy = RULE("os-aggregates:update") },
    { "DELETE", "os-aggregates/{id}", aggregate_delete, 200, ROUTE_EMPTY, RULE("os-aggregates:delete") },
    { "POST", "os-aggregates/{id}/action", host_add, .policy = RULE("os-aggregates:add_host"), .action = "add_host" },
    { "POST", "os-aggregates/{id}/action", host_remove, .policy = RULE("os-aggregates:remove_host"), .action = "remove_host" },
    { "POST", "os-aggregates/{id}/action", set_metadata, .policy = RULE("os-aggregates:set_metadata"), .action = "set_metadata" },
    {}
};
