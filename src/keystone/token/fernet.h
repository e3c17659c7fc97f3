/* Fernet: authenticated encryption of a short message with its time, and the key repository of keystone-manage.
 *
 * A repository is a directory of files named by number, each one key in base64: the highest number is the primary key, which
 * seals; all of them open; 0 is staged: it becomes the primary at the next rotation, when every node has had time to get it.
 */
#ifndef KEYSTONE_TOKEN_FERNET_H
#define KEYSTONE_TOKEN_FERNET_H

#include "oslo/base/ctx.h"

struct fernet_key {
    unsigned char sign[16], encrypt[16];
};

/* The token of the bytes at that time (seconds), without padding, as Keystone hands it out. */
char *fernet_seal(struct ctx *, const struct fernet_key *, int64_t time_s, const void *bytes, size_t n);
/* False, without a fault, if the key does not fit or the text is no token. */
bool fernet_open(struct ctx *, const struct fernet_key *, const char *token, void **ret_bytes, size_t *ret_n, int64_t *ret_time_s);

enum { FERNET_KEYS_MOST = 64 };
struct fernet_keys {
    struct fernet_key keys[FERNET_KEYS_MOST];        /* the primary first */
    int n;
};
/* Reads a repository; false with a fault if there is no key to be read. */
bool fernet_keys_read(struct ctx *, const char *directory, struct fernet_keys *ret_keys);
/* Makes the repository (0700) with a staged and a primary key, unless it has keys. */
bool fernet_setup(struct ctx *, const char *directory);
/* The staged key becomes the primary, a new one is staged, and all but `most` keys are dropped, the oldest first. */
bool fernet_rotate(struct ctx *, const char *directory, int most);
/* Seconds since the staged key was made. */
int64_t fernet_age(const char *directory);

#endif
