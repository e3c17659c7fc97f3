/* Interoperable image import, the one store's further routes, and the cache that is not here. */
#include "glance/model/schema.h"
#include "glance/model/task.h"

#include <string.h>

static const char *const methods[] = { "glance-direct", "web-download", "copy-image", NULL };

/* Judging the body alone. */
static bool judge_body(struct ctx *c, const json_t *body)
{
    static const char *const flags[] = { "all_stores_must_succeed", "all_stores", NULL };
    const json_t *method = json_object_get(body, "method"), *name = json_object_get(method, "name");

    if (!method)
        return fail(c, IMPORT_NO_METHOD);
    if (!name)
        return fail(c, IMPORT_NO_NAME);
    if (!json_is_string(name) || !text_in(json_string_value(name), methods))
        return fail(c, IMPORT_UNKNOWN, json_is_string(name) ? json_string_value(name) : "None");
    for (const char *const *f = flags; *f; f++)
        if (json_object_get(body, *f) && !json_is_boolean(json_object_get(body, *f)))
            return fail(c, IMPORT_NOT_BOOLEAN, *f);
    return true;
}

/* Judging the image's state for the method. */
static bool judge_image(struct ctx *c, const struct image *image, const char *method)
{
    bool active = strcmp(image->status, "active") == 0, copying = strcmp(method, "copy-image") == 0;

    if (active && !copying)
        return fail(c, IMPORT_ACTIVE);
    if (!active && copying)
        return fail(c, IMPORT_COPY_INACTIVE);
    if (strcmp(method, "web-download") == 0 && strcmp(image->status, "queued") != 0)
        return fail(c, IMPORT_NOT_QUEUED, method);
    if (strcmp(method, "glance-direct") == 0 && strcmp(image->status, "uploading") != 0)
        return fail(c, IMPORT_NOT_STAGED);
    if (!image->container_format)
        return fail(c, IMPORT_NO_FORMAT, "container_format");
    if (!image->disk_format)
        return fail(c, IMPORT_NO_FORMAT, "disk_format");
    return true;
}

static bool judge_stores(struct ctx *c, const json_t *body)
{
    json_t *store;
    size_t i;

    json_array_foreach(json_object_get(body, "stores"), i, store)
        if (!json_is_string(store) || strcmp(json_string_value(store), STORE) != 0)
            return fail(c, IMPORT_STORE, json_is_string(store) ? json_string_value(store) : "None");
    return true;
}

/* There is one store, and an active image is in it: a copy to all of them has been made already. */
static bool copied(struct ctx *c, struct image *image)
{
    json_object_set_new(image->properties, "os_glance_importing_to_stores", json_string(""));
    json_object_set_new(image->properties, "os_glance_failed_import", json_string(""));
    return image_save(c, image);
}

/* The URI a web-download is asked to read; *ret_reachable: it may (or nothing is to be read). */
static const char *asked_uri(struct ctx *c, const json_t *body, bool *ret_reachable)
{
    const json_t *method = json_object_get(body, "method");
    bool downloading = strcmp(json_get_string(method, "name"), "web-download") == 0;
    const char *uri = downloading ? json_get_string(method, "uri") : NULL;

    *ret_reachable = !downloading || import_address(c, uri);
    return uri;
}

/* In the transaction. */
static bool begin(struct ctx *c, const char *id, json_t *body, const char *uri, bool reachable)
{
    const char *method = json_get_string(json_object_get(body, "method"), "name");
    bool copying = strcmp(method, "copy-image") == 0;
    struct image *image = image_lookup(c, id);

    if (!image || !judge_image(c, image, method) || !(copying ? image_allowed(c, image, "copy_image") : image_change_allowed(c, image, "modify_image")))
        return false;
    if (json_object_get(image->properties, "os_glance_import_task"))
        return fail(c, IMPORT_BUSY);
    if (!judge_stores(c, body))
        return false;
    if (copying)
        return json_is_true(json_object_get(body, "all_stores")) ? copied(c, image) : fail(c, IMPORT_PRESENT);
    if (!reachable)
        return fail(c, IMPORT_URI, uri ? uri : "None");
    return import_begin(c, image, "api_image_import", body, uri);
}

static bool image_import(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = glance_body(c, request);
    const char *uri;
    bool reachable;

    if (!body || !judge_body(c, body))
        return false;
    uri = asked_uri(c, body, &reachable);
    if (!db_begin(c))
        return false;
    if (!begin(c, request_arg(request, "image_id"), body, uri, reachable)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    jobs_wake(&glance);
    return true;
}

static bool store_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = request_arg(request, "image_id"), *store = request_arg(request, "store_id");
    struct image *image;

    if (strcmp(store, STORE) != 0)
        return fail(c, STORE_NOT_HERE, store);
    image = image_lookup(c, id);
    if (!image) {
        fault_clear(c);
        return fail(c, STORE_NO_IMAGE, id);
    }
    if (!image_allowed(c, image, "get_image_location") || !image_change_allowed(c, image, "delete_image_location"))
        return false;
    return strcmp(image->status, "active") == 0 ? fail(c, STORE_LAST) : fail(c, STORE_NOT_ACTIVE);
}

static bool cache_absent(struct ctx *c, struct request *request, struct reply *reply)
{
    return fail(c, CACHE_ABSENT);
}

const struct route glance_import_routes[] = {
    { "POST", "images/{image_id}/import", image_import, .status = 202, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "DELETE", "stores/{store_id}/{image_id}", store_delete, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "GET", "cache", cache_absent, .flags = ROUTE_NO_POLICY },
    { "DELETE", "cache", cache_absent, .flags = ROUTE_NO_POLICY },
    { "PUT", "cache/{image_id}", cache_absent, .flags = ROUTE_NO_POLICY },
    { "DELETE", "cache/{image_id}", cache_absent, .flags = ROUTE_NO_POLICY },
    {}
};
