/* MIME parts one after the other, as they arrive: forms that browsers send, uploads between nodes. */
#ifndef SWIFT_MULTIPART_H
#define SWIFT_MULTIPART_H

#include "swift/message.h"

struct multipart;
struct multipart *multipart_new(struct ctx *, const char *boundary, struct swift_request *);
/* Skips what is left of the part at hand. 1: the next one, with its headers; 0: there is none; -1: these are no parts, or they break off. */
int multipart_next(struct ctx *, struct multipart *, struct headers *);
/* More of the part at hand: > 0 bytes, 0 at its end, -1 when it breaks off. */
ssize_t multipart_read(struct multipart *, void *bytes, size_t n);
/* To the end of the body, which then goes on: the other side is about to be asked for more. */
void multipart_go_on(struct multipart *);

#endif
