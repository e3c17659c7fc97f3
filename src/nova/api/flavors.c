/* /flavors: flavors, who has access to them, and their extra specs. */
#include "nova/api/api.h"

#include "nova/model/flavor.h"

#include <string.h>

/* --- showing ------------------------------------------------------------------------------------------------------ */

static bool shows_extra_specs(struct ctx *c)
{
    return c->version >= V(2, 61) && policy_allows(c, RULE("os-flavor-extra-specs:index"), NULL);
}

static void write_swap(struct ctx *c, struct out *o, int64_t swap)
{
    if (swap || c->version >= V(2, 75))
        out_int(o, "swap", swap);
    else
        out_string(o, "swap", "");
}

static void write_brief(struct ctx *c, struct out *o, const struct flavor *f)
{
    out_object(o, NULL);
    out_string(o, "id", f->id);
    out_string(o, "name", f->name);
    write_links(c, o, "flavors", f->id);
    if (c->version >= V(2, 55))
        out_string(o, "description", f->description);
    out_end_object(o);
}

static void write_whole(struct ctx *c, struct out *o, const char *key, const struct flavor *f, bool extra_specs)
{
    out_object(o, key);
    out_string(o, "id", f->id);
    out_string(o, "name", f->name);
    out_int(o, "ram", f->ram);
    out_int(o, "disk", f->disk);
    write_swap(c, o, f->swap);
    out_int(o, "OS-FLV-EXT-DATA:ephemeral", f->ephemeral);
    out_bool(o, "OS-FLV-DISABLED:disabled", f->disabled);
    out_int(o, "vcpus", f->vcpus);
    out_bool(o, "os-flavor-access:is_public", f->is_public);
    out_real(o, "rxtx_factor", f->rxtx_factor);
    write_links(c, o, "flavors", f->id);
    if (c->version >= V(2, 55))
        out_string(o, "description", f->description);
    if (extra_specs)
        out_raw(o, "extra_specs", f->extra_specs.text ? f->extra_specs.text : "{}");
    out_end_object(o);
}

static bool answer_flavor(struct ctx *c, struct reply *rp, const struct flavor *f)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    write_whole(c, &o, "flavor", f, shows_extra_specs(c));
    out_end_object(&o);
    return true;
}

static bool flavor_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct flavor *f = flavor_get(c, request_arg(rq, "id"));

    return f && answer_flavor(c, rp, f);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *key, *column;
} sort_columns[] = {
    { "flavorid", "id" }, { "id", "number" }, { "created_at", "created_at" }, { "description", "description" },
    { "disabled", "disabled" }, { "ephemeral_gb", "ephemeral" }, { "is_public", "is_public" }, { "memory_mb", "ram" },
    { "name", "name" }, { "root_gb", "disk" }, { "rxtx_factor", "rxtx_factor" }, { "swap", "swap" },
    { "updated_at", "updated_at" }, { "vcpu_weight", "number" }, { "vcpus", "vcpus" },
};

static const char *sort_column(const json_t *query)
{
    const char *key = query_last(query, "sort_key");

    for (size_t i = 0; key && i < G_N_ELEMENTS(sort_columns); i++)
        if (strcmp(sort_columns[i].key, key) == 0)
            return sort_columns[i].column;
    return "id";
}

/* ?is_public= of an admin: "none" is all of them, in whatever case. */
static bool visible_flavors(struct ctx *c, struct sql *s, const json_t *query)
{
    const char *text = query_last(query, "is_public");
    bool is_public = true;

    if (c->who.is_admin && text && g_ascii_strcasecmp(text, "none") == 0)
        return true;
    if (c->who.is_admin && text && !text_to_bool(text, &is_public))
        return fail(c, INVALID_FILTER, "is_public", text);
    if (is_public)
        sql_add(s, " AND (f.is_public OR EXISTS (SELECT 1 FROM flavor_access a WHERE a.flavor_id = f.id AND a.tenant_id = ?))",
                T(c->who.project_id));
    else
        sql_add(s, " AND NOT f.is_public");
    if (!c->who.is_admin)
        sql_add(s, " AND NOT f.disabled");
    return true;
}

static bool at_least(struct ctx *c, struct sql *s, const json_t *query, const char *name, const char *column)
{
    const char *text = query_last(query, name);
    int64_t value;

    if (!text)
        return true;
    if (!text_to_int(text, &value))
        return fail(c, INVALID_FILTER, name, text);
    sql_add(s, " AND f.");
    sql_add(s, column);
    sql_add(s, " >= ?", I(value));
    return true;
}

