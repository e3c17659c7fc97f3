/* Policies: blobs that a remote service may fetch, and which endpoint, service or region each is for (OS-ENDPOINT-POLICY). */
#include "keystone/api/projects.h"

struct policy_blob {
    char *id, *type, *blob;
    raw_json extra;
};
static const struct attr policy_attrs[] = {
    ATTR(struct policy_blob, id,    SORT),
    ATTR(struct policy_blob, type,  CREATE | UPDATE | REQUIRED | FILTER, .max = 255),
    ATTR(struct policy_blob, blob,  CREATE | UPDATE | REQUIRED),
    ATTR(struct policy_blob, extra, CREATE | UPDATE | HIDDEN),
    {}
};

static void policy_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct policy_blob *p = record;

    write_extra(c, o, p->extra);
    write_self(c, o, "policies", p->id);
}

const struct resource policy_resource = {
    .name = "policy", .plural = "policies", .size = sizeof(struct policy_blob), .attrs = policy_attrs, .flags = NO_BULK, KEYSTONE_VERBS,
    .write = policy_write,
};

/* As an endpoint's policy its link is one of endpoints, in the original too. */
static void endpoint_policy_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct policy_blob *p = record;

    write_extra(c, o, p->extra);
    write_self(c, o, "endpoints", p->id);
}

static const struct resource endpoint_policy_resource = {
    .name = "policy", .plural = "policies", .size = sizeof(struct policy_blob), .attrs = policy_attrs, .write = endpoint_policy_write,
};

/* -- associations -------------------------------------------------------------------------------------------------- */

struct association {
    const char *policy_id, *endpoint_id, *service_id, *region_id;
};

/* What the path names, all of it there. */
static bool association_read(struct ctx *c, const struct request *request, struct association *a)
{
    *a = (struct association){ .policy_id = request_arg(request, "policy_id") };
    for (const struct pair *arg = request->args; arg->name; arg++) {
        if (text_equal(arg->name, "endpoint_id"))
            a->endpoint_id = arg->value;
        if (text_equal(arg->name, "service_id"))
            a->service_id = arg->value;
        if (text_equal(arg->name, "region_id"))
            a->region_id = arg->value;
    }
    return rest_find_any(c, &policy_resource, a->policy_id) && (!a->endpoint_id || rest_find_any(c, &endpoint_resource, a->endpoint_id)) &&
        (!a->service_id || rest_find_any(c, &service_resource, a->service_id)) &&
        (!a->region_id || rest_find_any(c, &region_resource, a->region_id));
}

#define SAME "endpoint_id IS NOT DISTINCT FROM $1 AND service_id IS NOT DISTINCT FROM $2 AND region_id IS NOT DISTINCT FROM $3"

static bool associate(struct ctx *c, struct request *request, struct reply *reply)
{
    struct association a;

    return association_read(c, request, &a) &&
        keystone_exec(c, "DELETE FROM policy_associations WHERE " SAME, T(a.endpoint_id), T(a.service_id), T(a.region_id)) &&
        keystone_exec(c, "INSERT INTO policy_associations (id, policy_id, endpoint_id, service_id, region_id) VALUES ($1, $2, $3, $4, $5)",
                      T(uuid_new_hex(c)), T(a.policy_id), T(a.endpoint_id), T(a.service_id), T(a.region_id));
}

static bool check(struct ctx *c, struct request *request, struct reply *reply)
{
    struct association a;

    return association_read(c, request, &a) &&
        (db_count(c, "SELECT count(*) FROM policy_associations WHERE " SAME " AND policy_id = $4", T(a.endpoint_id), T(a.service_id),
                  T(a.region_id), T(a.policy_id)) > 0 || (!failed(c) && fail(c, NOT_FOUND, "Could not find policy association.")));
}

static bool dissociate(struct ctx *c, struct request *request, struct reply *reply)
{
    struct association a;

    return association_read(c, request, &a) &&
        keystone_exec(c, "DELETE FROM policy_associations WHERE " SAME " AND policy_id = $4", T(a.endpoint_id), T(a.service_id), T(a.region_id),
                      T(a.policy_id));
}

/* The endpoint's own policy, else that of its service in the nearest region, else that of its service. */
static bool policy_of_endpoint(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct endpoint *e = rest_find_any(c, &endpoint_resource, request_arg(request, "endpoint_id"));
    struct policy_blob *p;
    const char *id;

    if (!e)
        return false;
    id = db_get_text(c, "WITH RECURSIVE up (id, parent, far) AS (SELECT id, parent_region_id, 1 FROM regions WHERE id = $3"
                     " UNION ALL SELECT r.id, r.parent_region_id, u.far + 1 FROM regions r JOIN up u ON r.id = u.parent WHERE u.far < 100)"
                     " SELECT a.policy_id FROM policy_associations a LEFT JOIN up u ON u.id = a.region_id"
                     " WHERE a.endpoint_id = $1 OR (a.service_id = $2 AND (a.region_id IS NULL OR u.id IS NOT NULL))"
                     " ORDER BY CASE WHEN a.endpoint_id IS NOT NULL THEN 0 ELSE COALESCE(u.far, 1000) END LIMIT 1",
                     T(e->id), T(e->service_id), T(e->region_id));
    if (!id)
        return failed(c) ? false : fail(c, NOT_FOUND, ctx_printf(c, "No policy is associated with endpoint %s.", e->id));
    p = rest_find_any(c, &policy_resource, id);
    if (p)
        rest_write(c, &endpoint_policy_resource, request, p, reply);
    return p != NULL;
}

static bool of_policy(struct ctx *c, struct sql *s, const void *policy_id)
{
    sql_add(s, " AND t.id IN (SELECT e.id FROM endpoints e JOIN policy_associations a ON a.policy_id = ? AND (a.endpoint_id = e.id"
            " OR (a.service_id = e.service_id AND (a.region_id IS NULL OR a.region_id = e.region_id))))", T(policy_id));
    return true;
}

static bool endpoints_of_policy(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = request_arg(request, "policy_id");

    return rest_find_any(c, &policy_resource, id) && keystone_list_where(c, &bare_endpoint_resource, request, reply, of_policy, id);
}

#define ASSOCIATION(tail, with) \
    { "GET",    "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/" tail, check, .status = 204, .flags = ROUTE_EMPTY, \
      .policy = "identity:check_policy_association_for_" with }, \
    { "PUT",    "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/" tail, associate, .status = 204, .flags = ROUTE_EMPTY, \
      .policy = "identity:create_policy_association_for_" with }, \
    { "DELETE", "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/" tail, dissociate, .status = 204, .flags = ROUTE_EMPTY, \
      .policy = "identity:delete_policy_association_for_" with }

const struct route policy_routes[] = {
    ASSOCIATION("endpoints/{endpoint_id}", "endpoint"),
    ASSOCIATION("services/{service_id}", "service"),
    ASSOCIATION("services/{service_id}/regions/{region_id}", "region_and_service"),
    { "GET", "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints", endpoints_of_policy, .policy = "identity:list_endpoints_for_policy" },
    { "GET", "/v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy", policy_of_endpoint, .policy = "identity:get_policy_for_endpoint" },
    {}
};
