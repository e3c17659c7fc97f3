/* A log-in at Keystone with a password, as clients from outside make it: the token, and where a service is. */
#ifndef SWIFT_KEYSTONE_H
#define SWIFT_KEYSTONE_H

#include "oslo/base/ctx.h"

/* NULL and "": not said. */
struct keystone_login {
    const char *url;                 /* with its version or without */
    bool v2;
    const char *user_name, *user_id, *user_domain_name, *user_domain_id, *password;
    const char *project_name, *project_id, *project_domain_name, *project_domain_id;
    const char *domain_name, *domain_id, *trust_id;
    const char *service_type, *interface, *region;           /* of the endpoint; interface: "public", "publicURL" */
    bool insecure;
};

/* *ret_endpoint NULL: the catalog has none. False with a fault: 401 where the log-in is refused, 503 where Keystone cannot judge it. */
bool keystone_log_in(struct ctx *, const struct keystone_login *, const char **ret_token, const char **ret_endpoint);

#endif
