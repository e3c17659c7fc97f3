/* See shadow.h. */
#include "keystone/federation/shadow.h"

#include <openssl/evp.h>
#include <string.h>

struct shadow {
    const struct idp *provider;
    const struct protocol *protocol;
    const struct mapped *mapped;
    const char *user_id, *unique_id, *name;
};

char *public_id(struct ctx *c, const char *domain_id, const char *entity_type, const char *local_id)
{
    char *text = ctx_printf(c, "%s%s%s", domain_id, entity_type, local_id);
    unsigned char digest[32];

    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
    return hex_write(c, digest, sizeof digest);
}

/* The members of extra with the address in it. */
static raw_json extra_with_email(struct ctx *c, const char *extra, const char *email)
{
    json_t *tree = json_of(c, (raw_json){ (char *)extra });

    if (!json_is_object(tree))
        tree = ctx_json(c, json_object());
    json_object_set_new(tree, "email", json_string(email));
    return json_text(c, tree);
}

/* The same name by another way in, or of another provider in the same domain, is not the same user. */
static bool user_insert(struct ctx *c, struct shadow *s)
{
    const char *email = s->mapped->email;

    s->user_id = public_id(c, s->provider->domain_id, "user", s->unique_id);
    if (db_exec(c, "INSERT INTO users (id, name, domain_id, enabled, options, extra, origin) VALUES ($1, $2, $3, $4, '{}', $5, 'federated')",
                T(s->user_id), T(s->name), T(s->provider->domain_id), B(true), T(email ? extra_with_email(c, NULL, email).text : "{}")))
        return db_exec(c, "INSERT INTO federated_users (idp_id, protocol_id, unique_id, user_id, display_name) VALUES ($1, $2, $3, $4, $5)",
                       T(s->provider->id), T(s->protocol->id), T(s->unique_id), T(s->user_id), T(s->name));
    if (strcmp(c->fault.type, "DBDuplicateEntry"))
        return false;
    fault_clear(c);
    return fail(c, STORE_CONFLICT, "federated_user", "Duplicate entry");
}

/* What the provider says anew of a user it brought before. */
static bool user_refresh(struct ctx *c, const struct shadow *s, const char *extra)
{
    const char *email = s->mapped->email;

    return db_exec(c, "UPDATE federated_users SET display_name = $1 WHERE idp_id = $2 AND protocol_id = $3 AND unique_id = $4",
                   T(s->name), T(s->provider->id), T(s->protocol->id), T(s->unique_id)) &&
        db_exec(c, "UPDATE users SET name = $1 WHERE id = $2 AND origin = 'federated'", T(s->name), T(s->user_id)) &&
        (!email || db_exec(c, "UPDATE users SET extra = $1 WHERE id = $2", T(extra_with_email(c, extra, email).text), T(s->user_id)));
}

static bool user_write(struct ctx *c, struct shadow *s)
{
    struct rows *rows = db_query(c, "SELECT u.id, u.extra, f.display_name FROM federated_users f JOIN users u ON u.id = f.user_id"
                                 " WHERE f.idp_id = $1 AND f.protocol_id = $2 AND f.unique_id = $3",
                                 T(s->provider->id), T(s->protocol->id), T(s->unique_id));

    if (!db_next(rows))
        return !failed(c) && user_insert(c, s);
    const char *extra = db_text(rows, 1), *name = db_text(rows, 2), *email = s->mapped->email;
    s->user_id = db_text(rows, 0);
    db_rows_end(rows);
    bool same = text_equal(name, s->name) && (!email || text_equal(json_get_string(json_of(c, (raw_json){ (char *)extra }), "email"), email));
    return same || user_refresh(c, s, extra);
}

static bool memberships_write(struct ctx *c, const struct shadow *s, const char *const *group_ids)
{
    int64_t now = clock_us();

    for (const char *const *id = group_ids; *id; id++)
        if (!db_exec(c, "INSERT INTO expiring_memberships (user_id, group_id, idp_id, verified_at, expires_at) VALUES ($1, $2, $3, $4, $5)"
                     " ON CONFLICT (user_id, group_id, idp_id) DO UPDATE SET verified_at = excluded.verified_at, expires_at = excluded.expires_at",
                     T(s->user_id), T(*id), T(s->provider->id), I(now), I(now + s->provider->ttl_us)))
            return false;
    return true;
}

/* -- projects a mapping promises ----------------------------------------------------------------------------------- */

static const char *role_of(struct ctx *c, const struct shadow *s, const json_t *role)
{
    const char *name = json_get_string(role, "name"), *id, *domain_id;
    struct rows *rows = db_query(c, "SELECT id, domain_id FROM roles WHERE name = $1 ORDER BY domain_id = $2 DESC NULLS LAST", T(name), T(s->provider->domain_id));

    if (!db_next(rows))
        return fail_null(c, NO_SUCH, "role", name);
    id = db_text(rows, 0);
    domain_id = db_text(rows, 1);
    db_rows_end(rows);
    if (domain_id && strcmp(domain_id, s->provider->domain_id))
        return fail_null(c, ROLE_OF_OTHER_DOMAIN, name, s->provider->id);
    return id;
}

static const char *project_ensure(struct ctx *c, const struct shadow *s, const char *name)
{
    const char *domain_id = s->provider->domain_id;
    const char *id = db_get_text(c, "SELECT id FROM projects WHERE domain_id = $1 AND name = $2", T(domain_id), T(name));

    if (id || failed(c))
        return id;
    id = uuid_new_hex(c);
    return db_exec(c, "INSERT INTO projects (id, name, domain_id, description, enabled, parent_id, is_domain, options)"
                   " VALUES ($1, $2, $3, '', $4, $3, $5, '{}')", T(id), T(name), T(domain_id), B(true), B(false)) ? id : NULL;
}

static bool project_grant(struct ctx *c, const struct shadow *s, const json_t *project)
{
    const char *project_id = project_ensure(c, s, json_get_string(project, "name")), *role_id;
    const json_t *role;
    size_t i;

    if (!project_id)
        return false;
    json_array_foreach(json_object_get(project, "roles"), i, role) {
        role_id = role_of(c, s, role);
        if (!role_id || !db_exec(c, "INSERT INTO assignments (actor_kind, actor_id, target_kind, target_id, role_id, inherited)"
                                 " VALUES ('user', $1, 'project', $2, $3, $4) ON CONFLICT DO NOTHING",
                                 T(s->user_id), T(project_id), T(role_id), B(false)))
            return false;
    }
    return true;
}

static bool projects_write(struct ctx *c, const struct shadow *s)
{
    const json_t *project;
    size_t i;

    json_array_foreach(s->mapped->projects, i, project)
        if (!project_grant(c, s, project))
            return false;
    return true;
}

const char *shadow_user(struct ctx *c, const struct idp *p, const struct protocol *protocol, const struct mapped *m, const char *const *group_ids)
{
    struct shadow s = { .provider = p, .protocol = protocol, .mapped = m, .name = m->name ? m->name : m->id };
    g_autofree char *quoted = g_uri_escape_string(m->id ? m->id : m->name, "/", FALSE);

    s.unique_id = ctx_strdup(c, quoted);
    if (!db_begin(c))
        return NULL;
    if (user_write(c, &s) && memberships_write(c, &s, group_ids) && projects_write(c, &s))
        return db_commit(c) ? s.user_id : NULL;
    db_rollback(c);
    return NULL;
}
