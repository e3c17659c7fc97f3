/* Changes of an image as JSON patches, in both drafts the original takes. A pointer names one member; locations, which are not
 * shown, may not be changed. All that can be judged without the image is judged first.
 */
#include "glance/api/patch.h"

#include "glance/model/schema.h"

#include <string.h>

#define DRAFT_4  "application/openstack-images-v2.0-json-patch"
#define DRAFT_10 "application/openstack-images-v2.1-json-patch"

static const char *const op_names[] = { "add", "remove", "replace" };
static const char *const read_only[] = {
    "created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url", "self", "file", "schema", "id", "os_hash_algo",
    "os_hash_value", NULL
};
static const char *const reserved[] = { "location", "deleted", "deleted_at", NULL };

bool is_reserved(const char *name)
{
    return text_in(name, reserved) || g_str_has_prefix(name, "os_glance");
}

/* Reading. */

static bool read_op_10(struct ctx *c, const json_t *raw, enum patch_op *ret_op, const json_t **ret_path)
{
    const json_t *op = json_object_get(raw, "op");

    if (!op || json_is_null(op))
        return fail(c, PATCH_NO_OP);
    for (int i = 0; i < 3; i++)
        if (json_is_string(op) && strcmp(json_string_value(op), op_names[i]) == 0) {
            *ret_op = (enum patch_op)i;
            *ret_path = json_object_get(raw, "path");
            return *ret_path || fail(c, PATCH_NO_PATH);
        }
    return fail(c, PATCH_BAD_OP, json_is_string(op) ? json_string_value(op) : "None");
}

static bool read_op_4(struct ctx *c, const json_t *raw, enum patch_op *ret_op, const json_t **ret_path)
{
    *ret_path = NULL;
    for (int i = 0; i < 3; i++) {
        const json_t *path = json_object_get(raw, op_names[i]);

        if (path && *ret_path)
            return fail(c, PATCH_MANY_OPS);
        if (path) {
            *ret_op = (enum patch_op)i;
            *ret_path = path;
        }
    }
    return *ret_path || fail(c, PATCH_ONE_OP);
}

static bool judge_pointer(struct ctx *c, const char *pointer)
{
    if (pointer[0] != '/')
        return fail(c, POINTER_START, pointer);
    if (g_regex_match_simple("/\\s*?/", pointer + 1, 0, 0))
        return fail(c, POINTER_ADJACENT, pointer);
    if (pointer[1] && g_str_has_suffix(pointer, "/"))
        return fail(c, POINTER_END, pointer);
    if (g_regex_match_simple("~[^01]", pointer, 0, 0) || g_str_has_suffix(pointer, "~"))
        return fail(c, POINTER_ESCAPE, pointer);
    return true;
}

/* "~1" is a slash, "~0" a tilde. */
static char *unescape(struct ctx *c, const char *part)
{
    g_auto(GStrv) slashes = g_strsplit(part, "~1", -1);
    g_autofree char *slashed = g_strjoinv("/", slashes);
    g_auto(GStrv) tildes = g_strsplit(slashed, "~0", -1);
    g_autofree char *all = g_strjoinv("~", tildes);

    return ctx_strdup(c, g_strstrip(all));
}

/* The steps of a pointer, unescaped. */
static char **steps_of(struct ctx *c, const char *pointer)
{
    g_auto(GStrv) parts = g_strsplit(pointer + strspn(pointer, "/"), "/", -1);
    char **steps = ctx_new_n(c, char *, g_strv_length(parts) + 1);

    for (size_t i = 0; parts[i]; i++)
        steps[i] = unescape(c, parts[i]);
    return steps;
}

static bool judge_steps(struct ctx *c, enum patch_op op, char **steps)
{
    guint n = g_strv_length(steps), want = strcmp(steps[0], "locations") == 0 && op != PATCH_REPLACE ? 2 : 1;
    g_autofree char *joined = NULL;

    if (n == want)
        return true;
    joined = g_strjoinv("/", steps);
    return fail(c, POINTER_DEPTH, joined);
}

static bool judge_change(struct ctx *c, const struct operation *o)
{
    json_t *partial;

    if (text_in(o->name, read_only))
        return fail(c, ATTRIBUTE_READ_ONLY, o->name);
    if (is_reserved(o->name))
        return fail(c, ATTRIBUTE_RESERVED, o->name);
    if (o->op == PATCH_REMOVE)
        return true;
    partial = ctx_json(c, json_object());
    if (strcmp(o->name, "locations") == 0 && o->op == PATCH_ADD)
        json_object_set_new(partial, o->name, json_pack("[O]", o->value));
    else
        json_object_set(partial, o->name, o->value);
    return glance_schema_check(c, "image", partial);
}

