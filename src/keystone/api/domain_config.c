/* /v3/domains/{id}/config: options of one domain (where its users come from), as groups of options. Kept and answered; Nacre's
 * users come from its own database, so that no option changes what it does.
 */
#include "keystone/api/projects.h"

#include <string.h>

/* Every option there is, and the value it has where nobody sets it, as JSON. */
static const struct option { const char *group, *name, *value; } options[] = {
    { "identity", "driver", "\"sql\"" },
    { "identity", "list_limit", "null" },
    { "ldap", "url", "\"ldap://localhost\"" },
    { "ldap", "user", "null" },
    { "ldap", "suffix", "\"cn=example,cn=com\"" },
    { "ldap", "query_scope", "\"one\"" },
    { "ldap", "page_size", "0" },
    { "ldap", "alias_dereferencing", "\"default\"" },
    { "ldap", "debug_level", "null" },
    { "ldap", "chase_referrals", "null" },
    { "ldap", "user_tree_dn", "null" },
    { "ldap", "user_filter", "null" },
    { "ldap", "user_objectclass", "\"inetOrgPerson\"" },
    { "ldap", "user_id_attribute", "\"cn\"" },
    { "ldap", "user_name_attribute", "\"sn\"" },
    { "ldap", "user_mail_attribute", "\"mail\"" },
    { "ldap", "user_description_attribute", "\"description\"" },
    { "ldap", "user_pass_attribute", "\"userPassword\"" },
    { "ldap", "user_enabled_attribute", "\"enabled\"" },
    { "ldap", "user_enabled_invert", "false" },
    { "ldap", "user_enabled_mask", "0" },
    { "ldap", "user_enabled_default", "\"True\"" },
    { "ldap", "user_attribute_ignore", "[\"default_project_id\"]" },
    { "ldap", "user_default_project_id_attribute", "null" },
    { "ldap", "user_enabled_emulation", "false" },
    { "ldap", "user_enabled_emulation_dn", "null" },
    { "ldap", "user_enabled_emulation_use_group_config", "false" },
    { "ldap", "user_additional_attribute_mapping", "[]" },
    { "ldap", "group_tree_dn", "null" },
    { "ldap", "group_filter", "null" },
    { "ldap", "group_objectclass", "\"groupOfNames\"" },
    { "ldap", "group_id_attribute", "\"cn\"" },
    { "ldap", "group_name_attribute", "\"ou\"" },
    { "ldap", "group_members_are_ids", "false" },
    { "ldap", "group_member_attribute", "\"member\"" },
    { "ldap", "group_desc_attribute", "\"description\"" },
    { "ldap", "group_attribute_ignore", "[]" },
    { "ldap", "group_additional_attribute_mapping", "[]" },
    { "ldap", "tls_cacertfile", "null" },
    { "ldap", "tls_cacertdir", "null" },
    { "ldap", "use_tls", "false" },
    { "ldap", "tls_req_cert", "\"demand\"" },
    { "ldap", "use_pool", "true" },
    { "ldap", "pool_size", "10" },
    { "ldap", "pool_retry_max", "3" },
    { "ldap", "pool_retry_delay", "0.1" },
    { "ldap", "pool_connection_timeout", "-1" },
    { "ldap", "pool_connection_lifetime", "600" },
    { "ldap", "use_auth_pool", "true" },
    { "ldap", "auth_pool_size", "100" },
    { "ldap", "auth_pool_connection_lifetime", "60" },
    { "ldap", "password", NULL },    /* taken, never shown */
    {}
};

#define INVALID_CONFIG 403, "InvalidDomainConfig", "Invalid domain specific configuration: %s."

static const struct option *option_find(const char *group, const char *name)
{
    for (const struct option *o = options; o->group; o++)
        if (!strcmp(o->group, group) && (!name || !strcmp(o->name, name)))
            return o;
    return NULL;
}

/* Is what the path names an option or group there is? */
static bool path_judge(struct ctx *c, const char *group, const char *name)
{
    if (group && !option_find(group, NULL))
        return fail(c, INVALID_CONFIG, ctx_printf(c, "Group %s is not supported for domain specific configurations", group));
    if (name && !option_find(group, name))
        return fail(c, INVALID_CONFIG, ctx_printf(c, "Option %s in group %s is not supported for domain specific configurations", name, group));
    return true;
}

