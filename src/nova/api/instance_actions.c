/* /servers/{id}/os-instance-actions: who did what to a server, and the events it was made of. */
#include "nova/api/servers.h"

#include <string.h>

struct action_row {
    int64_t id;
    char *action, *instance_uuid, *request_id, *user_id, *project_id, *message;
    utc_time start_time, updated_at;
};

static const struct attr action_attrs[] = {
    ATTR(struct action_row, id,            0),
    ATTR(struct action_row, action,        0),
    ATTR(struct action_row, instance_uuid, 0),
    ATTR(struct action_row, request_id,    0),
    ATTR(struct action_row, user_id,       0),
    ATTR(struct action_row, project_id,    0),
    ATTR(struct action_row, message,       0),
    ATTR(struct action_row, start_time,    0),
    ATTR(struct action_row, updated_at,    0),
    {}
};

/* Since 2.21 of servers that are gone, too. */
static struct instance *any_server(struct ctx *c, struct request *rq)
{
    const char *id = request_arg(rq, "id");
    struct instance *inst;

    if (c->version < V(2, 21))
        return server_get(c, rq);
    inst = instance_find_deleted(c, id);
    if (!inst || (!c->who.is_admin && !text_equal(inst->project_id, c->who.project_id)))
        return failed(c) ? NULL : fail_null(c, INSTANCE_NOT_FOUND, id);
    return inst;
}

static void write_whole_second(struct out *o, const char *key, utc_time at)
{
    char text[TIME_TEXT_SIZE];

    out_string(o, key, at.us ? time_write(text, (utc_time){ at.us / 1000000 * 1000000 }, TIME_ISO_MICRO) : NULL);
}

static void write_action(struct ctx *c, struct out *o, const struct action_row *a)
{
    out_string(o, "action", a->action);
    out_string(o, "instance_uuid", a->instance_uuid);
    out_string(o, "request_id", a->request_id);
    out_string(o, "user_id", a->user_id);
    out_string(o, "project_id", a->project_id);
    write_whole_second(o, "start_time", a->start_time);
    out_string(o, "message", a->message);
    if (c->version >= V(2, 58))
        write_whole_second(o, "updated_at", a->updated_at);
}

static struct sql *actions_of(struct ctx *c, const struct instance *inst)
{
    struct sql *s = sql_new(c);

    sql_add(s, "SELECT ");
    record_columns(&s->text, action_attrs, "");
    sql_add(s, " FROM instance_actions WHERE instance_uuid = ?", T(inst->uuid));
    return s;
}

static bool narrow(struct ctx *c, struct sql *s, const struct instance *inst, const json_t *query)
{
    const char *since = query_last(query, "changes-since"), *before = query_last(query, "changes-before"), *marker = query_last(query, "marker");
    utc_time from = {}, to = {};

    if (since && time_parse(since, &from))
        sql_add(s, " AND updated_at >= ?", I(from.us));
    if (before && time_parse(before, &to))
        sql_add(s, " AND updated_at <= ?", I(to.us + 999999));
    if (since && before && to.us < from.us)
        return fail(c, BAD_REQUEST, "The value of changes-since must be less than or equal to changes-before.");
    if (!marker)
        return true;
    int64_t id = db_count(c, "SELECT max(id) FROM instance_actions WHERE instance_uuid = $1 AND request_id = $2", T(inst->uuid), T(marker));
    if (!id)
        return failed(c) ? false : fail(c, MARKER_NOT_FOUND, marker);
    sql_add(s, " AND id < ?", I(id));
    return true;
}

static bool actions_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = c->version >= V(2, 58) ? schema_query(c, rq, "servers.actions_query") : ctx_json(c, json_object());
    const struct instance *inst = query ? any_server(c, rq) : NULL;
    struct sql *s = inst ? actions_of(c, inst) : NULL;
    const char *last = NULL;
    struct out o;
    size_t n = 0;

    if (!s || !narrow(c, s, inst, query))
        return false;
    sql_add(s, " ORDER BY id DESC");
    if (c->version >= V(2, 58))
        sql_add(s, " LIMIT ?", I(page_limit(query)));
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "instanceActions");
    for (struct rows *r = sql_query(s); db_next(r); n++) {
        struct action_row a;

        record_from_row(r, action_attrs, &a, 0);
        out_object(&o, NULL);
        write_action(c, &o, &a);
        out_end_object(&o);
        last = a.request_id;
    }
    out_end_array(&o);
    if (c->version >= V(2, 58))
        write_next(c, rq, &o, "links", ctx_printf(c, "servers/%s/os-instance-actions", inst->uuid), query, n, last);
    out_end_object(&o);
    return !failed(c);
}

static void write_events(struct ctx *c, struct out *o, const struct instance *inst, const struct action_row *a, bool all)
{
    const char *project = a->project_id ? a->project_id : inst->project_id;
    bool details = c->version >= V(2, 84) && policy_allows(c, RULE("os-instance-actions:events:details"), PROJECT_TARGET(inst->project_id));

    out_array(o, "events");
    for (struct rows *r = db_query(c, "SELECT event, start_time, finish_time, result, traceback, host, details FROM instance_action_events"
                                   " WHERE action_id = $1 ORDER BY id DESC", I(a->id)); db_next(r);) {
        out_object(o, NULL);
        out_string(o, "event", db_text(r, 0));
        write_whole_second(o, "start_time", (utc_time){ db_int(r, 1) });
        write_whole_second(o, "finish_time", (utc_time){ db_int(r, 2) });
        out_string(o, "result", db_text(r, 3));
        if (all)
            out_string(o, "traceback", db_text(r, 4));
        if (all && c->version >= V(2, 62))
            out_string(o, "host", db_text(r, 5));
        if (c->version >= V(2, 62))
            out_string(o, "hostId", instance_host_id(c, project, db_text(r, 5)));
        if (details)
            out_string(o, "details", db_text(r, 6));
        out_end_object(o);
    }
    out_end_array(o);
}

static bool action_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct instance *inst = any_server(c, rq);
    struct sql *s = inst ? actions_of(c, inst) : NULL;
    struct action_row a;
    struct rows *r;
    struct out o;
    bool found, all;

    if (!s)
        return false;
    sql_add(s, " AND request_id = ? ORDER BY id DESC LIMIT 1", T(request_arg(rq, "request_id")));
    r = sql_query(s);
    found = db_next(r);
    if (found)
        record_from_row(r, action_attrs, &a, 0);
    db_rows_end(r);
    if (!found)
        return failed(c) ? false : fail(c, NOT_FOUND_TEXT, ctx_printf(c, "Action %s not found", request_arg(rq, "request_id")));
    all = policy_allows(c, RULE("os-instance-actions:events"), PROJECT_TARGET(inst->project_id));
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "instanceAction");
    write_action(c, &o, &a);
    if (all || c->version >= V(2, 51))
        write_events(c, &o, inst, &a, all);
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

const struct route nova_instance_action_routes[] = {
    { "GET", "servers/{id}/os-instance-actions", actions_list, .policy = RULE("os-instance-actions:list") },
    { "GET", "servers/{id}/os-instance-actions/{request_id}", action_show, .policy = RULE("os-instance-actions:show") },
    {}
};
