/* How far a round has come, said from time to time. */
#ifndef SWIFT_DAEMON_PROGRESS_H
#define SWIFT_DAEMON_PROGRESS_H

#include "oslo/base/ctx.h"

#include <pthread.h>

struct progress {
    const char *what;                /* "replicated" */
    int64_t all, done;               /* partitions */
    int64_t began_us, told_us, told;
    int64_t interval_us;
    pthread_mutex_t lock;            /* guards done, told_us, told */
};
void progress_begin(struct progress *, const char *what, int64_t all, double interval_s);
/* One more is done. True: so much time has passed that it has been said. */
bool progress_step(struct ctx *, struct progress *);
void progress_end(struct ctx *, struct progress *);          /* says it a last time */

#endif