/* Groups of options, each known; at least one. */
static bool config_judge(struct ctx *c, const json_t *config)
{
    const char *group, *name;
    json_t *members, *value;

    if (!json_is_object(config) || !json_object_size(config))
        return fail(c, INVALID_CONFIG, "No options specified");
    json_object_foreach((json_t *)config, group, members) {
        if (!json_is_object(members) || !json_object_size(members))
            return fail(c, INVALID_CONFIG, ctx_printf(c, "The value of group %s specified in the config should be a dictionary of options", group));
        json_object_foreach(members, name, value)
            if (!path_judge(c, group, name))
                return false;
    }
    return true;
}

static bool domain_there(struct ctx *c, const char *id)
{
    const struct project *p = rest_find_any(c, &domain_resource, id);

    return p && (p->is_domain || fail(c, NO_SUCH, "domain", id));
}

static const char *what(struct ctx *c, const char *group, const char *name)
{
    return name ? ctx_printf(c, "option %s in group %s", name, group) : group ? ctx_printf(c, "group %s", group) : "any options";
}

/* {"ldap": {"url": ...}} of what the domain has; secrets stay. */
static json_t *config_read(struct ctx *c, const char *domain_id, const char *group, const char *name)
{
    struct rows *rows = db_query(c, "SELECT group_name, name, value FROM domain_options WHERE domain_id = $1", T(domain_id));
    json_t *config = ctx_json(c, json_object());

    while (db_next(rows)) {
        const char *in = db_text(rows, 0), *option = db_text(rows, 1);
        const struct option *known = option_find(in, option);

        if ((group && strcmp(group, in)) || (name && strcmp(name, option)) || !known || !known->value)
            continue;
        if (!json_object_get(config, in))
            json_object_set_new(config, in, json_object());
        json_object_set(json_object_get(config, in), option, json_of(c, (raw_json){ db_text(rows, 2) }));
    }
    return failed(c) ? NULL : config;
}

/* A value with "%(password)s" and the like replaced by the domain's sensitive options. */
static json_t *filled_in(struct ctx *c, const json_t *value, const json_t *secrets)
{
    const char *text = json_string_value(value), *name;
    json_t *secret;

    json_object_foreach((json_t *)secrets, name, secret) {
        const char *mark = ctx_printf(c, "%%(%s)s", name), *at = text ? strstr(text, mark) : NULL;

        if (at && json_is_string(secret))
            text = ctx_printf(c, "%.*s%s%s", (int)(at - text), text, json_string_value(secret), at + strlen(mark));
    }
    return text ? ctx_json(c, json_string(text)) : (json_t *)value;
}

json_t *domain_config_effective(struct ctx *c, const char *domain_id)
{
    json_t *config = ctx_json(c, json_object()), *secrets = ctx_json(c, json_object()), *members, *value;
    const char *group, *name;

    for (const struct option *o = options; o->group; o++) {
        if (!json_object_get(config, o->group))
            json_object_set_new(config, o->group, json_object());
        json_object_set(json_object_get(config, o->group), o->name, o->value ? json_of(c, (raw_json){ (char *)o->value }) : json_null());
    }
    struct rows *rows = db_query(c, "SELECT group_name, name, value FROM domain_options WHERE domain_id = $1", T(domain_id));
    while (db_next(rows)) {
        const struct option *known = option_find(db_text(rows, 0), db_text(rows, 1));

        if (known)
            json_object_set(json_object_get(config, known->group), known->name, json_of(c, (raw_json){ db_text(rows, 2) }));
        if (known && !known->value)
            json_object_set(secrets, known->name, json_of(c, (raw_json){ db_text(rows, 2) }));
    }
    json_object_foreach(config, group, members)
        json_object_foreach(members, name, value)
            json_object_set(members, name, filled_in(c, value, secrets));
    return failed(c) ? NULL : config;
}

static void answer(struct ctx *c, const json_t *config, const char *group, const char *name, struct reply *reply)
{
    json_t *shown = name ? json_object_get(config, group) : (json_t *)config;
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    out_json(&o, "config", shown);
    out_end_object(&o);
}

struct path { const char *domain_id, *group, *name; };

static struct path path_of(const struct request *request)
{
    struct path path = {};

