/* Projects: what resources belong to; a tree below each domain. */
#include "keystone/api/projects.h"

#include <string.h>

static bool not_blank(const char *value)
{
    return value[strspn(value, " \t\r\n\v\f")] != '\0';
}
const struct format format_not_blank = { "[\\S]+", not_blank };

static const struct attr project_attrs[] = {
    ATTR(struct project, id,          FILTER | SORT),
    ATTR(struct project, name,        CREATE | UPDATE | REQUIRED | FILTER | SORT, .min = 1, .max = 64, .format = &format_not_blank),
    ATTR(struct project, domain_id,   CREATE | NULLABLE | FILTER, .min = 1, .max = 64),
    ATTR(struct project, description, CREATE | UPDATE | NULLABLE, .unset = ""),
    ATTR(struct project, enabled,     CREATE | UPDATE | FILTER, .unset = "true"),
    ATTR(struct project, parent_id,   CREATE | NULLABLE | FILTER, .min = 1, .max = 64),
    ATTR(struct project, is_domain,   CREATE | FILTER, .unset = "false"),
    ATTR(struct project, tags,        CREATE | UPDATE | DERIVED),
    ATTR(struct project, options,     CREATE | UPDATE, .unset = "{}"),
    ATTR(struct project, extra,       CREATE | UPDATE | HIDDEN),
    {}
};

/* -- the tree ------------------------------------------------------------------------------------------------------ */

/* Projects are made only in branches that are enabled, and not too deep. */
static bool branch_judge(struct ctx *c, const char *parent_id)
{
    struct rows *rows = db_query(c, "WITH RECURSIVE up (id, parent_id, enabled) AS (SELECT id, parent_id, enabled FROM projects WHERE id = $1"
                                 " UNION SELECT p.id, p.parent_id, p.enabled FROM projects p JOIN up ON p.id = up.parent_id)"
                                 " SELECT id, enabled FROM up", T(parent_id));
    int64_t depth = 1;

    for (; db_next(rows); depth++)
        if (!db_bool(rows, 1))
            return fail(c, VALIDATION, ctx_printf(c, "cannot create a project in a branch containing a disabled project: %s", db_text(rows, 0)));
    if (depth > MIN(keystone_options()->max_project_tree_depth, strict_limits() ? 2 : INT64_MAX - 1) + 1)
        return fail(c, DENIED, ctx_printf(c, "Max hierarchy depth reached for %s branch.", parent_id));
    return !failed(c);
}

/* A project that acts as a domain stands alone. */
static bool domain_place(struct ctx *c, struct project *p)
{
    if (p->domain_id || p->parent_id)
        return fail(c, VALIDATION, "only root projects are allowed to act as domains.");
    return true;
}

/* Where a project stands: below its domain, or below a project of that domain. */
static bool project_place(struct ctx *c, struct project *p)
{
    struct project *parent;

    if (!p->domain_id)
        p->domain_id = ctx_strdup(c, default_domain_of(c));
    if (!p->parent_id)
        p->parent_id = p->domain_id;
    if (!db_count(c, "SELECT count(*) FROM projects WHERE id = $1 AND is_domain = $2", T(p->domain_id), B(true)))
        return failed(c) ? false : fail(c, VALIDATION, ctx_printf(c, "Could not find domain: %s.", p->domain_id));
    parent = rest_find_any(c, &project_resource, p->parent_id);
    if (!parent && c->fault.status == 404) {
        fault_clear(c);
        return fail(c, VALIDATION, ctx_printf(c, "Could not find project: %s.", p->parent_id));
    }
    if (!parent)
        return false;
    if (parent->is_domain && strcmp(parent->id, p->domain_id))
        return fail(c, VALIDATION, ctx_printf(c, "Cannot create project, the parent (%s) is acting as a domain, but this project's domain id (%s)"
                                              " does not match the parent's id.", parent->id, p->domain_id));
    if (!parent->is_domain && strcmp(parent->domain_id, p->domain_id))
        return fail(c, VALIDATION, ctx_printf(c, "Cannot create project, since it specifies its domain_id %s, but specifies a parent in a different"
                                              " domain (%s).", p->domain_id, parent->domain_id));
    return branch_judge(c, parent->id);
}

