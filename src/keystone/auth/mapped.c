/* By what an identity provider says (mapped, saml2, openid): the assertion goes through the mapping of provider and protocol, which says
 * who that is here; or by a federated token, to another scope.
 */
#include "keystone/auth/account.h"
#include "keystone/auth/attempt.h"
#include "keystone/federation/assertion.h"
#include "keystone/federation/shadow.h"

#include <string.h>

static bool federated_user(struct ctx *c, struct attempt *a, const char *idp_id, const char *protocol_id, const char *const *group_ids, const char *user_id)
{
    a->payload.idp_id = idp_id;
    a->payload.protocol_id = protocol_id;
    a->payload.group_ids = group_ids;
    return attempt_user(c, a, user_id);
}

bool attempt_federated_token(struct ctx *c, struct attempt *a, const struct token *token)
{
    struct idp provider;
    struct protocol protocol;

    if (!idp_use(c, token->idp_id, &provider) || !protocol_get(c, token->idp_id, token->protocol_id, &protocol) || !protocol_mapped(c, &protocol) ||
        !mapped_groups_judge(c, protocol.mapping_id, token->group_ids))
        return false;
    a->payload.expires_s = MIN(a->payload.expires_s, token->expires_s);
    return federated_user(c, a, token->idp_id, token->protocol_id, token->group_ids, token->who.user_id);
}

/* Who brings the assertion goes by a name the provider has, where the protocol says which attribute tells it. */
static bool provider_judge(struct ctx *c, const struct idp *p, const struct protocol *protocol, const struct pair *assertion)
{
    const char *remote_id;

    if (!protocol->remote_id_attribute || !json_array_size(p->remote_ids))
        return true;
    remote_id = assertion_get(assertion, protocol->remote_id_attribute);
    if (!remote_id)
        return fail(c, UNAUTHORIZED);
    return idp_has_remote_id(p, remote_id) || fail(c, NOT_AUTHORIZED_PLAIN);
}

static const char *domain_of(struct ctx *c, const struct mapped_group *g)
{
    const char *id = g->domain_id ? g->domain_id
        : db_get_text(c, "SELECT id FROM projects WHERE is_domain = $1 AND domain_id IS NULL AND name = $2", B(true), T(g->domain_name));

    return id || failed(c) ? id : fail_null(c, NO_SUCH, "domain", g->domain_name ? g->domain_name : "None");
}

/* The groups a mapping gave by id, which must be there, and those it gave by name, as far as there are any. */
static const char *const *groups_find(struct ctx *c, const struct protocol *protocol, const struct mapped *m)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();

    if (!mapped_groups_judge(c, protocol->mapping_id, m->group_ids))
        return NULL;
    for (const char *const *id = m->group_ids; *id; id++)
        g_ptr_array_add(ids, (void *)*id);
    for (const struct mapped_group *g = m->groups; g->name; g++) {
        const char *domain_id = domain_of(c, g), *id;

        if (!domain_id)
            return NULL;
        id = db_get_text(c, "SELECT id FROM user_groups WHERE domain_id = $1 AND name = $2", T(domain_id), T(g->name));
        if (id && !g_ptr_array_find_with_equal_func(ids, id, g_str_equal, NULL))
            g_ptr_array_add(ids, (void *)id);
    }
    const char **list = ctx_new_n(c, const char *, ids->len + 1);
    for (guint i = 0; i < ids->len; i++)
        list[i] = ids->pdata[i];
    return ids->len > PAYLOAD_GROUPS_MAX ? fail_null(c, UNAUTHORIZED) : failed(c) ? NULL : list;
}

/* A user of this cloud, whom the provider vouches for. */
static bool local_user(struct ctx *c, struct attempt *a, const struct mapped *m)
{
    json_t *user = ctx_json(c, json_object());
    struct account account;

    if (!m->id && !m->name)
        return fail(c, EXPECTING, "id or name", "user");
    if (m->name && !m->domain_id && !m->domain_name)
        return fail(c, EXPECTING, "domain", "user");
    json_object_set_new(user, m->name ? "name" : "id", json_string(m->name ? m->name : m->id));
    if (m->name)
        json_object_set_new(user, "domain", m->domain_name ? json_pack("{s:s}", "name", m->domain_name) : json_pack("{s:s}", "id", m->domain_id));
    return account_find(c, user, &account) && account.enabled ? attempt_user(c, a, account.id) : unauthorized(c);
}

static bool apply(struct ctx *c, const struct pair *assertion, const struct protocol *protocol, struct mapped *ret_mapped)
{
    if (mapping_apply(c, protocol->mapping_id, protocol->rules, assertion, ret_mapped))
        return true;
    return c->fault.status == 400 ? unauthorized(c) : false;
}

static bool by_assertion(struct ctx *c, struct attempt *a, const char *idp_id, const char *protocol_id)
{
    struct idp provider;
    struct protocol protocol;
    struct mapped m;

    if (!idp_use(c, idp_id, &provider))
        return false;
    const struct pair *assertion = assertion_read(c, a->request, &provider);
    if (!assertion || !protocol_get(c, idp_id, protocol_id, &protocol) || !provider_judge(c, &provider, &protocol, assertion) ||
        !protocol_mapped(c, &protocol) || !apply(c, assertion, &protocol, &m))
        return false;
    const char *const *group_ids = groups_find(c, &protocol, &m);
    if (!group_ids)
        return false;
    if (m.local)
        return local_user(c, a, &m);
    if (!m.name)
        m.name = assertion_get(assertion, "REMOTE_USER");
    if (!m.name && !m.id)
        return fail(c, UNAUTHORIZED);
    const char *user_id = shadow_user(c, &provider, &protocol, &m, group_ids);
    return user_id && federated_user(c, a, provider.id, protocol.id, group_ids, user_id);
}

bool auth_by_mapped(struct ctx *c, struct attempt *a, const json_t *method)
{
    const char *idp_id = json_get_string(method, "identity_provider"), *protocol_id = json_get_string(method, "protocol");

    if (json_get_string(method, "id")) {
        const struct token *token = token_get(c, json_get_string(method, "id"), 0);

        return token && (token->idp_id ? attempt_federated_token(c, a, token) : unauthorized(c));
    }
    if (!idp_id)
        return fail(c, EXPECTING, "identity_provider", "mapped");
    if (!protocol_id)
        return fail(c, EXPECTING, "protocol", "mapped");
    return by_assertion(c, a, idp_id, protocol_id);
}