static bool after_marker(struct ctx *c, struct sql *s, const json_t *query, const char *column, bool descending)
{
    const char *marker = query_last(query, "marker");

    if (!marker)
        return true;
    if (!flavor_find(c, marker))
        return fail(c, MARKER_NOT_FOUND_SHORT, marker);
    for (const char *const *piece = (const char *const[]){ " AND EXISTS (SELECT 1 FROM flavors m WHERE m.id = ? AND (f.", column,
                                                           descending ? " < m." : " > m.", column, " OR (f.", column, " = m.", column,
                                                           " AND f.number > m.number)))", NULL };
         *piece; piece++) {
        if (strchr(*piece, '?'))
            sql_add(s, *piece, T(marker));
        else
            sql_add(s, *piece);
    }
    return true;
}

static struct flavor **flavors_of_query(struct ctx *c, const json_t *query, size_t *ret_n)
{
    struct sql *s = sql_new(c);
    const char *column = sort_column(query), *direction = query_last(query, "sort_dir");
    bool descending = direction && strcmp(direction, "desc") == 0;
    int64_t limit = page_limit(query);
    struct flavor **page = ctx_new_n(c, struct flavor *, limit + 1);

    sql_add(s, "SELECT ");
    record_columns(&s->text, flavor_attrs, "f.");
    sql_add(s, " FROM flavors f WHERE 1 = 1");
    if (!visible_flavors(c, s, query) || !at_least(c, s, query, "minRam", "ram") || !at_least(c, s, query, "minDisk", "disk") ||
        !after_marker(c, s, query, column, descending))
        return NULL;
    sql_add(s, " ORDER BY f.");
    sql_add(s, column);
    sql_add(s, descending ? " DESC, f.number LIMIT ?" : " ASC, f.number LIMIT ?", I(limit));
    *ret_n = 0;
    for (struct rows *r = sql_query(s); db_next(r); ++*ret_n) {
        page[*ret_n] = ctx_new(c, struct flavor);
        record_from_row(r, flavor_attrs, page[*ret_n], 0);
    }
    return failed(c) ? NULL : page;
}

static bool flavors_answer(struct ctx *c, struct request *rq, struct reply *rp, bool detail)
{
    json_t *query = schema_query(c, rq, "flavors.index_query");
    size_t n;
    struct flavor **page = query ? flavors_of_query(c, query, &n) : NULL;
    bool extra_specs = detail && page && shows_extra_specs(c);
    struct out o;

    if (!page)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "flavors");
    for (size_t i = 0; i < n; i++)
        if (detail)
            write_whole(c, &o, NULL, page[i], extra_specs);
        else
            write_brief(c, &o, page[i]);
    out_end_array(&o);
    write_next(c, rq, &o, "flavors_links", detail ? "flavors/detail" : "flavors", query, n, n ? page[n - 1]->id : NULL);
    out_end_object(&o);
    return true;
}

static bool flavors_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    return flavors_answer(c, rq, rp, false);
}

static bool flavors_detail(struct ctx *c, struct request *rq, struct reply *rp)
{
    return flavors_answer(c, rq, rp, true);
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

static char *id_asked(struct ctx *c, const json_t *id)
{
    struct buf text = {};
    char *result;

    if (!id || json_is_null(id))
        return uuid_new(c);
    python_str(&text, id);
    result = ctx_strdup(c, text.data);
    buf_clear(&text);
    return result;
}

static double real_asked(const json_t *value, double otherwise)
{
    if (json_is_string(value))
        return g_ascii_strtod(json_string_value(value), NULL);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static struct flavor *flavor_asked(struct ctx *c, const json_t *body)
{
    const json_t *asked = json_object_get(body, "flavor");
    struct flavor *f = record_new(c, flavor_attrs, sizeof *f);

    f->id = id_asked(c, json_object_get(asked, "id"));
    f->name = g_strstrip(ctx_strdup(c, json_get_string(asked, "name")));
    f->ram = loose_int(json_object_get(asked, "ram"), 0);
    f->vcpus = loose_int(json_object_get(asked, "vcpus"), 0);
    f->disk = loose_int(json_object_get(asked, "disk"), 0);
    f->ephemeral = loose_int(json_object_get(asked, "OS-FLV-EXT-DATA:ephemeral"), 0);
    f->swap = loose_int(json_object_get(asked, "swap"), 0);
    f->rxtx_factor = real_asked(json_object_get(asked, "rxtx_factor"), 1.0);
    f->is_public = loose_bool(json_object_get(asked, "os-flavor-access:is_public"), true);
    f->description = c->version >= V(2, 55) ? ctx_strdup(c, json_get_string(asked, "description")) : NULL;
    f->created_at = utc_now();
    return f;
}

static bool flavor_insert(struct ctx *c, struct flavor *f)
{
    if (db_count(c, "SELECT count(*) FROM flavors WHERE id = $1", T(f->id)))
        return fail(c, FLAVOR_ID_EXISTS, f->id);
    if (db_count(c, "SELECT count(*) FROM flavors WHERE name = $1", T(f->name)))
        return fail(c, FLAVOR_EXISTS, f->name);
    f->number = counter_next(c, "flavors");
    return record_insert(c, "flavors", flavor_attrs, f);
}

static bool flavor_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "flavors.create");
    struct flavor *f = body ? flavor_asked(c, body) : NULL;

    return f && db_begin(c) && tx_done(c, flavor_insert(c, f)) && answer_flavor(c, rp, f);
}

