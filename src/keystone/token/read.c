/* What a payload means today: user, scope and roles read from the database, each still there and enabled, and the answer of
 * GET /v3/auth/tokens written once and for all.
 */
#include "keystone/directory/directory.h"
#include "keystone/token/token.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)
#define ASK_AGAIN_US (60 * SECOND_US)

struct place { const char *id, *name, *domain_id, *domain_name; bool is_domain; };

struct trust_facts { const char *trustor_id, *trustee_id, *project_id; bool impersonation; };

struct oauth_facts { const char *consumer_id; };

struct app_cred_facts { const char *id, *name, *access_rules; bool unrestricted; };

/* What is gathered before the token is made. */
struct facts {
    const struct payload *payload;
    int64_t issued_s;
    struct place user, scope;
    utc_time password_expires_at;
    const struct role_ref *roles;
    struct trust_facts trust;
    struct app_cred_facts app_cred;
    struct oauth_facts oauth;
};

/* -- reading ------------------------------------------------------------------------------------------------------- */

/* ret_stale: the user is of a directory that was not asked for a while. */
static bool user_row(struct ctx *c, const char *user_id, struct place *ret_user, utc_time *ret_password_expires, bool *ret_stale)
{
    struct rows *rows = db_query(c, "SELECT u.id, u.name, d.id, d.name, u.password_expires_at,"
                                 " CASE WHEN u.origin = 'directory' AND u.seen_at < $3 THEN 1 ELSE 0 END FROM users u"
                                 " JOIN projects d ON d.id = u.domain_id WHERE u.id = $1 AND u.enabled = $2 AND d.enabled = $2",
                                 T(user_id), B(true), I(clock_us() - ASK_AGAIN_US));

    if (!db_next(rows))
        return fail(c, TOKEN_NOT_FOUND);
    *ret_user = (struct place){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_text(rows, 3) };
    ret_password_expires->us = db_int(rows, 4);
    *ret_stale = db_int(rows, 5) != 0;
    db_rows_end(rows);
    return true;
}

/* A directory that does not answer changes nothing. */
static bool user_refresh(struct ctx *c, const char *user_id)
{
    if (!directory_memberships_fresh(c, user_id) && !strcmp(c->fault.type, "LDAPServerConnectionError"))
        fault_clear(c);
    return !failed(c);
}

static bool user_read(struct ctx *c, const char *user_id, struct place *ret_user, utc_time *ret_password_expires)
{
    bool stale;

    if (!user_row(c, user_id, ret_user, ret_password_expires, &stale))
        return false;
    return !stale || (user_refresh(c, user_id) && user_row(c, user_id, ret_user, ret_password_expires, &stale));
}

/* A federated token ends with its identity provider. */
static bool provider_read(struct ctx *c, const struct payload *p)
{
    return !payload_is_federated(p->version) || db_get_text(c, "SELECT id FROM identity_providers WHERE id = $1", T(p->idp_id)) ||
        (!failed(c) && fail(c, NO_SUCH, "Identity Provider", p->idp_id));
}

static bool project_read(struct ctx *c, const char *project_id, struct place *ret_project)
{
    struct rows *rows = db_query(c, "SELECT p.id, p.name, d.id, d.name, p.is_domain FROM projects p"
                                 " LEFT JOIN projects d ON d.id = p.domain_id WHERE p.id = $1 AND p.enabled = $2"
                                 " AND (d.id IS NULL OR d.enabled = $2)", T(project_id), B(true));

    if (!db_next(rows))
        return fail(c, TOKEN_NOT_FOUND);
    *ret_project = (struct place){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_text(rows, 3), db_bool(rows, 4) };
    db_rows_end(rows);
    return true;
}

static bool domain_read(struct ctx *c, const char *domain_id, struct place *ret_domain)
{
    return project_read(c, domain_id, ret_domain) && (ret_domain->is_domain || fail(c, TOKEN_NOT_FOUND));
}

static size_t roles_count(const struct role_ref *roles)
{
    size_t n = 0;

    while (roles && roles[n].id)
        n++;
    return n;
}