    for (const struct pair *arg = request->args; arg->name; arg++) {
        if (!strcmp(arg->name, "domain_id"))
            path.domain_id = arg->value;
        if (!strcmp(arg->name, "group"))
            path.group = arg->value;
        if (!strcmp(arg->name, "option"))
            path.name = arg->value;
    }
    return path;
}

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct path p = path_of(request);
    json_t *config;

    if (!path_judge(c, p.group, p.name) || !(config = config_read(c, p.domain_id, p.group, p.name)))
        return false;
    if (!json_object_size(config))
        return fail(c, NOT_FOUND, ctx_printf(c, "Could not find %s in domain configuration for domain %s.", what(c, p.group, p.name), p.domain_id));
    answer(c, config, p.group, p.name, reply);
    return true;
}

static bool options_store(struct ctx *c, const char *domain_id, const json_t *config)
{
    const char *group, *name;
    json_t *members, *value;

    json_object_foreach((json_t *)config, group, members)
        json_object_foreach(members, name, value)
            if (!db_exec(c, "INSERT INTO domain_options (domain_id, group_name, name, value) VALUES ($1, $2, $3, $4)"
                         " ON CONFLICT (domain_id, group_name, name) DO UPDATE SET value = excluded.value",
                         T(domain_id), T(group), T(name), T(json_text(c, value).text)))
                return false;
    return true;
}

static bool store(struct ctx *c, const char *domain_id, const json_t *config, bool afresh)
{
    if (!db_begin(c))
        return false;
    if ((!afresh || db_exec(c, "DELETE FROM domain_options WHERE domain_id = $1", T(domain_id))) && options_store(c, domain_id, config))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    struct path p = path_of(request);
    json_t *body, *config, *before;

    if (!domain_there(c, p.domain_id) || !(body = request_json(c, request)))
        return false;
    config = json_object_get(body, "config");
    if (!config_judge(c, config) || !(before = config_read(c, p.domain_id, NULL, NULL)) || !store(c, p.domain_id, config, true) ||
        !(config = config_read(c, p.domain_id, NULL, NULL)))
        return false;
    answer(c, config, NULL, NULL, reply);
    reply->status = json_object_size(before) ? 200 : 201;
    return true;
}

/* What a change of one group or option brings is in it, and is there already. */
static bool change_judge(struct ctx *c, const struct path *p, json_t **config)
{
    json_t *there = config_read(c, p->domain_id, p->group, p->name);

    if (!there)
        return false;
    if (p->name && json_is_object(*config))
        *config = ctx_json(c, json_pack("{s:O}", p->group, *config));
    if (!config_judge(c, *config))
        return false;
    const json_t *members = p->group ? json_object_get(*config, p->group) : NULL;
    if (p->group && !p->name && json_object_size(*config) != 1)
        return fail(c, INVALID_CONFIG, ctx_printf(c, "Trying to update group %s, so that, and only that, group must be specified in the config", p->group));
    if (p->group && !members)
        return fail(c, INVALID_CONFIG, ctx_printf(c, "request to update group %s, but config provided contains group %s instead", p->group,
                                                  json_object_iter_key(json_object_iter(*config))));
    if (p->name && json_object_size(members) != 1)
        return fail(c, INVALID_CONFIG, ctx_printf(c, "Trying to update option %s in group %s, so that, and only that, option must be specified  in the config",
                                                  p->name, p->group));
    if (p->name && !json_object_get(members, p->name))
        return fail(c, INVALID_CONFIG, ctx_printf(c, "Trying to update option %s in group %s, but config provided contains option %s instead", p->name,
                                                  p->group, json_object_iter_key(json_object_iter((json_t *)members))));
    if (p->group && !json_object_size(there))
        return fail(c, NOT_FOUND, ctx_printf(c, "Could not find %s in domain configuration for domain %s.", what(c, p->group, p->name), p->domain_id));
    return true;
}

static bool update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct path p = path_of(request);
    json_t *body, *config;

    if (!domain_there(c, p.domain_id) || !path_judge(c, p.group, p.name) || !(body = request_json(c, request)))
        return false;
    config = json_object_get(body, "config");
    if (!change_judge(c, &p, &config) || !store(c, p.domain_id, config, false) || !(config = config_read(c, p.domain_id, NULL, NULL)))
        return false;
    answer(c, config, NULL, NULL, reply);
    return true;
}

