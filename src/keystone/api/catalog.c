/* The catalog's resources: regions, services and their endpoints. */
#include "keystone/api/projects.h"

#include <string.h>

/* -- regions ------------------------------------------------------------------------------------------------------- */

static const struct attr region_attrs[] = {
    ATTR(struct region, id,               CREATE | FILTER | SORT, .max = 255),
    ATTR(struct region, description,      CREATE | UPDATE | NULLABLE, .unset = ""),
    ATTR(struct region, parent_region_id, CREATE | UPDATE | NULLABLE | FILTER),
    ATTR(struct region, extra,            CREATE | UPDATE | HIDDEN),
    {}
};

static bool region_check(struct ctx *c, struct change *ch)
{
    struct region *r = ch->now;

    if (!ch->old && (!r->id || !*r->id))
        r->id = uuid_new_hex(c);
    if (!r->description)
        r->description = ctx_strdup(c, "");
    if (!r->parent_region_id)
        return true;
    if (!rest_find_any(c, &region_resource, r->parent_region_id))
        return false;
    if (db_count(c, "WITH RECURSIVE up (id, parent) AS (SELECT id, parent_region_id FROM regions WHERE id = $1"
                 " UNION SELECT r.id, r.parent_region_id FROM regions r JOIN up ON r.id = up.parent) SELECT count(*) FROM up WHERE id = $2",
                 T(r->parent_region_id), T(r->id)))
        return fail(c, CIRCULAR_REGION, r->id);
    return !failed(c);
}

#define BELOW "WITH RECURSIVE below (id) AS (SELECT id FROM regions WHERE id = $1" \
    " UNION SELECT r.id FROM regions r JOIN below b ON r.parent_region_id = b.id)"

/* The regions below go along. */
static bool below_drop(struct ctx *c, const char *id)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();

    for (struct rows *rows = db_query(c, BELOW " SELECT id FROM below", T(id)); db_next(rows);)
        g_ptr_array_add(ids, db_text(rows, 0));
    for (guint i = 0; i < ids->len; i++)
        if (!db_exec(c, "UPDATE regions SET parent_region_id = NULL WHERE id = $1", T(ids->pdata[i])))
            return false;
    for (guint i = 0; i < ids->len; i++)
        if (strcmp(ids->pdata[i], id) && !db_exec(c, "DELETE FROM regions WHERE id = $1", T(ids->pdata[i])))
            return false;
    return !failed(c);
}

static bool region_deleting(struct ctx *c, void *record)
{
    const struct region *r = record;

    if (db_count(c, BELOW " SELECT count(*) FROM endpoints e JOIN below b ON e.region_id = b.id", T(r->id)))
        return fail(c, REGION_IN_USE, r->id);
    return !failed(c) && below_drop(c, r->id);
}

static void region_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct region *r = record;

    write_extra(c, o, r->extra);
    write_self(c, o, "regions", r->id);
}

const struct resource region_resource = {
    .name = "region", .plural = "regions", .size = sizeof(struct region), .attrs = region_attrs, .flags = NO_BULK, KEYSTONE_VERBS,
    .check = region_check, .deleting = region_deleting, .write = region_write,
};

const struct route region_routes[] = {
    { "PUT", "/v3/regions/{id}", keystone_put, .status = 201, .data = &region_resource, .flags = ROUTE_NO_POLICY },
    {}
};

/* -- services ------------------------------------------------------------------------------------------------------ */

static const struct attr service_attrs[] = {
    ATTR(struct catalog_service, id,      FILTER | SORT),
    ATTR(struct catalog_service, name,    CREATE | UPDATE | FILTER | HIDDEN, .min = 1, .max = 255, .format = &format_not_blank),
    ATTR(struct catalog_service, type,    CREATE | UPDATE | REQUIRED | FILTER, .min = 1, .max = 255),
    ATTR(struct catalog_service, enabled, CREATE | UPDATE | FILTER, .unset = "true"),
    ATTR(struct catalog_service, extra,   CREATE | UPDATE | HIDDEN),
    {}
};

static void service_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct catalog_service *s = record;

    if (s->name)
        out_string(o, "name", s->name);
    write_extra(c, o, s->extra);
    write_self(c, o, "services", s->id);
}

const struct resource service_resource = {
    .name = "service", .plural = "services", .size = sizeof(struct catalog_service), .attrs = service_attrs, .flags = NO_BULK, KEYSTONE_VERBS,
    .write = service_write,
};

/* -- endpoints ----------------------------------------------------------------------------------------------------- */