/* Of the roles, those the other list has. */
static const struct role_ref *roles_both(struct ctx *c, const struct role_ref *roles, const struct role_ref *among)
{
    struct role_ref *kept = ctx_new_n(c, struct role_ref, roles_count(roles) + 1);
    size_t n = 0;

    for (; roles->id; roles++)
        if (role_in(among, roles->id))
            kept[n++] = *roles;
    return kept;
}

static const struct role_ref *role_list(struct ctx *c, struct rows *rows)
{
    g_autoptr(GArray) roles = g_array_new(true, false, sizeof(struct role_ref));

    while (db_next(rows)) {
        struct role_ref role = { db_text(rows, 0), db_text(rows, 1) };

        g_array_append_val(roles, role);
    }
    struct role_ref *copy = ctx_new_n(c, struct role_ref, roles->len + 1);
    memcpy(copy, roles->data, roles->len * sizeof *copy);
    return failed(c) ? NULL : copy;
}

/* Is each who passed the trust on still there and enabled? */
static bool agents_judge(struct ctx *c, const char *trust_id)
{
    int64_t away = db_count(c, "WITH RECURSIVE line (id, made_from) AS (SELECT id, redelegated_trust_id FROM trusts WHERE id = $1"
                            " UNION SELECT t.id, t.redelegated_trust_id FROM trusts t JOIN line ON t.id = line.made_from)"
                            " SELECT count(*) FROM trusts t JOIN line ON t.id = line.made_from LEFT JOIN users u ON u.id = t.trustee_user_id"
                            " WHERE u.id IS NULL OR u.enabled <> $2", T(trust_id), B(true));

    return !failed(c) && (!away || fail(c, NOT_AUTHORIZED_PLAIN));
}

static bool trust_read(struct ctx *c, struct facts *f)
{
    struct rows *rows = db_query(c, "SELECT trustor_user_id, trustee_user_id, project_id, impersonation FROM trusts WHERE id = $1"
                                 " AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
                                 T(f->payload->trust_id), I(clock_us()));
    const struct role_ref *held, *given;

    if (!db_next(rows))
        return failed(c) ? false : fail(c, NO_SUCH, "trust", f->payload->trust_id);
    f->trust = (struct trust_facts){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_bool(rows, 3) };
    db_rows_end(rows);
    given = role_list(c, db_query(c, "WITH RECURSIVE given (id) AS (SELECT role_id FROM trust_roles WHERE trust_id = $1"
                                  " UNION SELECT i.implied_role_id FROM implied_roles i JOIN given g ON i.prior_role_id = g.id)"
                                  " SELECT r.id, r.name FROM roles r JOIN given g ON g.id = r.id WHERE r.domain_id IS NULL",
                                  T(f->payload->trust_id)));
    held = given ? roles_of_user(c, f->trust.trustor_id, ON_PROJECT, f->payload->project_id) : NULL;
    if (!held)
        return false;
    f->roles = roles_both(c, given, held);
    for (const struct role_ref *r = given; r->id; r++)
        if (!role_in(held, r->id))
            return fail(c, NOT_AUTHORIZED_PLAIN);
    if (!agents_judge(c, f->payload->trust_id))
        return false;
    utc_time ignored;
    struct place trustor;
    if (!user_read(c, f->trust.trustor_id, &trustor, &ignored))
        return false;
    if (f->trust.impersonation) {
        f->user = trustor;
        f->password_expires_at = ignored;
    }
    return true;
}

static bool app_cred_read(struct ctx *c, struct facts *f)
{
    const char *id = f->payload->app_cred_id;
    struct rows *rows = db_query(c, "SELECT id, name, access_rules, unrestricted FROM application_credentials WHERE id = $1"
                                 " AND (expires_at IS NULL OR expires_at > $2)", T(id), I(clock_us()));

    if (!db_next(rows))
        return fail(c, NO_SUCH, "Application Credential", id);
    f->app_cred = (struct app_cred_facts){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_bool(rows, 3) };
    db_rows_end(rows);
    const struct role_ref *given = role_list(c, db_query(c, "SELECT r.id, r.name FROM application_credential_roles a"
                                                         " JOIN roles r ON r.id = a.role_id WHERE a.application_credential_id = $1", T(id)));
    if (!given)
        return false;
    f->roles = roles_both(c, given, f->roles);
    return true;
}

