/* Images: create, show, change by JSON patch, delete. Lists are in image_list.c, data in data.c. */
#include "glance/api/patch.h"
#include "glance/model/image.h"
#include "glance/model/schema.h"
#include "glance/model/store.h"

#include <string.h>

static const char *const disallowed[] = { "direct_url", "self", "file", "schema", "stores", NULL };
static const char *const read_only_new[] = { "created_at", "updated_at", "status", "checksum", "size", "virtual_size", NULL };

#define INT32_MAX_VALUE 2147483647

bool image_limits_hold(struct ctx *c, const struct image *image)
{
    const struct glance_options *o = glance_options();
    size_t properties = json_object_size(image->properties), tags = json_array_size(image->tags);

    if (image->min_disk < 0)
        return fail(c, NEGATIVE_VALUE, image->min_disk, "min_disk");
    if (image->min_ram < 0)
        return fail(c, NEGATIVE_VALUE, image->min_ram, "min_ram");
    if (image->min_disk > INT32_MAX_VALUE || image->min_ram > INT32_MAX_VALUE)
        return fail(c, VALUE_OUT_OF_RANGE, image->min_disk > INT32_MAX_VALUE ? "min_disk" : "min_ram");
    if (o->image_property_quota >= 0 && (int64_t)properties > o->image_property_quota)
        return fail(c, PROPERTY_LIMIT, properties, o->image_property_quota);
    if (o->image_tag_quota >= 0 && (int64_t)tags > o->image_tag_quota)
        return fail(c, TAG_LIMIT, tags, o->image_tag_quota);
    return true;
}

/* Create. */

static char *text_of(struct ctx *c, const json_t *value)
{
    return ctx_strdup(c, json_string_value(value));
}

/* The members an image has of its own; false: it is no such member. */
bool image_set_member(struct ctx *c, struct image *image, const char *name, json_t *value)
{
    const struct attr *a = attr_find(image_attrs, name);

    if (strcmp(name, "tags") == 0)
        image->tags = json_tags(c, value);
    else if (!a || (a->flags & HIDDEN))
        return false;
    else if (a->kind == KIND_STRING)
        *FIELD(char *, image, a) = text_of(c, value);
    else if (a->kind == KIND_BOOL)
        *FIELD(bool, image, a) = json_is_true(value);
    else if (a->kind == KIND_INT)
        *FIELD(int64_t, image, a) = json_integer_value(value);
    return true;
}

/* Tags are a set. */
json_t *json_tags(struct ctx *c, const json_t *asked)
{
    json_t *tags = ctx_json(c, json_array()), *tag, *other;
    size_t i, k;

    json_array_foreach(asked, i, tag) {
        bool again = false;

        json_array_foreach(tags, k, other)
            again = again || json_equal(tag, other);
        if (!again)
            json_array_append(tags, tag);
    }
    return tags;
}

static bool judge_new(struct ctx *c, json_t *body)
{
    const char *name;
    json_t *value;

    for (const char *const *d = disallowed; *d; d++)
        if (json_object_get(body, *d))
            return fail(c, ATTRIBUTE_READ_ONLY, *d);
    if (!glance_schema_check(c, "image", body))
        return false;
    json_object_foreach(body, name, value) {
        if (text_length(name) > 255)
            return fail(c, PROPERTY_NAME_LONG);
        if (is_reserved(name))
            return fail(c, ATTRIBUTE_RESERVED_NEW, name);
    }
    for (const char *const *r = read_only_new; *r; r++)
        if (json_object_get(body, *r))
            return fail(c, ATTRIBUTE_READ_ONLY, *r);
    return !json_object_get(body, "locations") || fail(c, ATTRIBUTE_RESERVED, "locations");
}

static struct image *image_from(struct ctx *c, json_t *body)
{
    struct image *image = image_new(c);
    const char *name;
    json_t *value;

