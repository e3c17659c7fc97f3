/* Every rule of Placement with its default: as the original's, beside the older admin rule, which counts until enforce_new_defaults. */
#include "oslo/auth/policy.h"

extern const struct policy placement_policies[];

#define ADMIN "rule:system_admin_api"
#define READER "rule:system_reader_api"

const struct policy placement_policies[] = {
    { "admin_api", "role:admin", "system", "Who may do anything." },
    { "system_admin_api", "role:admin and system_scope:all", NULL, "Who may change anything.", "rule:admin_api" },
    { "system_reader_api", "role:reader and system_scope:all", NULL, "Who may see anything.", "rule:admin_api" },
    { "project_reader_api", "role:reader and project_id:%(project_id)s", NULL, "Who may see the project's.", "rule:admin_api" },
    { "system_or_project_reader", "rule:system_reader_api or rule:project_reader_api", NULL,
      "Who may see anything, or the project's.", "rule:admin_api" },
    { "placement:resource_providers:list", READER, "system", "List resource providers." },
    { "placement:resource_providers:create", ADMIN, "system", "Create a resource provider." },
    { "placement:resource_providers:show", READER, "system", "Show a resource provider." },
    { "placement:resource_providers:update", ADMIN, "system", "Change a resource provider." },
    { "placement:resource_providers:delete", ADMIN, "system", "Delete a resource provider." },
    { "placement:resource_classes:list", READER, "system", "List resource classes." },
    { "placement:resource_classes:create", ADMIN, "system", "Create a resource class." },
    { "placement:resource_classes:show", READER, "system", "Show a resource class." },
    { "placement:resource_classes:update", ADMIN, "system", "Create or rename a resource class." },
    { "placement:resource_classes:delete", ADMIN, "system", "Delete a resource class." },
    { "placement:resource_providers:inventories:list", READER, "system", "List a provider's inventories." },
    { "placement:resource_providers:inventories:create", ADMIN, "system", "Add an inventory to a provider." },
    { "placement:resource_providers:inventories:show", READER, "system", "Show an inventory." },
    { "placement:resource_providers:inventories:update", ADMIN, "system", "Change a provider's inventories." },
    { "placement:resource_providers:inventories:delete", ADMIN, "system", "Delete a provider's inventories." },
    { "placement:resource_providers:aggregates:list", READER, "system", "List a provider's aggregates." },
    { "placement:resource_providers:aggregates:update", ADMIN, "system", "Set a provider's aggregates." },
    { "placement:resource_providers:usages", READER, "system", "Show what of a provider is taken." },
    { "placement:usages", "rule:system_or_project_reader", "system,project", "Show what a project has taken." },
    { "placement:traits:list", READER, "system", "List traits." },
    { "placement:traits:show", READER, "system", "Ask for a trait." },
    { "placement:traits:update", ADMIN, "system", "Make a custom trait." },
    { "placement:traits:delete", ADMIN, "system", "Delete a custom trait." },
    { "placement:resource_providers:traits:list", READER, "system", "List a provider's traits." },
    { "placement:resource_providers:traits:update", ADMIN, "system", "Set a provider's traits." },
    { "placement:resource_providers:traits:delete", ADMIN, "system", "Take a provider's traits away." },
    { "placement:allocations:manage", ADMIN, "system", "Set allocations of several consumers." },
    { "placement:allocations:list", READER, "system", "List a consumer's allocations." },
    { "placement:allocations:update", ADMIN, "system", "Set a consumer's allocations." },
    { "placement:allocations:delete", ADMIN, "system", "Delete a consumer's allocations." },
    { "placement:resource_providers:allocations:list", READER, "system", "List a provider's allocations." },
    { "placement:allocation_candidates:list", READER, "system", "Search for allocation candidates." },
    { "placement:reshaper:reshape", ADMIN, "system", "Move inventories and allocations at once." },
    {}
};