/* A project is enabled only below enabled ones, disabled only above disabled ones. */
static bool enabled_judge(struct ctx *c, const struct project *now, const struct project *old)
{
    if (now->enabled == old->enabled || !now->domain_id)
        return true;
    if (!now->enabled && db_count(c, "WITH RECURSIVE below (id) AS (SELECT id FROM projects WHERE parent_id = $1 UNION"
                                  " SELECT p.id FROM projects p JOIN below ON p.parent_id = below.id)"
                                  " SELECT count(*) FROM projects p JOIN below ON below.id = p.id WHERE p.enabled = $2", T(now->id), B(true)))
        return fail(c, DENIED, ctx_printf(c, "Cannot disable project %s since its subtree contains enabled projects.", now->id));
    if (now->enabled && db_count(c, "SELECT count(*) FROM projects WHERE id = $1 AND enabled = $2 AND domain_id IS NOT NULL",
                                 T(now->parent_id), B(false)))
        return fail(c, DENIED, ctx_printf(c, "Cannot enable project %s since it has disabled parents", now->id));
    return !failed(c);
}

/* -- tags ---------------------------------------------------------------------------------------------------------- */

bool tags_store(struct ctx *c, const char *project_id, const json_t *tags)
{
    const json_t *tag;
    size_t i;

    if (!db_exec(c, "DELETE FROM project_tags WHERE project_id = $1", T(project_id)))
        return false;
    json_array_foreach(tags, i, tag)
        if (!db_exec(c, "INSERT INTO project_tags (project_id, name) VALUES ($1, $2)", T(project_id), T(json_string_value(tag))))
            return false;
    return true;
}

/* A project stays where it is. */
static bool moves_not(struct ctx *c, const json_t *asked, const struct project *old)
{
    const json_t *parent = json_object_get(asked, "parent_id"), *is_domain = json_object_get(asked, "is_domain");

    if (parent && !text_equal(json_string_value(parent) ? json_string_value(parent) : "", old->parent_id ? old->parent_id : ""))
        return fail(c, DENIED, "Update of `parent_id` is not allowed.");
    return !is_domain || json_is_true(is_domain) == old->is_domain || fail(c, VALIDATION, "Update of `is_domain` is not allowed.");
}

/* -- hooks --------------------------------------------------------------------------------------------------------- */

bool project_check(struct ctx *c, struct change *ch)
{
    struct project *p = ch->now;
    const struct project *old = ch->old;

    if (asked(ch, "name"))
        p->name = g_strstrip(ctx_strdup(c, p->name));
    if (asked(ch, "options"))
        p->options = options_merge(c, old ? old->options : (raw_json){}, json_object_get(ch->asked, "options"));
    if (old)
        return enabled_judge(c, p, old);
    if (ch->resource == &domain_resource)
        return true;
    return p->is_domain ? domain_place(c, p) : project_place(c, p);
}

bool project_stored(struct ctx *c, struct change *ch)
{
    struct project *p = ch->now;

    p->changed = ch->old != NULL;
    return !asked(ch, "tags") || tags_store(c, p->id, json_object_get(ch->asked, "tags"));
}

const char *project_conflict(struct ctx *c, const json_t *object, const struct project *old)
{
    const char *name = json_get_string(object, "name"), *id = old ? old->id : json_get_string(object, "id");
    bool is_domain = old ? old->is_domain : json_is_true(json_object_get(object, "is_domain"));

    if (is_domain)
        return ctx_printf(c, "it is not permitted to have two projects acting as domains with the same name: %s", name);
    return ctx_printf(c, "it is not permitted to have two projects with either the same name or same id in the same domain: name is %s,"
                      " project id %s", name, id);
}

bool project_empty(struct ctx *c, const char *id)
{
    static const char *const statements[] = {
        "DELETE FROM assignments WHERE target_id = $1",
        "DELETE FROM credentials WHERE project_id = $1",
        "DELETE FROM trusts WHERE project_id = $1",
        "DELETE FROM limits WHERE project_id = $1",
        "UPDATE users SET default_project_id = NULL WHERE default_project_id = $1",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(statements); i++)
        if (!db_exec(c, statements[i], T(id)))
            return false;
    return true;
}

static bool project_deleting(struct ctx *c, void *record)
{
    const struct project *p = record;

    if (p->is_domain)
        return domain_deleting(c, record);
    if (db_count(c, "SELECT count(*) FROM projects WHERE parent_id = $1", T(p->id)))
        return fail(c, DENIED, ctx_printf(c, "Cannot delete the project %s since it is not a leaf in the hierarchy. Use the cascade option"
                                          " if you want to delete a whole subtree.", p->id));
    return !failed(c) && project_empty(c, p->id);
}

