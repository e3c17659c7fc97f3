/* Every middleware there is. */
#include "swift/middleware/middlewares.h"

const struct middleware *const middlewares[] = {
    &middleware_authtoken, &middleware_catch_errors, &middleware_gatekeeper, &middleware_healthcheck, &middleware_keystoneauth,
    &middleware_listing_formats, &middleware_proxy_logging, &middleware_s3api, &middleware_tempauth,
    NULL,
};
