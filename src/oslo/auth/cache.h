/* What Keystone said about tokens, kept for a bounded time in a bounded table. Thread-safe.
 *
 * A token is known by its SHA-256 alone. An answer is one block, shared by those who use it and freed by the last. An
 * answer that was asked for before its token was forgotten is not kept: ask for a ticket before asking Keystone.
 */
#ifndef OSLO_AUTH_CACHE_H
#define OSLO_AUTH_CACHE_H

#include "oslo/base/ctx.h"

struct token_key { unsigned char digest[32]; };
struct token_ticket { uint64_t all, set; };

struct validation;
/* Keeps copies of who's strings. who NULL: the token is no good. Times: expires_us is the token's end (wall clock),
 * stale_us when the answer must be asked for again (monotonic). */
struct validation *validation_new(const struct identity *who, int64_t expires_us, int64_t stale_us);
void validation_unref(struct validation *);
const struct identity *validation_who(const struct validation *);    /* NULL: the token is no good */

void token_key_of(const char *token, struct token_key *ret_key);
struct token_ticket token_cache_ticket(const struct token_key *);
/* A reference, or NULL when nothing fresh is known. */
struct validation *token_cache_find(const struct token_key *);
void token_cache_add(const struct token_key *, struct token_ticket, struct validation *);
void token_cache_forget(const struct token_key *);                   /* NULL: all */

#endif