/* Tags of a page in one query. */
bool project_fill(struct ctx *c, void *const *page, size_t n)
{
    g_autoptr(GHashTable) tags = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)json_decref);
    struct sql *s = sql_new(c);
    const char **ids = ctx_new_n(c, const char *, n + 1);
    struct rows *rows;

    if (n > 200) {
        sql_add(s, "SELECT project_id, name FROM project_tags ORDER BY name");
    } else {
        for (size_t i = 0; i < n; i++)
            ids[i] = ((struct project *)page[i])->id;
        sql_add(s, "SELECT project_id, name FROM project_tags WHERE project_id IN ");
        sql_in(s, ids);
        sql_add(s, " ORDER BY name");
    }
    rows = sql_query(s);
    while (db_next(rows)) {
        char *id = db_text(rows, 0);
        json_t *list = g_hash_table_lookup(tags, id);

        if (!list)
            g_hash_table_insert(tags, id, list = json_array());
        json_array_append_new(list, json_string(db_text(rows, 1)));
    }
    for (size_t i = 0; i < n; i++) {
        struct project *p = page[i];
        const json_t *list = g_hash_table_lookup(tags, p->id);

        p->tags = list ? json_text(c, list) : (raw_json){ ctx_strdup(c, "[]") };
        if (!p->options.text)
            p->options.text = ctx_strdup(c, "{}");
    }
    return !failed(c);
}

static void project_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct project *p = record;

    write_extra(c, o, p->extra);
    if (p->changed)
        out_raw(o, "extra", p->extra.text ? p->extra.text : "{}");
    write_self(c, o, "projects", p->id);
}

/* -- lists --------------------------------------------------------------------------------------------------------- */

/* ?tags=a,b has all, tags-any one of them; not-tags lacks all together, not-tags-any each. */
static bool project_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    bool any = g_str_has_suffix(name, "-any"), not = g_str_has_prefix(name, "not-");
    char **tags;
    int n = 0;

    if (strcmp(name + (not ? 4 : 0), any ? "tags-any" : "tags"))
        return true;
    *ret_taken = true;
    tags = text_split(c, values[0], ',');
    while (tags[n])
        n++;
    sql_add(s, not ? " AND NOT (SELECT count(*) FROM project_tags g WHERE g.project_id = t.id AND g.name IN "
                   : " AND (SELECT count(*) FROM project_tags g WHERE g.project_id = t.id AND g.name IN ");
    sql_in(s, (const char *const *)tags);
    sql_add(s, ") >= ?", I(any ? 1 : n));
    return true;
}

bool domains_only(struct ctx *c, struct sql *s, const void *data)
{
    sql_add(s, " AND t.is_domain = ?", B(true));
    return true;
}

static bool projects_only(struct ctx *c, struct sql *s, const void *data)
{
    sql_add(s, " AND t.is_domain = ?", B(false));
    if (c->who.domain_id)
        sql_add(s, " AND t.domain_id = ?", T(c->who.domain_id));
    return true;
}

static bool own_domain_only(struct ctx *c, struct sql *s, const void *data)
{
    if (c->who.domain_id)
        sql_add(s, " AND t.domain_id = ?", T(c->who.domain_id));
    return true;
}

static bool project_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *domain = c->who.domain_id;
    bool kind_asked = request_query(request, "is_domain") != NULL;

    return (domain ? rule_check(c, "identity:list_projects", "target.domain_id", domain, NULL) : rule_check(c, "identity:list_projects", NULL)) &&
        keystone_list_where(c, &project_resource, request, reply, kind_asked ? own_domain_only : projects_only, NULL);
}

/* -- one project with its family ----------------------------------------------------------------------------------- */

/* The projects above (parents) or below (subtree) as rows of id, parent_id. */
static struct rows *family(struct ctx *c, const char *id, bool above)
{
    return above
        ? db_query(c, "WITH RECURSIVE up (id, parent_id) AS (SELECT id, parent_id FROM projects WHERE id = (SELECT parent_id FROM projects WHERE id = $1)"
                   " UNION SELECT p.id, p.parent_id FROM projects p JOIN up ON p.id = up.parent_id) SELECT id, parent_id FROM up", T(id))
        : db_query(c, "WITH RECURSIVE down (id, parent_id) AS (SELECT id, parent_id FROM projects WHERE parent_id = $1"
                   " UNION SELECT p.id, p.parent_id FROM projects p JOIN down ON p.parent_id = down.id) SELECT id, parent_id FROM down", T(id));
}

