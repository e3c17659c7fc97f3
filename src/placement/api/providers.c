/* Resource providers: a name, a generation, a place in a tree. */
#include "placement/api/groups.h"
#include "placement/api/api.h"

#include <string.h>

#define RULE(verb) "placement:resource_providers:" verb

/* --- writing -------------------------------------------------------------------------------------------------------- */

static const struct { const char *name; int since; } links[] = {
    { "inventories", 0 }, { "usages", 0 }, { "aggregates", V(1, 1) }, { "traits", V(1, 6) }, { "allocations", V(1, 11) },
};

static void write_members(struct ctx *c, struct out *out, const struct provider *p)
{
    out_string(out, "uuid", p->uuid);
    out_string(out, "name", p->name);
    out_int(out, "generation", p->generation);
    out_array(out, "links");
    out_object(out, NULL);
    out_string(out, "rel", "self");
    out_printf(out, "href", "/resource_providers/%s", p->uuid);
    out_end_object(out);
    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        if (c->version < links[i].since)
            continue;
        out_object(out, NULL);
        out_string(out, "rel", links[i].name);
        out_printf(out, "href", "/resource_providers/%s/%s", p->uuid, links[i].name);
        out_end_object(out);
    }
    out_end_array(out);
    if (c->version >= V(1, 14)) {
        out_string(out, "parent_provider_uuid", p->parent_uuid);
        out_string(out, "root_provider_uuid", p->root_uuid);
    }
}

static void write_provider(struct ctx *c, struct reply *reply, const struct provider *p)
{
    struct out out = answer_begin(reply);
    utc_time last = { 0 };

    write_members(c, &out, p);
    later(&last, p->created_at, p->updated_at);
    answer_end(c, reply, &out, last);
}

/* --- one ------------------------------------------------------------------------------------------------------------ */

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct provider p;

    if (!accepts_json(c, request) || !provider_get(c, request_arg(request, "uuid"), &p))
        return false;
    write_provider(c, reply, &p);
    return true;
}

static char *dashed(struct ctx *c, const char *text)
{
    char *uuid = ctx_alloc(c, UUID_TEXT_SIZE);
    size_t n = 0;

    for (; *text && n < UUID_TEXT_SIZE - 1; text++) {
        if (!g_ascii_isxdigit(*text))
            continue;
        if (n == 8 || n == 13 || n == 18 || n == 23)
            uuid[n++] = '-';
        uuid[n++] = g_ascii_tolower(*text);
    }
    return uuid;
}

static bool place(struct ctx *c, struct provider *p)
{
    struct provider parent;

    if (!p->parent_uuid) {
        p->root_uuid = p->uuid;
        return true;
    }
    if (!strcmp(p->parent_uuid, p->uuid))
        return fail(c, PROVIDER_NOT_CREATED, p->name, p->uuid,
                    "parent provider UUID cannot be same as UUID. Please set parent provider UUID to None if there is no parent.");
    if (!provider_find(c, p->parent_uuid, &parent))
        return fail(c, PROVIDER_NOT_CREATED, p->name, p->uuid, "parent provider UUID does not exist.");
    p->root_uuid = parent.root_uuid;
    return true;
}

static bool insert(struct ctx *c, struct provider *p)
{
    if (!*p->name)
        return fail(c, PROVIDER_NOT_CREATED, p->name, p->uuid, "name is required");
    if (!place(c, p))
        return false;
    if (db_count(c, "SELECT count(*) FROM resource_providers WHERE name = $1", T(p->name)))
        return fail(c, PROVIDER_EXISTS, "name", p->name);
    if (db_count(c, "SELECT count(*) FROM resource_providers WHERE uuid = $1", T(p->uuid)))
        return fail(c, PROVIDER_EXISTS, "uuid", p->uuid);
    return !failed(c) && record_insert(c, "resource_providers", provider_attrs, p);
}

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = body_read(c, request, "provider_create");
    struct provider p = { .created_at = utc_now() };

    if (!body)
        return false;
    p.name = ctx_strdup(c, json_get_string(body, "name"));
    p.uuid = json_get_string(body, "uuid") ? dashed(c, json_get_string(body, "uuid")) : uuid_new(c);
    p.parent_uuid = ctx_strdup(c, json_get_string(body, "parent_provider_uuid"));
    if (!db_begin(c) || !settle(c, insert(c, &p)))
        return false;
    answer_empty(c, reply, c->version >= V(1, 20) ? 200 : 201, ctx_printf(c, "/resource_providers/%s", p.uuid));
    if (c->version >= V(1, 20))
        write_provider(c, reply, &p);
    return true;
}

