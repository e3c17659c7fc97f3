/* Which name a domain is an alias of. By c-ares, whose answers the C library's own parser reads. */
#ifndef SWIFT_MIDDLEWARE_DNS_H
#define SWIFT_MIDDLEWARE_DNS_H

#include "oslo/base/ctx.h"

enum dns_found { DNS_FOUND, DNS_NOTHING, DNS_FAILED };               /* NOTHING: there is no such domain, or it is no alias */
/* servers: "ip[:port],..."; NULL: the host's own. */
enum dns_found dns_cname(struct ctx *, const char *servers, const char *domain, const char **ret_name, int64_t *ret_ttl);
bool dns_servers_valid(struct ctx *, const char *servers);
/* The first alias in an answer as it came. */
enum dns_found dns_cname_read(struct ctx *, const void *answer, size_t n, const char **ret_name, int64_t *ret_ttl);

#endif
