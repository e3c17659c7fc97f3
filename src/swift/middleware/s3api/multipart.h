/* What the files on multipart uploads share: an upload is a marker "<key>/<upload id>" and parts "<key>/<upload id>/<number>" in the
 * container <bucket>+segments. */
#ifndef SWIFT_MIDDLEWARE_S3API_MULTIPART_H
#define SWIFT_MIDDLEWARE_S3API_MULTIPART_H

#include "swift/middleware/s3api/s3.h"

/* The upload's marker, or the object it has become. False: NoSuchUpload, or another error. */
bool upload_find(struct s3_request *, const char *upload, struct swift_response *);

#endif
