/* Protocols of an identity provider: by which mapping its users come in, and which attribute of their assertions names the provider. */
#include "keystone/api/api.h"
#include "keystone/federation/provider.h"

#include <string.h>

struct fields { const char *mapping_id, *remote_id_attribute; };

/* Its links leave the provider's path out, as the original's do. */
static void protocol_write(struct ctx *c, struct out *o, const char *key, const char *provider, const char *id, const struct fields *f, bool in_list)
{
    out_object(o, key);
    out_string(o, "id", id);
    if (in_list)
        out_string(o, "idp_id", provider);
    out_string(o, "mapping_id", f->mapping_id);
    if (in_list)
        out_string(o, "remote_id_attribute", f->remote_id_attribute);
    out_object(o, "links");
    out_printf(o, "self", "%s/v3/protocols/%s", c->base_url, id);
    out_printf(o, "identity_provider", "%s/v3/%s", c->base_url, provider);
    out_end_object(o);
    out_end_object(o);
}

static bool protocol_answer(struct ctx *c, const struct request *request, const struct fields *f, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->has_body = true;
    out_object(&o, NULL);
    protocol_write(c, &o, "protocol", request_arg(request, "idp_id"), request_arg(request, "protocol_id"), f, false);
    out_end_object(&o);
    return true;
}

static bool protocols_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *provider = request_arg(request, "idp_id");
    struct out o = { .to = &reply->body };
    struct rows *rows = db_query(c, "SELECT id, mapping_id, remote_id_attribute FROM federation_protocols WHERE idp_id = $1 ORDER BY id", T(provider));

    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "protocols");
    while (db_next(rows))
        protocol_write(c, &o, NULL, provider, db_text(rows, 0), &(struct fields){ db_text(rows, 1), db_text(rows, 2) }, true);
    out_end_array(&o);
    write_list_links(c, &o, request);
    out_end_object(&o);
    return !failed(c);
}

/* The protocol the path names. */
static bool protocol_find(struct ctx *c, const struct request *request, struct fields *ret_fields)
{
    const char *provider = request_arg(request, "idp_id"), *id = request_arg(request, "protocol_id");
    struct rows *rows = db_query(c, "SELECT mapping_id, remote_id_attribute FROM federation_protocols WHERE idp_id = $1 AND id = $2",
                                 T(provider), T(id));

    if (!db_next(rows))
        return fail(c, NO_PROTOCOL, id, provider);
    *ret_fields = (struct fields){ db_text(rows, 0), db_text(rows, 1) };
    db_rows_end(rows);
    return true;
}

static bool protocol_show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct fields f;

    return protocol_find(c, request, &f) && protocol_answer(c, request, &f, reply);
}

/* -- bodies -------------------------------------------------------------------------------------------------------- */

/* What the body says, over what there is. */
static bool fields_read(struct ctx *c, struct request *request, bool create, struct fields *fields)
{
    json_t *body = request_json(c, request), *object = json_object_get(body, "protocol");
    const char *mapping_id = json_get_string(object, "mapping_id"), *attribute = json_get_string(object, "remote_id_attribute");

    if (!body)
        return false;
    if (!keystone_schema_judge(c, create ? "protocol_create" : "protocol_update", object ? object : ctx_json(c, json_object())))
        return false;
    if (mapping_id && !db_count(c, "SELECT count(*) FROM mappings WHERE id = $1", T(mapping_id)))
        return !failed(c) && fail(c, VALIDATION, ctx_printf(c, "Invalid mapping id: %s", mapping_id));
    if (mapping_id)
        fields->mapping_id = mapping_id;
    if (attribute)
        fields->remote_id_attribute = attribute;
    return true;
}

/* -- changes ------------------------------------------------------------------------------------------------------- */

static bool protocol_put(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *provider = request_arg(request, "idp_id"), *id = request_arg(request, "protocol_id");
    struct fields f = {};
    struct idp ignored;

    if (!fields_read(c, request, true, &f) || !idp_get(c, provider, &ignored))
        return false;
    if (keystone_exec(c, "INSERT INTO federation_protocols (idp_id, id, mapping_id, remote_id_attribute) VALUES ($1, $2, $3, $4)",
                      T(provider), T(id), T(f.mapping_id), T(f.remote_id_attribute)))
        return protocol_answer(c, request, &f, reply);
    if (strcmp(c->fault.type, "DBDuplicateEntry"))
        return false;
    fault_clear(c);
    return fail(c, STORE_CONFLICT, "federation_protocol", ctx_printf(c, "Duplicate entry found with ID %s", id));
}

static bool protocol_update(struct ctx *c, struct request *request, struct reply *reply)
{
    struct fields f;

    return protocol_find(c, request, &f) && fields_read(c, request, false, &f) &&
        keystone_exec(c, "UPDATE federation_protocols SET mapping_id = $1, remote_id_attribute = $2 WHERE idp_id = $3 AND id = $4",
                      T(f.mapping_id), T(f.remote_id_attribute), T(request_arg(request, "idp_id")), T(request_arg(request, "protocol_id"))) &&
        protocol_answer(c, request, &f, reply);
}

static bool protocol_remove(struct ctx *c, struct request *request, struct reply *reply)
{
    struct fields f;

    return protocol_find(c, request, &f) && keystone_exec(c, "DELETE FROM federation_protocols WHERE idp_id = $1 AND id = $2",
                                                         T(request_arg(request, "idp_id")), T(request_arg(request, "protocol_id")));
}

#define PROTOCOLS "/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols"
const struct route federation_protocol_routes[] = {
    { "GET",    PROTOCOLS, protocols_list, .policy = "identity:list_protocols" },
    { "GET",    PROTOCOLS "/{protocol_id}", protocol_show, .policy = "identity:get_protocol" },
    { "PUT",    PROTOCOLS "/{protocol_id}", protocol_put, .status = 201, .policy = "identity:create_protocol" },
    { "PATCH",  PROTOCOLS "/{protocol_id}", protocol_update, .policy = "identity:update_protocol" },
    { "DELETE", PROTOCOLS "/{protocol_id}", protocol_remove, .status = 204, .flags = ROUTE_EMPTY, .policy = "identity:delete_protocol" },
    {}
};
