/* memcached behind TLS, which libmemcached cannot speak: its text protocol over a bounded pool of connections. */
#ifndef SWIFT_MEMCACHE_TLS_H
#define SWIFT_MEMCACHE_TLS_H

#include "swift/memcache.h"

struct memcache_question {
    const char *value; size_t n;     /* of a set */
    uint32_t flags;                  /* of a set; said by a get */
    int64_t expires;
    int64_t delta, number;           /* of an add; what it came to */
    struct buf *got;                 /* by a get */
};
enum memcache_verb { VERB_GET, VERB_SET, VERB_DELETE, VERB_ADD };

struct memcache_tls;
struct memcache_tls *memcache_tls_new(const char *host, int64_t port, const struct cache_options *);
void memcache_tls_free(struct memcache_tls *);
/* MEMCACHE_FAILED with *ret_why. */
enum memcache_said memcache_tls_ask(struct ctx *, struct memcache_tls *, enum memcache_verb, const char *key, struct memcache_question *, const char **ret_why);

#endif
