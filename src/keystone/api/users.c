/* Users: who may ask for tokens, with their passwords, their groups and the projects they have roles on. */
#include "keystone/api/federated_users.h"
#include "keystone/api/projects.h"
#include "keystone/auth/account.h"
#include "keystone/directory/directory.h"
#include "keystone/token/token.h"

#include <string.h>

static const struct attr user_attrs[] = {
    ATTR(struct user, id,                  FILTER | SORT),
    ATTR(struct user, name,                CREATE | UPDATE | REQUIRED | FILTER | SORT, .min = 1, .max = 255, .format = &format_not_blank),
    ATTR(struct user, domain_id,           CREATE | FILTER, .min = 1, .max = 64),
    ATTR(struct user, enabled,             CREATE | UPDATE | FILTER, .unset = "true"),
    ATTR(struct user, default_project_id,  CREATE | UPDATE | NULLABLE | HIDDEN, .min = 1, .max = 64),
    ATTR(struct user, password,            CREATE | UPDATE | NULLABLE | DERIVED | HIDDEN | SECRET),     /* sealed before it is read */
    ATTR(struct user, password_hash,       HIDDEN | SECRET),
    ATTR(struct user, password_created_at, HIDDEN),
    ATTR(struct user, password_expires_at, 0),
    ATTR(struct user, password_self_service, HIDDEN),
    ATTR(struct user, created_at,          HIDDEN),
    ATTR(struct user, last_active_at,      HIDDEN),
    ATTR(struct user, options,             CREATE | UPDATE, .unset = "{}"),
    ATTR(struct user, federated,           CREATE | UPDATE | NULLABLE | DERIVED | HIDDEN),      /* federated_users.c */
    ATTR(struct user, extra,               CREATE | UPDATE | HIDDEN),
    {}
};

/* -- judging ------------------------------------------------------------------------------------------------------- */

static bool options_judge(struct ctx *c, const json_t *options)
{
    static const char *const flags[] = { "ignore_change_password_upon_first_use", "ignore_password_expiry", "ignore_lockout_failure_attempts",
                                         "lock_password", "multi_factor_auth_enabled", "ignore_user_inactivity", NULL };
    const char *name;
    json_t *value;

    if (!json_is_object(options))
        return fail(c, INVALID_FIELD, "options", "it is not of type 'object'");
    json_object_foreach((json_t *)options, name, value) {
        if (text_in(name, flags) ? !json_is_boolean(value) && !json_is_null(value)
                                 : strcmp(name, "multi_factor_auth_rules") || (!json_is_array(value) && !json_is_null(value)))
            return fail(c, INVALID_FIELD, ctx_printf(c, "options/%s", name), "the option is not known or not of the right type");
    }
    return true;
}

static bool default_project_judge(struct ctx *c, const struct user *u)
{
    if (!u->default_project_id)
        return true;
    struct project *p = rest_find_any(c, &project_resource, u->default_project_id);
    if (!p) {
        fault_clear(c);                          /* the original takes an id of nothing, and gives an unscoped token later */
        return true;
    }
    return !p->is_domain || fail(c, VALIDATION, ctx_printf(c, "User's default project ID cannot be a domain ID: %s", u->default_project_id));
}

static bool failures_clear(struct ctx *c, const char *user_id)
{
    return db_exec(c, "UPDATE users SET failed_auth_count = 0, failed_auth_at = NULL WHERE id = $1", T(user_id));
}

static bool user_check(struct ctx *c, struct change *ch)
{
    struct user *u = ch->now;
    const struct user *old = ch->old;

    if (!directory_domain_writable(c, u->domain_id))
        return false;
    if (asked(ch, "name"))
        u->name = g_strstrip(ctx_strdup(c, u->name));
    u->changed = old != NULL;
    if (asked(ch, "options")) {
        const json_t *options = json_object_get(ch->asked, "options");

        if (!options_judge(c, options))
            return false;
        u->options = options_merge(c, old ? old->options : (raw_json){}, options);
    }
    if (asked(ch, "password")) {
        u->password_hash = u->password;
        u->password_created_at = utc_now();
        u->password_expires_at = password_end(c, u->options, true);
        u->password_self_service = false;
    }
    if (!old)
        u->created_at = utc_now();
    if (asked(ch, "enabled") && u->enabled)
        u->last_active_at = utc_now();
    if (json_array_size(json_object_get(ch->asked, "federated")) && !federated_judge(c, json_object_get(ch->asked, "federated")))
        return false;
    if (asked(ch, "default_project_id") && !default_project_judge(c, u))
        return false;
    if (!old && !db_count(c, "SELECT count(*) FROM projects WHERE id = $1 AND is_domain = $2", T(u->domain_id), B(true)))
        return fail(c, NO_SUCH, "domain", u->domain_id);
    return !failed(c);
}

