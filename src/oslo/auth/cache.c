/* A set-associative table: a token's digest picks a set of eight slots behind a lock of a stripe; a full set loses the
 * slot next in turn. Forgetting everything is one counter; entries older than it are strangers.
 */
#include "oslo/auth/cache.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "oslo/base/text.h"

enum { SETS = 512, WAYS = 8, STRIPES = 64 };

struct slot {
    struct token_key key;
    uint64_t generation;
    struct cached *object;
};

struct token_cache {
    struct slot slots[SETS][WAYS];
    unsigned char turn[SETS];
    uint64_t forgotten[SETS];        /* bumped when one of the set is forgotten */
    pthread_mutex_t locks[STRIPES];  /* of set number modulo STRIPES */
    atomic_uint_fast64_t generation;
};

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

void cached_unref(void *cached)
{
    struct cached *object = cached;

    if (object && atomic_fetch_sub(&object->references, 1) == 1)
        object->release(object);
}

struct token_cache *token_cache_new(void)
{
    struct token_cache *cache = g_new0(struct token_cache, 1);

    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&cache->locks[i], NULL);
    return cache;
}

static void sha256_fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void token_key_of(const char *token, struct token_key *ret_key)
{
    pthread_once(&sha256_once, sha256_fetch);
    EVP_Digest(token, strlen(token), ret_key->digest, NULL, sha256, NULL);
}

static unsigned set_of(const struct token_key *key)
{
    unsigned n;

    memcpy(&n, key->digest, sizeof n);
    return n % SETS;
}

struct token_ticket token_cache_ticket(struct token_cache *cache, const struct token_key *key)
{
    unsigned set = set_of(key);
    struct token_ticket ticket = { .all = cache->generation };

    pthread_mutex_lock(&cache->locks[set % STRIPES]);
    ticket.set = cache->forgotten[set];
    pthread_mutex_unlock(&cache->locks[set % STRIPES]);
    return ticket;
}

static struct slot *slot_find(struct token_cache *cache, unsigned set, const struct token_key *key)
{
    for (int i = 0; i < WAYS; i++)
        if (cache->slots[set][i].object && !memcmp(&cache->slots[set][i].key, key, sizeof *key))
            return &cache->slots[set][i];
    return NULL;
}

static bool fresh(const struct token_cache *cache, const struct slot *slot)
{
    return slot->generation == cache->generation && clock_mono_us() < slot->object->stale_us &&
           clock_us() < slot->object->expires_us;
}

void *token_cache_find(struct token_cache *cache, const struct token_key *key)
{
    struct cached *found = NULL;
    unsigned set = set_of(key);

    pthread_mutex_lock(&cache->locks[set % STRIPES]);
    const struct slot *slot = slot_find(cache, set, key);
    if (slot && fresh(cache, slot)) {
        found = slot->object;
        found->references++;
    }
    pthread_mutex_unlock(&cache->locks[set % STRIPES]);
    return found;
}

bool token_cache_has(struct token_cache *cache, const struct token_key *key)
{
    unsigned set = set_of(key);

    pthread_mutex_lock(&cache->locks[set % STRIPES]);
    const struct slot *slot = slot_find(cache, set, key);
    bool has = slot && fresh(cache, slot);
    pthread_mutex_unlock(&cache->locks[set % STRIPES]);
    return has;
}

void token_cache_add(struct token_cache *cache, const struct token_key *key, struct token_ticket ticket, void *cached)
{
    struct cached *object = cached, *replaced = NULL;
    unsigned set = set_of(key);

    pthread_mutex_lock(&cache->locks[set % STRIPES]);
    if (ticket.all == cache->generation && ticket.set == cache->forgotten[set]) {
        struct slot *slot = slot_find(cache, set, key);

        if (!slot)
            slot = &cache->slots[set][cache->turn[set]++ % WAYS];
        replaced = slot->object;
        *slot = (struct slot){ .key = *key, .generation = ticket.all, .object = object };
        object->references++;
    }
    pthread_mutex_unlock(&cache->locks[set % STRIPES]);
    cached_unref(replaced);
}

void token_cache_forget(struct token_cache *cache, const struct token_key *key)
{
    struct cached *dropped = NULL;

    if (!key) {
        cache->generation++;
        return;
    }
    unsigned set = set_of(key);
    pthread_mutex_lock(&cache->locks[set % STRIPES]);
    cache->forgotten[set]++;
    struct slot *slot = slot_find(cache, set, key);
    if (slot) {
        dropped = slot->object;
        slot->object = NULL;
    }
    pthread_mutex_unlock(&cache->locks[set % STRIPES]);
    cached_unref(dropped);
}
