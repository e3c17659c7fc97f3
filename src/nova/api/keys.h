/* Key material of key pairs: making it, and telling its fingerprint. */
#ifndef NOVA_API_KEYS_H
#define NOVA_API_KEYS_H

#include "oslo/base/ctx.h"

struct key_material {
    char *public_key, *private_key, *fingerprint;        /* of the ctx; private_key is a secret */
};

/* RSA 2048: an OpenSSH public key, or a self-signed certificate for WinRM; private_key as PEM. False with fault 500. */
bool ssh_key_make(struct ctx *, struct key_material *ret_key);
bool x509_key_make(struct ctx *, const char *user_id, struct key_material *ret_key);

/* "aa:bb:...": MD5 of an OpenSSH public key's blob, SHA-1 of a PEM certificate. NULL with fault 400 where it is none. */
char *ssh_fingerprint(struct ctx *, const char *public_key);
char *x509_fingerprint(struct ctx *, const char *certificate);

#endif
