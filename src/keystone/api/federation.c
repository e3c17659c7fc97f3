/* OS-FEDERATION's registries: service providers that trust this cloud, identity providers it trusts, and the mappings and
 * protocols that say how. Signing in by them is not offered yet. Each is made by PUT, its id the path's.
 */
#include "keystone/api/projects.h"

#include <string.h>

/* -- service providers --------------------------------------------------------------------------------------------- */

struct service_provider {
    char *id, *auth_url, *sp_url, *description, *relay_state_prefix;
    bool enabled;
};

static bool is_url(const char *value)
{
    const char *colon = strchr(value, ':');

    return colon && g_ascii_isalpha(*value) && strncmp(colon, "://", 3) == 0 && colon[3] != '\0';
}
static const struct format format_http_url = { "^[a-zA-Z0-9+.-]+:.+", is_url };

static const struct attr service_provider_attrs[] = {
    ATTR(struct service_provider, id,                 CREATE | FILTER | SORT),
    ATTR(struct service_provider, auth_url,           CREATE | UPDATE | REQUIRED, .max = 225, .format = &format_http_url),
    ATTR(struct service_provider, sp_url,             CREATE | UPDATE | REQUIRED, .max = 225, .format = &format_http_url),
    ATTR(struct service_provider, description,        CREATE | UPDATE | NULLABLE),
    ATTR(struct service_provider, enabled,            CREATE | UPDATE | FILTER, .unset = "false"),
    ATTR(struct service_provider, relay_state_prefix, CREATE | UPDATE | NULLABLE, .unset = "ss:mem:"),
    {}
};

static void service_provider_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    write_self(c, o, "OS-FEDERATION/service_providers", ((const struct service_provider *)record)->id);
}

const struct resource service_provider_resource = {
    .name = "service_provider", .plural = "service_providers", .path = "/OS-FEDERATION/service_providers", .size = sizeof(struct service_provider),
    .attrs = service_provider_attrs, .flags = NO_BULK | NO_CREATE, KEYSTONE_VERBS, .write = service_provider_write,
};

/* -- identity providers -------------------------------------------------------------------------------------------- */

struct identity_provider {
    char *id, *domain_id, *description;
    bool enabled;
    opt_int authorization_ttl;
    raw_json remote_ids;
};
static const struct attr identity_provider_attrs[] = {
    ATTR(struct identity_provider, id,                CREATE | FILTER | SORT),
    ATTR(struct identity_provider, domain_id,         CREATE | NULLABLE, .min = 1, .max = 64),
    ATTR(struct identity_provider, description,       CREATE | UPDATE | NULLABLE),
    ATTR(struct identity_provider, enabled,           CREATE | UPDATE | FILTER, .unset = "false"),
    ATTR(struct identity_provider, remote_ids,        CREATE | UPDATE | NULLABLE, .unset = "[]"),
    ATTR(struct identity_provider, authorization_ttl, CREATE | UPDATE | NULLABLE),
    {}
};

/* Its users live in a domain of its own, unless it is told which. */
static bool identity_provider_check(struct ctx *c, struct change *ch)
{
    struct identity_provider *p = ch->now;
    const json_t *remote_ids = json_object_get(ch->asked, "remote_ids");

    if (remote_ids && !json_is_array(remote_ids) && !json_is_null(remote_ids))
        return fail(c, INVALID_FIELD, "remote_ids", "it is not of type 'array', 'null'");
    if (!p->remote_ids.text)
        p->remote_ids.text = ctx_strdup(c, "[]");
    if (ch->old)
        return true;
    if (p->domain_id)
        return rest_find_any(c, &domain_resource, p->domain_id) != NULL;
    p->domain_id = uuid_new_hex(c);
    return db_exec(c, "INSERT INTO projects (id, name, description, enabled, is_domain, options) VALUES ($1, $1, $2, $3, $3, '{}')", T(p->domain_id),
                   T(ctx_printf(c, "Auto generated federated domain for Identity Provider: %s", p->id)), B(true));
}

