/* The generic verbs: create, show, update and delete of one record (or a bulk of them), as functions and as handlers.
 *
 * The order is the same for all: body, policy, transaction { quota, check, row, stored }, committed, fill.
 */
#include "oslo/rest/rest.h"
#include "oslo/trace/trace.h"

#include <string.h>

const struct attr *resource_owner(const struct resource *r)
{
    for (const struct attr *a = r->attrs; a->name; a++)
        if (a->flags & OWNER)
            return a;
    return NULL;
}

const char *resource_id(const struct resource *r, const void *record)
{
    return *FIELD(char *, record, attr_find(r->attrs, resource_key(r)));
}

const char *resource_rule(struct ctx *c, const struct resource *r, const char *verb)
{
    if (style_of(c)->policy)
        return style_of(c)->policy(c, r, verb);
    return ctx_printf(c, "%s_%s", !strcmp(verb, "list") ? "get" : verb, r->policy ? r->policy : r->name);
}

bool rest_fill(struct ctx *c, const struct resource *r, void *const *records, size_t n)
{
    return !r->fill || !n || r->fill(c, records, n);
}

bool rest_allowed(struct ctx *c, const struct resource *r, const char *verb, const void *record)
{
    const struct policy_target *target = TARGET_RECORD(r->attrs, record);
    const char *rule = resource_rule(c, r, verb);

    if (!rule || policy_allows(c, rule, target))
        return true;
    if (style_of(c)->owner_scoped && strcmp(verb, "create") && !policy_allows(c, resource_rule(c, r, "get"), target))
        return style_of(c)->not_found(c, r, resource_id(r, record));
    return policy_check(c, rule, target);
}

/* --- parts of a change ---------------------------------------------------------------------------------------- */

static bool is_default(struct ctx *c, const struct attr *a, const void *record)
{
    const char *now = record_field_text(c, a, record);

    if (a->kind == KIND_BOOL || a->kind == KIND_OPT_BOOL) {
        bool unset = false;

        return now && a->unset && text_to_bool(a->unset, &unset) && unset == !strcmp(now, "True");
    }
    return text_equal(now, a->unset);
}

/* The rules of the single members given: "create_network:shared". A member given its default asks nothing on create. */
static bool members_allowed(struct ctx *c, const struct change *ch, const char *verb)
{
    const struct resource *r = ch->resource;
    const char *rule = resource_rule(c, r, verb);

    for (const struct attr *a = r->attrs; rule && a->name; a++) {
        if (!(a->flags & POLICY) || !asked(ch, attr_json(a)) || (!ch->old && is_default(c, a, ch->now)))
            continue;
        if (!policy_check(c, ctx_printf(c, "%s:%s", rule, attr_json(a)), TARGET_RECORD(r->attrs, ch->now)))
            return false;
    }
    return true;
}

/* The owner's second name is read as its first. */
static bool alias_read(struct ctx *c, const struct resource *r, json_t *object)
{
    const char *alias = style_of(c)->owner_alias;
    const struct attr *owner = resource_owner(r);
    json_t *value = alias && owner ? json_object_get(object, alias) : NULL;

    if (!value)
        return true;
    if (json_object_get(object, attr_json(owner)) && !json_equal(json_object_get(object, attr_json(owner)), value))
        return style_of(c)->invalid(c, r, &(struct invalid){ BAD_BODY, owner, alias, value });
    json_object_set(object, attr_json(owner), value);
    json_object_del(object, alias);
    return true;
}

static void stamp(struct ctx *c, const struct change *ch)
{
    for (const struct attr *a = ch->resource->attrs; a->name; a++) {
        if (!ch->old && (a->flags & CREATED_AT))
            *FIELD(utc_time, ch->now, a) = utc_now();
        if ((a->flags & UPDATED_AT) && (ch->old || (a->flags & CREATED_AT)))
            *FIELD(utc_time, ch->now, a) = utc_now();
        if (a->flags & REVISION)
            ++*FIELD(int64_t, ch->now, a);
    }
}

static bool change_read(struct ctx *c, struct change *ch, enum verb verb)
{
    struct invalid invalid = { 0 };

    return alias_read(c, ch->resource, ch->asked) &&
        (record_read_json(c, ch->resource->attrs, ch->now, ch->asked, verb, &invalid) ||
         style_of(c)->invalid(c, ch->resource, &invalid));
}

