/* What another middleware may say of a manifest that slo is about to store: s3api refuses parts that are too small.
 *
 * Kept in env->middleware[SLOT_SLO]; slo asks for each segment once its size is known, before anything is written.
 */
#ifndef SWIFT_MIDDLEWARE_SLO_HOOK_H
#define SWIFT_MIDDLEWARE_SLO_HOOK_H

#include "swift/message.h"

struct slo_hook {
    /* What is wrong with segment i of n (path, bytes), to stand among the manifest's errors; NULL: nothing. */
    const char *(*judge)(struct ctx *, void *data, const char *path, int64_t bytes, size_t i, size_t n);
    void *data;
};

#endif
