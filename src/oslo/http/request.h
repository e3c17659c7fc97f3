/* How a request is made: by the server from a socket, by client/ for a service of the same process. */
#ifndef OSLO_HTTP_REQUEST_H
#define OSLO_HTTP_REQUEST_H

#include "oslo/http/http.h"

/* Sets path, raw_path, query_text and query from "/v2.0/ports?name=a%20b". */
void request_set_target(struct ctx *, struct request *, const char *target);
const struct pair *query_parse(struct ctx *, const char *text);
/* Escapes that are none stay as they are, and so does that of NUL. */
char *percent_decode(struct ctx *, const char *text, size_t n, bool plus_is_blank);

/* The unread rest of a body that comes over a socket; see body.c. */
ssize_t body_source_read(struct ctx *, struct body_source *, void *bytes, size_t n);

#endif
