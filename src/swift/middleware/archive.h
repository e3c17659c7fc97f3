/* PUT ?extract-archive=tar|tar.gz|tar.bz2: the files of an archive become objects. */
#ifndef SWIFT_MIDDLEWARE_ARCHIVE_H
#define SWIFT_MIDDLEWARE_ARCHIVE_H

#include "swift/middleware/bulk.h"

struct bulk_options {
    int64_t max_containers_per_extraction, max_failed_extractions, max_deletes_per_request, max_failed_deletes, yield_frequency, delete_concurrency,
            delete_container_retry_count;
};

void archive_extract(struct ctx *, const struct step *, struct swift_request *, const char *kind, struct swift_response *);
void bulk_answer(struct ctx *, const char *type, const struct bulk_result *, struct swift_response *);

#endif
