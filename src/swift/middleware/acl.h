/* Access control lists as Swift writes them in headers: ".r:*,.rlistings,account:user". Shared by the auth middlewares. */
#ifndef SWIFT_MIDDLEWARE_ACL_H
#define SWIFT_MIDDLEWARE_ACL_H

#include "swift/message.h"

/* The list in its normal form ("" when nothing is left); NULL with a 400 in the response. As env->clean_acl. */
const char *acl_clean(struct ctx *, const char *header, const char *value, struct swift_response *);
/* May one who comes from there (the Referer header; NULL: unknown) by the list's .r: items? acl NULL: no. */
bool acl_referrer_allowed(struct ctx *, const char *acl, const char *referer);
/* The items that are no .r: ones, percent-decoded; ends with NULL. */
const char *const *acl_groups(struct ctx *, const char *acl);
/* The container's sync key, with a time: container-sync may. */
bool acl_sync_allowed(struct ctx *, const struct swift_request *);
/* 401 for those who are nobody, else 403. Always false. */
bool auth_denied(struct ctx *, const struct swift_request *, struct swift_response *);
bool auth_denied_always(struct ctx *, struct swift_request *, struct swift_response *);      /* the same, as env->authorize */
void auth_challenge_swift(struct ctx *, const struct swift_request *, struct swift_response *);

/* reseller_prefix: which accounts an auth middleware answers for. */
struct resellers {
    const char **prefixes;           /* "AUTH_", "" ...; ends with NULL */
};
struct resellers *resellers_new(const char *option);
void resellers_free(struct resellers *);
/* The one an account's name begins with; the empty one last. NULL: none. */
const char *resellers_prefix(const struct resellers *, const char *account);
/* An option as said for that prefix ("AUTH_operator_roles"), else for all; NULL. In lower case where it is a list of roles. */
struct step;
const char *resellers_option(const struct step *, const char *prefix, const char *name);

#endif