static bool flavor_store(struct ctx *c, struct flavor *f)
{
    f->updated_at = utc_now();
    return db_begin(c) && tx_done(c, record_update(c, "flavors", flavor_attrs, f, "id"));
}

static bool flavor_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "flavors.update");
    struct flavor *f = body ? flavor_get(c, request_arg(rq, "id")) : NULL;

    if (!f)
        return false;
    f->description = ctx_strdup(c, json_get_string(json_object_get(body, "flavor"), "description"));
    return flavor_store(c, f) && answer_flavor(c, rp, f);
}

static bool flavor_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct flavor *f = flavor_get(c, request_arg(rq, "id"));

    return f && db_begin(c) && tx_done(c, db_exec(c, "DELETE FROM flavor_access WHERE flavor_id = $1", T(f->id)) &&
                                          db_exec(c, "DELETE FROM flavors WHERE id = $1", T(f->id)));
}

/* --- access ------------------------------------------------------------------------------------------------------- */

static bool answer_access(struct ctx *c, struct reply *rp, const struct flavor *f)
{
    struct out o = answer(rp);
    struct rows *r;

    out_object(&o, NULL);
    out_array(&o, "flavor_access");
    for (r = db_query(c, "SELECT tenant_id FROM flavor_access WHERE flavor_id = $1", T(f->id)); db_next(r);) {
        out_object(&o, NULL);
        out_string(&o, "flavor_id", f->id);
        out_string(&o, "tenant_id", db_text(r, 0));
        out_end_object(&o);
    }
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool access_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct flavor *f = flavor_get(c, request_arg(rq, "id"));

    if (f && f->is_public)
        return fail(c, FLAVOR_IS_PUBLIC);
    return f && answer_access(c, rp, f);
}

static bool access_insert(struct ctx *c, const struct flavor *f, const char *tenant)
{
    if (db_count(c, "SELECT count(*) FROM flavor_access WHERE flavor_id = $1 AND tenant_id = $2", T(f->id), T(tenant)))
        return fail(c, FLAVOR_ACCESS_EXISTS, f->id, tenant);
    return db_exec(c, "INSERT INTO flavor_access (flavor_id, tenant_id) VALUES ($1, $2)", T(f->id), T(tenant));
}

static bool access_delete(struct ctx *c, const struct flavor *f, const char *tenant)
{
    int64_t gone = 0;

    db_changed(c, &gone, "DELETE FROM flavor_access WHERE flavor_id = $1 AND tenant_id = $2", T(f->id), T(tenant));
    return gone || fail(c, FLAVOR_ACCESS_NOT_FOUND, f->id, tenant);
}

static bool access_add(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "flavors.add_access");
    const char *tenant = json_get_string(json_object_get(body, "addTenantAccess"), "tenant");
    const struct flavor *f = body && project_verify(c, tenant) ? flavor_get(c, request_arg(rq, "id")) : NULL;

    if (!f)
        return false;
    if (f->is_public && c->version >= V(2, 7))
        return fail(c, FLAVOR_ACCESS_OF_PUBLIC);
    return db_begin(c) && tx_done(c, access_insert(c, f, tenant)) && answer_access(c, rp, f);
}

static bool access_remove(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "flavors.remove_access");
    const char *tenant = json_get_string(json_object_get(body, "removeTenantAccess"), "tenant");
    const struct flavor *f = body ? flavor_get(c, request_arg(rq, "id")) : NULL;

    return f && db_begin(c) && tx_done(c, access_delete(c, f, tenant)) && answer_access(c, rp, f);
}