static bool create_prepare(struct ctx *c, const struct resource *r, json_t *object, struct change *ch)
{
    const struct attr *key = attr_find(r->attrs, resource_key(r)), *owner = resource_owner(r);

    *ch = (struct change){ .resource = r, .now = record_new(c, r->attrs, r->size), .asked = object };
    if (!change_read(c, ch, VERB_CREATE))
        return false;
    if (key->kind == KIND_STRING && !*FIELD(char *, ch->now, key))
        *FIELD(char *, ch->now, key) = style_of(c)->hex_ids ? uuid_new_hex(c) : uuid_new(c);
    if (key->kind == KIND_STRING)
        span_resource(c, *FIELD(char *, ch->now, key));
    if (owner && !*FIELD(char *, ch->now, owner))
        *FIELD(char *, ch->now, owner) = ctx_strdup(c, c->who.project_id);
    if (owner && style_of(c)->owner_scoped && !c->who.is_admin && !text_equal(*FIELD(char *, ch->now, owner), c->who.project_id))
        return style_of(c)->invalid(c, r, &(struct invalid){ IS_READ_ONLY, owner, attr_json(owner), json_object_get(object, attr_json(owner)), VERB_CREATE });
    stamp(c, ch);
    return (!r->judge || r->judge(c, ch)) && rest_allowed(c, r, "create", ch->now) && members_allowed(c, ch, "create");
}

static bool create_store(struct ctx *c, struct change *ch)
{
    const struct resource *r = ch->resource;

    return (!r->check || r->check(c, ch)) && record_insert(c, resource_table(r), r->attrs, ch->now) &&
        (!r->stored || r->stored(c, ch));
}

static bool quota_allows(struct ctx *c, const struct change *changes, size_t n)
{
    const struct resource *r = changes[0].resource;
    const struct attr *owner = resource_owner(r);

    if (!r->quota || !style_of(c)->quota)
        return true;
    return style_of(c)->quota(c, r, owner ? *FIELD(char *, changes[0].now, owner) : c->who.project_id, (int64_t)n);
}

static bool create_all(struct ctx *c, struct change *changes, size_t n)
{
    bool ok = db_begin(c) && quota_allows(c, changes, n);

    for (size_t i = 0; ok && i < n; i++)
        ok = create_store(c, &changes[i]);
    if (!ok) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    for (size_t i = 0; i < n; i++)
        if (changes[i].resource->committed && !changes[i].resource->committed(c, &changes[i]))
            return false;
    return true;
}

/* --- the verbs as functions ----------------------------------------------------------------------------------- */

void *rest_insert(struct ctx *c, const struct resource *r, json_t *object)
{
    struct change change;

    if (!create_prepare(c, r, object, &change) || !create_all(c, &change, 1) || !rest_fill(c, r, &change.now, 1))
        return NULL;
    return change.now;
}

void **rest_insert_bulk(struct ctx *c, const struct resource *r, json_t *array, size_t *ret_n)
{
    size_t n = json_array_size(array);
    struct change *changes = ctx_new_n(c, struct change, n + 1);
    void **records = ctx_new_n(c, void *, n + 1);

    for (size_t i = 0; i < n; i++) {
        if (!json_is_object(json_array_get(array, i))) {
            style_of(c)->invalid(c, r, &(struct invalid){ BAD_BODY, NULL, r->plural, array });
            return NULL;
        }
        if (!create_prepare(c, r, json_array_get(array, i), &changes[i]))
            return NULL;
        records[i] = changes[i].now;
    }
    if (!n) {
        style_of(c)->invalid(c, r, &(struct invalid){ BAD_BODY, NULL, r->plural, array });
        return NULL;
    }
    if (!create_all(c, changes, n) || !rest_fill(c, r, records, n))
        return NULL;
    *ret_n = n;
    return records;
}

void *rest_find_any(struct ctx *c, const struct resource *r, const char *id)
{
    void *record = record_new(c, r->attrs, r->size);

    if (!(r->id_format && !r->id_format->check(id)) &&
        record_find(c, resource_table(r), r->attrs, record, attr_column(attr_find(r->attrs, resource_key(r))), id))
        return record;
    if (!failed(c))
        style_of(c)->not_found(c, r, id);
    return NULL;
}

