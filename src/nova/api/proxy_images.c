/* /images, until 2.35 (their metadata until 2.38): Glance's images in Nova's words. */
#include "nova/api/create.h"

#include "oslo/client/client.h"

#include <string.h>

/* Members of an image's document that are not its metadata. */
static const char *const own_members[] = {
    "id", "name", "status", "visibility", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "os_hidden", "protected",
    "owner", "tags", "created_at", "updated_at", "self", "file", "schema", "direct_url", "locations", "stores", "min_ram", "min_disk",
    "disk_format", "container_format", NULL
};

static json_t *metadata_of(struct ctx *c, json_t *image)
{
    json_t *metadata = ctx_json(c, json_object()), *value;
    const char *key;

    json_object_foreach(image, key, value)
        if (!text_in(key, own_members))
            json_object_set(metadata, key, value);
    return metadata;
}

static const struct {
    const char *glance, *nova;
    int progress;
} statuses[] = {
    { "queued", "SAVING", 25 }, { "saving", "SAVING", 50 }, { "importing", "SAVING", 50 }, { "uploading", "SAVING", 50 },
    { "active", "ACTIVE", 100 }, { "deactivated", "ACTIVE", 100 }, { "killed", "ERROR", 0 }, { "deleted", "DELETED", 0 },
    { "pending_delete", "DELETED", 0 },
};

static void write_status(struct out *o, const char *glance)
{
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
        if (text_equal(statuses[i].glance, glance)) {
            out_string(o, "status", statuses[i].nova);
            out_int(o, "progress", statuses[i].progress);
            return;
        }
    out_string(o, "status", "UNKNOWN");
    out_int(o, "progress", 0);
}

static void write_image_links(struct ctx *c, struct out *o, const char *id)
{
    const struct service *glance = service_find("image");

    out_array(o, "links");
    for (const char *const *rel = (const char *const[]){ "self", "bookmark", "alternate", NULL }; *rel; rel++) {
        out_object(o, NULL);
        out_string(o, "rel", *rel);
        if (strcmp(*rel, "alternate") == 0)
            out_string(o, "type", "application/vnd.openstack.image");
        if (strcmp(*rel, "alternate") == 0)
            out_printf(o, "href", "%s/images/%s", glance ? service_url(c, glance) : "", id);
        else
            out_printf(o, "href", "%s%s/images/%s", c->base_url, strcmp(*rel, "self") == 0 ? nova.endpoint : "", id);
        out_end_object(o);
    }
    out_end_array(o);
}

static void write_server(struct ctx *c, struct out *o, const char *uuid)
{
    if (!uuid)
        return;
    out_object(o, "server");
    out_string(o, "id", uuid);
    out_array(o, "links");
    for (int i = 0; i < 2; i++) {
        out_object(o, NULL);
        out_string(o, "rel", i ? "bookmark" : "self");
        out_printf(o, "href", "%s%s/servers/%s", c->base_url, i ? "" : nova.endpoint, uuid);
        out_end_object(o);
    }
    out_end_array(o);
    out_end_object(o);
}