/* --- changes -------------------------------------------------------------------------------------------------------- */

#define SUBTREE "WITH RECURSIVE below (uuid) AS (SELECT uuid FROM resource_providers WHERE uuid = $1 UNION " \
                "SELECT p.uuid FROM resource_providers AS p JOIN below ON p.parent_uuid = below.uuid) "

/* Moves the provider and all below it under another parent, or makes it a root. */
static bool move(struct ctx *c, struct provider *p, const char *parent_uuid)
{
    struct provider parent = { .root_uuid = p->uuid };
    bool may = c->version >= V(1, 37);

    if (text_equal(parent_uuid, p->parent_uuid))
        return true;
    if (parent_uuid && !provider_find(c, parent_uuid, &parent))
        return fail(c, PROVIDER_NOT_SAVED, p->uuid, "create", "parent provider UUID does not exist.");
    if (!parent_uuid && !may)
        return fail(c, PROVIDER_NOT_SAVED, p->uuid, "update", "un-parenting a provider is not currently allowed.");
    if (p->parent_uuid && !may)
        return fail(c, PROVIDER_NOT_SAVED, p->uuid, "update", "re-parenting a provider is not currently allowed.");
    if (parent_uuid && db_count(c, SUBTREE "SELECT count(*) FROM below WHERE uuid = $2", T(p->uuid), T(parent_uuid)))
        return fail(c, PROVIDER_NOT_SAVED, p->uuid, "update", "creating loop in the provider tree is not allowed.");
    p->parent_uuid = ctx_strdup(c, parent_uuid);
    p->root_uuid = parent.root_uuid;
    return db_exec(c, SUBTREE "UPDATE resource_providers SET root_uuid = $2 WHERE uuid IN (SELECT uuid FROM below)", T(p->uuid), T(p->root_uuid));
}

static bool change(struct ctx *c, const char *uuid, const json_t *body, struct provider *p)
{
    const char *name = json_get_string(body, "name");

    if (!provider_get(c, uuid, p))
        return false;
    if (json_object_get(body, "parent_provider_uuid") && !move(c, p, json_get_string(body, "parent_provider_uuid")))
        return false;
    if (db_count(c, "SELECT count(*) FROM resource_providers WHERE name = $1 AND uuid <> $2", T(name), T(uuid)))
        return fail(c, PROVIDER_NAME_TAKEN, name);
    p->name = ctx_strdup(c, name);
    p->updated_at = utc_now();
    return !failed(c) && record_update(c, "resource_providers", provider_attrs, p, "uuid");
}

static bool update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct provider p;
    json_t *body = body_of_provider(c, request, "provider_update", &p);

    if (!body || !db_begin(c) || !settle(c, change(c, request_arg(request, "uuid"), body, &p)))
        return false;
    write_provider(c, reply, &p);
    return true;
}

static bool delete_rows(struct ctx *c, const char *uuid)
{
    struct provider p;

    if (!provider_find(c, uuid, &p))
        return fail(c, PROVIDER_NOT_DELETED, uuid);
    if (db_count(c, "SELECT count(*) FROM resource_providers WHERE parent_uuid = $1", T(uuid)))
        return fail(c, PROVIDER_IS_PARENT, uuid);
    if (db_count(c, "SELECT count(*) FROM allocations WHERE provider_uuid = $1", T(uuid)))
        return fail(c, PROVIDER_IN_USE, uuid);
    return db_exec(c, "DELETE FROM inventories WHERE provider_uuid = $1", T(uuid)) &&
           db_exec(c, "DELETE FROM provider_aggregates WHERE provider_uuid = $1", T(uuid)) &&
           db_exec(c, "DELETE FROM provider_traits WHERE provider_uuid = $1", T(uuid)) &&
           db_exec(c, "DELETE FROM resource_providers WHERE uuid = $1", T(uuid));
}

static bool delete(struct ctx *c, struct request *request, struct reply *reply)
{
    return db_begin(c) && settle(c, delete_rows(c, request_arg(request, "uuid")));
}

/* --- many ----------------------------------------------------------------------------------------------------------- */

static void add_traits(struct sql *s, const struct group *g)
{
    for (const char *const **any = g->required; any && *any; any++) {
        sql_add(s, " AND EXISTS (SELECT 1 FROM provider_traits AS t WHERE t.provider_uuid = p.uuid AND t.trait IN ");
        sql_in(s, *any);
        sql_add(s, ")");
    }
    if (g->forbidden) {
        sql_add(s, " AND NOT EXISTS (SELECT 1 FROM provider_traits AS t WHERE t.provider_uuid = p.uuid AND t.trait IN ");
        sql_in(s, g->forbidden);
        sql_add(s, ")");
    }
}

