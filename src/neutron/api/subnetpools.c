/* A pool of prefixes that subnets take theirs from. */
#include <string.h>

#include "neutron/model/networks.h"
#include "neutron/model/pools.h"
#include "neutron/model/rbac.h"
#include "neutron/model/subnets.h"

static const struct attr subnetpool_attrs[] = {
    ATTR(struct subnetpool, id,                FILTER | SORT),
    ATTR(struct subnetpool, name,              CREATE | REQUIRED | UPDATE | FILTER | SORT, .min = 1, .max = 255),
    ATTR(struct subnetpool, project_id,        CREATE | FILTER | SORT | OWNER, .max = 255),
    ATTR(struct subnetpool, prefixes,          CREATE | REQUIRED | UPDATE),
    ATTR(struct subnetpool, default_prefixlen, CREATE | UPDATE | FILTER | SORT | HIDDEN, .max = INT32_MAX),
    ATTR(struct subnetpool, min_prefixlen,     CREATE | UPDATE | FILTER | SORT | HIDDEN, .max = INT32_MAX),
    ATTR(struct subnetpool, max_prefixlen,     CREATE | UPDATE | FILTER | SORT | HIDDEN, .max = INT32_MAX),
    ATTR(struct subnetpool, is_default,        CREATE | UPDATE | FILTER | SORT | POLICY, .unset = "false"),
    ATTR(struct subnetpool, shared,            CREATE | POLICY | DERIVED, .unset = "false"),
    ATTR(struct subnetpool, ip_version,        FILTER | SORT),
    ATTR(struct subnetpool, default_quota,     CREATE | UPDATE | FILTER | SORT | NULLABLE, .max = INT32_MAX),
    ATTR(struct subnetpool, address_scope_id,  CREATE | UPDATE | FILTER | SORT | NULLABLE, .format = &format_uuid),
    STANDARD_ATTRS(struct subnetpool, "-1"),
    {}
};

/* --- prefixes ------------------------------------------------------------------------------------------------- */

struct cidr *prefixes_read(struct ctx *c, raw_json prefixes, size_t *ret_n)
{
    json_t *list = json_of(c, prefixes), *entry;
    struct cidr *cidrs = ctx_new_n(c, struct cidr, json_array_size(list) + 1);
    size_t i;

    json_array_foreach(list, i, entry)
        cidr_read(json_string_value(entry), &cidrs[i]);
    *ret_n = json_array_size(list);
    return cidrs;
}

static raw_json prefixes_write(struct ctx *c, const struct cidr *cidrs, size_t n)
{
    json_t *list = ctx_json(c, json_array());

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(cidr_text(c, cidrs[i])));
    return json_text(c, list);
}

bool prefixes_judge(struct ctx *c, const char *name, const json_t *list)
{
    json_t *entry;
    size_t i;
    struct cidr cidr;

    if (!json_is_array(list))
        return invalid_member(c, name, "'%s' is not a list", python_text(c, list));
    json_array_foreach(list, i, entry) {
        const char *text = json_string_value(entry);

        if (!cidr_read(text, &cidr))
            return invalid_member(c, name, "'%s' is not a valid IP subnet", python_text(c, entry));
        if (!strchr(text, '/'))
            return invalid_member(c, name, "'%s' isn't a recognized IP subnet cidr, '%s' is recommended", text, cidr_text(c, cidr));
    }
    return true;
}

/* Merged, of one version; sets ip_version. */
static bool prefixes_settle(struct ctx *c, struct subnetpool *pool)
{
    size_t n;
    struct cidr *cidrs = prefixes_read(c, pool->prefixes, &n);

    if (!n)
        return fail(c, POOL_PREFIXES_EMPTY);
    for (size_t i = 1; i < n; i++)
        if (cidrs[i].base.version != cidrs[0].base.version)
            return fail(c, POOL_PREFIX_VERSIONS);
    pool->ip_version = cidrs[0].base.version;
    cidrs = cidr_merge(c, cidrs, n, &n);
    pool->prefixes = prefixes_write(c, cidrs, n);
    return true;
}

/* --- create and update ---------------------------------------------------------------------------------------- */