/* The row with that id among those c->who may see; unfilled. */
static void *find_visible(struct ctx *c, const struct resource *r, const char *id)
{
    struct sql *s = sql_new(c);
    struct buf columns = { 0 };
    struct rows *rows;
    void *record = NULL;

    if (r->id_format && !r->id_format->check(id)) {
        style_of(c)->not_found(c, r, id);
        return NULL;
    }
    record_columns(&columns, r->attrs, "t.");
    sql_add(s, ctx_printf(c, "SELECT %s FROM %s t WHERE t.%s = ?", columns.data, resource_table(r),
                          attr_column(attr_find(r->attrs, resource_key(r)))), T(id));
    buf_clear(&columns);
    if (!visible_add(c, r, s))
        return NULL;
    rows = sql_query(s);
    if (db_next(rows)) {
        record = record_new(c, r->attrs, r->size);
        record_from_row(rows, r->attrs, record, 0);
        db_rows_end(rows);
    } else if (!failed(c)) {
        style_of(c)->not_found(c, r, id);
    }
    return record;
}

void *rest_find(struct ctx *c, const struct resource *r, const char *id)
{
    void *record = find_visible(c, r, id);

    if (!record || !rest_fill(c, r, &record, 1) || !rest_allowed(c, r, "get", record))
        return NULL;
    return record;
}

static bool precondition_holds(struct ctx *c, const struct change *ch, const void *record)
{
    return !ch->request || !style_of(c)->precondition || style_of(c)->precondition(c, ch->resource, ch->request, record);
}

static bool change_store(struct ctx *c, struct change *ch)
{
    const struct resource *r = ch->resource;

    return (!r->check || r->check(c, ch)) &&
        record_update(c, resource_table(r), r->attrs, ch->now, resource_key(r)) && (!r->stored || r->stored(c, ch));
}

/* What the table alone can say of the body is said before the row is looked for. */
static bool body_judged(struct ctx *c, const struct change *ch)
{
    struct change probe = *ch;

    probe.now = record_new(c, ch->resource->attrs, ch->resource->size);
    return change_read(c, &probe, VERB_UPDATE);
}

static bool change_run(struct ctx *c, struct change *ch, const char *id)
{
    const struct resource *r = ch->resource;
    void *old = body_judged(c, ch) ? find_visible(c, r, id) : NULL;

    if (!old || !rest_fill(c, r, &old, 1))
        return false;
    ch->old = old;
    ch->now = ctx_alloc(c, r->size);
    record_copy(c, r->attrs, ch->now, old, r->size);
    if (!rest_allowed(c, r, "update", old) || !change_read(c, ch, VERB_UPDATE) || (r->judge && !r->judge(c, ch)) ||
        !members_allowed(c, ch, "update") || !precondition_holds(c, ch, old))
        return false;
    stamp(c, ch);
    return change_store(c, ch);
}

static void *change_by_id(struct ctx *c, struct change *ch, const char *id)
{
    const struct resource *r = ch->resource;

    if (!db_begin(c))
        return NULL;
    if (!change_run(c, ch, id)) {
        db_rollback(c);
        return NULL;
    }
    if (!db_commit(c) || (r->committed && !r->committed(c, ch)) || !rest_fill(c, r, &ch->now, 1))
        return NULL;
    return ch->now;
}

void *rest_change(struct ctx *c, const struct resource *r, const char *id, json_t *object)
{
    return change_by_id(c, &(struct change){ .resource = r, .asked = object }, id);
}

static bool remove_run(struct ctx *c, struct change *ch, const char *id)
{
    const struct resource *r = ch->resource;
    void *old = find_visible(c, r, id);

    if (!old || !rest_fill(c, r, &old, 1) || !rest_allowed(c, r, "delete", old) || !precondition_holds(c, ch, old) ||
        (r->deleting && !r->deleting(c, old)))
        return false;
    ch->old = old;
    return db_exec(c, ctx_printf(c, "DELETE FROM %s WHERE %s = $1", resource_table(r),
                                 attr_column(attr_find(r->attrs, resource_key(r)))), T(id));
}

