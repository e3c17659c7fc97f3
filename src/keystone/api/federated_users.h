/* The member "federated" of a user: by which identity providers, and under which ids there, the user may come in. */
#ifndef KEYSTONE_API_FEDERATED_USERS_H
#define KEYSTONE_API_FEDERATED_USERS_H

#include "keystone/keystone.h"

/* Are the providers and protocols of a list, of the schema's shape, there? Fault 400. */
bool federated_judge(struct ctx *, const json_t *federated);
/* In the transaction: what the list says instead of what there was. */
bool federated_store(struct ctx *, const char *user_id, const char *name, const json_t *federated);
/* Writes it where there is something to write. */
void federated_write(struct ctx *, struct out *, const char *user_id);
/* ?idp_id=, ?protocol_id=, ?unique_id= of a list of users. */
bool federated_filter(struct ctx *, const char *name, const char *const *values, struct sql *, bool *ret_taken);

#endif