static bool bounds_settle(struct ctx *c, struct subnetpool *pool, const struct change *ch)
{
    int bits = ip_bits((int)pool->ip_version);

    if (!ch->old) {
        if (!asked(ch, "min_prefixlen"))
            pool->min_prefixlen = pool->ip_version == 4 ? 8 : 64;
        if (!asked(ch, "max_prefixlen"))
            pool->max_prefixlen = bits;
        if (!asked(ch, "default_prefixlen"))
            pool->default_prefixlen = pool->min_prefixlen;
    }
    if (pool->min_prefixlen > pool->max_prefixlen)
        return fail(c, POOL_PREFIX_BOUNDS, "min_prefixlen", (long long)pool->min_prefixlen, "max_prefixlen", (long long)pool->max_prefixlen);
    if (pool->max_prefixlen > bits)
        return fail(c, POOL_PREFIX_BOUNDS, "max_prefixlen", (long long)pool->max_prefixlen, "ip_version_max", (long long)bits);
    if (pool->default_prefixlen < pool->min_prefixlen)
        return fail(c, POOL_PREFIX_BOUNDS, "default_prefixlen", (long long)pool->default_prefixlen, "min_prefixlen", (long long)pool->min_prefixlen);
    if (pool->default_prefixlen > pool->max_prefixlen)
        return fail(c, POOL_PREFIX_BOUNDS, "default_prefixlen", (long long)pool->default_prefixlen, "max_prefixlen", (long long)pool->max_prefixlen);
    return true;
}

static bool pool_judge(struct ctx *c, struct change *ch)
{
    return !asked(ch, "prefixes") || prefixes_judge(c, "prefixes", json_object_get(ch->asked, "prefixes"));
}

/* Every prefix there was must still be covered. */
static bool prefixes_grow(struct ctx *c, const struct subnetpool *pool, const struct subnetpool *old)
{
    size_t n, m;
    struct cidr *now = prefixes_read(c, pool->prefixes, &n), *before = prefixes_read(c, old->prefixes, &m);

    for (size_t i = 0; i < m; i++) {
        bool covered = false;

        for (size_t k = 0; k < n; k++)
            covered = covered || cidr_contains(now[k], before[i]);
        if (!covered)
            return fail(c, POOL_PREFIX_UPDATE, "Existing prefixes must be a subset of the new prefixes");
    }
    return true;
}

static bool default_is_alone(struct ctx *c, const struct subnetpool *pool)
{
    if (db_count(c, "SELECT count(*) FROM subnetpools WHERE is_default AND ip_version = $1 AND id <> $2", I(pool->ip_version), T(pool->id)))
        return invalid_input(c, "A default subnetpool for this IP family has already been set. Only one default may exist per IP family");
    return !failed(c);
}

static bool scope_check(struct ctx *c, const struct subnetpool *pool)
{
    struct rows *rows;
    char *owner = NULL;
    int64_t version = 0;
    size_t n, m;
    struct cidr *mine = prefixes_read(c, pool->prefixes, &n);
    bool conflict = false;

    rows = db_query(c, "SELECT project_id, ip_version FROM address_scopes WHERE id = $1", T(pool->address_scope_id));
    if (db_next(rows)) {
        owner = db_text(rows, 0);
        version = db_int(rows, 1);
    }
    db_rows_end(rows);
    if (failed(c))
        return false;
    if (!owner || (!c->who.is_admin && !text_equal(owner, c->who.project_id) &&
                   !rbac_allows(c, "address_scope", pool->address_scope_id, c->who.project_id, SHARED)))
        return fail(c, ADDRESS_SCOPE_NOT_FOUND, pool->address_scope_id);
    if (version != pool->ip_version)
        return fail(c, POOL_SCOPE_VERSION, pool->id, pool->address_scope_id, (long long)version);
    if (db_count(c, "SELECT count(*) FROM subnets a JOIN subnets b ON b.network_id = a.network_id AND b.ip_version = a.ip_version"
                 " WHERE a.subnetpool_id = $1 AND b.subnetpool_id IS DISTINCT FROM a.subnetpool_id", T(pool->id)))
        return fail(c, SCOPE_AFFINITY);
    rows = db_query(c, "SELECT prefixes FROM subnetpools WHERE address_scope_id = $1 AND id <> $2", T(pool->address_scope_id), T(pool->id));
    while (db_next(rows)) {
        struct cidr *theirs = prefixes_read(c, (raw_json){ db_text(rows, 0) }, &m);

        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < m; k++)
                conflict = conflict || cidr_overlaps(mine[i], theirs[k]);
    }
    return conflict ? fail(c, SCOPE_PREFIX_CONFLICT) : !failed(c);
}

