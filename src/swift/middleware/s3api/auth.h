/* How a request to the S3 API is signed, for the middlewares that know secrets: tempauth has its users' keys, s3token asks Keystone.
 *
 * s3api leaves a struct s3_auth in env->middleware[SLOT_S3]. Whoever finds the access key's secret calls s3_signature_valid(), says who
 * asks in the env, and puts the account's name where the access key stands in the path.
 */
#ifndef SWIFT_MIDDLEWARE_S3API_AUTH_H
#define SWIFT_MIDDLEWARE_S3API_AUTH_H

#include "swift/message.h"

struct s3_auth {
    const char *access_key, *signature;
    const char *string_to_sign;
    bool v4;
    const char *date, *region;       /* of a version 4 scope; its service is "s3" */
};

/* AWS signature version 2 (HMAC-SHA1 of the string to sign) or 4 (a key derived from the scope, HMAC-SHA256). Constant time. */
bool s3_signature_valid(const struct s3_auth *, const char *secret);
/* That of the request, or NULL: it is none of S3's, or has been judged. */
const struct s3_auth *s3_auth_of(const struct swift_request *);

#endif