/* A disabled user's tokens end, as do those of a user whose password changed. */
static bool user_stored(struct ctx *c, struct change *ch)
{
    const struct user *u = ch->now, *old = ch->old;

    bool ends = old && ((old->enabled && !u->enabled) || asked(ch, "password"));

    if (old && asked(ch, "password") && (!password_remember(c, u->id, old->password_hash) || !failures_clear(c, u->id)))
        return false;
    return (!ends || revoke_user(c, u->id)) && federated_store(c, u->id, u->name, json_object_get(ch->asked, "federated"));
}

static bool user_deleting(struct ctx *c, void *record)
{
    const struct user *u = record;

    return directory_writable(c, "user", u->id) && db_exec(c, "DELETE FROM assignments WHERE actor_id = $1", T(u->id)) &&
        db_exec(c, "DELETE FROM credentials WHERE user_id = $1", T(u->id)) &&
        db_exec(c, "DELETE FROM trusts WHERE trustor_user_id = $1 OR trustee_user_id = $1", T(u->id)) && revoke_user(c, u->id);
}

/* Users that were away for too long are shown as they are: off. */
static bool user_fill(struct ctx *c, void *const *page, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct user *u = page[i];

        u->enabled = u->enabled && !account_inactive(c, u->options, u->created_at, u->last_active_at);
    }
    return true;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static void user_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct user *u = record;

    if (u->default_project_id)
        out_string(o, "default_project_id", u->default_project_id);
    if (!in_list)
        federated_write(c, o, u->id);
    write_extra(c, o, u->extra);
    if (u->changed)
        out_raw(o, "extra", u->extra.text ? u->extra.text : "{}");
    write_self(c, o, "users", u->id);
}

/* A moment, which may be a year, a month or a day alone. */
static bool moment_parse(struct ctx *c, const char *text, utc_time *ret_time)
{
    static const char *const rests[] = { "", "T00:00:00", "-01T00:00:00", "-01-01T00:00:00" };

    for (size_t i = 0; i < G_N_ELEMENTS(rests); i++)
        if (time_parse(ctx_printf(c, "%s%s", text, rests[i]), ret_time))
            return true;
    return false;
}

/* ?password_expires_at=lt:2026-01-01T00:00:00Z */
static bool expires_filter(struct ctx *c, const char *value, struct sql *s)
{
    static const struct { const char *word, *sql; } operators[] = {
        { "lt", " AND t.password_expires_at < ?" }, { "lte", " AND t.password_expires_at <= ?" },
        { "gt", " AND t.password_expires_at > ?" }, { "gte", " AND t.password_expires_at >= ?" },
        { "eq", " AND t.password_expires_at = ?" }, { "neq", " AND t.password_expires_at <> ?" },
    };
    const char *colon = strchr(value, ':'), *word = colon ? ctx_strndup(c, value, (size_t)(colon - value)) : value;
    utc_time t;

    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        if (!colon || strcmp(operators[i].word, word))
            continue;
        if (!moment_parse(c, colon + 1, &t))
            return fail(c, TIMESTAMP_FORMAT);
        sql_add(s, operators[i].sql, I(t.us));
        return true;
    }
    return fail(c, VALIDATION, ctx_printf(c, "The given operator %s is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt',"
                                          " or 'gte'.", word));
}

static bool user_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    if (strcmp(name, "password_expires_at"))
        return federated_filter(c, name, values, s, ret_taken);
    *ret_taken = true;
    return expires_filter(c, values[0], s);
}

/* -- passwords ----------------------------------------------------------------------------------------------------- */

/* The password in a body becomes its hash, before any transaction is open. */
static bool password_seal(struct ctx *c, json_t *object)
{
    const char *password = json_get_string(object, "password"), *hash;

    if (!password)
        return true;
    if (!password_judge(c, password) || !(hash = password_hash(c, password, 0)))
        return false;
    json_object_set_new(object, "password", json_string(hash));
    return true;
}

static bool user_create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *object = keystone_body(c, &user_resource, request, NULL);

    return object && password_seal(c, object) && keystone_insert(c, &user_resource, request, object, reply);
}

static bool user_update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct user *old = keystone_subject(c, &user_resource, "update", request_arg(request, "id"));
    json_t *object = old ? keystone_body(c, &user_resource, request, old) : NULL;

    return object && password_seal(c, object) && keystone_change(c, &user_resource, request, old, object, reply);
}

