/* Static large objects: what the files on them share. A manifest is a JSON list of segments, kept as an object's body. */
#ifndef SWIFT_MIDDLEWARE_SLO_H
#define SWIFT_MIDDLEWARE_SLO_H

#include "swift/middleware/hash_params.h"
#include "swift/proxy/pipeline.h"

#define SLO_ETAG "X-Object-Sysmeta-Slo-Etag"
#define SLO_SIZE "X-Object-Sysmeta-Slo-Size"

struct slo_options {
    int64_t max_manifest_segments, max_manifest_size, yield_frequency, max_get_time, rate_limit_under_size, rate_limit_after_segment,
            rate_limit_segments_per_sec, concurrency, delete_concurrency;
    bool allow_async_delete;
};

void slo_put(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);          /* slo_put.c */
void slo_read(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);         /* slo_get.c */
void slo_delete(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);       /* slo_delete.c */

/* The list in a response's body; an empty array when it is none. The response is closed. */
json_t *slo_manifest(struct ctx *, struct swift_response *);
/* How many bytes a segment gives. */
int64_t slo_segment_length(json_t *segment);
/* "m-n" of a segment that has a range; else 0 and its last byte. */
void slo_segment_range(json_t *segment, int64_t *ret_first, int64_t *ret_last);
/* The MD5 over the segments' own ETags, as hex. */
const char *slo_etag_of(struct ctx *, json_t *segments);

#endif
