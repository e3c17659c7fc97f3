/* /os-migrations and /servers/{id}/migrations: servers on their way from host to host, or from flavor to flavor. */
#include "nova/api/servers.h"

#include <string.h>

struct migration_row {
    int64_t id;
    char *uuid, *instance_uuid, *migration_type, *status, *source_compute, *source_node, *dest_compute, *dest_node, *dest_host;
    opt_int old_instance_type_id, new_instance_type_id;
    char *user_id, *project_id;
    utc_time created_at, updated_at;
};

static const struct attr migration_attrs[] = {
    ATTR(struct migration_row, id,                   0),
    ATTR(struct migration_row, uuid,                 0),
    ATTR(struct migration_row, instance_uuid,        0),
    ATTR(struct migration_row, migration_type,       0),
    ATTR(struct migration_row, status,               0),
    ATTR(struct migration_row, source_compute,       0),
    ATTR(struct migration_row, source_node,          0),
    ATTR(struct migration_row, dest_compute,         0),
    ATTR(struct migration_row, dest_node,            0),
    ATTR(struct migration_row, dest_host,            0),
    ATTR(struct migration_row, old_instance_type_id, 0),
    ATTR(struct migration_row, new_instance_type_id, 0),
    ATTR(struct migration_row, user_id,              0),
    ATTR(struct migration_row, project_id,           0),
    ATTR(struct migration_row, created_at,           0),
    ATTR(struct migration_row, updated_at,           0),
    {}
};

static const char *const running[] = { "queued", "preparing", "running", "post-migrating", NULL };

static void write_time(struct out *o, const char *key, utc_time at)
{
    char text[TIME_TEXT_SIZE];

    out_string(o, key, at.us ? time_write(text, (utc_time){ at.us / 1000000 * 1000000 }, TIME_ISO_MICRO) : NULL);
}

static void write_number(struct out *o, const char *key, opt_int n)
{
    if (n.set)
        out_int(o, key, n.value);
    else
        out_null(o, key);
}

static void write_migration(struct ctx *c, struct out *o, const struct migration_row *m)
{
    out_object(o, NULL);
    out_int(o, "id", m->id);
    if (c->version >= V(2, 59))
        out_string(o, "uuid", m->uuid);
    out_string(o, "source_compute", m->source_compute);
    out_string(o, "dest_compute", m->dest_compute);
    out_string(o, "source_node", m->source_node);
    out_string(o, "dest_node", m->dest_node);
    out_string(o, "dest_host", m->dest_host);
    write_number(o, "old_instance_type_id", m->old_instance_type_id);
    write_number(o, "new_instance_type_id", m->new_instance_type_id);
    out_string(o, "instance_uuid", m->instance_uuid);
    out_string(o, "status", m->status);
    if (c->version >= V(2, 23))
        out_string(o, "migration_type", m->migration_type);
    write_time(o, "created_at", m->created_at);
    write_time(o, "updated_at", m->updated_at);
    if (c->version >= V(2, 80)) {
        out_string(o, "user_id", m->user_id);
        out_string(o, "project_id", m->project_id);
    }
    if (c->version >= V(2, 23) && strcmp(m->migration_type, "live-migration") == 0 && text_in(m->status, running))
        write_links(c, o, ctx_printf(c, "servers/%s/migrations", m->instance_uuid), ctx_printf(c, "%" PRId64, m->id));
    out_end_object(o);
}

static const char *const columns[] = { "instance_uuid", "source_compute", "status", "migration_type", "user_id", "project_id", NULL };

