/* What this Glance can do: import methods, stores, usage; and the published schemas. */
#include "glance/model/schema.h"
#include "glance/model/store.h"

static bool import_show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out out = { .to = &reply->body };

    out_object(&out, NULL);
    out_object(&out, "import-methods");
    out_string(&out, "description", "Import methods available.");
    out_string(&out, "type", "array");
    out_raw(&out, "value", "[\"glance-direct\", \"web-download\", \"copy-image\"]");
    out_end_object(&out);
    out_end_object(&out);
    reply->has_body = true;
    return true;
}

static void write_stores(struct ctx *c, struct reply *reply, bool detail)
{
    struct out out = { .to = &reply->body };

    out_object(&out, NULL);
    out_array(&out, "stores");
    out_object(&out, NULL);
    out_string(&out, "id", STORE);
    out_string(&out, "default", "true");
    if (detail) {
        out_string(&out, "type", "file");
        out_object(&out, "properties");
        out_string(&out, "data_dir", store_directory(c));
        out_int(&out, "chunk_size", 65536);
        out_bool(&out, "thin_provisioning", false);
        out_end_object(&out);
    }
    out_end_object(&out);
    out_end_array(&out);
    out_end_object(&out);
    reply->has_body = true;
}

static bool stores_show(struct ctx *c, struct request *request, struct reply *reply)
{
    write_stores(c, reply, false);
    return true;
}

static bool stores_show_detail(struct ctx *c, struct request *request, struct reply *reply)
{
    write_stores(c, reply, true);
    return true;
}

/* Without limits registered in Keystone there is nothing to tell, as in the original. */
static bool usage_show(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_text(reply, "application/json", "{\"usage\": {}}");
    return true;
}

static bool schema_show(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_text(reply, "application/json", glance_schema_text(request->route->data));
    return true;
}

const struct route glance_info_routes[] = {
    { "GET", "info/import", import_show, .flags = ROUTE_NO_POLICY },
    { "GET", "info/stores", stores_show, .flags = ROUTE_NO_POLICY },
    { "GET", "info/stores/detail", stores_show_detail, .policy = "stores_info_detail" },
    { "GET", "info/usage", usage_show, .flags = ROUTE_NO_POLICY },
    {}
};

#define SCHEMA(path, file) { "GET", "schemas/" path, schema_show, .flags = ROUTE_NO_POLICY, .data = file }
const struct route glance_schema_routes[] = {
    SCHEMA("image", "image"), SCHEMA("images", "images"), SCHEMA("member", "member"), SCHEMA("members", "members"),
    SCHEMA("task", "task"), SCHEMA("tasks", "tasks"),
    SCHEMA("metadefs/namespace", "metadef_namespace"), SCHEMA("metadefs/namespaces", "metadef_namespaces"),
    SCHEMA("metadefs/resource_type", "metadef_resource_type"), SCHEMA("metadefs/resource_types", "metadef_resource_types"),
    SCHEMA("metadefs/object", "metadef_object"), SCHEMA("metadefs/objects", "metadef_objects"),
    SCHEMA("metadefs/property", "metadef_property"), SCHEMA("metadefs/properties", "metadef_properties"),
    SCHEMA("metadefs/tag", "metadef_tag"), SCHEMA("metadefs/tags", "metadef_tags"),
    {}
};
