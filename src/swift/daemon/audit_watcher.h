/* What looks at each object that the object auditor has found whole. A watcher is a row of audit_watchers[] (audit_watcher.c) and a file;
 * [object-auditor] watchers names those that are wanted, [object-auditor:watcher:<name>] has their options.
 */
#ifndef SWIFT_DAEMON_AUDIT_WATCHER_H
#define SWIFT_DAEMON_AUDIT_WATCHER_H

#include "swift/conf.h"
#include "swift/daemon/daemon.h"
#include "swift/disk/diskfile.h"

/* Where a watcher's options are: of its own section, else of [object-auditor]. */
struct watcher_conf { const struct conf *conf; const char *section; };
const char *watcher_option(const struct watcher_conf *, const char *name);   /* NULL: it is not set */

struct audit_watcher {
    const char *name;
    /* Before a pass: what see and end get; of the ctx. NULL with a fault. */
    void *(*start)(struct ctx *, const struct round *, const struct watcher_conf *);
    /* False: the object is to be quarantined. */
    bool (*see)(struct ctx *, void *self, const struct disk_place *, const struct disk_object *);
    void (*end)(struct ctx *, void *self);
};
extern const struct audit_watcher dark_data_watcher;

/* Those of a pass. NULL with a fault: a name is not known. */
struct watchers;
struct watchers *watchers_start(struct ctx *, const struct round *, const char *names);
bool watchers_see(struct ctx *, struct watchers *, const struct disk_place *, const struct disk_object *);
void watchers_end(struct ctx *, struct watchers *);

#endif
