/* One-time codes of the clock, and base32 as seeds are written. */
#ifndef KEYSTONE_AUTH_TOTP_H
#define KEYSTONE_AUTH_TOTP_H

#include "oslo/base/ctx.h"

void totp_code(const void *seed, size_t n, int64_t time_s, char ret_code[7]);
/* Upper case, padded or not; false where it is none. */
bool base32_read(struct ctx *, const char *text, unsigned char **ret_bytes, size_t *ret_n);

#endif