    image->owner = ctx_strdup(c, c->who.project_id);
    json_object_foreach(body, name, value)
        if (strncmp(name, "os_hash_", 8) != 0 && !image_set_member(c, image, name, value))
            json_object_set(image->properties, name, value);
    if (!image->id)
        image->id = uuid_new(c);
    return image;
}

static bool may_add(struct ctx *c, const struct image *image)
{
    bool same = text_equal(image->owner, c->who.project_id);
    const struct policy_target *target = TARGET("project_id", image->owner, "owner", image->owner, "visibility", image->visibility);

    if (!policy_allows(c, "add_image", target))
        return same ? fail(c, RULE_FORBIDS, "add_image") : fail(c, OTHERS_IMAGE, image->owner ? image->owner : "None");
    if (!visibility_allowed(c, image->visibility, image->owner))
        return false;
    return c->who.is_admin || same || fail(c, OTHERS_IMAGE, image->owner ? image->owner : "None");
}

static bool insert(struct ctx *c, struct image *image)
{
    if (!db_begin(c))
        return false;
    if (image_insert(c, image))
        return db_commit(c);
    if (c->fault.status == 409) {
        fault_clear(c);
        fail(c, IMAGE_EXISTS, image->id);
    }
    db_rollback(c);
    return false;
}

static bool image_create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = glance_body(c, request);
    struct image *image;

    if (!body)
        return false;
    if (!json_is_object(body))
        return fail(c, INTERNAL_ERROR, "The body is a list.");
    if (!judge_new(c, body))
        return false;
    image = image_from(c, body);
    if (!may_add(c, image) || !image_limits_hold(c, image) || !insert(c, image))
        return false;
    reply_header(c, reply, "Location", ctx_printf(c, "%s/v2/images/%s", c->base_url, image->id));
    reply_header(c, reply, "OpenStack-image-import-methods", "glance-direct,web-download,copy-image");
    reply_header(c, reply, "OpenStack-image-store-ids", STORE);
    image_reply(c, image, reply);
    return true;
}

/* Show, change, delete. */

static bool image_show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct image *image = image_lookup(c, request_arg(request, "image_id"));

    if (!image || !image_allowed(c, image, "get_image"))
        return false;
    image_reply(c, image, reply);
    return true;
}

/* In the transaction: the operations on the image as it is now. */
static struct image *change(struct ctx *c, const char *id, const struct operation *operations, size_t n)
{
    struct image *image = image_lookup(c, id);

    if (!image)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!patch_apply(c, image, &operations[i]))
            return NULL;
    if (n && (!image_limits_hold(c, image) || !image_save(c, image)))
        return NULL;
    return image;
}

static bool image_patch(struct ctx *c, struct request *request, struct reply *reply)
{
    size_t n = 0;
    struct operation *operations = patch_read(c, request, reply, &n);
    struct image *image;

    if (!operations || !db_begin(c))
        return false;
    image = change(c, request_arg(request, "image_id"), operations, n);
    if (!image) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    image_reply(c, image, reply);
    return true;
}

static bool delete_row(struct ctx *c, const char *id)
{
    struct image *image = image_lookup(c, id);

    if (!image) {
        fault_clear(c);
        return fail(c, IMAGE_NOT_DELETED, id);
    }
    if (!image_change_allowed(c, image, "delete_image"))
        return false;
    if (image->protected)
        return fail(c, IMAGE_PROTECTED, image->id);
    return db_exec(c, "DELETE FROM images WHERE id = $1", T(id));
}

static bool image_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = request_arg(request, "image_id");

    if (!db_begin(c))
        return false;
    if (!delete_row(c, id)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    store_remove(c, id);
    return true;
}

const struct route glance_image_routes[] = {
    { "GET", "images", image_list, .flags = ROUTE_NO_POLICY },
    { "POST", "images", image_create, .status = 201, .flags = ROUTE_NO_POLICY },
    { "GET", "images/{image_id}", image_show, .flags = ROUTE_NO_POLICY },
    { "PATCH", "images/{image_id}", image_patch, .flags = ROUTE_NO_POLICY },
    { "DELETE", "images/{image_id}", image_delete, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
