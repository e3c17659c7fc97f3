/* Names and what is derived from them. A NUL byte in a name stands as C0 80 in memory (message.h). */
#ifndef SWIFT_NAME_H
#define SWIFT_NAME_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

#define RESERVED "\xc0\x80"          /* what a reserved name begins with */

/* Percent-decoded bytes as a name: NULL when they are no UTF-8. plus: '+' is a blank. */
char *name_decode(struct ctx *, const char *quoted, size_t n, bool plus);
/* Percent-quoted as Python's urllib.parse.quote(safe): letters, digits, "_.-~" and the bytes of safe stay. */
char *name_quote(struct ctx *, const char *name, const char *safe);
void name_quote_to(struct buf *, const char *name, const char *safe);
/* The bytes: NULs where they stand. *ret_n long, NUL after it. */
char *name_bytes(struct ctx *, const char *name, size_t *ret_n);
char *name_from_bytes(struct ctx *, const void *bytes, size_t n);    /* the other way; no check */
/* Bytes as they compare in the database: memcmp of the bytes of both. */
int name_compare(const char *a, const char *b);
size_t name_length(const char *name);                                /* in bytes on the wire */
bool name_is_reserved(const char *name);
void name_json(struct buf *, const char *name);                      /* with its quotes, ASCII only, as Python's json writes it */

/* What [swift-hash] says; set once while the process starts. */
void hash_path_configure(const char *prefix, const char *suffix);
/* md5(prefix "/" account ["/" container ["/" object]] suffix); container and object may be NULL. */
void hash_path(const char *account, const char *container, const char *object, uint8_t ret_digest[16]);
char *hash_path_hex(struct ctx *, const char *account, const char *container, const char *object);

void md5_of(const void *bytes, size_t n, uint8_t ret_digest[16]);
void digest_hex(const uint8_t digest[16], char ret_hex[33]);

/* md5 that is fed piece by piece. */
struct md5;
struct md5 *md5_new(void);
void md5_add(struct md5 *, const void *bytes, size_t n);
void md5_end(struct md5 *, uint8_t ret_digest[16]);                  /* frees it */
void md5_end_hex(struct md5 *, char ret_hex[33]);
void md5_free(struct md5 *);

#endif
