/* Tags of an image, one at a time. */
#include "glance/model/image.h"
#include "glance/model/schema.h"

/* In the transaction: the image whose tags c->who may change. */
static struct image *lookup(struct ctx *c, const char *id, const char *verb)
{
    struct image *image = image_lookup(c, id);

    if (image && image_change_allowed(c, image, "modify_image"))
        return image;
    if (!image && c->fault.status == 404) {
        fault_clear(c);
        fail(c, IMAGE_NOT_THERE, id);
    } else if (c->fault.status == 403) {
        fault_clear(c);
        fail(c, TAGS_FORBIDDEN, verb, id);
    }
    return NULL;
}

static bool has_tag(const struct image *image, const char *tag)
{
    json_t *text = json_string(tag), *one;
    bool found = false;
    size_t i;

    json_array_foreach(image->tags, i, one)
        found = found || json_equal(one, text);
    json_decref(text);
    return found;
}

static bool add(struct ctx *c, const char *id, const char *tag)
{
    struct image *image = lookup(c, id, "update");
    int64_t quota = glance_options()->image_tag_quota;

    if (!image)
        return false;
    if (has_tag(image, tag))
        return true;
    json_array_append_new(image->tags, json_string(tag));
    if (quota >= 0 && (int64_t)json_array_size(image->tags) > quota)
        return fail(c, TAG_LIMIT_OF_IMAGE, id, json_array_size(image->tags), quota);
    return image_save(c, image);
}

static bool take_away(struct ctx *c, const char *id, const char *tag)
{
    struct image *image = lookup(c, id, "delete");

    if (!image)
        return false;
    if (!has_tag(image, tag))
        return fail(c, TAG_NOT_FOUND);
    return db_exec(c, "DELETE FROM image_tags WHERE image_id = $1 AND value = $2", T(id), T(tag)) &&
        db_exec(c, "UPDATE images SET updated_at = $1 WHERE id = $2", I(clock_us()), T(id));
}

static bool in_transaction(struct ctx *c, const struct request *request, bool (*run)(struct ctx *, const char *, const char *))
{
    if (!db_begin(c))
        return false;
    if (run(c, request_arg(request, "image_id"), request_arg(request, "tag_value")))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool tag_add(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = ctx_json(c, json_pack("{s: [s]}", "tags", request_arg(request, "tag_value")));

    return glance_schema_check(c, "image", body) && in_transaction(c, request, add);
}

static bool tag_remove(struct ctx *c, struct request *request, struct reply *reply)
{
    return in_transaction(c, request, take_away);
}

const struct route glance_tag_routes[] = {
    { "PUT", "images/{image_id}/tags/{tag_value}", tag_add, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    { "DELETE", "images/{image_id}/tags/{tag_value}", tag_remove, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
