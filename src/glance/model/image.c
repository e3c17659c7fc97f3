/* The stored image. Custom properties and tags are rows of their own, read a page at a time. */
#include "glance/model/image.h"

#include <string.h>

/* In the order in which answers show them. */
const struct attr image_attrs[] = {
    ATTR(struct image, name, 0),
    ATTR(struct image, disk_format, 0),
    ATTR(struct image, container_format, 0),
    ATTR(struct image, visibility, 0, .unset = "shared"),
    ATTR(struct image, size, 0),
    ATTR(struct image, virtual_size, 0),
    ATTR(struct image, status, 0, .unset = "queued"),
    ATTR(struct image, checksum, 0),
    ATTR(struct image, protected, 0),
    ATTR(struct image, min_ram, 0),
    ATTR(struct image, min_disk, 0),
    ATTR(struct image, owner, 0),
    ATTR(struct image, os_hidden, 0),
    ATTR(struct image, os_hash_algo, 0),
    ATTR(struct image, os_hash_value, 0),
    ATTR(struct image, id, 0),
    ATTR(struct image, created_at, 0),
    ATTR(struct image, updated_at, 0),
    ATTR(struct image, store, HIDDEN),
    {}
};

struct image *image_new(struct ctx *c)
{
    struct image *image = record_new(c, image_attrs, sizeof(*image));

    image->properties = ctx_json(c, json_object());
    image->tags = ctx_json(c, json_array());
    return image;
}

/* Reading. */

struct image *image_find(struct ctx *c, const char *id)
{
    struct image *image = image_new(c);

    if (!record_find(c, "images", image_attrs, image, "id", id) || !images_fill(c, &image, 1))
        return NULL;
    return image;
}

static bool is_member(struct ctx *c, const struct image *image)
{
    return c->who.project_id && db_count(c, "SELECT count(*) FROM image_members WHERE image_id = $1 AND member_id = $2", T(image->id),
                                         T(c->who.project_id)) > 0;
}

static bool is_visible(struct ctx *c, const struct image *image)
{
    if (c->who.is_admin || !image->owner || text_equal(image->owner, c->who.project_id))
        return true;
    if (strcmp(image->visibility, "public") == 0 || strcmp(image->visibility, "community") == 0)
        return true;
    return strcmp(image->visibility, "shared") == 0 && is_member(c, image);
}

struct image *image_lookup(struct ctx *c, const char *id)
{
    struct image *image = image_find(c, id);

    if (failed(c))
        return NULL;
    if (!image || !is_visible(c, image))
        return fail_null(c, IMAGE_NOT_FOUND, id);
    return image;
}

void images_visible(struct ctx *c, struct sql *s, const char *member_status)
{
    if (c->who.is_admin)
        return;
    sql_add(s, " AND (i.visibility IN ('public', 'community') OR i.owner = ? OR (i.visibility = 'shared' AND EXISTS (SELECT 1 FROM"
               " image_members m WHERE m.image_id = i.id AND m.member_id = ?", T(c->who.project_id), T(c->who.project_id));
    if (strcmp(member_status, "all") != 0)
        sql_add(s, " AND m.status = ?", T(member_status));
    sql_add(s, ")))");
}

/* Calls add for each row (image id, ...) of the page; the images are found by a table of theirs. */
static bool fill_from(struct ctx *c, GHashTable *by_id, const char *const *ids, const char *select, const char *order,
                      void (*add)(struct image *, struct rows *))
{
    struct sql *s = sql_new(c);
    struct rows *rows;

    sql_add(s, select);
    sql_in(s, ids);
    sql_add(s, order);
    rows = sql_query(s);
    while (db_next(rows))
        add(g_hash_table_lookup(by_id, db_text(rows, 0)), rows);
    return !failed(c);
}

static void add_property(struct image *image, struct rows *rows)
{
    json_object_set_new(image->properties, db_text(rows, 1), json_string(db_text(rows, 2)));
}

static void add_tag(struct image *image, struct rows *rows)
{
    json_array_append_new(image->tags, json_string(db_text(rows, 1)));
}

/* At most so many ids stand in one query. */
#define FILL_CHUNK 200

static bool fill_chunk(struct ctx *c, struct image *const *images, size_t n)
{
    const char **ids = ctx_new_n(c, const char *, n + 1);
    GHashTable *by_id = g_hash_table_new(g_str_hash, g_str_equal);
    bool ok;

    for (size_t i = 0; i < n; i++) {
        images[i]->properties = ctx_json(c, json_object());
        images[i]->tags = ctx_json(c, json_array());
        g_hash_table_insert(by_id, images[i]->id, images[i]);
        ids[i] = images[i]->id;
    }
    ok = fill_from(c, by_id, ids, "SELECT image_id, name, value FROM image_properties WHERE image_id IN ", " ORDER BY position", add_property) &&
        fill_from(c, by_id, ids, "SELECT image_id, value FROM image_tags WHERE image_id IN ", " ORDER BY value", add_tag);
    g_hash_table_destroy(by_id);
    return ok;
}

bool images_fill(struct ctx *c, struct image *const *images, size_t n)
{
    for (size_t i = 0; i < n; i += FILL_CHUNK)
        if (!fill_chunk(c, images + i, MIN(n - i, FILL_CHUNK)))
            return false;
    return true;
}

/* Writing. */

