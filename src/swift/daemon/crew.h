/* Work of a round that goes on side by side.
 *
 *     struct crew *crew = crew_new(c, settings->concurrency);
 *     ...  crew_do(crew, work, data);          each call has a ctx of its own, and may be another thread
 *     crew_end(crew);                          when all of it is done
 */
#ifndef SWIFT_DAEMON_CREW_H
#define SWIFT_DAEMON_CREW_H

#include "oslo/base/ctx.h"

struct crew;
struct crew *crew_new(struct ctx *parent, int64_t hands);    /* 1: all is done by the caller */
/* Waits while all hands are busy. data must live until it is done. */
void crew_do(struct crew *, void (*work)(struct ctx *, void *data), void *data);
void crew_end(struct crew *);

#endif