/* {"a": {"b": null}}: ids as nested objects. */
static json_t *family_ids(struct ctx *c, const char *id, bool above)
{
    g_autoptr(GHashTable) nodes = g_hash_table_new(g_str_hash, g_str_equal);
    json_t *root = ctx_json(c, json_object());
    struct rows *rows = family(c, id, above);

    g_hash_table_insert(nodes, (void *)id, root);
    json_t *last = root;
    while (db_next(rows)) {
        char *one = db_text(rows, 0);
        json_t *holder = above ? last : g_hash_table_lookup(nodes, db_text(rows, 1)), *node = json_object();

        if (!holder) {
            json_decref(node);
            continue;
        }
        json_object_set_new(holder, one, node);
        g_hash_table_insert(nodes, one, node);
        last = node;
    }
    return root;
}

static void ids_write(struct out *o, const char *key, const json_t *ids)
{
    const char *id;
    json_t *below;

    if (!json_object_size(ids)) {
        out_null(o, key);
        return;
    }
    out_object(o, key);
    json_object_foreach((json_t *)ids, id, below)
        ids_write(o, id, below);
    out_end_object(o);
}

/* Those of the family the asker has a role on. */
static bool family_write(struct ctx *c, struct out *o, const char *key, const char *id, bool above)
{
    struct rows *rows = family(c, id, above);
    struct record_view view = {};

    out_array(o, key);
    while (db_next(rows)) {
        const char *one = db_text(rows, 0);
        const struct role_ref *roles = roles_of_user(c, c->who.user_id, ON_PROJECT, one);
        struct project *p = roles && roles->id ? rest_find_any(c, &project_resource, one) : NULL;

        if (!p || !project_fill(c, (void *const *)&p, 1))
            continue;
        out_object(o, NULL);
        out_object(o, "project");
        record_write(o, project_attrs, p, &view);
        project_write(c, o, p, true);
        out_end_object(o);
        out_end_object(o);
    }
    out_end_array(o);
    return !failed(c);
}

static bool flag(const struct request *request, const char *name)
{
    const char *value = request_query(request, name);

    return value && strcmp(value, "0");
}

static bool project_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = request_arg(request, "id");
    bool parents_list = flag(request, "parents_as_list"), parents_ids = flag(request, "parents_as_ids");
    bool subtree_list = flag(request, "subtree_as_list"), subtree_ids = flag(request, "subtree_as_ids");
    struct project *p = keystone_subject(c, &project_resource, "get", id);
    struct out o = { .to = &reply->body, .times = keystone_style.times };
    struct record_view view = {};

    if (!p || !project_fill(c, (void *const *)&p, 1))
        return false;
    if (parents_list && parents_ids)
        return fail(c, VALIDATION, "Cannot use parents_as_list and parents_as_ids query params at the same time.");
    if (subtree_list && subtree_ids)
        return fail(c, VALIDATION, "Cannot use subtree_as_list and subtree_as_ids query params at the same time.");
    reply->has_body = true;
    out_object(&o, NULL);
    out_object(&o, "project");
    record_write(&o, project_attrs, p, &view);
    project_write(c, &o, p, false);
    if (parents_ids)
        ids_write(&o, "parents", family_ids(c, id, true));
    if (subtree_ids)
        ids_write(&o, "subtree", family_ids(c, id, false));
    if ((parents_list && !family_write(c, &o, "parents", id, true)) || (subtree_list && !family_write(c, &o, "subtree", id, false)))
        return false;
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool project_update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct project *old = keystone_subject(c, &project_resource, "update", request_arg(request, "id"));
    json_t *asked = old ? ctx_json(c, json_copy(json_object_get(request_json(c, request), "project"))) : NULL;
    json_t *object = old && !failed(c) ? keystone_body(c, &project_resource, request, old) : NULL;

    return object && moves_not(c, asked, old) && keystone_change(c, &project_resource, request, old, object, reply);
}

const struct resource project_resource = {
    .name = "project", .plural = "projects", .size = sizeof(struct project), .attrs = project_attrs, .flags = NO_BULK,
    .create = keystone_create, .show = project_show, .list = project_list, .update = project_update, .remove = keystone_remove,
    .check = project_check, .stored = project_stored, .deleting = project_deleting, .fill = project_fill, .write = project_write,
    .filter = project_filter,
};
