/* How many rows a second one container is told. What is too much for it at the moment is put off to the end of the sweep, the newest first; where
 * too much is put off, what has waited longest is left for the next sweep. Containers share buckets, by their hash. For one thread.
 */
#ifndef SWIFT_DAEMON_UPDATER_LIMIT_H
#define SWIFT_DAEMON_UPDATER_LIMIT_H

#include "oslo/base/ctx.h"

struct update_limit;
struct update_counts { int64_t deferrals, skips, drains; };
/* per_second 0: any number. free: of items. */
struct update_limit *update_limit_new(double per_second, int64_t buckets, int64_t most_deferred, void (*free)(void *item));
void update_limit_free(struct update_limit *);               /* what still waits is skipped */
/* True: it can be told now. False: the item has been taken. */
bool update_limit_allows(struct update_limit *, const char *account, const char *container, void *item);
/* Waits until one of those put off can be told. NULL: there is none, or it is until_us (clock_mono_us()), or the process is to end. */
void *update_limit_drain(struct update_limit *, int64_t until_us);
struct update_counts update_limit_counts(const struct update_limit *);       /* skips: also what waits now */

#endif
