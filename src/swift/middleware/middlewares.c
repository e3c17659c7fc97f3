/* Every middleware there is. */
#include "swift/middleware/middlewares.h"

const struct middleware *const middlewares[] = {
    &middleware_account_quotas, &middleware_authtoken, &middleware_bulk, &middleware_catch_errors, &middleware_container_quotas, &middleware_copy,
    &middleware_dlo, &middleware_formpost, &middleware_gatekeeper, &middleware_healthcheck, &middleware_keystoneauth, &middleware_listing_formats,
    &middleware_proxy_logging, &middleware_s3api, &middleware_slo, &middleware_staticweb, &middleware_symlink,
    &middleware_tempauth, &middleware_tempurl, &middleware_versioned_writes,
    NULL,
};
