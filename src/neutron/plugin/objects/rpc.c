/* What agents pull of versioned objects. See rpc/resources.h. */
#include "neutron/plugin/objects/objects.h"
#include "neutron/rpc/resources.h"
#include "neutron/rpc/servers.h"

static json_t *objects_asked(struct ctx *c, const json_t *args, const json_t *filters)
{
    const char *type = json_get_string(args, "resource_type"), *version = json_get_string(args, "version");
    json_t *list = objects_read(c, type, version, filters);

    if (list)
        versions_asked(type, version);
    return list;
}

static bool pull(struct ctx *c, json_t *args, json_t **ret_result)
{
    json_t *list = objects_asked(c, args, ctx_json(c, json_pack("{s:[O]}", "id", json_object_get(args, "resource_id"))));

    if (!list)
        return false;
    *ret_result = json_incref(json_array_get(list, 0));
    json_decref(list);
    return true;
}

static bool bulk_pull(struct ctx *c, json_t *args, json_t **ret_result)
{
    return (*ret_result = objects_asked(c, args, json_object_get(args, "filter_kwargs"))) != NULL;
}

const struct rpc_method resource_methods[] = {
    { RESOURCES_PULL, pull },
    { RESOURCES_BULK_PULL, bulk_pull },
    {}
};