/* Of the roles the user gave and what they imply, those the user has today. */
static bool access_token_read(struct ctx *c, struct facts *f)
{
    struct rows *rows = db_query(c, "SELECT consumer_id, role_ids FROM access_tokens WHERE id = $1", T(f->payload->access_token_id));
    json_t *list, *id;
    size_t i;

    if (!db_next(rows))
        return failed(c) ? false : fail(c, NOT_FOUND, "Access token not found");
    f->oauth.consumer_id = db_text(rows, 0);
    list = json_of(c, (raw_json){ db_text(rows, 1) });
    db_rows_end(rows);
    const char **ids = ctx_new_n(c, const char *, json_array_size(list) + 1);
    json_array_foreach(list, i, id)
        ids[i] = json_string_value(id);
    const struct role_ref *given = roles_with_implied(c, ids);
    if (!given)
        return false;
    f->roles = roles_both(c, given, f->roles);
    return true;
}

/* The roles of the user, and those of the groups that the mapping named at the login. */
static bool federated_roles_read(struct ctx *c, struct facts *f, enum target_kind kind, const char *target_id)
{
    g_autoptr(GArray) all = g_array_new(true, false, sizeof(struct role_ref));
    const char *actor = f->payload->user_id;

    for (const char *const *group = f->payload->group_ids; actor; actor = *group++) {
        const struct role_ref *roles = roles_of_user(c, actor, kind, target_id);

        if (!roles)
            return false;
        for (; roles->id; roles++)
            if (!role_in((struct role_ref *)(void *)all->data, roles->id))
                g_array_append_vals(all, roles, 1);
    }
    struct role_ref *copy = ctx_new_n(c, struct role_ref, all->len + 1);
    if (all->len)
        memcpy(copy, all->data, all->len * sizeof *copy);
    f->roles = copy;
    return true;
}

