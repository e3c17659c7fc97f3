/* The verbs of Keystone's resources: the generic ones of rest/ between Keystone's rules, its free-form members and its words.
 *
 * A rule is asked before anything is judged or found missing: who may not look learns nothing of what there is.
 */
#include "keystone/api/projects.h"

#include <string.h>

/* -- rules --------------------------------------------------------------------------------------------------------- */

static const char *rule_of(struct ctx *c, const char *verb, const char *what)
{
    return ctx_printf(c, "identity:%s_%s", verb, what);
}

/* A verb's rule on what is to be made: its text members are "target.<name>.<member>". */
static bool create_allowed(struct ctx *c, const struct resource *r, const json_t *object)
{
    const char **pairs = ctx_new_n(c, const char *, 2 * json_object_size(object) + 1), *key;
    json_t *value;
    size_t n = 0;

    json_object_foreach((json_t *)object, key, value) {
        if (!json_is_string(value))
            continue;
        pairs[n++] = ctx_printf(c, "target.%s.%s", r->name, key);
        pairs[n++] = json_string_value(value);
    }
    return policy_check(c, rule_of(c, "create", r->name), &(struct policy_target){ .pairs = pairs });
}

bool rule_check(struct ctx *c, const char *rule, ...)
{
    const char *pairs[32];
    size_t n = 0;
    va_list args;

    va_start(args, rule);
    while (n < G_N_ELEMENTS(pairs) - 2 && (pairs[n] = va_arg(args, const char *)) != NULL) {
        pairs[n + 1] = va_arg(args, const char *);
        n += 2;
    }
    va_end(args);
    pairs[n] = NULL;
    return policy_check(c, rule, &(struct policy_target){ .pairs = pairs });
}

void *keystone_get(struct ctx *c, const struct resource *r, const char *id)
{
    return rest_find_any(c, r, id);
}

