/* Glance's rules. The original's defaults while enforce_new_defaults and enforce_secure_rbac are off: what the rules leave open
 * the owner's check in model/image.c closes. */
#include "glance/glance.h"

#define OPEN_RULE "rule:default"
#define ADMIN "role:admin"

const struct policy glance_policies[] = {
    { "default", "", .help = "Every rule that says nothing else." },
    { "context_is_admin", ADMIN, .help = "Who is an administrator." },
    { "add_image", OPEN_RULE, "project", "Create an image." },
    { "delete_image", OPEN_RULE, "project", "Delete an image." },
    { "get_image", OPEN_RULE, "project", "See an image." },
    { "get_images", OPEN_RULE, "project", "List images." },
    { "modify_image", OPEN_RULE, "project", "Change an image." },
    { "publicize_image", ADMIN, "project", "Make an image public." },
    { "communitize_image", OPEN_RULE, "project", "Make an image a community image." },
    { "download_image", OPEN_RULE, "project", "Read an image's data." },
    { "upload_image", OPEN_RULE, "project", "Write an image's data." },
    { "delete_image_location", OPEN_RULE, "project", "Remove a location of an image." },
    { "get_image_location", OPEN_RULE, "project", "See an image's locations." },
    { "set_image_location", OPEN_RULE, "project", "Set an image's locations." },
    { "add_member", OPEN_RULE, "project", "Share an image with a project." },
    { "delete_member", OPEN_RULE, "project", "Stop sharing an image with a project." },
    { "get_member", OPEN_RULE, "project", "See a member of an image." },
    { "get_members", OPEN_RULE, "project", "List an image's members." },
    { "modify_member", OPEN_RULE, "project", "Accept or reject an image." },
    { "manage_image_cache", ADMIN, "project", "Manage the image cache." },
    { "deactivate", OPEN_RULE, "project", "Deactivate an image." },
    { "reactivate", OPEN_RULE, "project", "Reactivate an image." },
    { "copy_image", ADMIN, "project", "Copy an image to further stores." },
    { "get_task", OPEN_RULE, "project", "See a task." },
    { "get_tasks", OPEN_RULE, "project", "List tasks." },
    { "add_task", OPEN_RULE, "project", "Create a task." },
    { "modify_task", OPEN_RULE, "project", "Change a task." },
    { "tasks_api_access", ADMIN, "project", "Use the tasks API." },
    { "stores_info_detail", ADMIN, "project", "See the stores in detail." },
    {}
};
