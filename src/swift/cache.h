/* What is remembered for a while: tokens, what is known of accounts and containers, how far rates have been used up.
 *
 * In this process; or, where the cache filter names servers, in memcached, with the original's keys, values and choice of servers: the
 * proxies of a cluster share it, whichever kind they are. Nothing is lost that cannot be found out again.
 */
#ifndef SWIFT_CACHE_H
#define SWIFT_CACHE_H

#include "oslo/base/ctx.h"

/* How servers are used; NULL servers: none, all is kept in this process. */
struct cache_options {
    const char *servers;                     /* "ip:port, ..." */
    int64_t connections;                     /* to each, at most */
    double connect_timeout, io_timeout, pool_timeout;    /* seconds */
    int64_t tries;
    double error_suppression_interval;       /* seconds */
    int64_t error_suppression_limit;
    bool tls;
    const char *tls_cafile, *tls_certfile, *tls_keyfile;  /* PEM; NULL or empty: the system's authorities, no certificate */
};
bool cache_open(struct ctx *, const struct cache_options *);         /* false with a fault */
void cache_close(void);
bool cache_is_shared(void);                                          /* others may change it */

json_t *cache_get(struct ctx *, const char *key);                    /* held by the ctx, shared with others: not to be changed; NULL: nothing is known */
/* False: it could not be kept. value is borrowed. seconds 0: as long as there is room. */
bool cache_set(struct ctx *, const char *key, json_t *value, int64_t seconds);
void cache_delete(struct ctx *, const char *key);
/* Numbers that count: what it is afterwards; a negative delta stops at 0. False: there is no server. */
bool cache_add(struct ctx *, const char *key, int64_t delta, int64_t *ret);
void cache_set_number(struct ctx *, const char *key, int64_t);

#endif
