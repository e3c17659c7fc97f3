/* Every middleware there is. */
#include "swift/middleware/middlewares.h"

const struct middleware *const middlewares[] = {
    &middleware_account_quotas, &middleware_authtoken, &middleware_bulk, &middleware_cache, &middleware_catch_errors, &middleware_cname_lookup,
    &middleware_container_quotas, &middleware_container_sync, &middleware_copy, &middleware_crossdomain, &middleware_dlo,
    &middleware_domain_remap, &middleware_encryption, &middleware_etag_quoter, &middleware_formpost, &middleware_gatekeeper,
    &middleware_healthcheck, &middleware_keymaster, &middleware_kmip_keymaster, &middleware_kms_keymaster,
    &middleware_keystoneauth, &middleware_list_endpoints, &middleware_listing_formats, &middleware_name_check,
    &middleware_proxy_logging, &middleware_ratelimit, &middleware_read_only, &middleware_s3api, &middleware_s3token, &middleware_slo, &middleware_staticweb,
    &middleware_symlink, &middleware_tempauth, &middleware_tempurl, &middleware_versioned_writes,
    NULL,
};
