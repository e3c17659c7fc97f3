/* Every middleware there is: its file defines it, middlewares.c lists it. */
#ifndef SWIFT_MIDDLEWARE_MIDDLEWARES_H
#define SWIFT_MIDDLEWARE_MIDDLEWARES_H

#include "swift/proxy/pipeline.h"
#include "swift/proxy/proxy.h"

extern const struct middleware middleware_catch_errors, middleware_gatekeeper, middleware_healthcheck, middleware_listing_formats,
    middleware_proxy_logging, middleware_cache, middleware_tempauth, middleware_keystoneauth, middleware_authtoken, middleware_s3api,
    middleware_s3token, middleware_copy, middleware_account_quotas, middleware_container_quotas, middleware_tempurl, middleware_dlo, middleware_slo,
    middleware_bulk, middleware_symlink, middleware_formpost, middleware_staticweb, middleware_versioned_writes,
    middleware_name_check, middleware_read_only, middleware_crossdomain, middleware_etag_quoter, middleware_domain_remap, middleware_keymaster,
    middleware_kms_keymaster, middleware_kmip_keymaster, middleware_encryption, middleware_ratelimit,
    middleware_list_endpoints, middleware_container_sync, middleware_cname_lookup;

#endif