static bool scope_read(struct ctx *c, struct facts *f)
{
    const struct payload *p = f->payload;

    switch (p->version) {
    case PAYLOAD_UNSCOPED: case PAYLOAD_FEDERATED_UNSCOPED:
        return true;
    case PAYLOAD_FEDERATED_PROJECT:
        return project_read(c, p->project_id, &f->scope) && federated_roles_read(c, f, ON_PROJECT, p->project_id);
    case PAYLOAD_FEDERATED_DOMAIN:
        return domain_read(c, p->domain_id, &f->scope) && federated_roles_read(c, f, ON_DOMAIN, p->domain_id);
    case PAYLOAD_SYSTEM:
        return (f->roles = roles_of_user(c, p->user_id, ON_SYSTEM, "system")) != NULL;
    case PAYLOAD_DOMAIN:
        return domain_read(c, p->domain_id, &f->scope) && (f->roles = roles_of_user(c, p->user_id, ON_DOMAIN, p->domain_id)) != NULL;
    case PAYLOAD_TRUST:
        return project_read(c, p->project_id, &f->scope) && trust_read(c, f);
    case PAYLOAD_PROJECT: case PAYLOAD_OAUTH: case PAYLOAD_APPLICATION_CREDENTIAL:
        break;
    }
    return project_read(c, p->project_id, &f->scope) && (f->roles = roles_of_user(c, p->user_id, ON_PROJECT, p->project_id)) != NULL &&
        (p->version != PAYLOAD_APPLICATION_CREDENTIAL || app_cred_read(c, f)) && (p->version != PAYLOAD_OAUTH || access_token_read(c, f));
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static void place_write(struct out *o, const char *key, const struct place *place)
{
    out_object(o, key);
    out_object(o, "domain");
    out_string(o, "id", place->domain_id);
    out_string(o, "name", place->domain_name);
    out_end_object(o);
    out_string(o, "id", place->id);
    out_string(o, "name", place->name);
}

static void id_write(struct out *o, const char *key, const char *id)
{
    out_object(o, key);
    out_string(o, "id", id);
    out_end_object(o);
}

static void federation_write(struct out *o, const struct payload *p)
{
    out_object(o, "OS-FEDERATION");
    out_array(o, "groups");
    for (const char *const *group = p->group_ids; *group; group++)
        id_write(o, NULL, *group);
    out_end_array(o);
    id_write(o, "identity_provider", p->idp_id);
    id_write(o, "protocol", p->protocol_id);
    out_end_object(o);
}

static void user_write(struct out *o, const struct facts *f)
{
    place_write(o, "user", &f->user);
    if (payload_is_federated(f->payload->version))
        federation_write(o, f->payload);
    else
        out_time(o, "password_expires_at", f->password_expires_at);
    out_end_object(o);
}

static void trust_write(struct out *o, const struct facts *f)
{
    out_object(o, "OS-TRUST:trust");
    out_string(o, "id", f->payload->trust_id);
    out_object(o, "trustor_user");
    out_string(o, "id", f->trust.trustor_id);
    out_end_object(o);
    out_object(o, "trustee_user");
    out_string(o, "id", f->trust.trustee_id);
    out_end_object(o);
    out_bool(o, "impersonation", f->trust.impersonation);
    out_end_object(o);
}

static void scope_write(struct out *o, const struct facts *f)
{
    switch (f->payload->version) {
    case PAYLOAD_UNSCOPED: case PAYLOAD_FEDERATED_UNSCOPED:
        return;
    case PAYLOAD_SYSTEM:
        out_object(o, "system");
        out_bool(o, "all", true);
        out_end_object(o);
        return;
    case PAYLOAD_DOMAIN: case PAYLOAD_FEDERATED_DOMAIN:
        out_object(o, "domain");
        out_string(o, "id", f->scope.id);
        out_string(o, "name", f->scope.name);
        out_end_object(o);
        return;
    case PAYLOAD_TRUST:
        trust_write(o, f);
        place_write(o, "project", &f->scope);
        out_end_object(o);
        return;
    case PAYLOAD_PROJECT: case PAYLOAD_OAUTH: case PAYLOAD_APPLICATION_CREDENTIAL: case PAYLOAD_FEDERATED_PROJECT:
        place_write(o, "project", &f->scope);
        out_end_object(o);
        out_bool(o, "is_domain", f->scope.is_domain);
        return;
    }
}

static void roles_write(struct out *o, const struct role_ref *roles)
{
    out_array(o, "roles");
    for (; roles->id; roles++) {
        out_object(o, NULL);
        out_string(o, "id", roles->id);
        out_string(o, "name", roles->name);
        out_end_object(o);
    }
    out_end_array(o);
}

/* A trust's token shows its roles as the trust does. */
static void roles_write_whole(struct ctx *c, struct out *o, const struct role_ref *roles)
{
    out_array(o, "roles");
    for (; roles->id; roles++) {
        struct rows *rows = db_query(c, "SELECT description, options FROM roles WHERE id = $1", T(roles->id));

        if (!db_next(rows))
            continue;
        out_object(o, NULL);
        out_string(o, "id", roles->id);
        out_string(o, "name", roles->name);
        out_null(o, "domain_id");
        out_string(o, "description", db_text(rows, 0));
        out_raw(o, "options", db_is_null(rows, 1) ? "{}" : db_text(rows, 1));
        out_end_object(o);
        db_rows_end(rows);
    }
    out_end_array(o);
}

/* What two tokens of the same user, scope and methods differ in. */
static void moment_write(struct out *o, const struct payload *p, int64_t issued_s)
{
    out_array(o, "audit_ids");
    for (int i = 0; i < 2 && p->audit_ids[i]; i++)
        out_string(o, NULL, p->audit_ids[i]);
    out_end_array(o);
    out_time(o, "expires_at", (utc_time){ p->expires_s * SECOND_US });
    out_time(o, "issued_at", (utc_time){ issued_s * SECOND_US });
}

static void head_write(struct ctx *c, struct out *o, struct token *token, const struct facts *f)
{
    const struct payload *p = f->payload;

    out_object(o, NULL);
    out_object(o, "token");
    out_array(o, "methods");
    auth_methods_write(o, p->methods);
    out_end_array(o);
    user_write(o, f);
    token->moment_at = o->to->len;
    moment_write(o, p, f->issued_s);
    token->moment_size = o->to->len - token->moment_at;
    scope_write(o, f);
    if (f->payload->version == PAYLOAD_TRUST)
        roles_write_whole(c, o, f->roles);
    else if (f->roles)
        roles_write(o, f->roles);
}

/* Where else a user of this cloud may go. */
static void service_providers_write(struct ctx *c, struct out *o)
{
    struct rows *rows = db_query(c, "SELECT id, auth_url, sp_url FROM service_providers WHERE enabled = $1 ORDER BY id", B(true));
    bool any = false;

    while (db_next(rows)) {
        if (!any)
            out_array(o, "service_providers");
        any = true;
        out_object(o, NULL);
        out_string(o, "id", db_text(rows, 0));
        out_string(o, "auth_url", db_text(rows, 1));
        out_string(o, "sp_url", db_text(rows, 2));
        out_end_object(o);
    }
    if (any)
        out_end_array(o);
}

static void tail_write(struct ctx *c, struct out *o, const struct facts *f)
{
    service_providers_write(c, o);
    if (f->oauth.consumer_id) {
        out_object(o, "OS-OAUTH1");
        out_string(o, "access_token_id", f->payload->access_token_id);
        out_string(o, "consumer_id", f->oauth.consumer_id);
        out_end_object(o);
    }
    if (f->app_cred.id) {
        out_object(o, "application_credential");
        out_string(o, "id", f->app_cred.id);
        out_string(o, "name", f->app_cred.name);
        out_bool(o, "restricted", !f->app_cred.unrestricted);
        if (f->app_cred.access_rules)
            out_raw(o, "access_rules", f->app_cred.access_rules);
        out_end_object(o);
    }
    out_end_object(o);
    out_end_object(o);
}

/* Head, catalog and tail, each kept as text that follows the one before. */
static bool answer_write(struct ctx *c, struct token *token, const struct facts *f)
{
    struct buf text = {};
    struct out o = { .to = &text, .times = TIME_ISO_MICRO_Z };
    const char *user_id = f->trust.trustor_id ? f->trust.trustor_id : f->user.id;
    bool ok = true;

    head_write(c, &o, token, f);
    token->head_size = text.len;
    if (!payload_is_unscoped(f->payload->version))
        ok = catalog_write(c, &o, "catalog", user_id, f->payload->project_id);
    token->catalog_size = text.len - token->head_size;
    tail_write(c, &o, f);
    token->tail_size = text.len - token->catalog_size - token->head_size;
    token->head = g_string_chunk_insert_len(token->strings, text.data, (gssize)text.len);
    token->catalog = token->head + token->head_size;
    token->tail = token->catalog + token->catalog_size;
    buf_clear(&text);
    return ok;
}

/* -- the token ----------------------------------------------------------------------------------------------------- */

static void token_release(struct cached *cached)
{
    struct token *token = (struct token *)cached;

    g_string_chunk_free(token->strings);
    if (token->model) {
        cached_unref((void *)token->model);
    } else {
        g_free((void *)token->who.roles);
        g_free((void *)token->role_ids);
        g_free((void *)token->group_ids);
    }
    g_free(token);
}

static const char *keep(struct token *token, const char *text)
{
    return text ? g_string_chunk_insert(token->strings, text) : NULL;
}

static const char *const *list_keep(struct token *token, const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    const char **copy = g_new0(const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        copy[i] = keep(token, list[i]);
    return copy;
}

static void roles_keep(struct token *token, const struct role_ref *roles)
{
    size_t n = roles_count(roles);
    const char **names = g_new0(const char *, n + 1), **ids = g_new0(const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        names[i] = keep(token, roles[i].name);
        ids[i] = keep(token, roles[i].id);
    }
    token->who.roles = names;
    token->role_ids = ids;
}

static void identity_keep(struct token *token, const struct facts *f)
{
    const bool domain = f->payload->version == PAYLOAD_DOMAIN || f->payload->version == PAYLOAD_FEDERATED_DOMAIN;

    token->who = (struct identity){
        .user_id = keep(token, f->user.id), .user_name = keep(token, f->user.name),
        .user_domain_id = keep(token, f->user.domain_id), .user_domain_name = keep(token, f->user.domain_name),
        .project_id = domain ? NULL : keep(token, f->scope.id), .project_name = domain ? NULL : keep(token, f->scope.name),
        .project_domain_id = domain ? NULL : keep(token, f->scope.domain_id),
        .project_domain_name = domain ? NULL : keep(token, f->scope.domain_name),
        .domain_id = domain ? keep(token, f->scope.id) : NULL, .domain_name = domain ? keep(token, f->scope.name) : NULL,
        .system = f->payload->version == PAYLOAD_SYSTEM, .access_rules = keep(token, f->app_cred.access_rules),
    };
    roles_keep(token, f->roles);
    token->who.is_admin = identity_has_role(&token->who, "admin");
}

/* Its own: what another of the same user and scope does not share. */
static void moment_keep(struct token *token, const char *text, const struct payload *p, int64_t issued_s)
{
    token->cached = (struct cached){ .references = 1, .expires_us = p->expires_s * SECOND_US, .release = token_release };
    token->strings = g_string_chunk_new(1024);
    token->expires_s = p->expires_s;
    token->issued_s = issued_s;
    token->audit_id = keep(token, p->audit_ids[0]);
    token->audit_chain_id = keep(token, p->audit_ids[1] ? p->audit_ids[1] : p->audit_ids[0]);
    token->who.token = keep(token, text);
}

struct token *token_like(const struct token *model, const char *text, const struct payload *p, int64_t issued_s)
{
    struct token *token = g_new0(struct token, 1);
    struct buf head = {};
    struct out o = { .to = &head, .times = TIME_ISO_MICRO_Z, .comma = true };

    memcpy(&token->who, &model->who, sizeof(*token) - offsetof(struct token, who));  /* but cached, where others count their references */
    atomic_fetch_add(&((struct token *)model)->cached.references, 1);
    token->model = model;
    moment_keep(token, text, p, issued_s);
    buf_add(&head, model->head, model->moment_at);
    moment_write(&o, p, issued_s);
    token->moment_size = head.len - model->moment_at;
    size_t after = model->moment_at + model->moment_size;
    buf_add(&head, model->head + after, model->head_size - after);
    token->head_size = head.len;
    token->head = g_string_chunk_insert_len(token->strings, head.data, (gssize)head.len);
    buf_clear(&head);
    return token;
}

static struct token *token_make(struct ctx *c, const char *text, const struct facts *f)
{
    const struct payload *p = f->payload;
    struct token *token = g_new0(struct token, 1);

    moment_keep(token, text, p, f->issued_s);
    token->version = p->version;
    token->methods = p->methods;
    token->trust_id = keep(token, p->trust_id);
    token->app_cred_id = keep(token, p->app_cred_id);
    token->idp_id = keep(token, p->idp_id);
    token->protocol_id = keep(token, p->protocol_id);
    token->group_ids = list_keep(token, p->group_ids);
    token->app_cred_restricted = f->app_cred.id && !f->app_cred.unrestricted;
    identity_keep(token, f);
    token->who.token = keep(token, text);
    if (answer_write(c, token, f))
        return token;
    token_release(&token->cached);
    return NULL;
}

struct token *token_read(struct ctx *c, const char *text, const struct payload *p, int64_t issued_s)
{
    struct facts f = { .payload = p, .issued_s = issued_s };

    if (!user_read(c, p->user_id, &f.user, &f.password_expires_at) || !provider_read(c, p) || !scope_read(c, &f))
        return NULL;
    if (!payload_is_unscoped(p->version) && !f.roles->id)
        return fail_null(c, TOKEN_NOT_FOUND);
    return token_make(c, text, &f);
}
