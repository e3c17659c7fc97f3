/* What the library lets through and nobody else may see: the raw header block, judged line by line. */
#ifndef OSLO_HTTP_FRAMING_H
#define OSLO_HTTP_FRAMING_H

#include "oslo/http/http.h"

#define HEADERS_MAX 200
#define TARGET_MAX 8192

struct framing {
    struct pair *headers;            /* copies, of the ctx */
    int64_t content_length;          /* -1: not said */
    bool chunked, expects_continue;
    int status;                      /* not 0: the request is refused with it */
    const char *why;
};

/* block: from the end of the request line's version to the end of the header, where CR, LF and the first colon of each
 * line are NULs. Judges each line, copies the headers, and says how the body is framed. */
void framing_read(struct ctx *, struct framing *, const char *method, const char *target, const char *version,
                  const char *block, size_t n);

#endif