static bool insert_parts(struct ctx *c, const struct image *image)
{
    const char *name;
    json_t *value;
    int64_t position = 0;
    size_t i;

    json_object_foreach(image->properties, name, value)
        if (!db_exec(c, "INSERT INTO image_properties (image_id, name, value, position) VALUES ($1, $2, $3, $4)", T(image->id), T(name),
                     T(json_string_value(value)), I(position++)))
            return false;
    json_array_foreach(image->tags, i, value)
        if (!db_exec(c, "INSERT INTO image_tags (image_id, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(image->id),
                     T(json_string_value(value))))
            return false;
    return true;
}

bool image_insert(struct ctx *c, struct image *image)
{
    image->created_at = image->updated_at = utc_now();
    return record_insert(c, "images", image_attrs, image) && insert_parts(c, image);
}

bool image_save(struct ctx *c, struct image *image)
{
    image->updated_at = utc_now();
    return record_update(c, "images", image_attrs, image, "id") &&
        db_exec(c, "DELETE FROM image_properties WHERE image_id = $1", T(image->id)) &&
        db_exec(c, "DELETE FROM image_tags WHERE image_id = $1", T(image->id)) && insert_parts(c, image);
}

bool image_move(struct ctx *c, struct image *image, const char *from, bool *ret_moved)
{
    *ret_moved = db_count(c, "SELECT count(*) FROM images WHERE id = $1 AND status = $2", T(image->id), T(from)) == 1;
    if (failed(c) || !*ret_moved)
        return !failed(c);
    image->updated_at = utc_now();
    return record_update(c, "images", image_attrs, image, "id");
}

bool image_transition(struct ctx *c, struct image *image, const char *to)
{
    const char *from = image->status;
    bool moved = false;

    image->status = ctx_strdup(c, to);
    if (!db_begin(c))
        return false;
    if (!image_move(c, image, from, &moved) || !moved) {
        db_rollback(c);
        return failed(c) ? false : fail(c, STATUS_TRANSITION, from, to);
    }
    return db_commit(c);
}

void image_set_stored(struct ctx *c, struct image *image, const struct stored *stored)
{
    image->size = (opt_int){ stored->size, true };
    image->virtual_size = (opt_int){ stored->virtual_size, stored->virtual_size > 0 };
    image->checksum = stored->checksum;
    image->os_hash_algo = ctx_strdup(c, "sha512");
    image->os_hash_value = stored->os_hash_value;
    image->store = ctx_strdup(c, STORE);
}

bool image_restore(struct ctx *c, struct image *image)
{
    image->size = image->virtual_size = (opt_int){ 0 };
    image->checksum = image->os_hash_algo = image->os_hash_value = NULL;
    return image_transition(c, image, "queued");
}

/* Rules. */

bool image_has_formats(struct ctx *c, const struct image *image)
{
    if (image->disk_format && image->container_format)
        return true;
    return fail(c, FORMATS_MISSING, image->disk_format ? "Property container_format" :
                                    image->container_format ? "Property disk_format" : "Properties disk_format, container_format");
}

static const struct policy_target *target_of(struct ctx *c, const char *owner, const char *visibility, const char *member)
{
    const char **pairs = ctx_new_n(c, const char *, 9);
    struct policy_target *target = ctx_new(c, struct policy_target);
    const char *const all[] = { "project_id", owner, "owner", owner, "visibility", visibility, "member_id", member };

    memcpy(pairs, all, sizeof(all));
    target->pairs = pairs;
    return target;
}

bool image_allowed(struct ctx *c, const struct image *image, const char *rule)
{
    /* Whoever sees another's shared image is a member of it. */
    bool member = strcmp(image->visibility, "shared") == 0 && !text_equal(image->owner, c->who.project_id);
    const struct policy_target *target = target_of(c, image->owner, image->visibility, member ? c->who.project_id : NULL);

    if (policy_allows(c, rule, target))
        return true;
    if (strcmp(rule, "get_image") == 0 || !policy_allows(c, "get_image", target))
        return fail(c, IMAGE_HIDDEN, "The resource could not be found.");
    return fail(c, RULE_FORBIDS, rule);
}

bool image_change_allowed(struct ctx *c, const struct image *image, const char *rule)
{
    if (!image_allowed(c, image, rule))
        return false;
    if (c->who.is_admin || (image->owner && text_equal(image->owner, c->who.project_id)))
        return true;
    return fail(c, NOT_OWNER);
}

bool visibility_allowed(struct ctx *c, const char *visibility, const char *owner)
{
    const char *rule = strcmp(visibility, "public") == 0 ? "publicize_image" :
                       strcmp(visibility, "community") == 0 ? "communitize_image" : NULL;

    return !rule || policy_allows(c, rule, target_of(c, owner, visibility, NULL)) || fail(c, RULE_FORBIDS, rule);
}

/* Showing. */

void image_write(struct ctx *c, struct out *out, const struct image *image)
{
    const char *name;
    json_t *value;

    json_object_foreach(image->properties, name, value)
        out_json(out, name, value);
    record_write(out, image_attrs, image, &(struct record_view){ 0 });
    out_json(out, "tags", image->tags);
    out_printf(out, "self", "/v2/images/%s", image->id);
    out_printf(out, "file", "/v2/images/%s/file", image->id);
    out_string(out, "schema", "/v2/schemas/image");
    if (image->store)
        out_string(out, "stores", image->store);
}

void image_reply(struct ctx *c, const struct image *image, struct reply *reply)
{
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };

    out_object(&out, NULL);
    image_write(c, &out, image);
    out_end_object(&out);
    reply->has_body = true;
}