/* The user's own choice; tokens got by the old password end. */
static bool password_store(struct ctx *c, const struct user *u, const char *hash)
{
    utc_time end = password_end(c, u->options, false);

    if (!db_begin(c))
        return false;
    if (password_remember(c, u->id, u->password_hash) &&
        db_exec(c, "UPDATE users SET password_hash = $1, password_created_at = $2, password_expires_at = $3, password_self_service = $4"
                " WHERE id = $5", T(hash), I(clock_us()), end.us ? I(end.us) : SQL_NULL, B(true), T(u->id)) && revoke_user(c, u->id))
        return db_commit(c);
    db_rollback(c);
    return false;
}

/* POST /v3/users/{user_id}/password: the old password is the proof; no token is needed. */
static bool change_password(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = request_arg(request, "user_id"), *hash, *local_id;
    json_t *body = request_json(c, request), *user = json_object_get(body, "user");
    const char *original = json_get_string(user, "original_password"), *password = json_get_string(user, "password");
    struct account account;

    if (!body)
        return false;
    if (!keystone_schema_judge(c, "password_change", user ? user : ctx_json(c, json_object())))
        return false;
    if (directory_of_id(c, "user", id, &local_id))
        return directory_password_fits(c, id, original) ? fail(c, NOT_AUTHORIZED_PLAIN) : !failed(c) && fail(c, UNAUTHORIZED);
    bool found = account_find(c, ctx_json(c, json_pack("{s:s}", "id", id)), &account);
    if (failed(c) || (!account_prove(c, found ? &account : NULL, original) && strcmp(c->fault.type, "PasswordExpired")))
        return false;
    fault_clear(c);
    struct user *u = rest_find_any(c, &user_resource, id);
    return u && password_change_judge(c, u, password) && (hash = password_hash(c, password, 0)) != NULL && password_store(c, u, hash);
}

/* -- what a user is in --------------------------------------------------------------------------------------------- */

/* Asks the rule with the user's members; the user must be there, but who may not ask learns nothing. */
static struct user *user_asked(struct ctx *c, struct request *request, const char *rule)
{
    const char *id = request_arg(request, "user_id");
    struct user *u = rest_find_any(c, &user_resource, id);

    if (!u && c->fault.status != 404)
        return NULL;
    struct fault missing = c->fault;
    fault_clear(c);
    if (!(u ? rule_check(c, rule, "user_id", id, "target.user.id", id, "target.user.domain_id", u->domain_id, NULL)
            : rule_check(c, rule, "user_id", id, NULL)))
        return NULL;
    if (!u)
        c->fault = missing;
    return u;
}

static bool projects_of_user(struct ctx *c, struct sql *s, const void *user_id)
{
    projects_of_user_add(s, user_id, NULL);
    return true;
}

static bool groups_of_user(struct ctx *c, struct sql *s, const void *user_id)
{
    sql_add(s, " AND t.id IN (SELECT group_id FROM memberships WHERE user_id = ? UNION SELECT group_id FROM expiring_memberships"
            " WHERE user_id = ? AND expires_at > ?)", T(user_id), T(user_id), I(clock_us()));
    if (c->who.domain_id)
        sql_add(s, " AND t.domain_id = ?", T(c->who.domain_id));
    return true;
}

static bool list_projects(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct user *u = user_asked(c, request, "identity:list_user_projects");

    return u && keystone_list_where(c, &project_resource, request, reply, projects_of_user, u->id);
}

static bool list_groups(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct user *u = user_asked(c, request, "identity:list_groups_for_user");

    return u && directory_memberships_fresh(c, u->id) && keystone_list_where(c, &membership_resource, request, reply, groups_of_user, u->id);
}

const struct resource user_resource = {
    .name = "user", .plural = "users", .size = sizeof(struct user), .attrs = user_attrs, .flags = NO_BULK,
    .create = user_create, .show = directory_show, .list = directory_list, .update = user_update, .remove = keystone_remove,
    .check = user_check, .stored = user_stored, .deleting = user_deleting, .fill = user_fill, .write = user_write, .filter = user_filter,
};

const struct route user_routes[] = {
    { "POST", "/v3/users/{user_id}/password", change_password, .status = 204, .flags = ROUTE_OPEN | ROUTE_EMPTY },
    { "GET",  "/v3/users/{user_id}/projects", list_projects, .flags = ROUTE_NO_POLICY },        /* asks with the user at hand */
    { "GET",  "/v3/users/{user_id}/groups", list_groups, .flags = ROUTE_NO_POLICY },
    {}
};
