/* /os-server-groups: servers that shall be near each other, or apart. */
#include "nova/api/servers.h"

#include "nova/model/quota.h"

#include <string.h>

struct server_group {
    int64_t number;
    char *id, *name, *user_id, *project_id, *policy;
    raw_json rules;
    utc_time created_at;
};

static const struct attr group_attrs[] = {
    ATTR(struct server_group, number,     0),
    ATTR(struct server_group, id,         0),
    ATTR(struct server_group, name,       0),
    ATTR(struct server_group, user_id,    0),
    ATTR(struct server_group, project_id, 0),
    ATTR(struct server_group, policy,     0),
    ATTR(struct server_group, rules,      0, .unset = "{}"),
    ATTR(struct server_group, created_at, 0),
    {}
};

static void write_members(struct ctx *c, struct out *o, const struct server_group *g)
{
    out_array(o, "members");
    for (struct rows *r = db_query(c, "SELECT m.instance_uuid FROM server_group_members m JOIN instances i ON i.uuid = m.instance_uuid"
                                   " WHERE m.group_id = $1 AND NOT i.deleted ORDER BY m.added_at", T(g->id)); db_next(r);)
        out_string(o, NULL, db_text(r, 0));
    out_end_array(o);
}

static void write_group(struct ctx *c, struct out *o, const char *key, const struct server_group *g)
{
    out_object(o, key);
    out_string(o, "id", g->id);
    out_string(o, "name", g->name);
    if (c->version >= V(2, 64)) {
        out_string(o, "policy", g->policy);
        out_raw(o, "rules", g->rules.text ? g->rules.text : "{}");
    } else {
        out_array(o, "policies");
        out_string(o, NULL, g->policy);
        out_end_array(o);
        out_raw(o, "metadata", "{}");
    }
    write_members(c, o, g);
    if (c->version >= V(2, 13)) {
        out_string(o, "project_id", g->project_id);
        out_string(o, "user_id", g->user_id);
    }
    out_end_object(o);
}

static bool answer_group(struct ctx *c, struct reply *rp, const struct server_group *g)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    write_group(c, &o, "server_group", g);
    out_end_object(&o);
    return !failed(c);
}

static struct server_group *group_get(struct ctx *c, const char *id)
{
    struct server_group *g = record_new(c, group_attrs, sizeof *g);
    bool found = record_find(c, "server_groups", group_attrs, g, "id", id);

    if (failed(c))
        return NULL;
    return found && (c->who.is_admin || text_equal(g->project_id, c->who.project_id)) ? g : fail_null(c, SERVER_GROUP_NOT_FOUND, id);
}

static bool group_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct server_group *g = group_get(c, request_arg(rq, "id"));

    return g && answer_group(c, rp, g);
}

static bool groups_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "quotas.groups_query");
    const char *offset_text = query_last(query, "offset");
    bool all = query_last(query, "all_projects") && c->who.is_admin;
    int64_t offset = 0, limit = page_limit(query);
    struct sql *s = sql_new(c);
    struct out o;

    if (!query || (all && !policy_check(c, RULE("os-server-groups:index:all_projects"), NULL)))
        return false;
    if (offset_text)
        text_to_int(offset_text, &offset);
    sql_add(s, "SELECT ");
    record_columns(&s->text, group_attrs, "");
    sql_add(s, " FROM server_groups WHERE 1 = 1");
    if (!all)
        sql_add(s, " AND project_id = ?", T(c->who.project_id));
    sql_add(s, " ORDER BY number LIMIT ? OFFSET ?", I(limit ? limit : MAX_LIMIT), I(offset));
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "server_groups");
    for (struct rows *r = sql_query(s); db_next(r);) {
        struct server_group g;

        record_from_row(r, group_attrs, &g, 0);
        write_group(c, &o, NULL, &g);
    }
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool insert(struct ctx *c, struct server_group *g)
{
    struct quota_set set;

    if (!quota_limits(c, g->project_id, g->user_id, &set) || !quota_usage(c, g->project_id, NULL, &set))
        return false;
    if (set.limit[QUOTA_SERVER_GROUPS] >= 0 && set.used[QUOTA_SERVER_GROUPS] >= set.limit[QUOTA_SERVER_GROUPS])
        return fail(c, SERVER_GROUP_LIMIT);
    g->number = counter_next(c, "server_groups");
    return record_insert(c, "server_groups", group_attrs, g);
}

/* {"max_server_per_host": "3"}: values are kept as numbers. */
static raw_json rules_of(struct ctx *c, json_t *asked)
{
    json_t *most = json_object_get(asked, "max_server_per_host");

    return json_text(c, ctx_json(c, most ? json_pack("{s:I}", "max_server_per_host", (json_int_t)loose_int(most, 1)) : json_object()));
}

static bool group_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "quotas.group_create"), *asked = json_object_get(body, "server_group");
    const char *policy = json_get_string(asked, "policy");
    struct server_group *g = record_new(c, group_attrs, sizeof *g);

    if (!body)
        return false;
    if (!policy)
        policy = json_string_value(json_array_get(json_object_get(asked, "policies"), 0));
    if (json_object_size(json_object_get(asked, "rules")) && strcmp(policy, "anti-affinity") != 0)
        return fail(c, BAD_REQUEST, "Only anti-affinity policy supports rules.");
    g->id = uuid_new(c);
    g->name = ctx_strdup(c, json_get_string(asked, "name"));
    g->user_id = ctx_strdup(c, c->who.user_id);
    g->project_id = ctx_strdup(c, c->who.project_id);
    g->policy = ctx_strdup(c, policy);
    g->rules = rules_of(c, json_object_get(asked, "rules"));
    g->created_at = utc_now();
    return db_begin(c) && tx_done(c, insert(c, g)) && answer_group(c, rp, g);
}

static bool group_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct server_group *g = group_get(c, request_arg(rq, "id"));

    return g && db_begin(c) && tx_done(c, db_exec(c, "UPDATE instances SET server_group = NULL WHERE server_group = $1", T(g->id)) &&
                                          db_exec(c, "DELETE FROM server_group_members WHERE group_id = $1", T(g->id)) &&
                                          db_exec(c, "DELETE FROM server_groups WHERE id = $1", T(g->id)));
}

const struct route nova_server_group_routes[] = {
    { "GET", "os-server-groups", groups_list, .policy = RULE("os-server-groups:index") },
    { "POST", "os-server-groups", group_create, .policy = RULE("os-server-groups:create") },
    { "GET", "os-server-groups/{id}", group_show, .policy = RULE("os-server-groups:show") },
    { "DELETE", "os-server-groups/{id}", group_delete, 204, ROUTE_EMPTY, RULE("os-server-groups:delete") },
    {}
};
