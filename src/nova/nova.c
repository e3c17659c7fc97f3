/* Everything Nova is. */
#include "nova/nova.h"

#include "nova/api/api.h"
#include "nova/options.h"

static const struct route *const routes[] = {
    version_routes, flavor_routes, NULL
};

const struct service nova = {
    .name = "nova", .type = "compute", .title = "Compute Service", .port = 8774, .endpoint = "/v2.1", .base = "/v2.1",
    .style = &nova_style, .routes = routes, .policies = nova_policies, .migrations = nova_migrations,
    .options = nova_option_attrs, .options_size = sizeof(struct nova_options),
    .start = schemas_load,
};
