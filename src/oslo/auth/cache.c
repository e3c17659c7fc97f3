/* A set-associative table: a token's digest picks a set of eight slots behind a lock of a stripe; a full set loses the
 * slot next in turn. Forgetting everything is one counter; entries older than it are strangers.
 */
#include "oslo/auth/cache.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "oslo/base/text.h"

enum { SETS = 1024, WAYS = 8, STRIPES = 64 };

struct validation {
    atomic_int references;
    bool good;
    int64_t expires_us, stale_us;
    struct identity who;
    char *strings[];                 /* g_malloc'd, NULL-terminated */
};

struct slot {
    struct token_key key;
    uint64_t generation;
    struct validation *validation;
};

static struct {
    struct slot slots[SETS][WAYS];
    unsigned char turn[SETS];
    uint64_t forgotten[SETS];        /* bumped when one of the set is forgotten */
    pthread_mutex_t locks[STRIPES];  /* of set number modulo STRIPES */
    atomic_uint_fast64_t generation;
} cache = { .locks = { [0 ... STRIPES - 1] = PTHREAD_MUTEX_INITIALIZER } };

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

/* -- one answer ---------------------------------------------------------------------------------------------------- */

static const char *const *keep_list(GPtrArray *strings, const char *const *list)
{
    GPtrArray *copy = g_ptr_array_new();

    for (; list && *list; list++) {
        g_ptr_array_add(strings, g_strdup(*list));
        g_ptr_array_add(copy, strings->pdata[strings->len - 1]);
    }
    g_ptr_array_add(copy, NULL);
    g_ptr_array_add(strings, copy->pdata);
    return (const char *const *)g_ptr_array_free(copy, FALSE);
}

struct validation *validation_new(const struct identity *who, int64_t expires_us, int64_t stale_us)
{
    GPtrArray *strings = g_ptr_array_new();
    struct identity kept = {};

    if (who) {
        kept = *who;
        const char **fields[] = { &kept.user_id, &kept.user_name, &kept.user_domain_id, &kept.user_domain_name,
                                  &kept.project_id, &kept.project_name, &kept.project_domain_id,
                                  &kept.project_domain_name, &kept.domain_id, &kept.domain_name, &kept.token };
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
            if (*fields[i]) {
                g_ptr_array_add(strings, g_strdup(*fields[i]));
                *fields[i] = strings->pdata[strings->len - 1];
            }
        kept.roles = keep_list(strings, who->roles);
        kept.service_roles = NULL;
    }
    g_ptr_array_add(strings, NULL);
    struct validation *v = g_malloc0(sizeof *v + strings->len * sizeof(char *));
    v->references = 1;
    v->good = who != NULL;
    v->expires_us = expires_us;
    v->stale_us = stale_us;
    v->who = kept;
    memcpy(v->strings, strings->pdata, strings->len * sizeof(char *));
    g_ptr_array_free(strings, TRUE);
    return v;
}

void validation_unref(struct validation *v)
{
    if (!v || atomic_fetch_sub(&v->references, 1) != 1)
        return;
    for (char **s = v->strings; *s; s++)
        g_free(*s);
    g_free(v);
}

const struct identity *validation_who(const struct validation *v)
{
    return v->good ? &v->who : NULL;
}

/* -- the table ----------------------------------------------------------------------------------------------------- */

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

struct token_ticket token_cache_ticket(const struct token_key *key)
{
    unsigned set = set_of(key);
    struct token_ticket ticket = { .all = cache.generation };

    pthread_mutex_lock(&cache.locks[set % STRIPES]);
    ticket.set = cache.forgotten[set];
    pthread_mutex_unlock(&cache.locks[set % STRIPES]);
    return ticket;
}

static struct slot *slot_find(unsigned set, const struct token_key *key)
{
    for (int i = 0; i < WAYS; i++)
        if (cache.slots[set][i].validation && !memcmp(&cache.slots[set][i].key, key, sizeof *key))
            return &cache.slots[set][i];
    return NULL;
}

static bool fresh(const struct slot *slot)
{
    return slot->generation == cache.generation && clock_mono_us() < slot->validation->stale_us &&
           (!slot->validation->good || clock_us() < slot->validation->expires_us);
}

struct validation *token_cache_find(const struct token_key *key)
{
    struct validation *found = NULL;
    unsigned set = set_of(key);

    pthread_mutex_lock(&cache.locks[set % STRIPES]);
    const struct slot *slot = slot_find(set, key);
    if (slot && fresh(slot)) {
        found = slot->validation;
        found->references++;
    }
    pthread_mutex_unlock(&cache.locks[set % STRIPES]);
    return found;
}

void token_cache_add(const struct token_key *key, struct token_ticket ticket, struct validation *v)
{
    struct validation *replaced = NULL;
    unsigned set = set_of(key);

    pthread_mutex_lock(&cache.locks[set % STRIPES]);
    if (ticket.all == cache.generation && ticket.set == cache.forgotten[set]) {
        struct slot *slot = slot_find(set, key);

        if (!slot)
            slot = &cache.slots[set][cache.turn[set]++ % WAYS];
        replaced = slot->validation;
        *slot = (struct slot){ .key = *key, .generation = ticket.all, .validation = v };
        v->references++;
    }
    pthread_mutex_unlock(&cache.locks[set % STRIPES]);
    validation_unref(replaced);
}

void token_cache_forget(const struct token_key *key)
{
    struct validation *dropped = NULL;

    if (!key) {
        cache.generation++;
        return;
    }
    unsigned set = set_of(key);
    pthread_mutex_lock(&cache.locks[set % STRIPES]);
    cache.forgotten[set]++;
    struct slot *slot = slot_find(set, key);
    if (slot) {
        dropped = slot->validation;
        slot->validation = NULL;
    }
    pthread_mutex_unlock(&cache.locks[set % STRIPES]);
    validation_unref(dropped);
}
