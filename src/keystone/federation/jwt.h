/* JSON Web Tokens (RFC 7519) as others sign them: compact JWS, by the public keys of a JWK set (RFC 7517). */
#ifndef KEYSTONE_FEDERATION_JWT_H
#define KEYSTONE_FEDERATION_JWT_H

#include <openssl/evp.h>

#include "oslo/record/record.h"

struct jwt {
    const char *alg, *kid;           /* kid NULL: any key may have signed it */
    const json_t *claims;            /* an object; nothing in it may be believed before jwt_verify() */
    const char *signed_text; size_t signed_size;
    const void *signature; size_t signature_size;
};

/* Takes it apart. False, without a fault, if it is none. */
bool jwt_read(struct ctx *, const char *text, struct jwt *ret_jwt);
/* Is one of the keys, of the kind its algorithm needs, the signer's? RS, PS and ES with SHA-2, EdDSA; never "none", never a shared secret. */
bool jwt_verify(struct ctx *, const struct jwt *, const json_t *jwks);
/* Is that key, of the kind its algorithm needs, the signer's? */
bool jwt_signed_by(const struct jwt *, EVP_PKEY *key);
/* Is there a key of that kid (NULL: any at all)? */
bool jwks_has(const json_t *jwks, const char *kid);

#endif