static bool pool_check(struct ctx *c, struct change *ch)
{
    struct subnetpool *pool = ch->now;
    const struct subnetpool *old = ch->old;

    if (old && asked(ch, "prefixes") && !prefixes_grow(c, pool, old))
        return false;
    if (!prefixes_settle(c, pool) || !bounds_settle(c, pool, ch))
        return false;
    if (pool->is_default && !(old && old->is_default) && !default_is_alone(c, pool))
        return false;
    if (old && old->address_scope_id && !c->who.is_admin) {
        char *owner = db_get_text(c, "SELECT project_id FROM address_scopes WHERE id = $1", T(old->address_scope_id));

        if (!text_equal(owner, c->who.project_id))
            return failed(c) ? false : fail(c, POOL_UPDATE, ctx_printf(c, "subnetpool %s cannot be updated when associated with shared address scope %s",
                                                                       pool->id, old->address_scope_id));
    }
    return !pool->address_scope_id || scope_check(c, pool);
}

static bool pool_stored(struct ctx *c, struct change *ch)
{
    const struct subnetpool *pool = ch->now;

    return ch->old || !pool->shared || rbac_open(c, "subnetpool", pool->id, pool->project_id, SHARED);
}

static bool pool_deleting(struct ctx *c, void *record)
{
    const struct subnetpool *pool = record;

    if (db_count(c, "SELECT count(*) FROM subnets WHERE subnetpool_id = $1", T(pool->id)))
        return fail(c, SUBNETPOOL_IN_USE, "Subnet pool has existing allocations");
    return !failed(c) && rbac_forget(c, "subnetpool", pool->id);
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static bool pool_fill(struct ctx *c, void *const *page, size_t n)
{
    return rbac_fill_shared(c, page, n, "subnetpool", offsetof(struct subnetpool, id), offsetof(struct subnetpool, shared));
}

/* The original writes these lengths as strings. */
static void pool_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct subnetpool *pool = record;

    out_printf(o, "default_prefixlen", "%" G_GINT64_FORMAT, pool->default_prefixlen);
    out_printf(o, "min_prefixlen", "%" G_GINT64_FORMAT, pool->min_prefixlen);
    out_printf(o, "max_prefixlen", "%" G_GINT64_FORMAT, pool->max_prefixlen);
}

static bool pool_visible(struct ctx *c, struct sql *s)
{
    rbac_visible(c, s, "subnetpool");
    return true;
}

static bool pool_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    return rbac_filter(c, "subnetpool", name, values, s, ret_taken);
}

const struct resource subnetpool_resource = {
    .name = "subnetpool", .plural = "subnetpools", .size = sizeof(struct subnetpool), .attrs = subnetpool_attrs, .quota = "subnetpool",
    .judge = pool_judge, .check = pool_check, .stored = pool_stored, .deleting = pool_deleting,
    .fill = pool_fill, .write = pool_write, .visible = pool_visible, .filter = pool_filter,
};

/* --- prefix operations ---------------------------------------------------------------------------------------- */

static json_t *prefixes_asked(struct ctx *c, struct request *request)
{
    json_t *body = request_json(c, request), *list = json_object_get(body, "prefixes");

    if (!body)
        return NULL;
    if (!json_array_size(list)) {
        fail(c, HTTP_BAD_REQUEST, "Request body contains invalid data");
        return NULL;
    }
    return prefixes_judge(c, "prefixes", list) ? list : NULL;
}