static void write_image(struct ctx *c, struct out *o, const char *key, json_t *image, bool detail)
{
    const char *id = json_get_string(image, "id");

    out_object(o, key);
    out_string(o, "id", id);
    out_string(o, "name", json_get_string(image, "name"));
    if (detail) {
        out_int(o, "minRam", json_get_int(image, "min_ram", 0));
        out_int(o, "minDisk", json_get_int(image, "min_disk", 0));
        out_json(o, "metadata", metadata_of(c, image));
        out_string(o, "created", json_get_string(image, "created_at"));
        out_string(o, "updated", json_get_string(image, "updated_at"));
        write_status(o, json_get_string(image, "status"));
        out_int(o, "OS-EXT-IMG-SIZE:size", json_get_int(image, "size", 0));
        write_server(c, o, json_get_string(image, "instance_uuid"));
    }
    write_image_links(c, o, id);
    out_end_object(o);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

/* Nova's filters are Glance's by other names; a server is given by its URL or id. */
static char *glance_query(struct ctx *c, struct request *rq)
{
    struct buf text = {};
    char *result;

    for (const struct pair *p = rq->query; p && p->name; p++) {
        const char *name = p->name, *value = p->value, *prefix = "";

        if (strcmp(name, "minRam") == 0)
            name = "min_ram";
        else if (strcmp(name, "minDisk") == 0)
            name = "min_disk";
        else if (strcmp(name, "changes-since") == 0) {
            name = "updated_at";
            prefix = "gte:";
        } else if (strcmp(name, "server") == 0) {
            name = "instance_uuid";
            value = strrchr(value, '/') ? strrchr(value, '/') + 1 : value;
        } else if (strcmp(name, "type") == 0)
            name = "image_type";
        else if (strcmp(name, "status") == 0)
            value = g_ascii_strcasecmp(value, "SAVING") == 0 ? "queued" : ctx_own(c, g_ascii_strdown(value, -1), g_free);
        else if (strcmp(name, "name") != 0 && strcmp(name, "limit") != 0 && strcmp(name, "marker") != 0 && strncmp(name, "property-", 9) != 0)
            continue;
        if (strncmp(name, "property-", 9) == 0)
            name += 9;
        buf_printf(&text, "&%s=%s%s", name, prefix, client_quote(c, value));
    }
    result = ctx_strdup(c, text.data ? text.data : "");
    buf_clear(&text);
    return result;
}

static bool images_answer(struct ctx *c, struct request *rq, struct reply *rp, bool detail)
{
    json_t *reply, *images, *image, *query = ctx_json(c, json_object());
    struct out o;
    size_t i, n;

    for (const struct pair *p = rq->query; p && p->name; p++)
        json_object_set_new(query, p->name, json_pack("[s]", p->value));
    reply = client_get(c, "image", "/v2/images?sort_key=created_at%s", glance_query(c, rq));
    if (!reply) {
        if (c->fault.status == 400 && query_last(query, "marker"))
            fault_clear(c), fail(c, BAD_REQUEST, ctx_printf(c, "marker [%s] not found", query_last(query, "marker")));
        return false;
    }
    images = json_object_get(reply, "images");
    n = json_array_size(images);
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "images");
    json_array_foreach(images, i, image)
        write_image(c, &o, NULL, image, detail);
    out_end_array(&o);
    write_next(c, rq, &o, "images_links", detail ? "images/detail" : "images", query, n,
               n ? json_get_string(json_array_get(images, n - 1), "id") : NULL);
    out_end_object(&o);
    return true;
}

static bool images_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    return images_answer(c, rq, rp, false);
}

static bool images_detail(struct ctx *c, struct request *rq, struct reply *rp)
{
    return images_answer(c, rq, rp, true);
}

/* --- one ---------------------------------------------------------------------------------------------------------- */

static json_t *proxied(struct ctx *c, struct request *rq)
{
    json_t *image = image_get(c, request_arg(rq, "id"));

    if (!image && strcmp(c->fault.type, "ImageNotFound") == 0) {
        fault_clear(c);
        return fail_null(c, NOT_FOUND_TEXT, "Image not found.");
    }
    return image;
}

static bool image_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *image = proxied(c, rq);
    struct out o;

    if (!image)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    write_image(c, &o, "image", image, true);
    out_end_object(&o);
    return true;
}

static bool image_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    struct call call = { .type = "image", .method = "DELETE", .accept_404 = "yes",
                         .path = ctx_printf(c, "/v2/images/%s", client_quote(c, request_arg(rq, "id"))) };

    return client_call(c, &call) && (call.status != 404 || fail(c, NOT_FOUND_TEXT, "Image not found."));
}

/* --- metadata ----------------------------------------------------------------------------------------------------- */

static bool metadata_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *image = proxied(c, rq);

    return image && answer_member(rp, "metadata", metadata_of(c, image));
}