/* Is this one of the things that the original looks for before it asks the rule? */
static bool missing_first(const struct resource *r, const char *verb)
{
    static const struct { const char *resource, *verb; } rows[] = {
        { "endpoint", NULL }, { "role", NULL }, { "domain", "update" }, { "domain", "delete" }, { "group", "delete" }, { "limit", "update" },
        { "limit", "delete" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (!strcmp(rows[i].resource, r->name) && (!rows[i].verb || !strcmp(rows[i].verb, verb)))
            return true;
    return false;
}

void *keystone_subject(struct ctx *c, const struct resource *r, const char *verb, const char *id)
{
    void *record = rest_find_any(c, r, id);

    if (!record && (c->fault.status != 404 || missing_first(r, verb)))
        return NULL;
    struct fault missing = c->fault;
    fault_clear(c);
    const struct policy_target target = { .attrs = record ? r->attrs : NULL, .record = record };
    if (!policy_check(c, rule_of(c, verb, r->name), &target))
        return NULL;
    if (!record)
        c->fault = missing;
    return record;
}

/* -- bodies -------------------------------------------------------------------------------------------------------- */

static bool has_extra(const struct resource *r)
{
    const struct attr *extra = attr_find(r->attrs, "extra");

    return extra && (extra->flags & HIDDEN);
}

static const char *text_of_attr(const struct resource *r, const void *record, const char *name)
{
    const struct attr *a = attr_find(r->attrs, name);

    return a && record ? *FIELD(const char *, record, a) : NULL;
}

/* id and domain_id stay what they are. */
static bool id_judge(struct ctx *c, const struct resource *r, const json_t *object, const void *old)
{
    const char *key = r->key ? r->key : "id", *id = json_get_string(object, key);
    const char *domain = json_get_string(object, "domain_id"), *old_domain = text_of_attr(r, old, "domain_id");

    if (id && strcmp(id, text_of_attr(r, old, key)))
        return fail(c, VALIDATION, r == &policy_resource ? "Cannot change policy ID" : "Cannot change ID");
    if (domain && attr_find(r->attrs, "domain_id") && (!old_domain || strcmp(domain, old_domain)))
        return fail(c, VALIDATION, r == &role_resource ? "Update of `domain_id` is not allowed." : "Cannot change Domain ID");
    return true;
}

/* Members no attr knows go into extra, over those it has; members that may not be set are dropped. */
static void extra_move(struct ctx *c, const struct resource *r, json_t *object, const void *old)
{
    const struct attr *a = attr_find(r->attrs, "extra");
    json_t *extra = old ? json_deep_copy(json_of(c, *FIELD(raw_json, old, a))) : NULL;
    json_t *value;
    const char *key;
    void *next;

    if (!json_is_object(extra)) {
        json_decref(extra);
        extra = json_object();
    }
    ctx_json(c, extra);
    json_object_foreach_safe(object, next, key, value) {
        const struct attr *known = attr_find_json(r->attrs, key);

        if (known && known != a && (known->flags & (old ? UPDATE : CREATE)))
            continue;
        if ((!known || known == a) && strcmp(key, "links"))
            json_object_set(extra, key, value);
        json_object_del(object, key);
    }
    if (json_object_size(extra) || old)
        json_object_set(object, "extra", extra);
}

json_t *keystone_body(struct ctx *c, const struct resource *r, struct request *request, const void *old)
{
    json_t *body = request_json(c, request), *object = body ? json_object_get(body, r->name) : NULL;

    if (!body)
        return NULL;
    if (!object)             /* the original has no {} for a region */
        object = ctx_json(c, r == &region_resource ? json_null() : json_object());
    if ((!old && !create_allowed(c, r, object)) || !keystone_schema_judge(c, ctx_printf(c, "%s_%s", r->name, old ? "update" : "create"), object))
        return NULL;
    if (!json_is_object(object))
        return keystone_style.invalid(c, r, &(struct invalid){ WRONG_TYPE, NULL, r->name, object }), NULL;
    if (old && !id_judge(c, r, object, old))
        return NULL;
    const struct attr *domain = attr_find(r->attrs, "domain_id");
    if (!old && domain && (domain->flags & (CREATE | NULLABLE)) == CREATE && !json_object_get(object, "domain_id"))
        json_object_set_new(object, "domain_id", json_string(default_domain_of(c)));
    if (has_extra(r))
        extra_move(c, r, object, old);
    return object;
}

/* -- verbs --------------------------------------------------------------------------------------------------------- */

/* A second row of the same name, said as the original says it. */
static bool store_failed(struct ctx *c, const struct resource *r, const json_t *object, const void *old)
{
    const char *name = json_get_string(object, "name"), *domain = json_get_string(object, "domain_id");

    if (strcmp(c->fault.type, "DBDuplicateEntry"))
        return false;
    if (!name)
        name = text_of_attr(r, old, "name");
    fault_clear(c);
    if (r == &project_resource || r == &domain_resource)
        return fail(c, STORE_CONFLICT, "project", project_conflict(c, object, old));
    if (r == &region_resource)
        return fail(c, STORE_CONFLICT, "region", ctx_printf(c, "Duplicate ID, %s.", json_get_string(object, "id")));
    if (r == &credential_resource)
        return fail(c, STORE_CONFLICT, "credential", ctx_printf(c, "Duplicate entry found with ID %s", json_get_string(object, "id")));
    if (domain && name)
        return fail(c, STORE_CONFLICT, r->name, ctx_printf(c, "Duplicate entry found with name %s at domain ID %s", name, domain));
    if (name)
        return fail(c, STORE_CONFLICT, r->name, ctx_printf(c, "Duplicate entry found with name %s", name));
    if (!strcmp(r->name, "service_provider"))
        return fail(c, STORE_CONFLICT, r->name, ctx_printf(c, "Duplicate entry found with ID %s", json_get_string(object, "id")));
    if (!strcmp(r->name, "identity_provider"))
        return fail(c, STORE_CONFLICT, r->name, ctx_printf(c, "Duplicate entry: %s", json_get_string(object, "id")));
    return fail(c, STORE_CONFLICT, r->name, "Duplicate entry");
}

bool keystone_create(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    json_t *object = keystone_body(c, r, request, NULL);

    return object && keystone_insert(c, r, request, object, reply);
}

bool keystone_put(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    const char *id = request_arg(request, "id");
    json_t *object = keystone_body(c, r, request, NULL);
    const char *given = json_get_string(object, "id");

    if (!object)
        return false;
    if (given && strcmp(given, id))
        return fail(c, VALIDATION, ctx_printf(c, "Conflicting %s IDs specified: \"%s\" != \"%s\"", r->name, id, given));
    json_object_set_new(object, "id", json_string(id));
    return keystone_insert(c, r, request, object, reply);
}

bool keystone_insert(struct ctx *c, const struct resource *r, struct request *request, json_t *object, struct reply *reply)
{
    void *record = rest_insert(c, r, object);

    if (!record)
        return store_failed(c, r, object, NULL);
    rest_write(c, r, request, record, reply);
    reply->status = 201;
    return true;
}

bool keystone_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    void *record = keystone_subject(c, r, "get", request_arg(request, "id"));

    if (!record || !rest_fill(c, r, &record, 1))
        return false;
    rest_write(c, r, request, record, reply);
    return true;
}

bool option_is(struct ctx *c, raw_json options, const char *name)
{
    return options.text && json_is_true(json_object_get(json_of(c, options), name));
}

/* Immutable resources are changed by taking the option away first. */
static bool immutable(struct ctx *c, const struct resource *r, const void *record)
{
    const struct attr *options = attr_find(r->attrs, "options");

    return options && option_is(c, *FIELD(raw_json, record, options), "immutable");
}

bool keystone_update(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    void *old = keystone_subject(c, r, "update", request_arg(request, "id"));
    json_t *object = old ? keystone_body(c, r, request, old) : NULL;

    return object && keystone_change(c, r, request, old, object, reply);
}

bool keystone_change(struct ctx *c, const struct resource *r, struct request *request, void *old, json_t *object, struct reply *reply)
{
    const char *id = request_arg(request, "id");
    json_t *option = json_object_get(json_object_get(object, "options"), "immutable");

    if (immutable(c, r, old) && (!option || json_is_true(option)))
        return fail(c, IMMUTABLE_UPDATE, r->name, id);
    void *record = rest_change(c, r, id, object);
    if (!record)
        return store_failed(c, r, object, old);
    rest_write(c, r, request, record, reply);
    return true;
}

bool keystone_remove(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    const char *id = request_arg(request, "id");
    void *old = keystone_subject(c, r, "delete", id);

    if (!old)
        return false;
    if (immutable(c, r, old))
        return fail(c, IMMUTABLE_DELETE, r->name, id);
    reply->status = 204;
    return rest_remove(c, r, id);
}

/* -- lists --------------------------------------------------------------------------------------------------------- */

static bool asks_for(struct ctx *c, const struct resource *r, const char *name)
{
    const char *mark = strstr(name, "__");
    const struct attr *a = attr_find_json(r->attrs, mark ? ctx_strndup(c, name, (size_t)(mark - name)) : name);

    return a && (a->flags & FILTER);
}

/* Keystone takes any text for a boolean: all but "0" and "false" is yes. */
static const char *boolean_text(const char *value)
{
    return !g_ascii_strcasecmp(value, "false") || !strcmp(value, "0") ? "false" : "true";
}

static void query_keep(struct ctx *c, const struct resource *r, struct request *request)
{
    struct pair *kept;
    size_t n = 0;

    while (request->query && request->query[n].name)
        n++;
    kept = ctx_new_n(c, struct pair, n + 2);
    n = 0;
    for (const struct pair *q = request->query; q && q->name; q++) {
        static const char *const known[] = { "password_expires_at", "idp_id", "protocol_id", "unique_id", NULL };
        bool taken = r->filter && (g_str_has_prefix(q->name, "tags") || g_str_has_prefix(q->name, "not-tags") || text_in(q->name, known));

        if (!taken && !asks_for(c, r, q->name))
            continue;
        const struct attr *a = attr_find_json(r->attrs, q->name);
        kept[n++] = (struct pair){ q->name, a && a->kind == KIND_BOOL ? boolean_text(q->value) : q->value };
    }
    if (keystone_options()->list_limit)
        kept[n++] = (struct pair){ "limit", ctx_printf(c, "%" G_GINT64_FORMAT, keystone_options()->list_limit) };
    request->query = kept;
}

bool keystone_list_where(struct ctx *c, const struct resource *r, struct request *request, struct reply *reply,
                         bool (*where)(struct ctx *, struct sql *, const void *data), const void *data)
{
    struct page page;

    query_keep(c, r, request);
    if (!rest_page_where(c, r, request, where, data, &page))
        return false;
    rest_write_page(c, &page, reply);
    return true;
}

/* With a token of a domain one sees that domain. */
static bool in_domain(struct ctx *c, struct sql *s, const void *domain_id)
{
    sql_add(s, " AND t.domain_id = ?", T(domain_id));
    return true;
}

bool keystone_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    const char *rule = rule_of(c, "list", r->plural), *domain = c->who.domain_id;
    bool narrow = domain && attr_find(r->attrs, "domain_id");

    if (!(narrow ? rule_check(c, rule, "target.domain_id", domain, ctx_printf(c, "target.%s.domain_id", r->name), domain, NULL)
                    : rule_check(c, rule, NULL)))
        return false;
    return keystone_list_where(c, r, request, reply, narrow ? in_domain : NULL, domain);
}

