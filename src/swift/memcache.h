/* Values on memcached servers, each chosen by its key as the original's proxies choose: libmemcached behind a ring of ours. */
#ifndef SWIFT_MEMCACHE_H
#define SWIFT_MEMCACHE_H

#include "oslo/base/buf.h"
#include "swift/cache.h"

struct memcache;
struct memcache *memcache_new(struct ctx *, const struct cache_options *);           /* NULL with a fault */
void memcache_free(struct memcache *);

enum memcache_said { MEMCACHE_DONE, MEMCACHE_NOTHING, MEMCACHE_FAILED };              /* NOTHING: there is no such key */
enum memcache_said memcache_get(struct ctx *, struct memcache *, const char *key, struct buf *ret_value, uint32_t *ret_flags);
enum memcache_said memcache_set(struct ctx *, struct memcache *, const char *key, const char *value, size_t n, uint32_t flags, int64_t seconds);
enum memcache_said memcache_delete(struct ctx *, struct memcache *, const char *key);
enum memcache_said memcache_add(struct ctx *, struct memcache *, const char *key, int64_t delta, int64_t *ret);

#endif
