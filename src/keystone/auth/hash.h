/* Hashes of passwords in the formats the original keeps them: bcrypt ($2a$ $2b$ $2y$), bcrypt over SHA-256 ($bcrypt-sha256$), scrypt
 * ($scrypt$), PBKDF2 with SHA-512 ($pbkdf2-sha512$) and SHA-512's crypt ($6$). Each reads what passlib wrote, and passlib reads ours.
 */
#ifndef KEYSTONE_AUTH_HASH_H
#define KEYSTONE_AUTH_HASH_H

#include "oslo/base/ctx.h"

struct hash_kind {
    const char *name;                /* "bcrypt", "bcrypt_sha256", "scrypt", "pbkdf2_sha512", "sha512_crypt" */
    int rounds;                      /* 0: the algorithm's usual cost */
    int block_size, parallelism;     /* of scrypt; 0: 8 and 1 */
    int salt_size;                   /* bytes, of scrypt and PBKDF2; 0: 16 */
};
bool hash_known(const char *name);
/* NULL, without a fault, where it cannot be done. */
char *hash_make(struct ctx *, const struct hash_kind *, const char *password);
/* Is it the password's hash? No hash of a known form is nobody's. */
bool hash_verify(struct ctx *, const char *password, const char *hash);

#endif