static bool pool_store_prefixes(struct ctx *c, struct subnetpool *pool, const struct cidr *cidrs, size_t n)
{
    pool->prefixes = prefixes_write(c, cidrs, n);
    pool->revision_number++;
    pool->updated_at = utc_now();
    return n ? record_update(c, "subnetpools", subnetpool_attrs, pool, "id") : fail(c, POOL_PREFIXES_EMPTY);
}

static bool prefixes_add(struct ctx *c, struct subnetpool *pool, json_t *list)
{
    json_t *all = json_of(c, pool->prefixes);
    struct cidr *cidrs;
    size_t n;

    json_array_extend(all, list);
    pool->prefixes = json_text(c, all);
    if (!prefixes_settle(c, pool) || (pool->address_scope_id && !scope_check(c, pool)))
        return false;
    cidrs = prefixes_read(c, pool->prefixes, &n);
    return pool_store_prefixes(c, pool, cidrs, n);
}

/* What remains of cidrs without hole: each that holds it is halved until the halves are in or out. */
static void cidr_subtract(struct cidr from, struct cidr hole, struct cidr *out, size_t *n)
{
    if (!cidr_overlaps(from, hole)) {
        out[(*n)++] = from;
    } else if (!cidr_contains(hole, from)) {
        struct cidr low = { from.base, from.prefixlen + 1 }, high = low;

        high.base.n = cidr_last(low) + 1;
        cidr_subtract(low, hole, out, n);
        cidr_subtract(high, hole, out, n);
    }
}

static bool prefixes_remove(struct ctx *c, struct subnetpool *pool, json_t *list)
{
    size_t n, m;
    struct cidr *cidrs = prefixes_read(c, pool->prefixes, &n), *holes = prefixes_read(c, json_text(c, list), &m);
    struct rows *rows = db_query(c, "SELECT cidr FROM subnets WHERE subnetpool_id = $1", T(pool->id));
    bool used = false;

    while (db_next(rows)) {
        struct cidr taken = { 0 };

        cidr_read(db_text(rows, 0), &taken);
        for (size_t i = 0; i < m; i++)
            used = used || cidr_overlaps(taken, holes[i]);
    }
    if (used)
        return fail(c, POOL_PREFIX_UPDATE, "One or more the prefixes to be removed is in use by a subnet.");
    for (size_t i = 0; i < m && !failed(c); i++) {
        struct cidr *left = ctx_new_n(c, struct cidr, n + 130);
        size_t count = 0;

        for (size_t k = 0; k < n; k++)
            cidr_subtract(cidrs[k], holes[i], left, &count);
        cidrs = left;
        n = count;
    }
    return !failed(c) && pool_store_prefixes(c, pool, cidr_merge(c, cidrs, n, &n), n);
}

/* PUT /subnetpools/{id}/add_prefixes, remove_prefixes: route->data is the function. */
static bool prefixes_change(struct ctx *c, struct request *request, struct reply *reply)
{
    bool add = !strcmp(request->route->action ? request->route->action : request->route->data, "add_prefixes");
    json_t *list = prefixes_asked(c, request);
    struct subnetpool *pool;
    struct out o = { .to = &reply->body };
    bool ok;

    if (!list || !db_begin(c))
        return false;
    pool = rest_find(c, &subnetpool_resource, request_arg(request, "id"));
    ok = pool && policy_check(c, add ? "add_prefixes" : "remove_prefixes", TARGET_RECORD(subnetpool_attrs, pool)) &&
        (add ? prefixes_add(c, pool, list) : prefixes_remove(c, pool, list));
    if (!ok) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    reply->has_body = true;
    out_object(&o, NULL);
    out_raw(&o, "prefixes", pool->prefixes.text);
    out_end_object(&o);
    return true;
}

/* --- existing subnets of a network come into the pool ------------------------------------------------------------ */

static bool subnet_onboard(struct ctx *c, struct subnetpool *pool, const struct subnet *s)
{
    struct rows *rows = db_query(c, "SELECT cidr FROM subnets WHERE subnetpool_id = $1", T(pool->id));
    struct cidr mine = subnet_cidr(s), other = { 0 };
    bool conflict = false;

    while (db_next(rows))
        conflict = conflict || (cidr_read(db_text(rows, 0), &other) && cidr_overlaps(mine, other));
    if (conflict)
        return fail(c, POOL_UPDATE, ctx_printf(c, "Onboarding subnet %s: %s conflicts with another subnet in subnet pool %s", s->id, s->cidr, pool->id));
    return !failed(c) && db_exec(c, "UPDATE subnets SET subnetpool_id = $2, revision_number = revision_number + 1, updated_at = $3 WHERE id = $1",
                                 T(s->id), T(pool->id), I(clock_us()));
}