static bool remove_by_id(struct ctx *c, struct change *ch, const char *id)
{
    ch->asked = ctx_json(c, json_object());
    if (!db_begin(c))
        return false;
    if (!remove_run(c, ch, id)) {
        db_rollback(c);
        return false;
    }
    return db_commit(c) && (!ch->resource->committed || ch->resource->committed(c, ch));
}

bool rest_remove(struct ctx *c, const struct resource *r, const char *id)
{
    return remove_by_id(c, &(struct change){ .resource = r }, id);
}

/* --- the verbs as handlers ------------------------------------------------------------------------------------ */

json_t *rest_body(struct ctx *c, const struct resource *r, struct request *request)
{
    json_t *body = request_json(c, request), *object;

    if (!body)
        return NULL;
    object = style_of(c)->envelope ? json_object_get(body, r->name) : body;
    if (!json_is_object(object)) {
        style_of(c)->invalid(c, r, &(struct invalid){ BAD_BODY, NULL, r->name, object });
        return NULL;
    }
    return object;
}

bool rest_create(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    json_t *body = request_json(c, request), *array, *object;
    struct page page = { .resource = r, .request = request };
    void *record;

    if (!body)
        return false;
    reply->status = style_of(c)->create_status ? style_of(c)->create_status : 201;
    array = style_of(c)->envelope && !(r->flags & NO_BULK) ? json_object_get(body, r->plural) : NULL;
    if (json_is_array(array)) {
        if (!(page.records = rest_insert_bulk(c, r, array, &page.n)))
            return false;
        rest_write_page(c, &page, reply);
        return !failed(c);
    }
    if (!(object = rest_body(c, r, request)) || !(record = rest_insert(c, r, object)))
        return false;
    rest_write(c, r, request, record, reply);
    return true;
}

bool rest_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    void *record = rest_find(c, r, request_arg(request, "id"));

    if (!record)
        return false;
    rest_write(c, r, request, record, reply);
    return true;
}

bool rest_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    struct page page;

    if (!rest_page(c, r, request, NULL, &page))
        return false;
    rest_write_page(c, &page, reply);
    return true;
}

bool rest_update(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    json_t *object = rest_body(c, r, request);
    struct change ch = { .resource = r, .asked = object, .request = request };
    void *record = object ? change_by_id(c, &ch, request_arg(request, "id")) : NULL;

    if (!record)
        return false;
    reply->status = style_of(c)->update_status ? style_of(c)->update_status : 200;
    rest_write(c, r, request, record, reply);
    return true;
}

bool rest_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;

    if (!remove_by_id(c, &(struct change){ .resource = r, .request = request }, request_arg(request, "id")))
        return false;
    reply->status = style_of(c)->delete_status ? style_of(c)->delete_status : 204;
    return true;
}

/* --- routes --------------------------------------------------------------------------------------------------- */

static GPtrArray *kept_rows;         /* for the process: routers hold pointers to them */

void rest_routes(struct router *router, const struct service *service, const struct resource *r)
{
    const struct { const char *method; bool one; handler *own, *generic; unsigned without; } verbs[] = {
        { "POST", false, r->create, rest_create, NO_CREATE },
        { "GET", false, r->list, rest_list, NO_LIST },
        { "GET", true, r->show, rest_show, NO_SHOW },
        { service->style->update_is_patch ? "PATCH" : "PUT", true, r->update, rest_update, NO_UPDATE },
        { "DELETE", true, r->remove, rest_delete, NO_DELETE },
    };
    char *path = r->path ? g_strdup(r->path) : g_strconcat("/", r->plural, NULL);
    struct route *rows = g_new0(struct route, G_N_ELEMENTS(verbs) + 1);
    size_t n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (r->flags & verbs[i].without)
            continue;
        rows[n++] = (struct route){
            .method = verbs[i].method, .run = verbs[i].own ? verbs[i].own : verbs[i].generic, .data = r,
            .path = g_strconcat(service->base ? service->base : "", path, verbs[i].one ? "/{id}" : NULL, NULL),
            .flags = ROUTE_NO_POLICY, .since = r->since, .until = r->until,
        };
    }
    g_free(path);
    if (!kept_rows)
        kept_rows = g_ptr_array_new();
    g_ptr_array_add(kept_rows, rows);
    router_add(router, rows);
}