static void identity_provider_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct identity_provider *p = record;

    out_object(o, "links");
    out_printf(o, "self", "%s/v3/OS-FEDERATION/identity_providers/%s", c->base_url, p->id);
    out_printf(o, "protocols", "%s/v3/OS-FEDERATION/identity_providers/%s/protocols", c->base_url, p->id);
    out_end_object(o);
}

const struct resource identity_provider_resource = {
    .name = "identity_provider", .plural = "identity_providers", .path = "/OS-FEDERATION/identity_providers",
    .size = sizeof(struct identity_provider), .attrs = identity_provider_attrs, .flags = NO_BULK | NO_CREATE, KEYSTONE_VERBS,
    .check = identity_provider_check, .write = identity_provider_write,
};

/* -- mappings ------------------------------------------------------------------------------------------------------ */

struct mapping {
    char *id;
    raw_json rules;
};
static const struct attr mapping_attrs[] = {
    ATTR(struct mapping, id,    CREATE | FILTER | SORT),
    ATTR(struct mapping, rules, CREATE | UPDATE | REQUIRED),
    {}
};

/* Each rule says what it makes (local) of what (remote). */
static bool mapping_check(struct ctx *c, struct change *ch)
{
    const json_t *rules = json_object_get(ch->asked, "rules"), *rule;
    size_t i;

    if (rules && (!json_is_array(rules) || !json_array_size(rules)))
        return fail(c, VALIDATION, "[] is too short");
    json_array_foreach(rules, i, rule)
        if (!json_is_array(json_object_get(rule, "local")) || !json_is_array(json_object_get(rule, "remote")) ||
            !json_array_size(json_object_get(rule, "remote")))
            return fail(c, VALIDATION, "a rule has a 'local' and a 'remote' list");
    return true;
}

static void mapping_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    write_self(c, o, "OS-FEDERATION/mappings", ((const struct mapping *)record)->id);
}

const struct resource mapping_resource = {
    .name = "mapping", .plural = "mappings", .path = "/OS-FEDERATION/mappings", .size = sizeof(struct mapping), .attrs = mapping_attrs,
    .flags = NO_BULK | NO_CREATE, KEYSTONE_VERBS, .check = mapping_check, .write = mapping_write,
};

/* -- protocols of an identity provider ----------------------------------------------------------------------------- */

static void protocol_write(struct ctx *c, struct out *o, const char *key, const char *provider, const char *id, const char *mapping)
{
    out_object(o, key);
    out_string(o, "id", id);
    out_string(o, "mapping_id", mapping);
    out_object(o, "links");
    out_printf(o, "self", "%s/v3/OS-FEDERATION/identity_providers/%s/protocols/%s", c->base_url, provider, id);
    out_printf(o, "identity_provider", "%s/v3/OS-FEDERATION/identity_providers/%s", c->base_url, provider);
    out_end_object(o);
    out_end_object(o);
}

static bool protocol_answer(struct ctx *c, const struct request *request, const char *mapping, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    protocol_write(c, &o, "protocol", request_arg(request, "idp_id"), request_arg(request, "protocol_id"), mapping);
    out_end_object(&o);
    return true;
}

static bool protocols_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *provider = request_arg(request, "idp_id");
    struct out o = { .to = &reply->body };

    if (!rest_find_any(c, &identity_provider_resource, provider))
        return false;
    struct rows *rows = db_query(c, "SELECT id, mapping_id FROM federation_protocols WHERE idp_id = $1 ORDER BY id", T(provider));
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "protocols");
    while (db_next(rows))
        protocol_write(c, &o, NULL, provider, db_text(rows, 0), db_text(rows, 1));
    out_end_array(&o);
    write_list_links(c, &o, request);
    out_end_object(&o);
    return !failed(c);
}