static void add_aggregates(struct sql *s, const struct group *g)
{
    for (const char *const **any = g->member_of; any && *any; any++) {
        sql_add(s, " AND EXISTS (SELECT 1 FROM provider_aggregates AS a WHERE a.provider_uuid = p.uuid AND a.aggregate_uuid IN ");
        sql_in(s, *any);
        sql_add(s, ")");
    }
    if (g->forbidden_aggregates) {
        sql_add(s, " AND NOT EXISTS (SELECT 1 FROM provider_aggregates AS a WHERE a.provider_uuid = p.uuid AND a.aggregate_uuid IN ");
        sql_in(s, g->forbidden_aggregates);
        sql_add(s, ")");
    }
}

static void add_resources(struct sql *s, const struct group *g)
{
    for (size_t i = 0; i < g->n_resources; i++)
        sql_add(s, " AND EXISTS (SELECT 1 FROM inventories AS i WHERE i.provider_uuid = p.uuid AND i.resource_class = ?"
                   " AND i.used + ? <= (i.total - i.reserved) * i.allocation_ratio AND i.min_unit <= ? AND i.max_unit >= ?"
                   " AND ? % i.step_size = 0)",
                T(g->resources[i].resource_class), I(g->resources[i].n), I(g->resources[i].n), I(g->resources[i].n), I(g->resources[i].n));
}

/* Traits and classes that nobody knows are the asker's mistake. */
static bool names_known(struct ctx *c, const struct group *g)
{
    const char *unknown = traits_unknown(c, g->forbidden);

    for (const char *const **any = g->required; any && *any && !unknown; any++)
        unknown = traits_unknown(c, *any);
    if (unknown)
        return fail(c, QUERY_TRAIT, unknown);
    for (size_t i = 0; i < g->n_resources; i++)
        if (!class_exists(c, g->resources[i].resource_class))
            return fail(c, QUERY_CLASS, g->resources[i].resource_class);
    return !failed(c);
}

static struct sql *query_build(struct ctx *c, const struct request *request)
{
    const char *name = request_query(request, "name"), *uuid = request_query(request, "uuid"), *tree = request_query(request, "in_tree");
    const char *resources = request_query(request, "resources");
    struct group g = { 0 };
    struct sql *s = sql_new(c);

    if (!member_of_parse(c, request, "member_of", &g) || !traits_parse(c, request, "required", &g) ||
        (resources && !resources_parse(c, resources, &g)) || !names_known(c, &g))
        return NULL;
    buf_puts(&s->text, "SELECT ");
    record_columns(&s->text, provider_attrs, "p.");
    sql_add(s, " FROM resource_providers AS p WHERE 1 = 1");
    if (name && *name)
        sql_add(s, " AND p.name = ?", T(name));
    if (uuid && *uuid)
        sql_add(s, " AND p.uuid = ?", T(uuid));
    if (tree && *tree)
        sql_add(s, " AND p.root_uuid = (SELECT root_uuid FROM resource_providers WHERE uuid = ?)", T(tree));
    add_traits(s, &g);
    add_aggregates(s, &g);
    add_resources(s, &g);
    sql_add(s, " ORDER BY p.created_at, p.uuid");
    return s;
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    utc_time last = { 0 };
    struct sql *s;
    struct out out;

    if (!accepts_json(c, request) || !query_read(c, request, "providers_query") || !(s = query_build(c, request)))
        return false;
    out = answer_begin(reply);
    out_array(&out, "resource_providers");
    for (struct rows *rows = sql_query(s); db_next(rows);) {
        struct provider p;

        record_from_row(rows, provider_attrs, &p, 0);
        out_object(&out, NULL);
        write_members(c, &out, &p);
        out_end_object(&out);
        later(&last, p.created_at, p.updated_at);
    }
    out_end_array(&out);
    answer_end(c, reply, &out, last);
    return !failed(c);
}

const struct route provider_routes[] = {
    { "GET", "/resource_providers", list, .policy = RULE("list") },
    { "POST", "/resource_providers", create, .policy = RULE("create") },
    { "GET", "/resource_providers/{uuid}", show, .policy = RULE("show") },
    { "DELETE", "/resource_providers/{uuid}", delete, 204, .policy = RULE("delete") },
    { "PUT", "/resource_providers/{uuid}", update, .policy = RULE("update") },
    {}
};