/* -- what resources write ------------------------------------------------------------------------------------------ */

void write_extra(struct ctx *c, struct out *o, raw_json extra)
{
    json_t *members, *value;
    const char *key;

    if (!extra.text || !strcmp(extra.text, "{}"))
        return;
    members = json_of(c, extra);
    json_object_foreach(members, key, value)
        out_json(o, key, value);
}

void write_self(struct ctx *c, struct out *o, const char *path, const char *id)
{
    out_object(o, "links");
    out_printf(o, "self", "%s/v3/%s/%s", c->base_url, path, id);
    out_end_object(o);
}

raw_json options_merge(struct ctx *c, raw_json old, const json_t *asked)
{
    json_t *merged = json_of(c, old), *value;
    const char *key;

    merged = ctx_json(c, json_is_object(merged) ? json_deep_copy(merged) : json_object());
    json_object_foreach((json_t *)asked, key, value) {
        if (json_is_null(value))
            json_object_del(merged, key);
        else
            json_object_set(merged, key, value);
    }
    return json_text(c, merged);
}

const char *default_domain_of(struct ctx *c)
{
    if (c->who.domain_id)
        return c->who.domain_id;
    return c->who.project_domain_id ? c->who.project_domain_id : DEFAULT_DOMAIN;
}

/* -- single statements --------------------------------------------------------------------------------------------- */

int64_t keystone_changed_values(struct ctx *c, const char *sql, const struct value *values)
{
    int64_t changed;

    if (!db_begin(c))
        return -1;
    if (!db_exec_values(c, &changed, sql, values)) {
        db_rollback(c);
        return -1;
    }
    return db_commit(c) ? changed : -1;
}

bool keystone_exec_values(struct ctx *c, const char *sql, const struct value *values)
{
    return keystone_changed_values(c, sql, values) >= 0;
}