static bool onboard_run(struct ctx *c, struct request *request, const char *network_id, json_t *onboarded)
{
    struct subnetpool *pool = rest_find(c, &subnetpool_resource, request_arg(request, "id"));
    const struct network *net = pool ? network_get(c, network_id) : NULL;
    json_t *prefixes = ctx_json(c, json_array());
    size_t n;
    struct subnet **subnets;

    if (!net || !policy_check(c, "onboard_network_subnets", TARGET_RECORD(subnetpool_attrs, pool)))
        return false;
    if (!c->who.is_admin && !text_equal(net->project_id, c->who.project_id))
        return fail(c, 403, "NotAuthorized", "Not authorized.");
    if (!(subnets = subnets_of(c, net->id, &n)))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (subnets[i]->ip_version != pool->ip_version || text_equal(subnets[i]->subnetpool_id, pool->id))
            continue;
        if (!subnet_onboard(c, pool, subnets[i]))
            return false;
        json_array_append_new(prefixes, json_string(subnets[i]->cidr));
        json_array_append_new(onboarded, json_pack("{s:s, s:s}", "id", subnets[i]->id, "cidr", subnets[i]->cidr));
    }
    return !json_array_size(prefixes) || prefixes_add(c, pool, prefixes);
}

static bool network_onboard(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *network_id = json_get_string(request_json(c, request), "network_id");
    json_t *onboarded = ctx_json(c, json_array());

    if (failed(c))
        return false;
    if (!network_id)
        return invalid_input(c, "network_id must be specified.");
    if (!db_begin(c))
        return false;
    if (!onboard_run(c, request, network_id, onboarded)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    reply_json(reply, onboarded);
    return true;
}

const struct route subnetpool_routes[] = {
    { "PUT", "/v2.0/subnetpools/{id}/onboard_network_subnets", network_onboard, 200, ROUTE_NO_POLICY },
    { "PUT", "/v2.0/subnetpools/{id}/add_prefixes", prefixes_change, 200, ROUTE_NO_POLICY, .data = "add_prefixes" },
    { "PUT", "/v2.0/subnetpools/{id}/remove_prefixes", prefixes_change, 200, ROUTE_NO_POLICY, .data = "remove_prefixes" },
    {}
};

/* --- a subnet's prefix ---------------------------------------------------------------------------------------- */

static struct subnetpool *pool_wanted(struct ctx *c, struct subnet *s)
{
    if (!s->subnetpool_id) {
        s->subnetpool_id = db_get_text(c, "SELECT id FROM subnetpools WHERE is_default AND ip_version = $1", I(s->ip_version));
        if (!s->subnetpool_id && !failed(c))
            fail(c, BAD_RESOURCE_REQUEST, "subnets", ctx_printf(c, "No default subnetpool found for IPv%" G_GINT64_FORMAT, s->ip_version));
    }
    return failed(c) ? NULL : rest_find(c, &subnetpool_resource, s->subnetpool_id);
}

static bool quota_fits(struct ctx *c, const struct subnetpool *pool, const struct subnet *s, int64_t prefixlen)
{
    int unit = pool->ip_version == 4 ? 32 : 64;
    double used = prefixlen <= unit ? (double)((int64_t)1 << MIN(unit - prefixlen, 62)) : 0;
    struct rows *rows;

    if (!pool->default_quota.set || !pool->default_quota.value)
        return true;
    rows = db_query(c, "SELECT cidr FROM subnets WHERE subnetpool_id = $1 AND project_id = $2", T(pool->id), T(s->project_id));
    while (db_next(rows)) {
        struct cidr taken = { 0 };

        cidr_read(db_text(rows, 0), &taken);
        used += taken.prefixlen <= unit ? (double)((int64_t)1 << MIN(unit - taken.prefixlen, 62)) : 0;
    }
    return used <= (double)pool->default_quota.value ? !failed(c) : fail(c, SUBNETPOOL_QUOTA);
}

/* Subnets of one version on a network come from one pool, and so from one address scope. */
static bool affinity_check(struct ctx *c, const struct subnetpool *pool, const struct subnet *s)
{
    struct rows *rows = db_query(c, "SELECT s.subnetpool_id, p.address_scope_id FROM subnets s LEFT JOIN subnetpools p ON p.id = s.subnetpool_id"
                                 " WHERE s.network_id = $1 AND s.ip_version = $2", T(s->network_id), I(s->ip_version));
    bool same_pool = true, same_scope = true;

    while (db_next(rows)) {
        same_pool = same_pool && text_equal(db_text(rows, 0), pool->id);
        same_scope = same_scope && text_equal(db_text(rows, 1), pool->address_scope_id);
    }
    if (!same_scope)
        return fail(c, SCOPE_AFFINITY);
    return same_pool ? !failed(c) : fail(c, POOL_AFFINITY);
}

/* The smallest free block that holds the length gives its first part. */
static bool block_choose(struct ctx *c, const struct subnetpool *pool, struct subnet *s, int64_t prefixlen, const struct cidr *wanted)
{
    size_t n;
    struct cidr *blocks = prefixes_read(c, pool->prefixes, &n), *best = NULL;
    struct rows *rows = db_query(c, "SELECT cidr FROM subnets WHERE subnetpool_id = $1", T(pool->id));

    while (db_next(rows)) {
        struct cidr taken = { 0 }, *left = ctx_new_n(c, struct cidr, n + 130);
        size_t count = 0;

        cidr_read(db_text(rows, 0), &taken);
        for (size_t i = 0; i < n; i++)
            cidr_subtract(blocks[i], taken, left, &count);
        blocks = left;
        n = count;
    }
    for (size_t i = 0; i < n; i++)
        if (wanted ? cidr_contains(blocks[i], *wanted) : blocks[i].prefixlen <= prefixlen && (!best || blocks[i].prefixlen > best->prefixlen))
            best = &blocks[i];
    if (!best && !failed(c))
        return fail(c, POOL_EXHAUSTED, wanted ? "Cannot allocate requested subnet from the available set of prefixes" :
                    ctx_printf(c, "Insufficient prefix space to allocate subnet size /%" G_GINT64_FORMAT, prefixlen));
    if (best && !wanted)
        s->cidr = cidr_text(c, (struct cidr){ best->base, (int)prefixlen });
    return !failed(c);
}

bool subnetpool_allocate(struct ctx *c, struct subnet *s, const struct change *ch)
{
    struct subnetpool *pool = pool_wanted(c, s);
    struct cidr wanted = { 0 };
    int64_t prefixlen;

    if (!pool)
        return false;
    if (s->cidr)
        cidr_read(s->cidr, &wanted);
    if (pool->ip_version != s->ip_version)
        return fail(c, BAD_RESOURCE_REQUEST, "subnets", ctx_printf(c, "Cannot allocate IPv%" G_GINT64_FORMAT " subnet from IPv%" G_GINT64_FORMAT
                                                                   " subnet pool", s->ip_version, pool->ip_version));
    if (asked(ch, "allocation_pools") && !s->cidr)
        return fail(c, BAD_RESOURCE_REQUEST, "subnets", "allocation_pools allowed only for specific subnet requests.");
    prefixlen = s->cidr ? wanted.prefixlen : s->prefixlen.set ? s->prefixlen.value : pool->default_prefixlen;
    if (prefixlen > pool->max_prefixlen)
        return fail(c, POOL_ALLOCATE_MAX, (long long)prefixlen, (long long)pool->max_prefixlen);
    if (prefixlen < pool->min_prefixlen)
        return fail(c, POOL_ALLOCATE_MIN, (long long)prefixlen, (long long)pool->min_prefixlen);
    return affinity_check(c, pool, s) && quota_fits(c, pool, s, prefixlen) && block_choose(c, pool, s, prefixlen, s->cidr ? &wanted : NULL);
}