static bool is_url(const char *value)
{
    return value[strspn(value, " \t\r\n")] != '\0' && strchr(value, ':') != NULL;
}
static const struct format format_endpoint_url = { "^[a-zA-Z0-9+.-]+:.+", is_url };

static const struct attr endpoint_attrs[] = {
    ATTR(struct endpoint, id,         FILTER | SORT),
    ATTR(struct endpoint, interface,  CREATE | UPDATE | REQUIRED | FILTER, ONE_OF("admin", "internal", "public")),
    ATTR(struct endpoint, region_id,  CREATE | UPDATE | NULLABLE | FILTER),
    ATTR(struct endpoint, service_id, CREATE | UPDATE | REQUIRED | FILTER),
    ATTR(struct endpoint, url,        CREATE | UPDATE | REQUIRED, .max = 225, .format = &format_endpoint_url),
    ATTR(struct endpoint, enabled,    CREATE | UPDATE | FILTER, .unset = "true"),
    ATTR(struct endpoint, extra,      CREATE | UPDATE | HIDDEN),
    {}
};

/* Only substitutions that a token can fill are let in: $(project_id)s. */
static bool url_judge(struct ctx *c, const char *url)
{
    static const char *const names[] = { "tenant_id", "project_id", "user_id", "public_bind_host", "admin_bind_host", "compute_host", "admin_port",
                                         "public_port", "public_endpoint", "admin_endpoint", NULL };

    for (const char *at = url; (at = strpbrk(at, "$%")) != NULL; at++) {
        if (at[1] != '(')
            continue;
        const char *end = strstr(at, ")s");

        if (!end || !text_in(ctx_strndup(c, at + 2, (size_t)(end - at - 2)), names))
            return fail(c, VALIDATION, ctx_printf(c, "Cannot create an endpoint with an invalid URL: %s.", url));
    }
    return true;
}

static bool in_table(struct ctx *c, const struct resource *r, const char *id)
{
    if (rest_find_any(c, r, id) || c->fault.status != 404)
        return !failed(c);
    fault_clear(c);
    return fail(c, EXPECTING, ctx_printf(c, "endpoint %s_id", r->name), ctx_printf(c, "%s table", r->name));
}

static bool endpoint_check(struct ctx *c, struct change *ch)
{
    struct endpoint *e = ch->now;

    if (!in_table(c, &service_resource, e->service_id) || (e->region_id && !in_table(c, &region_resource, e->region_id)))
        return false;
    return !asked(ch, "url") || url_judge(c, e->url);
}

static void endpoint_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct endpoint *e = record;

    out_string(o, "region", e->region_id);
    write_extra(c, o, e->extra);
    write_self(c, o, "endpoints", e->id);
}

/* The old word "region" names a region_id, and makes the region where there is none. */
static bool region_word(struct ctx *c, struct request *request)
{
    json_t *body = request_json(c, request), *object = json_object_get(body, "endpoint");
    const char *region = json_get_string(object, "region");

    if (!body)
        return false;
    if (!region)
        return true;
    if (!json_object_get(object, "region_id"))
        json_object_set(object, "region_id", json_object_get(object, "region"));
    if (policy_allows(c, "identity:create_endpoint", NULL) &&
        !keystone_exec(c, "INSERT INTO regions (id, description) VALUES ($1, '') ON CONFLICT DO NOTHING", T(region)))
        return false;
    json_object_del(object, "region");
    return true;
}

static bool endpoint_create(struct ctx *c, struct request *request, struct reply *reply)
{
    return region_word(c, request) && keystone_create(c, request, reply);
}

static bool endpoint_update(struct ctx *c, struct request *request, struct reply *reply)
{
    return region_word(c, request) && keystone_update(c, request, reply);
}

/* As lists of a policy's endpoints show it: without the old word. */
static void bare_endpoint_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct endpoint *e = record;

    write_extra(c, o, e->extra);
    write_self(c, o, "endpoints", e->id);
}

const struct resource bare_endpoint_resource = {
    .name = "endpoint", .plural = "endpoints", .size = sizeof(struct endpoint), .attrs = endpoint_attrs, .write = bare_endpoint_write,
};

const struct resource endpoint_resource = {
    .name = "endpoint", .plural = "endpoints", .size = sizeof(struct endpoint), .attrs = endpoint_attrs, .flags = NO_BULK,
    .create = endpoint_create, .show = keystone_show, .list = keystone_list, .update = endpoint_update, .remove = keystone_remove,
    .check = endpoint_check, .write = endpoint_write,
};
