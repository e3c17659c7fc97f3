/* The body of a large object: its segments one after another, each held against what is known of it. For slo and dlo. */
#ifndef SWIFT_MIDDLEWARE_SEGMENTED_H
#define SWIFT_MIDDLEWARE_SEGMENTED_H

#include "swift/proxy/pipeline.h"

struct segment {
    const char *path;                /* "/container/object"; NULL: data stand in the manifest */
    const char *etag;                /* that it must have; NULL: any */
    int64_t bytes;                   /* that it must have; -1: any */
    int64_t first, last;             /* of it, both within; last -1: to its end */
    const void *data; size_t n_data;
};

enum segment_found { SEGMENT_FOUND, SEGMENT_END, SEGMENT_BROKEN };

/* Where the segments come from. */
struct segment_source {
    enum segment_found (*next)(struct ctx *, void *data, struct segment *);
    void (*from)(struct ctx *, void *data, int64_t first, int64_t last);         /* begins anew with that part of the whole; both within */
};

/* Gives the response (200, its headers, length and ETag set) the body; conditions and ranges of the request are applied. What is wrong with
 * the first segment shows here: 409, 503. etag: the one conditions are asked about. source_name: "SLO". */
void segmented_respond(struct ctx *, const struct step *, const struct swift_request *, const struct segment_source *, void *data, const char *source_name,
                       const char *etag, struct swift_response *);

#endif
