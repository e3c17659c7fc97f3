/* multipart/form-data as it arrives: part after part, each read as it is wanted. */
#ifndef SWIFT_MIDDLEWARE_MULTIPART_FORM_H
#define SWIFT_MIDDLEWARE_MULTIPART_FORM_H

#include "swift/message.h"

struct form_part { const char *name, *filename, *content_type, *content_encoding; };     /* NULL: not said */

/* The boundary of a Content-Type that is multipart/form-data; NULL: it is none. */
const char *multipart_form_boundary(struct ctx *, const char *content_type);
struct multipart_form;
struct multipart_form *multipart_form_new(struct ctx *, const char *boundary, struct swift_request *);
/* Skips what is left of the part at hand. 1: the next one; 0: there is none; -1: this is no form, or it breaks off. */
int multipart_form_next(struct multipart_form *, struct form_part *);
/* More of the part at hand: > 0 bytes, 0 at its end, -1 when the form breaks off. */
ssize_t multipart_form_read(struct multipart_form *, void *bytes, size_t n);

#endif
