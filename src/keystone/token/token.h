/* Tokens: what one says and allows, issuing, validating, revoking. */
#ifndef KEYSTONE_TOKEN_TOKEN_H
#define KEYSTONE_TOKEN_TOKEN_H

#include "keystone/model/model.h"
#include "keystone/token/payload.h"
#include "keystone/token/ring.h"
#include "oslo/auth/cache.h"

/* A valid token, immutable and shared: its answer is written once and sent as it is. */
struct token {
    struct cached cached;
    struct identity who;             /* .token is the text */
    enum payload_version version;
    unsigned methods;
    int64_t expires_s, issued_s;
    const char *audit_id, *audit_chain_id, *trust_id, *app_cred_id;
    const char *idp_id, *protocol_id;                /* of a federated token, or NULL */
    const char *const *role_ids, *const *group_ids;  /* group_ids: of a federated token; never NULL */
    bool app_cred_restricted;
    const char *head, *catalog, *tail;               /* {"token": {..., "catalog": [...], ...}} in three pieces */
    size_t head_size, catalog_size, tail_size;
    size_t moment_at, moment_size;   /* in head: what is of this token alone, its audit ids and times */
    const struct token *model;       /* what this one shares all but that with, held; or NULL */
    GStringChunk *strings;
};

/* The token of that text, if it is good: of the cache, else by its words and the database. Held by the ctx. NULL with fault
 * 404, as GET /v3/auth/tokens answers. window_s: good so long after its end. */
const struct token *token_get(struct ctx *, const char *text, int64_t window_s);
/* The token of this request's X-Auth-Token; NULL with a fault 401. */
const struct token *token_of_request(struct ctx *, const struct request *);
/* Was it made for somebody to act for the user: by a trust, an application credential or OAuth? */
bool token_is_delegated(const struct token *);
/* Was it got in another way than by proving to be the user? A trust alone is not. */
bool token_is_lent(const struct token *);
/* c->who of a request to Keystone. */
bool token_judge(struct ctx *, const char *text, struct identity *ret_who);
/* Are the tokens a validation needs known already, so that answering takes no time? */
bool tokens_known(const struct request *);
void token_write(const struct token *, bool catalog, struct buf *to);

/* A new token with that in it, for a time, sealed and validated. NULL with a fault 401. */
const struct token *token_issue(struct ctx *, struct payload *);

/* A token of the same user, scope and methods as one that is at hand, which must have been read itself: nothing is asked again. */
struct token *token_like(const struct token *model, const char *text, const struct payload *, int64_t issued_s);
/* The database side: fills a new token from its payload; NULL with a fault. (token/read.c) */
struct token *token_read(struct ctx *, const char *text, const struct payload *, int64_t issued_s);

/* What revokes. Transaction open. */
bool revoke_token(struct ctx *, const struct token *);
bool revoke_user(struct ctx *, const char *user_id);
bool revoke_trust(struct ctx *, const char *trust_id);
/* The last second (0: none) whose tokens of the user are revoked; it may be the one of now. */
int64_t revoked_until(struct ctx *, const char *user_id);
bool revocation_holds(struct ctx *, const struct payload *, int64_t issued_s, bool *ret_revoked);
bool revocations_prune(struct ctx *);                /* those whose tokens have all ended */

#endif
