/* Where an audit of a device has come to: auditor_status_<kind>.json beside its partitions, as the original keeps it. */
#ifndef SWIFT_DAEMON_AUDITOR_H
#define SWIFT_DAEMON_AUDITOR_H

#include "swift/daemon/daemon.h"

struct auditor_status {
    const char *path;
    const char *const *partitions;   /* names, to be audited in that order */
    size_t n, at;
    int64_t saved_us;
};
/* What is left of a pass that was cut short; else all there is. */
void auditor_status_open(struct ctx *, struct auditor_status *, const char *objects_dir, const char *kind);
/* What is left from at on: at most once a minute, and at the end. */
void auditor_status_save(struct ctx *, struct auditor_status *);
void auditor_status_forget(struct ctx *, const char *objects_dir, const char *kind);
/* {"partitions": ["1", "2"]}. NULL: it is none. */
const char *const *auditor_status_read(struct ctx *, const char *text, size_t n, size_t *ret_n);

#endif