static bool drop(struct ctx *c, struct request *request, struct reply *reply)
{
    struct path p = path_of(request);
    json_t *there;

    if (!domain_there(c, p.domain_id) || !path_judge(c, p.group, p.name) || !(there = config_read(c, p.domain_id, p.group, p.name)))
        return false;
    if (p.group && !json_object_size(there))
        return fail(c, NOT_FOUND, ctx_printf(c, "Could not find %s in domain configuration for domain %s.", what(c, p.group, p.name), p.domain_id));
    return keystone_exec(c, "DELETE FROM domain_options WHERE domain_id = $1 AND ($2 = '' OR group_name = $2) AND ($3 = '' OR name = $3)",
                         T(p.domain_id), T(p.group ? p.group : ""), T(p.name ? p.name : ""));
}

static bool show_default(struct ctx *c, struct request *request, struct reply *reply)
{
    struct path p = path_of(request);
    json_t *config = ctx_json(c, json_object());

    if (!path_judge(c, p.group, p.name))
        return false;
    if (p.name && !option_find(p.group, p.name)->value)
        return fail(c, INVALID_CONFIG, ctx_printf(c, "Reading the default for option %s in group %s is not supported", p.name, p.group));
    for (const struct option *o = options; o->group; o++) {
        if (!o->value || (p.group && strcmp(p.group, o->group)) || (p.name && strcmp(p.name, o->name)))
            continue;
        if (!json_object_get(config, o->group))
            json_object_set_new(config, o->group, json_object());
        json_object_set(json_object_get(config, o->group), o->name, json_of(c, (raw_json){ (char *)o->value }));
    }
    answer(c, config, p.group, p.name, reply);
    return true;
}

/* What users may know of the rules for passwords: there are none here, so that each is null. */
static bool show_compliance(struct ctx *c, struct request *request, struct reply *reply)
{
    static const char *const names[] = { "password_regex", "password_regex_description" };
    struct path p = path_of(request);
    json_t *members = ctx_json(c, json_object());

    if (!domain_there(c, p.domain_id))
        return false;
    if (strcmp(p.domain_id, DEFAULT_DOMAIN))
        return fail(c, INVALID_CONFIG, "Reading security compliance information for any domain other than the default domain is not allowed or supported.");
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (!p.name || !strcmp(p.name, names[i]))
            json_object_set_new(members, names[i], json_null());
    if (!json_object_size(members))
        return fail(c, INVALID_CONFIG, ctx_printf(c, "Reading security compliance values other than password_regex and password_regex_description"
                                                  " is not allowed."));
    answer(c, p.name ? members : ctx_json(c, json_pack("{s:O}", "security_compliance", members)), NULL, NULL, reply);
    return true;
}

#define CONFIG "/v3/domains/{domain_id}/config"
const struct route domain_config_routes[] = {
    { "GET",    "/v3/domains/config/default", show_default, .policy = "identity:get_domain_config_default" },
    { "GET",    "/v3/domains/config/{group}/default", show_default, .policy = "identity:get_domain_config_default" },
    { "GET",    "/v3/domains/config/{group}/{option}/default", show_default, .policy = "identity:get_domain_config_default" },
    { "PUT",    CONFIG, create, .policy = "identity:create_domain_config" },
    { "GET",    CONFIG, show, .policy = "identity:get_domain_config" },
    { "PATCH",  CONFIG, update, .policy = "identity:update_domain_config" },
    { "DELETE", CONFIG, drop, .status = 204, .flags = ROUTE_EMPTY, .policy = "identity:delete_domain_config" },
    { "GET",    CONFIG "/security_compliance", show_compliance, .policy = "identity:get_security_compliance_domain_config" },
    { "GET",    CONFIG "/security_compliance/{option}", show_compliance, .policy = "identity:get_security_compliance_domain_config" },
    { "GET",    CONFIG "/{group}", show, .policy = "identity:get_domain_config" },
    { "PATCH",  CONFIG "/{group}", update, .policy = "identity:update_domain_config" },
    { "DELETE", CONFIG "/{group}", drop, .status = 204, .flags = ROUTE_EMPTY, .policy = "identity:delete_domain_config" },
    { "GET",    CONFIG "/{group}/{option}", show, .policy = "identity:get_domain_config" },
    { "PATCH",  CONFIG "/{group}/{option}", update, .policy = "identity:update_domain_config" },
    { "DELETE", CONFIG "/{group}/{option}", drop, .status = 204, .flags = ROUTE_EMPTY, .policy = "identity:delete_domain_config" },
    {}
};