/* --- extra specs -------------------------------------------------------------------------------------------------- */

static bool specs_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct flavor *f = flavor_get(c, request_arg(rq, "id"));
    struct out o;

    if (!f)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_raw(&o, "extra_specs", f->extra_specs.text ? f->extra_specs.text : "{}");
    out_end_object(&o);
    return true;
}

/* Numbers are kept as their text. */
static bool specs_add(struct ctx *c, struct flavor *f, json_t *added)
{
    json_t *specs = ctx_json(c, json_copy(json_of(c, f->extra_specs))), *value;
    const char *key;

    if (!json_is_object(specs))
        specs = ctx_json(c, json_object());
    json_object_foreach(added, key, value) {
        struct buf text = {};

        python_str(&text, value);
        json_object_set_new(specs, key, json_string(text.data));
        buf_clear(&text);
    }
    f->extra_specs = json_text(c, specs);
    return flavor_store(c, f);
}

static bool specs_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "flavors.extra_specs");
    struct flavor *f = body ? flavor_get(c, request_arg(rq, "id")) : NULL;

    if (!f || !specs_add(c, f, json_object_get(body, "extra_specs")))
        return false;
    reply_json(rp, body);
    return true;
}

static bool spec_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "flavors.extra_spec");
    struct flavor *f;

    if (!body)
        return false;
    if (!json_object_get(body, request_arg(rq, "key")))
        return fail(c, BAD_REQUEST, "Request body and URI mismatch");
    f = flavor_get(c, request_arg(rq, "id"));
    if (!f || !specs_add(c, f, body))
        return false;
    reply_json(rp, body);
    return true;
}

static bool spec_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct flavor *f = flavor_get(c, request_arg(rq, "id"));
    const char *key = request_arg(rq, "key"), *value = f ? json_get_string(json_of(c, f->extra_specs), key) : NULL;
    struct out o;

    if (!f)
        return false;
    if (!value)
        return fail(c, FLAVOR_NO_EXTRA_SPEC, f->id, key);
    o = answer(rp);
    out_object(&o, NULL);
    out_string(&o, key, value);
    out_end_object(&o);
    return true;
}

static bool spec_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct flavor *f = flavor_get(c, request_arg(rq, "id"));
    const char *key = request_arg(rq, "key");
    json_t *specs = f ? ctx_json(c, json_copy(json_of(c, f->extra_specs))) : NULL;

    if (!f)
        return false;
    if (json_object_del(specs, key) != 0)
        return fail(c, FLAVOR_NO_EXTRA_SPEC, f->id, key);
    f->extra_specs = json_text(c, specs);
    return flavor_store(c, f);
}

#define SPECS "flavors/{id}/os-extra_specs"

const struct route nova_flavor_routes[] = {
    { "GET", "flavors", flavors_list, .flags = ROUTE_NO_POLICY },            /* everybody; what is seen depends on who asks */
    { "GET", "flavors/detail", flavors_detail, .flags = ROUTE_NO_POLICY },
    { "GET", "flavors/{id}", flavor_show, .flags = ROUTE_NO_POLICY },
    { "POST", "flavors", flavor_create, .policy = RULE("os-flavor-manage:create") },
    { "PUT", "flavors/{id}", flavor_update, .policy = RULE("os-flavor-manage:update"), .since = V(2, 55) },
    { "DELETE", "flavors/{id}", flavor_delete, 202, ROUTE_EMPTY, RULE("os-flavor-manage:delete") },
    { "GET", "flavors/{id}/os-flavor-access", access_list, .policy = RULE("os-flavor-access") },
    { "POST", "flavors/{id}/action", access_add, .policy = RULE("os-flavor-access:add_tenant_access"), .action = "addTenantAccess" },
    { "POST", "flavors/{id}/action", access_remove, .policy = RULE("os-flavor-access:remove_tenant_access"), .action = "removeTenantAccess" },
    { "GET", SPECS, specs_list, .policy = RULE("os-flavor-extra-specs:index") },
    { "POST", SPECS, specs_create, .policy = RULE("os-flavor-extra-specs:create") },
    { "GET", SPECS "/{key}", spec_show, .policy = RULE("os-flavor-extra-specs:show") },
    { "PUT", SPECS "/{key}", spec_update, .policy = RULE("os-flavor-extra-specs:update") },
    { "DELETE", SPECS "/{key}", spec_delete, 200, ROUTE_EMPTY, RULE("os-flavor-extra-specs:delete") },
    {}
};
