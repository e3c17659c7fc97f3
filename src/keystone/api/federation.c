/* OS-FEDERATION's registries: service providers that trust this cloud, identity providers it trusts, and the mappings that say who
 * their users are here. Each is made by PUT, its id the path's.
 */
#include "keystone/api/projects.h"
#include "keystone/federation/mapping.h"

#include <stdlib.h>
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
    ATTR(struct identity_provider, authorization_ttl, CREATE | UPDATE | NULLABLE, .max = INT32_MAX),
    {}
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order, as they are shown. */
static raw_json remote_ids_sorted(struct ctx *c, const json_t *list)
{
    const char **ids = ctx_new_n(c, const char *, json_array_size(list) + 1);
    json_t *sorted = ctx_json(c, json_array());
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
        ids[i] = json_string_value(item);
    qsort(ids, json_array_size(list), sizeof *ids, by_text);
    for (i = 0; ids[i]; i++)
        json_array_append_new(sorted, json_string(ids[i]));
    return json_text(c, sorted);
}

static bool remote_ids_store(struct ctx *c, const struct identity_provider *p)
{
    const json_t *ids = json_of(c, p->remote_ids), *item;
    size_t i;

    if (!db_exec(c, "DELETE FROM idp_remote_ids WHERE idp_id = $1", T(p->id)))
        return false;
    json_array_foreach(ids, i, item) {
        const char *id = json_string_value(item);

        if (db_count(c, "SELECT count(*) FROM idp_remote_ids WHERE remote_id = $1", T(id)))
            return fail(c, STORE_CONFLICT, "identity_provider", ctx_printf(c, "Duplicate remote ID: %s", id));
        if (!db_exec(c, "INSERT INTO idp_remote_ids (remote_id, idp_id) VALUES ($1, $2)", T(id), T(p->id)))
            return false;
    }
    return true;
}

/* Its users live in a domain of its own, unless it is told which. */
static bool identity_provider_check(struct ctx *c, struct change *ch)
{
    struct identity_provider *p = ch->now;

    if (asked(ch, "remote_ids"))
        p->remote_ids = remote_ids_sorted(c, json_object_get(ch->asked, "remote_ids"));
    if (ch->old)
        return true;
    if (p->domain_id)
        return rest_find_any(c, &domain_resource, p->domain_id) != NULL;
    p->domain_id = uuid_new_hex(c);
    return db_exec(c, "INSERT INTO projects (id, name, description, enabled, is_domain, options) VALUES ($1, $1, $2, $3, $3, '{}')", T(p->domain_id),
                   T(ctx_printf(c, "Auto generated federated domain for Identity Provider: %s", p->id)), B(true));
}

/* Memberships its mappings gave are good for as long as it says now. */
static bool identity_provider_stored(struct ctx *c, struct change *ch)
{
    const struct identity_provider *p = ch->now;
    int64_t ttl = p->authorization_ttl.value ? p->authorization_ttl.value : keystone_options()->default_authorization_ttl;

    if (asked(ch, "remote_ids") && !remote_ids_store(c, p))
        return false;
    return !ch->old || !asked(ch, "authorization_ttl") ||
        db_exec(c, "UPDATE expiring_memberships SET expires_at = verified_at + $1 WHERE idp_id = $2", I(ttl * 60000000), T(p->id));
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
    .check = identity_provider_check, .stored = identity_provider_stored, .write = identity_provider_write,
};

/* -- mappings ------------------------------------------------------------------------------------------------------ */

struct mapping {
    char *id;
    raw_json rules;
};
static const struct attr mapping_attrs[] = {
    ATTR(struct mapping, id,    CREATE | SORT),
    ATTR(struct mapping, rules, CREATE | UPDATE | REQUIRED),
    {}
};

static void mapping_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    write_self(c, o, "OS-FEDERATION/mappings", ((const struct mapping *)record)->id);
}

/* The rules of a body, and nothing else of it; NULL with a fault where they have another shape. */
static json_t *rules_read(struct ctx *c, struct request *request)
{
    json_t *body = request_json(c, request), *mapping = json_object_get(body, "mapping");

    if (!body)
        return NULL;
    if (!mapping)
        mapping = ctx_json(c, json_object());
    return mapping_judge(c, mapping) ? ctx_json(c, json_pack("{s:O}", "rules", json_object_get(mapping, "rules"))) : NULL;
}

static bool mapping_put(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *object = rule_check(c, "identity:create_mapping", NULL) ? rules_read(c, request) : NULL;

    if (!object)
        return false;
    json_object_set_new(object, "id", json_string(request_arg(request, "id")));
    return keystone_insert(c, &mapping_resource, request, object, reply);
}

static bool mapping_update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct mapping *old = keystone_subject(c, &mapping_resource, "update", request_arg(request, "id"));
    json_t *object = old ? rules_read(c, request) : NULL;

    return object && keystone_change(c, &mapping_resource, request, old, object, reply);
}

const struct resource mapping_resource = {
    .name = "mapping", .plural = "mappings", .path = "/OS-FEDERATION/mappings", .size = sizeof(struct mapping), .attrs = mapping_attrs,
    .flags = NO_BULK | NO_CREATE, .show = keystone_show, .list = keystone_list, .update = mapping_update, .remove = keystone_remove,
    .write = mapping_write,
};

#define FEDERATION "/v3/OS-FEDERATION"
const struct route federation_routes[] = {
    { "PUT",    FEDERATION "/service_providers/{id}", keystone_put, .status = 201, .data = &service_provider_resource, .flags = ROUTE_NO_POLICY },
    { "PUT",    FEDERATION "/identity_providers/{id}", keystone_put, .status = 201, .data = &identity_provider_resource, .flags = ROUTE_NO_POLICY },
    { "PUT",    FEDERATION "/mappings/{id}", mapping_put, .status = 201, .data = &mapping_resource, .flags = ROUTE_NO_POLICY },
    {}
};
