/* What signatures of requests are made of: HMACs, percent-encoding, parameters in order. */
#ifndef KEYSTONE_AUTH_SIGNATURE_H
#define KEYSTONE_AUTH_SIGNATURE_H

#include "oslo/http/http.h"

struct mac { unsigned char bytes[64]; size_t n; };
/* digest: "SHA1", "SHA256", "SHA512". */
struct mac mac_of(const char *digest, const void *key, size_t key_size, const void *text, size_t size);
char *mac_base64(struct ctx *, const struct mac *);
char *mac_hex(struct ctx *, const struct mac *);
/* Of texts of any length, in a time that tells nothing of where they differ. NULL equals nothing. */
bool signature_equal(const char *a, const char *b);

/* All but letters, digits, "-._~" and what safe lists becomes %XX. */
char *percent_encode(struct ctx *, const char *text, const char *safe);
/* "name=value&..." of the n pairs, encoded and then sorted. */
char *parameters_normal(struct ctx *, const struct pair *pairs, size_t n);

#endif
