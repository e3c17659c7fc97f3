/* The key repositories in memory, read again within a second of a change. */
#ifndef KEYSTONE_TOKEN_RING_H
#define KEYSTONE_TOKEN_RING_H

#include "keystone/token/fernet.h"

enum ring { RING_TOKENS, RING_RECEIPTS, RING_CREDENTIALS };
bool ring_keys(struct ctx *, enum ring, struct fernet_keys *ret_keys);
/* Seals with the primary key; NULL with a fault. */
char *ring_seal(struct ctx *, enum ring, int64_t time_s, const void *bytes, size_t n);
/* Opens with whichever key fits. *ret_bytes is NULL where none does; false with a fault if there are no keys. */
bool ring_open(struct ctx *, enum ring, const char *text, void **ret_bytes, size_t *ret_n, int64_t *ret_time_s);

#endif