static bool narrow(struct ctx *c, struct sql *s, const json_t *query)
{
    const char *host = query_last(query, "host"), *since = query_last(query, "changes-since"), *before = query_last(query, "changes-before");
    const char *marker = query_last(query, "marker");
    utc_time from = {}, to = {};

    for (const char *const *column = columns; *column; column++) {
        if (!query_last(query, *column))
            continue;
        sql_add(s, " AND ");
        sql_add(s, *column);
        sql_add(s, " = ?", T(query_last(query, *column)));
    }
    if (host)
        sql_add(s, " AND (source_compute = ? OR dest_compute = ?)", T(host), T(host));
    if (since && time_parse(since, &from))
        sql_add(s, " AND coalesce(updated_at, created_at) >= ?", I(from.us));
    if (before && time_parse(before, &to))
        sql_add(s, " AND coalesce(updated_at, created_at) <= ?", I(to.us + 999999));
    if (since && before && to.us < from.us)
        return fail(c, BAD_REQUEST, "The value of changes-since must be less than or equal to changes-before.");
    if (!marker)
        return true;
    int64_t id = db_count(c, "SELECT max(id) FROM instance_migrations WHERE uuid = $1", T(marker));
    if (!id)
        return failed(c) ? false : fail(c, MARKER_NOT_FOUND, marker);
    sql_add(s, " AND id < ?", I(id));
    return true;
}

static bool migrations_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "hosts.migrations_query");
    struct sql *s = sql_new(c);
    const char *last = NULL;
    struct out o;
    size_t n = 0;

    sql_add(s, "SELECT ");
    record_columns(&s->text, migration_attrs, "");
    sql_add(s, " FROM instance_migrations WHERE 1 = 1");
    if (!query || !narrow(c, s, query))
        return false;
    sql_add(s, c->version >= V(2, 59) ? " ORDER BY id DESC LIMIT ?" : " ORDER BY id LIMIT ?", I(page_limit(query)));
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "migrations");
    for (struct rows *r = sql_query(s); db_next(r); n++) {
        struct migration_row m;

        record_from_row(r, migration_attrs, &m, 0);
        write_migration(c, &o, &m);
        last = m.uuid;
    }
    out_end_array(&o);
    if (c->version >= V(2, 59))
        write_next(c, rq, &o, "migrations_links", "os-migrations", query, n, last);
    out_end_object(&o);
    return !failed(c);
}

/* Those of one server that are under way, of which there can only be live ones. */
static bool server_migrations(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);
    struct sql *s = sql_new(c);
    struct out o;

    if (!inst)
        return false;
    sql_add(s, "SELECT ");
    record_columns(&s->text, migration_attrs, "");
    sql_add(s, " FROM instance_migrations WHERE instance_uuid = ? AND migration_type = 'live-migration' AND status IN ", T(inst->uuid));
    sql_in(s, running);
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "migrations");
    for (struct rows *r = sql_query(s); db_next(r);) {
        struct migration_row m;

        record_from_row(r, migration_attrs, &m, 0);
        write_migration(c, &o, &m);
    }
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool server_migration_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);

    return inst && fail(c, MIGRATION_NOT_IN_PROGRESS, request_arg(rq, "migration_id"), inst->uuid);
}

static bool server_migration_abort(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);

    return inst && fail(c, INSTANCE_INVALID_STATE, "abort live migration", inst->uuid, "task_state", inst->task_state ? inst->task_state : "None");
}

static bool server_migration_force(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = server_get(c, rq);

    return inst && fail(c, INSTANCE_INVALID_STATE, "force_complete", inst->uuid, "task_state", inst->task_state ? inst->task_state : "None");
}

#define OF_SERVER "servers/{id}/migrations"
const struct route nova_migration_routes[] = {
    { "GET", "os-migrations", migrations_list, .policy = RULE("os-migrations:index") },
    { "GET", OF_SERVER, server_migrations, .policy = RULE("servers:migrations:index"), .since = V(2, 23) },
    { "GET", OF_SERVER "/{migration_id}", server_migration_show, .policy = RULE("servers:migrations:show"), .since = V(2, 23) },
    { "DELETE", OF_SERVER "/{migration_id}", server_migration_abort, 202, ROUTE_EMPTY, RULE("servers:migrations:delete"), V(2, 24) },
    { "POST", OF_SERVER "/{migration_id}/action", server_migration_force, 202, 0, RULE("servers:migrations:force_complete"), V(2, 22),
      .action = "force_complete" },
    {}
};
