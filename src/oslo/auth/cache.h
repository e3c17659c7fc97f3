/* What is known of tokens, kept for a bounded time in a bounded table. Thread-safe.
 *
 * A token is known by its SHA-256 alone. What is known is one object, shared by those who use it and freed by the last. An
 * object that was made before its token was forgotten is not kept: take a ticket before asking or reading anything.
 */
#ifndef OSLO_AUTH_CACHE_H
#define OSLO_AUTH_CACHE_H

#include <stdatomic.h>

#include "oslo/base/ctx.h"

struct token_key { unsigned char digest[32]; };
struct token_ticket { uint64_t all, set; };

/* The first member of an object that is kept. */
struct cached {
    atomic_int references;           /* 1 when made */
    int64_t expires_us;              /* the token's end, by the wall clock */
    int64_t stale_us;                /* when it is to be asked for again, monotonic */
    void (*release)(struct cached *);
};
void cached_unref(void *cached);                                     /* NULL is fine */

struct token_cache;
struct token_cache *token_cache_new(void);                           /* lives as long as the process */
void token_key_of(const char *token, struct token_key *ret_key);
struct token_ticket token_cache_ticket(struct token_cache *, const struct token_key *);
/* A reference, or NULL when nothing fresh is known. */
void *token_cache_find(struct token_cache *, const struct token_key *);
/* Is something fresh known? */
bool token_cache_has(struct token_cache *, const struct token_key *);
/* Takes a reference of its own. */
void token_cache_add(struct token_cache *, const struct token_key *, struct token_ticket, void *cached);
void token_cache_forget(struct token_cache *, const struct token_key *);     /* NULL: all */

#endif
