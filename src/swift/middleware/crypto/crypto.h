/* Encryption at rest, byte for byte the original's: what keymaster, encrypter and decrypter share.
 *
 * A root secret and a path give a key (HMAC-SHA256). An object's body is AES-256 in counter mode under a key of its own, which is kept wrapped
 * under the object's key; ETags and user metadata are encrypted under the object's key, the ETag of the listing under the container's.
 * How something was encrypted (its crypto meta: JSON, quoted) stands beside it.
 */
#ifndef SWIFT_MIDDLEWARE_CRYPTO_H
#define SWIFT_MIDDLEWARE_CRYPTO_H

#include "swift/proxy/pipeline.h"

enum { CRYPTO_KEY = 32, CRYPTO_IV = 16, CRYPTO_SECRET_LEAST = 32 };

#define CRYPTO_ETAG "X-Object-Sysmeta-Crypto-Etag"
#define CRYPTO_ETAG_MAC "X-Object-Sysmeta-Crypto-Etag-Mac"
#define CRYPTO_BODY_META "X-Object-Sysmeta-Crypto-Body-Meta"
#define CRYPTO_USER_META "X-Object-Transient-Sysmeta-Crypto-Meta"          /* and, with "-<name>" behind it, each of the user's */

/* --- keys ------------------------------------------------------------------------------------------------------ */

struct crypto_keys {
    uint8_t container[CRYPTO_KEY], object[CRYPTO_KEY];
    bool has_container, has_object;
    json_t *id;                      /* how they were made, as it is stored: who gives it back gets them again */
    json_t *all_ids;                 /* the ids of the same keys by every root secret there is */
};

enum crypto_found { CRYPTO_FOUND, CRYPTO_UNKNOWN_SECRET, CRYPTO_NO_KEYS };

/* Where a request's keys come from: a keymaster leaves it in env->middleware[SLOT_KEYS] while the rest of the pipeline runs. */
struct key_source {
    const struct step *keymaster;
    const char *account, *container, *object;        /* of the request; NULL: not in the path */
    const struct key_source *other;  /* of a keymaster before it, asked where this one does not know the secret; NULL: none */
};

/* id NULL: those to encrypt with now. */
enum crypto_found keymaster_keys(struct ctx *, const struct key_source *, json_t *id, struct crypto_keys *);
/* The same of a request, as the original's middlewares ask: object or container key must be there. False: the response (500) says why not;
 * *ret_unknown (may be NULL) where it is the secret that is not known: then the response is left alone. */
bool crypto_keys_get(struct ctx *, const struct swift_request *, json_t *id, bool object, struct crypto_keys *, bool *ret_unknown, struct swift_response *);

/* --- AES-256-CTR ----------------------------------------------------------------------------------------------- */

struct cipher;
struct cipher *cipher_new(const uint8_t key[CRYPTO_KEY], const uint8_t iv[CRYPTO_IV], uint64_t offset);
void cipher_apply(struct cipher *, void *bytes, size_t n);           /* in place, either way */
void cipher_free(struct cipher *);

/* --- crypto meta ----------------------------------------------------------------------------------------------- */

struct crypto_meta {
    uint8_t iv[CRYPTO_IV];
    bool wraps;                      /* a body's key */
    uint8_t key[CRYPTO_KEY], key_iv[CRYPTO_IV];      /* of which it is */
    json_t *key_id;                  /* NULL: none is said */
};

/* The object in a quoted text; NULL: there is none in it. */
json_t *crypto_meta_parse(struct ctx *, const char *quoted);
/* False: another cipher, no IV, a broken key. */
bool crypto_meta_read(struct ctx *, json_t *, struct crypto_meta *);
/* As it is stored. key_id NULL: it is left out. A meta that wraps has its body's key said. */
char *crypto_meta_write(struct ctx *, const struct crypto_meta *, bool with_iv);

/* "<base64>; swift_meta=<quoted>" of n bytes under that key. */
char *crypto_value_write(struct ctx *, const void *bytes, size_t n, const uint8_t key[CRYPTO_KEY], json_t *key_id);
/* What stands before "; swift_meta=" and the meta; *ret_meta NULL: nothing is encrypted here. False: the meta is none. */
bool crypto_value_split(struct ctx *, const char *value, const char **ret_text, json_t **ret_meta);
/* The text a split value holds; NULL: it is no base64, or no text. */
char *crypto_value_read(struct ctx *, const char *text, const struct crypto_meta *, const uint8_t key[CRYPTO_KEY]);

/* Base64 of the HMAC-SHA256: an ETag that can be compared without being known. */
char *crypto_mac(struct ctx *, const uint8_t key[CRYPTO_KEY], const char *etag);
void crypto_hmac(const void *secret, size_t n_secret, const void *bytes, size_t n, uint8_t ret[CRYPTO_KEY]);

/* --- the bodies of answers --------------------------------------------------------------------------------------- */

/* Decrypts what is read of an object's body: from an offset on, or of a multipart/byteranges, whose heads say where each part begins. */
struct decryption {
    uint8_t key[CRYPTO_KEY], iv[CRYPTO_IV];
    struct cipher *cipher;           /* NULL: in a head of a multipart */
    bool multipart;
    uint64_t left;                   /* of the part under way */
    bool ranged;                     /* the head under way says where it begins */
    uint64_t first, last;
    char line[256]; size_t n_line;   /* of the head under way */
};
void decryption_begin(struct decryption *, const uint8_t key[CRYPTO_KEY], const uint8_t iv[CRYPTO_IV], uint64_t offset, bool multipart);
void decryption_apply(struct decryption *, char *bytes, size_t n);   /* in place */
void decryption_end(struct decryption *);

/* Its two halves, encrypter.c and decrypter.c. */
struct encryption_options { bool disable_encryption; };
void encrypter_run(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);

#endif
