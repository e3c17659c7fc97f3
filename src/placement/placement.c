/* Everything Placement is. */
#include "placement/placement.h"

#include "placement/api/api.h"
#include "placement/schema.h"

extern const struct migration placement_migrations[];
extern const struct policy placement_policies[];

static const struct route *const routes[] = {
    root_routes, provider_routes, inventory_routes, usage_routes, aggregate_routes, trait_routes, class_routes, allocation_routes,
    candidate_routes, reshaper_routes, NULL
};

const struct service placement = {
    .name = "placement", .type = "placement", .title = "Placement Service", .port = 8778, .endpoint = "", .style = &placement_style,
    .routes = routes, .policies = placement_policies, .migrations = placement_migrations,
    .bootstrap = standard_names_store, .start = placement_schemas_load,
};
