/* KMIP 1.2, as much of it as fetching a key takes: items of tag, type, length and value (TTLV) in one another. */
#ifndef SWIFT_MIDDLEWARE_CRYPTO_KMIP_H
#define SWIFT_MIDDLEWARE_CRYPTO_KMIP_H

#include "oslo/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { KMIP_HEAD = 8, KMIP_AES = 3 };

/* A request (Get) for the object of that id. user NULL: none is said. */
void kmip_put_get(struct buf *, const char *user, const char *password, const char *id);
/* How much follows a message's head. */
uint32_t kmip_length(const uint8_t head[KMIP_HEAD]);

/* What the answer says; texts and bytes are those of the message. */
struct kmip_answer {
    uint32_t status, reason;         /* status 0: success */
    const char *text; size_t text_n; /* of a failure */
    uint32_t format;                 /* of the key: 1 is RAW; 0: there is no key in it */
    uint32_t algorithm;              /* 0: not said */
    int32_t bits;
    bool wrapped;
    const uint8_t *key; size_t key_n;
};
bool kmip_read(const void *message, size_t n, struct kmip_answer *ret);              /* false: it is none */

const char *kmip_status_name(uint32_t);      /* "OPERATION_FAILED"; never NULL, as all of them */
const char *kmip_reason_name(uint32_t);      /* "ITEM_NOT_FOUND" */
const char *kmip_algorithm_name(uint32_t);   /* "AES" */

#endif
