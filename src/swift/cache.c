/* The cache in this process, and the door to memcached. */
#include "swift/cache.h"

#include "oslo/base/text.h"
#include "swift/memcache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MOST 100000
#define FLAG_PICKLE 1                        /* of a value of the original's: never read */
#define FLAG_JSON 2

struct kept { json_t *value; int64_t until_us; };        /* value: never changed; until_us 0: for ever */

static struct memcache *servers;             /* NULL: none; set once while the process starts */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards values */
static GHashTable *values;                   /* key -> struct kept */

bool cache_open(struct ctx *c, const struct cache_options *options)
{
    if (servers || !options->servers || !*options->servers)      /* each pipeline has the filter: the clients' comes first */
        return true;
    servers = memcache_new(c, options);
    return servers != NULL;
}

void cache_close(void)
{
    g_clear_pointer(&servers, memcache_free);
    g_clear_pointer(&values, g_hash_table_destroy);
}

bool cache_is_shared(void)
{
    return servers != NULL;
}

/* --- in this process: all of these with the lock held ------------------------------------------------------------------ */

static void kept_free(void *data)
{
    struct kept *kept = data;

    json_decref(kept->value);
    g_free(kept);
}

static gboolean is_over(void *key, void *data, void *now)
{
    const struct kept *kept = data;

    return kept->until_us && kept->until_us <= *(int64_t *)now;
}

static struct kept *find(const char *key)
{
    struct kept *kept = values ? g_hash_table_lookup(values, key) : NULL;
    int64_t now = clock_mono_us();

    if (kept && is_over(NULL, kept, &now)) {
        g_hash_table_remove(values, key);
        kept = NULL;
    }
    return kept;
}

static void keep(const char *key, json_t *value, int64_t seconds)
{
    struct kept *kept = g_new0(struct kept, 1);
    int64_t now = clock_mono_us();

    if (!values)
        values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, kept_free);
    if (g_hash_table_size(values) >= MOST && !g_hash_table_foreach_remove(values, is_over, &now))
        g_hash_table_remove_all(values);
    *kept = (struct kept){ value, seconds ? now + seconds * G_USEC_PER_SEC : 0 };
    g_hash_table_replace(values, g_strdup(key), kept);
}

/* --- values ---------------------------------------------------------------------------------------------------------------- */

static json_t *ask(struct ctx *c, const char *key)
{
    struct buf text = { 0 };
    uint32_t flags = 0;
    json_t *value = NULL;

    if (memcache_get(c, servers, key, &text, &flags) == MEMCACHE_DONE && (flags & FLAG_JSON) && !(flags & FLAG_PICKLE))
        value = json_loads(text.data ? text.data : "", JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    buf_clear(&text);
    return value;
}

json_t *cache_get(struct ctx *c, const char *key)
{
    const struct kept *kept;
    json_t *value;

    if (servers)
        return ctx_json(c, ask(c, key));
    pthread_mutex_lock(&lock);
    kept = find(key);
    value = kept ? json_incref(kept->value) : NULL;
    pthread_mutex_unlock(&lock);
    return ctx_json(c, value);
}

bool cache_set(struct ctx *c, const char *key, json_t *value, int64_t seconds)
{
    char *text;
    bool well;

    if (!servers) {
        value = json_deep_copy(value);
        pthread_mutex_lock(&lock);
        keep(key, value, seconds);
        pthread_mutex_unlock(&lock);
        return true;
    }
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    well = memcache_set(c, servers, key, text, strlen(text), FLAG_JSON, seconds) == MEMCACHE_DONE;
    free(text);
    return well;
}

void cache_delete(struct ctx *c, const char *key)
{
    if (servers) {
        memcache_delete(c, servers, key);
        return;
    }
    pthread_mutex_lock(&lock);
    if (values)
        g_hash_table_remove(values, key);
    pthread_mutex_unlock(&lock);
}

/* --- numbers --------------------------------------------------------------------------------------------------------------- */

bool cache_add(struct ctx *c, const char *key, int64_t delta, int64_t *ret)
{
    if (servers)
        return memcache_add(c, servers, key, delta, ret) == MEMCACHE_DONE;
    pthread_mutex_lock(&lock);
    const struct kept *kept = find(key);
    *ret = MAX((kept ? json_integer_value(kept->value) : 0) + delta, 0);
    keep(key, json_integer(*ret), 0);
    pthread_mutex_unlock(&lock);
    return true;
}

void cache_set_number(struct ctx *c, const char *key, int64_t value)
{
    if (servers) {
        char text[24];
        int n = g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, value);

        memcache_set(c, servers, key, text, (size_t)n, 0, 0);
        return;
    }
    pthread_mutex_lock(&lock);
    keep(key, json_integer(value), 0);
    pthread_mutex_unlock(&lock);
}