/* The mapping of the protocol the path names; NULL with a fault. */
static const char *protocol_mapping(struct ctx *c, const struct request *request)
{
    const char *provider = request_arg(request, "idp_id"), *id = request_arg(request, "protocol_id");
    const char *mapping = db_get_text(c, "SELECT mapping_id FROM federation_protocols WHERE idp_id = $1 AND id = $2", T(provider), T(id));

    if (!mapping && !failed(c))
        fail(c, NOT_FOUND, ctx_printf(c, "Could not find federated protocol %s for Identity Provider: %s.", id, provider));
    return mapping;
}

static bool protocol_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *mapping = protocol_mapping(c, request);

    return mapping && protocol_answer(c, request, mapping, reply);
}

/* The mapping a body names, which is there. */
static const char *mapping_asked(struct ctx *c, struct request *request)
{
    json_t *body = request_json(c, request), *value = json_object_get(json_object_get(body, "protocol"), "mapping_id");

    if (!body)
        return NULL;
    if (!json_is_string(value))
        return fail_null(c, SCHEMA, "'mapping_id' is a required property");
    if (rest_find_any(c, &mapping_resource, json_string_value(value)))
        return json_string_value(value);
    if (c->fault.status != 404)
        return NULL;
    fault_clear(c);
    return fail_null(c, VALIDATION, ctx_printf(c, "Invalid mapping id: %s", json_string_value(value)));
}

static bool protocol_put(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *provider = request_arg(request, "idp_id"), *id = request_arg(request, "protocol_id"), *mapping;

    if (!rest_find_any(c, &identity_provider_resource, provider) || !(mapping = mapping_asked(c, request)))
        return false;
    if (keystone_exec(c, "INSERT INTO federation_protocols (idp_id, id, mapping_id) VALUES ($1, $2, $3)", T(provider), T(id), T(mapping)))
        return protocol_answer(c, request, mapping, reply);
    if (strcmp(c->fault.type, "DBDuplicateEntry"))
        return false;
    fault_clear(c);
    return fail(c, STORE_CONFLICT, "federation_protocol", ctx_printf(c, "Duplicate entry found with ID %s", id));
}

static bool protocol_update(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *mapping = protocol_mapping(c, request) ? mapping_asked(c, request) : NULL;

    return mapping && keystone_exec(c, "UPDATE federation_protocols SET mapping_id = $1 WHERE idp_id = $2 AND id = $3", T(mapping),
                                    T(request_arg(request, "idp_id")), T(request_arg(request, "protocol_id"))) &&
        protocol_answer(c, request, mapping, reply);
}

static bool protocol_remove(struct ctx *c, struct request *request, struct reply *reply)
{
    return protocol_mapping(c, request) && keystone_exec(c, "DELETE FROM federation_protocols WHERE idp_id = $1 AND id = $2",
                                                         T(request_arg(request, "idp_id")), T(request_arg(request, "protocol_id")));
}

#define FEDERATION "/v3/OS-FEDERATION"
#define PROTOCOLS FEDERATION "/identity_providers/{idp_id}/protocols"
const struct route federation_routes[] = {
    { "PUT",    FEDERATION "/service_providers/{id}", keystone_put, .status = 201, .data = &service_provider_resource, .flags = ROUTE_NO_POLICY },
    { "PUT",    FEDERATION "/identity_providers/{id}", keystone_put, .status = 201, .data = &identity_provider_resource, .flags = ROUTE_NO_POLICY },
    { "PUT",    FEDERATION "/mappings/{id}", keystone_put, .status = 201, .data = &mapping_resource, .flags = ROUTE_NO_POLICY },
    { "GET",    PROTOCOLS, protocols_list, .policy = "identity:list_protocols" },
    { "GET",    PROTOCOLS "/{protocol_id}", protocol_show, .policy = "identity:get_protocol" },
    { "PUT",    PROTOCOLS "/{protocol_id}", protocol_put, .status = 201, .policy = "identity:create_protocol" },
    { "PATCH",  PROTOCOLS "/{protocol_id}", protocol_update, .policy = "identity:update_protocol" },
    { "DELETE", PROTOCOLS "/{protocol_id}", protocol_remove, .status = 204, .flags = ROUTE_EMPTY, .policy = "identity:delete_protocol" },
    {}
};
