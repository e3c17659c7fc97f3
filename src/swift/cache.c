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

struct kept { char *text; int64_t until_us; };           /* until_us 0: for ever */

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

    g_free(kept->text);
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

static void keep(const char *key, char *text, int64_t seconds)
{
    struct kept *kept = g_new0(struct kept, 1);
    int64_t now = clock_mono_us();

    if (!values)
        values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, kept_free);
    if (g_hash_table_size(values) >= MOST && !g_hash_table_foreach_remove(values, is_over, &now))
        g_hash_table_remove_all(values);
    *kept = (struct kept){ text, seconds ? now + seconds * G_USEC_PER_SEC : 0 };
    g_hash_table_replace(values, g_strdup(key), kept);
}

/* --- values ---------------------------------------------------------------------------------------------------------------- */

static char *text_of(struct ctx *c, const char *key)
{
    struct buf value = { 0 };
    uint32_t flags = 0;
    char *text = NULL;

    if (servers) {
        if (memcache_get(c, servers, key, &value, &flags) == MEMCACHE_DONE && (flags & FLAG_JSON) && !(flags & FLAG_PICKLE))
            text = ctx_strndup(c, value.data ? value.data : "", value.len);
        buf_clear(&value);
        return text;
    }
    pthread_mutex_lock(&lock);
    const struct kept *kept = find(key);
    text = kept ? ctx_strdup(c, kept->text) : NULL;
    pthread_mutex_unlock(&lock);
    return text;
}

json_t *cache_get(struct ctx *c, const char *key)
{
    const char *text = text_of(c, key);

    return text ? ctx_json(c, json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)) : NULL;
}

bool cache_set(struct ctx *c, const char *key, json_t *value, int64_t seconds)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    bool well = true;

    if (servers) {
        well = memcache_set(c, servers, key, text, strlen(text), FLAG_JSON, seconds) == MEMCACHE_DONE;
    } else {
        pthread_mutex_lock(&lock);
        keep(key, g_strdup(text), seconds);
        pthread_mutex_unlock(&lock);
    }
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
    int64_t value = 0;

    if (servers)
        return memcache_add(c, servers, key, delta, ret) == MEMCACHE_DONE;
    pthread_mutex_lock(&lock);
    const struct kept *kept = find(key);
    if (kept && !text_to_int(kept->text, &value))
        value = 0;
    *ret = MAX(value + delta, 0);
    keep(key, g_strdup_printf("%" G_GINT64_FORMAT, *ret), 0);
    pthread_mutex_unlock(&lock);
    return true;
}

void cache_set_number(struct ctx *c, const char *key, int64_t value)
{
    char text[24];
    int n = g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, value);

    if (servers) {
        memcache_set(c, servers, key, text, (size_t)n, 0, 0);
        return;
    }
    pthread_mutex_lock(&lock);
    keep(key, g_strdup(text), 0);
    pthread_mutex_unlock(&lock);
}
