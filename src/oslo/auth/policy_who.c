/* What a requester is, by the names that rules use: those of oslo.context, and of the token as Keystone's rules see it. */
#include "oslo/auth/policy_tree.h"

#include <string.h>

enum credential_kind { CRED_TEXT, CRED_BOOL, CRED_SYSTEM, CRED_LIST, CRED_TRUE };

struct credential {
    const char *name;
    enum credential_kind kind;
    size_t offset;
};

static const struct credential credentials[] = {
    { "user_id", CRED_TEXT, offsetof(struct identity, user_id) },
    { "user", CRED_TEXT, offsetof(struct identity, user_id) },
    { "token.user.id", CRED_TEXT, offsetof(struct identity, user_id) },
    { "user_name", CRED_TEXT, offsetof(struct identity, user_name) },
    { "username", CRED_TEXT, offsetof(struct identity, user_name) },
    { "token.user.name", CRED_TEXT, offsetof(struct identity, user_name) },
    { "user_domain_id", CRED_TEXT, offsetof(struct identity, user_domain_id) },
    { "user_domain", CRED_TEXT, offsetof(struct identity, user_domain_id) },
    { "token.user.domain.id", CRED_TEXT, offsetof(struct identity, user_domain_id) },
    { "user_domain_name", CRED_TEXT, offsetof(struct identity, user_domain_name) },
    { "token.user.domain.name", CRED_TEXT, offsetof(struct identity, user_domain_name) },
    { "project_id", CRED_TEXT, offsetof(struct identity, project_id) },
    { "tenant_id", CRED_TEXT, offsetof(struct identity, project_id) },
    { "tenant", CRED_TEXT, offsetof(struct identity, project_id) },
    { "token.project.id", CRED_TEXT, offsetof(struct identity, project_id) },
    { "project_name", CRED_TEXT, offsetof(struct identity, project_name) },
    { "token.project.name", CRED_TEXT, offsetof(struct identity, project_name) },
    { "project_domain_id", CRED_TEXT, offsetof(struct identity, project_domain_id) },
    { "project_domain", CRED_TEXT, offsetof(struct identity, project_domain_id) },
    { "token.project.domain.id", CRED_TEXT, offsetof(struct identity, project_domain_id) },
    { "project_domain_name", CRED_TEXT, offsetof(struct identity, project_domain_name) },
    { "token.project.domain.name", CRED_TEXT, offsetof(struct identity, project_domain_name) },
    { "domain_id", CRED_TEXT, offsetof(struct identity, domain_id) },
    { "domain", CRED_TEXT, offsetof(struct identity, domain_id) },
    { "token.domain.id", CRED_TEXT, offsetof(struct identity, domain_id) },
    { "domain_name", CRED_TEXT, offsetof(struct identity, domain_name) },
    { "token.domain.name", CRED_TEXT, offsetof(struct identity, domain_name) },
    { "is_admin", CRED_BOOL, offsetof(struct identity, is_admin) },
    { "is_admin_project", CRED_TRUE, 0 },
    { "system_scope", CRED_SYSTEM, 0 },
    { "system", CRED_SYSTEM, 0 },
    { "roles", CRED_LIST, offsetof(struct identity, roles) },
    { "token.roles.name", CRED_LIST, offsetof(struct identity, roles) },
    { "service_roles", CRED_LIST, offsetof(struct identity, service_roles) },
};

const struct credential *credential_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(credentials); i++)
        if (!strcmp(credentials[i].name, name))
            return &credentials[i];
    return NULL;
}

static const char *const *list_of(const struct credential *credential, const struct identity *who)
{
    return *(const char *const *const *)(const void *)((const char *)who + credential->offset);
}

/* The one value of a credential that is no list; NULL is none. */
static const char *text_of(const struct credential *credential, const struct identity *who)
{
    const void *field = (const char *)who + credential->offset;

    switch (credential->kind) {
    case CRED_TEXT:
        return *(const char *const *)field;
    case CRED_BOOL:
        return *(const bool *)field ? "True" : "False";
    case CRED_SYSTEM:
        return who->system ? "all" : NULL;
    case CRED_TRUE:
        return "True";
    case CRED_LIST:
        break;
    }
    return NULL;
}

bool credential_any(const struct credential *credential, const struct identity *who, bool (*visit)(void *data, const char *value), void *data)
{
    if (credential->kind != CRED_LIST) {
        const char *text = text_of(credential, who);

        return visit(data, text ? text : "None");
    }
    for (const char *const *value = list_of(credential, who); value && *value; value++)
        if (visit(data, *value))
            return true;
    return false;
}

static json_t *list_json(const char *const *values)
{
    json_t *list = json_array();

    for (; values && *values; values++)
        json_array_append_new(list, json_string(*values));
    return list;
}

json_t *credentials_json(const struct identity *who)
{
    json_t *all = json_object();

    for (size_t i = 0; i < G_N_ELEMENTS(credentials); i++) {
        const struct credential *one = &credentials[i];
        const char *text = text_of(one, who);

        if (strchr(one->name, '.'))
            continue;
        if (one->kind == CRED_LIST)
            json_object_set_new(all, one->name, list_json(list_of(one, who)));
        else if (one->kind == CRED_BOOL || one->kind == CRED_TRUE)
            json_object_set_new(all, one->name, json_boolean(!strcmp(text, "True")));
        else
            json_object_set_new(all, one->name, text ? json_string(text) : json_null());
    }
    return all;
}
