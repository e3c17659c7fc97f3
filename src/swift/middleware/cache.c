/* cache: what the original keeps in memcached (infos of accounts and containers, tempauth's tokens) each process keeps itself; the word may
 * stand in the pipeline. */
#include "swift/middleware/middlewares.h"

const struct middleware middleware_cache = { .name = "memcache", .run = step_next };