/* The image's metadata becomes that: what differs is patched. */
static bool metadata_become(struct ctx *c, struct request *rq, json_t *image, json_t *wanted)
{
    static const struct pair patch[] = { { "Content-Type", "application/openstack-images-v2.1-json-patch" }, {} };
    json_t *now = metadata_of(c, image), *operations = ctx_json(c, json_array()), *value;
    struct call call = { .type = "image", .method = "PATCH", .path = ctx_printf(c, "/v2/images/%s", request_arg(rq, "id")), .headers = patch,
                         .body = operations };
    const char *key;

    json_object_foreach(wanted, key, value)
        if (!json_equal(value, json_object_get(now, key)))
            json_array_append_new(operations, json_pack("{s:s, s:o, s:O}", "op", json_object_get(now, key) ? "replace" : "add", "path",
                                                        json_string(ctx_printf(c, "/%s", key)), "value", value));
    json_object_foreach(now, key, value)
        if (!json_object_get(wanted, key))
            json_array_append_new(operations, json_pack("{s:s, s:o}", "op", "remove", "path", json_string(ctx_printf(c, "/%s", key))));
    return !json_array_size(operations) || client_call(c, &call);
}

static bool metadata_write(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.metadata"), *image = body ? proxied(c, rq) : NULL, *wanted;

    if (!image)
        return false;
    wanted = strcmp(rq->method, "PUT") == 0 ? ctx_json(c, json_object()) : metadata_of(c, image);
    json_object_update(wanted, json_object_get(body, "metadata"));
    return metadata_check(c, wanted) && metadata_become(c, rq, image, wanted) && answer_member(rp, "metadata", wanted);
}

static bool meta_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *image = proxied(c, rq), *value = image ? json_object_get(metadata_of(c, image), request_arg(rq, "key")) : NULL;

    if (!image)
        return false;
    if (!value)
        return fail(c, NOT_FOUND_TEXT, "Metadata item was not found");
    return answer_member(rp, "meta", ctx_json(c, json_pack("{s:O}", request_arg(rq, "key"), value)));
}

static bool meta_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.meta"), *meta = json_object_get(body, "meta"), *image, *wanted;

    if (!body)
        return false;
    if (!json_object_get(meta, request_arg(rq, "key")))
        return fail(c, BAD_REQUEST, "Request body and URI mismatch");
    image = proxied(c, rq);
    if (!image)
        return false;
    wanted = metadata_of(c, image);
    json_object_update(wanted, meta);
    return metadata_check(c, wanted) && metadata_become(c, rq, image, wanted) && answer_member(rp, "meta", meta);
}

static bool meta_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *image = proxied(c, rq), *wanted = image ? metadata_of(c, image) : NULL;

    if (!image)
        return false;
    if (json_object_del(wanted, request_arg(rq, "key")) != 0)
        return fail(c, NOT_FOUND_TEXT, "Invalid metadata key");
    return metadata_become(c, rq, image, wanted);
}

/* Glance judges who may. */
const struct route nova_proxy_image_routes[] = {
    { "GET", "images", images_list, .flags = ROUTE_NO_POLICY, .until = V(2, 35) },
    { "GET", "images/detail", images_detail, .flags = ROUTE_NO_POLICY, .until = V(2, 35) },
    { "GET", "images/{id}", image_show, .flags = ROUTE_NO_POLICY, .until = V(2, 35) },
    { "DELETE", "images/{id}", image_delete, 204, ROUTE_NO_POLICY | ROUTE_EMPTY, .until = V(2, 35) },
    { "GET", "images/{id}/metadata", metadata_list, .flags = ROUTE_NO_POLICY, .until = V(2, 38) },
    { "POST", "images/{id}/metadata", metadata_write, .flags = ROUTE_NO_POLICY, .until = V(2, 38) },
    { "PUT", "images/{id}/metadata", metadata_write, .flags = ROUTE_NO_POLICY, .until = V(2, 38) },
    { "GET", "images/{id}/metadata/{key}", meta_show, .flags = ROUTE_NO_POLICY, .until = V(2, 38) },
    { "PUT", "images/{id}/metadata/{key}", meta_update, .flags = ROUTE_NO_POLICY, .until = V(2, 38) },
    { "DELETE", "images/{id}/metadata/{key}", meta_delete, 204, ROUTE_NO_POLICY | ROUTE_EMPTY, .until = V(2, 38) },
    {}
};
