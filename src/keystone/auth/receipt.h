/* Several methods demanded of a user (the options multi_factor_auth_*), and receipts for those that were given already, so that the
 * next attempt brings the rest. */
#ifndef KEYSTONE_AUTH_RECEIPT_H
#define KEYSTONE_AUTH_RECEIPT_H

#include "oslo/http/http.h"

#define RECEIPT_HEADER "Openstack-Auth-Receipt"

/* Adds the methods of the request's receipt, if it brings one; 401 if that is none, has ended or is another user's. */
bool receipt_take(struct ctx *, const struct request *, const char *user_id, unsigned *methods);
/* Are these methods all that is asked of the user? If not, the answer is a receipt for them: 401, and false without a fault. */
bool methods_suffice(struct ctx *, const char *user_id, unsigned methods, struct reply *);

#endif
