/* Access rules: the requests that an application credential is for, and no others. */
#ifndef OSLO_AUTH_ACCESS_RULES_H
#define OSLO_AUTH_ACCESS_RULES_H

#include "oslo/base/ctx.h"

/* Says to Keystone that the asker looks at access rules; without it a token that has some is not validated. */
#define ACCESS_RULES_HEADER "OpenStack-Identity-Access-Rules"

/* rules: [{"service", "method", "path"}, ...] in JSON. Does one of them stand for that request to a service of that type? */
bool access_rules_allow(struct ctx *, const char *rules, const char *service_type, const char *method, const char *path);
/* "{name}" and "*" stand for what is between two slashes, "**" for anything. */
bool access_path_matches(struct ctx *, const char *pattern, const char *path);

#endif
