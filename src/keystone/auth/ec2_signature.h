/* Signatures of EC2 (versions 0, 1, 2 and 4 over a described request) and of S3 (1 and 4 over the text that was signed). */
#ifndef KEYSTONE_AUTH_EC2_SIGNATURE_H
#define KEYSTONE_AUTH_EC2_SIGNATURE_H

#include "oslo/base/ctx.h"

/* credentials: the body of /v3/ec2tokens ("signature", "params", "verb", "host", "path", "headers", "body_hash"). A host with a
 * port may have been signed without it. */
bool ec2_signed(struct ctx *, const json_t *credentials, const char *secret);
/* credentials: the body of /v3/s3tokens ("signature", "token": the text signed, in base64). */
bool s3_signed(struct ctx *, const json_t *credentials, const char *secret);

/* When the request says it was signed; NULL where it does not. */
const char *ec2_timestamp(const json_t *credentials);
/* ISO 8601, with or without its marks. */
bool ec2_time_read(struct ctx *, const char *text, int64_t *ret_us);

#endif
