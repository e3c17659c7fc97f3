/* An attempt to authenticate on its walk from a body to a token: what each method of authenticate.c sees and fills in. */
#ifndef KEYSTONE_AUTH_ATTEMPT_H
#define KEYSTONE_AUTH_ATTEMPT_H

#include "keystone/token/token.h"

#define SECOND_US INT64_C(1000000)

struct attempt {
    struct request *request;
    const json_t *identity, *scope;
    struct payload payload;          /* filled on the way */
    const char *chain_id;            /* audit id a rescoped token descends from */
    const char *trust_user_id;       /* who must be authenticated for the trust asked for */
    bool unscoped;
};

/* A way to authenticate: judges its part of the body (identity.<name>), says who by attempt_user(), sets what else it knows.
 * False with a fault: 400 for a wrong body, 401 for anything else. */
typedef bool auth_method(struct ctx *, struct attempt *, const json_t *method);
auth_method auth_by_password, auth_by_token, auth_by_application_credential, auth_by_oauth1, auth_by_totp, auth_by_mapped;

/* The directory of a user named by id, or by name and domain; NULL where it has none, or with a fault. */
struct directory;
const struct directory *directory_of_user(struct ctx *, const json_t *user);
bool auth_by_directory(struct ctx *, struct attempt *, const struct directory *, const json_t *user);

/* All methods must agree on who it is. */
bool attempt_user(struct ctx *, struct attempt *, const char *user_id);

/* Who a federated token is of, in the groups its mapping named; its provider and protocol must still be there. */
bool attempt_federated_token(struct ctx *, struct attempt *, const struct token *);

/* Fails with 401, whatever else was found; faults of the house (5xx) stay. Always false. */
bool unauthorized(struct ctx *);

/* Does identity.<name> name a user? */
bool attempt_user_named(struct ctx *, const json_t *method);

#endif
