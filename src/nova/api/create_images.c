/* The image of a server: is it there, does it fit, and what of it the instance remembers. */
#include "nova/api/create.h"

#include "oslo/client/client.h"

#include <string.h>

#define GIB (1024LL * 1024 * 1024)

json_t *image_get(struct ctx *c, const char *id)
{
    struct call call = { .type = "image", .method = "GET", .path = ctx_printf(c, "/v2/images/%s", client_quote(c, id)), .accept_404 = "yes" };

    if (client_call(c, &call))
        return call.status == 404 ? fail_null(c, CREATE_IMAGE_NOT_FOUND) : call.reply;
    if (call.status == 403 || call.status == 401) {
        fault_clear(c);
        return fail_null(c, IMAGE_NOT_AUTHORIZED, id);
    }
    return NULL;
}

bool image_fits(struct ctx *c, const json_t *image, const struct flavor *f)
{
    int64_t disk = f->disk * GIB, size = json_get_int(image, "size", 0), least = json_get_int(image, "min_disk", 0) * GIB;

    if (!text_equal(json_get_string(image, "status"), "active"))
        return fail(c, IMAGE_NOT_ACTIVE, json_get_string(image, "id"));
    if (f->ram < json_get_int(image, "min_ram", 0))
        return fail(c, FLAVOR_MEMORY_TOO_SMALL);
    if (!disk)
        return policy_allows(c, RULE("servers:create:zero_disk_flavor"), NULL) || fail(c, ZERO_DISK_NEEDS_VOLUME);
    if (size > disk)
        return fail(c, FLAVOR_DISK_BELOW_IMAGE, disk, size);
    return least <= disk || fail(c, FLAVOR_DISK_BELOW_MIN_DISK, disk, least);
}

/* Members of an image's document that are not its properties. */
static const char *const own_members[] = {
    "id", "name", "status", "visibility", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "os_hidden", "protected",
    "owner", "tags", "created_at", "updated_at", "self", "file", "schema", "direct_url", "locations", "stores", "min_ram", "min_disk",
    "disk_format", "container_format", NULL
};

static void keep(json_t *system_metadata, const char *name, const json_t *value)
{
    g_autofree char *key = g_strconcat("image_", name, NULL);

    if (json_is_string(value))
        json_object_set_new(system_metadata, key, json_string_nocheck(json_string_value(value)));
    else if (json_is_integer(value)) {
        g_autofree char *text = g_strdup_printf("%" PRId64, (int64_t)json_integer_value(value));

        json_object_set_new(system_metadata, key, json_string(text));
    }
}

bool image_taken(struct ctx *c, struct instance *inst, const json_t *image)
{
    json_t *kept = ctx_json(c, json_object()), *value;
    const char *key, *root = json_get_string(image, "root_device_name");

    for (const char *const *name = (const char *const[]){ "min_ram", "min_disk", "disk_format", "container_format", NULL }; *name; name++)
        keep(kept, *name, json_object_get(image, *name));
    json_object_foreach((json_t *)(uintptr_t)image, key, value)
        if (!text_in(key, own_members))
            keep(kept, key, value);
    if (json_get_string(image, "id"))
        json_object_set(kept, "image_base_image_ref", json_object_get(image, "id"));
    inst->system_metadata = json_text(c, kept);
    inst->kernel_id = ctx_strdup(c, json_get_string(image, "kernel_id"));
    inst->ramdisk_id = ctx_strdup(c, json_get_string(image, "ramdisk_id"));
    if (text_equal(inst->kernel_id, "nokernel"))
        inst->kernel_id = inst->ramdisk_id = NULL;
    inst->root_device_name = root ? ctx_printf(c, g_str_has_prefix(root, "/dev/") ? "%s" : "/dev/%s", root) : NULL;
    return true;
}