static bool read_operation(struct ctx *c, const json_t *raw, struct operation *o)
{
    const json_t *path = NULL;
    char **steps;

    if (!json_is_object(raw))
        return fail(c, PATCH_NOT_OBJECT);
    if (!(o->old_draft ? read_op_4 : read_op_10)(c, raw, &o->op, &path))
        return false;
    if (!json_is_string(path))
        return fail(c, POINTER_START, "None");
    if (!judge_pointer(c, json_string_value(path)))
        return false;
    steps = steps_of(c, json_string_value(path));
    if (!judge_steps(c, o->op, steps))
        return false;
    o->name = steps[0];
    o->value = o->op == PATCH_REMOVE ? NULL : json_object_get(raw, "value");
    if (o->op != PATCH_REMOVE && !o->value)
        return fail(c, PATCH_NO_VALUE, op_names[o->op]);
    return judge_change(c, o);
}

/* The media type alone, without its parameters. */
static char *media_type(struct ctx *c, const struct request *request)
{
    const char *type = request_header(request, "Content-Type");

    type = type ? type : "";
    return g_strstrip(ctx_strndup(c, type, strcspn(type, ";")));
}

struct operation *patch_read(struct ctx *c, struct request *request, struct reply *reply, size_t *ret_n)
{
    const char *type = media_type(c, request);
    bool old_draft = strcmp(type, DRAFT_4) == 0;
    struct operation *operations;
    json_t *body, *raw;
    size_t i;

    if (!old_draft && strcmp(type, DRAFT_10) != 0) {
        reply_header(c, reply, "Accept-Patch", DRAFT_4 ", " DRAFT_10);
        return fail_null(c, MEDIA_TYPE, type);
    }
    body = glance_body(c, request);
    if (!body)
        return NULL;
    if (!json_is_array(body))
        return fail_null(c, PATCH_NOT_ARRAY);
    operations = ctx_new_n(c, struct operation, json_array_size(body) + 1);
    json_array_foreach(body, i, raw) {
        operations[i].old_draft = old_draft;
        if (!read_operation(c, raw, &operations[i]))
            return NULL;
    }
    *ret_n = json_array_size(body);
    return operations;
}

/* Applying. */

static bool apply_locations(struct ctx *c, struct image *image, const struct operation *o)
{
    static const char *const verbs[] = { "add", "remove", "update" };

    if (o->op == PATCH_REPLACE && json_array_size(o->value) == 0)
        return fail(c, LOCATIONS_EMPTY);
    if (!(o->op == PATCH_REMOVE ? image_change_allowed : image_allowed)(c, image, o->op == PATCH_REMOVE ? "delete_image_location" : "set_image_location"))
        return false;
    return fail(c, LOCATIONS_INVISIBLE, verbs[o->op]);
}

static bool judge_set(struct ctx *c, const struct image *image, const struct operation *o)
{
    bool format = strcmp(o->name, "disk_format") == 0 || strcmp(o->name, "container_format") == 0;

    if (format && strcmp(image->status, "queued") != 0 && strcmp(image->status, "importing") != 0)
        return fail(c, FORMAT_FIXED, o->name);
    return true;
}

static bool is_member(const char *name)
{
    const struct attr *a = attr_find(image_attrs, name);

    return strcmp(name, "tags") == 0 || strcmp(name, "locations") == 0 || (a && !(a->flags & HIDDEN));
}

static bool apply_set(struct ctx *c, struct image *image, const struct operation *o)
{
    bool there = is_member(o->name) || json_object_get(image->properties, o->name);

    if (strcmp(o->name, "visibility") == 0 && !visibility_allowed(c, json_string_value(o->value), image->owner))
        return false;
    if (!image_change_allowed(c, image, "modify_image"))
        return false;
    if (there && o->op == PATCH_ADD && o->old_draft)
        return fail(c, PROPERTY_PRESENT, o->name);
    if (!there && o->op == PATCH_REPLACE)
        return fail(c, PROPERTY_ABSENT, o->name);
    if (!judge_set(c, image, o))
        return false;
    if (!image_set_member(c, image, o->name, o->value))
        json_object_set(image->properties, o->name, o->value);
    return true;
}

static bool apply_remove(struct ctx *c, struct image *image, const struct operation *o)
{
    if (!image_change_allowed(c, image, "modify_image"))
        return false;
    if (is_member(o->name))
        return fail(c, PROPERTY_STAYS, o->name);
    if (!json_object_get(image->properties, o->name))
        return fail(c, PROPERTY_ABSENT, o->name);
    json_object_del(image->properties, o->name);
    return true;
}

bool patch_apply(struct ctx *c, struct image *image, const struct operation *o)
{
    if (strcmp(o->name, "locations") == 0)
        return apply_locations(c, image, o);
    if (o->op == PATCH_REPLACE && strcmp(o->name, "owner") == 0 && !c->who.is_admin)
        return fail(c, OWNER_FIXED);
    return o->op == PATCH_REMOVE ? apply_remove(c, image, o) : apply_set(c, image, o);
}
