/* What a token says inside, as Keystone packs it: a msgpack array whose first member is the version of the payload. */
#ifndef KEYSTONE_TOKEN_PAYLOAD_H
#define KEYSTONE_TOKEN_PAYLOAD_H

#include "keystone/token/methods.h"
#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

enum payload_version {
    PAYLOAD_UNSCOPED = 0, PAYLOAD_DOMAIN = 1, PAYLOAD_PROJECT = 2, PAYLOAD_TRUST = 3, PAYLOAD_FEDERATED_UNSCOPED = 4,
    PAYLOAD_FEDERATED_PROJECT = 5, PAYLOAD_FEDERATED_DOMAIN = 6, PAYLOAD_OAUTH = 7, PAYLOAD_SYSTEM = 8,
    PAYLOAD_APPLICATION_CREDENTIAL = 9,
};

struct payload {
    enum payload_version version;
    const char *user_id, *project_id, *domain_id, *system, *trust_id, *app_cred_id, *access_token_id;
    const char *idp_id, *protocol_id;                /* of a federated token, */
    const char *const *group_ids;                    /* and what its mapping said; NULL-terminated */
    unsigned methods;                /* enum auth_method */
    int64_t expires_s;
    const char *audit_ids[2];        /* its own; the first of its chain, or NULL */
};

enum { PAYLOAD_GROUPS_MAX = 1024 };
static inline bool payload_is_federated(enum payload_version version)
{
    return version >= PAYLOAD_FEDERATED_UNSCOPED && version <= PAYLOAD_FEDERATED_DOMAIN;
}

static inline bool payload_is_unscoped(enum payload_version version)
{
    return version == PAYLOAD_UNSCOPED || version == PAYLOAD_FEDERATED_UNSCOPED;
}

void payload_write(struct ctx *, const struct payload *, struct buf *to);
/* False, without a fault, if the bytes are no payload that is known. Strings are of the ctx. */
bool payload_read(struct ctx *, const void *bytes, size_t n, struct payload *ret_payload);
/* What a receipt says inside. */
struct receipt { const char *user_id; unsigned methods; int64_t expires_s; };
void receipt_write(const struct receipt *, struct buf *to);
bool receipt_read(struct ctx *, const void *bytes, size_t n, struct receipt *ret_receipt);

/* 16 random bytes in URL-safe base64 without padding. */
char *audit_id_new(struct ctx *);

#endif
