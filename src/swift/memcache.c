/* libmemcached, one pool of connections a server. Which server has a key is the original's own choice (50 points a server on a ring of MD5s);
 * one that fails too often is left alone for a while, and the next on the ring has its keys. */
#include "swift/memcache_tls.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/faults.h"
#include "swift/name.h"

#include <libmemcached-1.0/memcached.h>
#include <libmemcachedutil-1.0/util.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 50, PORT = 11211, MONTH = 30 * 24 * 60 * 60, KEY_SIZE = 33 };

struct server {
    char *name;
    memcached_st *first;             /* what each connection is a copy of */
    memcached_pool_st *pool;
    struct memcache_tls *tls;        /* instead of these two */
    pthread_mutex_t lock;            /* guards the three below */
    int64_t errors, since_us, limited_until_us;
};

struct point { char hash[KEY_SIZE]; struct server *server; };

struct memcache {
    struct server *servers; size_t n;
    struct point *points;            /* by their hashes */
    int64_t tries, limit, interval_us;
    double pool_timeout;
};

/* --- servers ---------------------------------------------------------------------------------------------------------------- */

static void hash_of(const char *text, char ret[KEY_SIZE])
{
    uint8_t digest[16];

    md5_of(text, strlen(text), digest);
    digest_hex(digest, ret);
}

/* "host", "host:port", "[v6]:port". False: it is none of them. */
static bool split_host(struct ctx *c, const char *name, const char **ret_host, int64_t *ret_port)
{
    const char *end = *name == '[' ? strchr(name, ']') : NULL, *colon = strchr(end ? end : name, ':');
    bool v6 = !end && colon && strchr(colon + 1, ':');

    if (*name == '[' && !end)
        return false;
    *ret_port = PORT;
    *ret_host = end ? ctx_strndup(c, name + 1, (size_t)(end - name) - 1) : colon && !v6 ? ctx_strndup(c, name, (size_t)(colon - name)) : name;
    return **ret_host && (!colon || v6 || (text_to_int(colon + 1, ret_port) && *ret_port > 0 && *ret_port < 65536));
}

static bool server_open(struct ctx *c, struct server *s, const char *name, const struct cache_options *o)
{
    const char *host;
    int64_t port;

    pthread_mutex_init(&s->lock, NULL);
    s->name = g_strdup(name);
    if (!split_host(c, name, &host, &port))
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "memcache_servers: %s", name));
    if (o->tls) {
        s->tls = memcache_tls_new(host, port, o);
        return true;
    }
    s->first = memcached_create(NULL);
    if (memcached_server_add(s->first, host, (in_port_t)port) != MEMCACHED_SUCCESS)
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "memcache_servers: %s", name));
    memcached_behavior_set(s->first, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    memcached_behavior_set(s->first, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, (uint64_t)(o->connect_timeout * 1000));
    memcached_behavior_set(s->first, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, (uint64_t)(o->io_timeout * 1000));
    memcached_behavior_set(s->first, MEMCACHED_BEHAVIOR_SND_TIMEOUT, (uint64_t)(o->io_timeout * 1000000));
    memcached_behavior_set(s->first, MEMCACHED_BEHAVIOR_RCV_TIMEOUT, (uint64_t)(o->io_timeout * 1000000));
    memcached_behavior_set(s->first, MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, 0);
    s->pool = memcached_pool_create(s->first, 1, (uint32_t)MAX(o->connections, 1));
    return s->pool || fail(c, PIPELINE_INVALID, "memcache_servers: no connections");
}

static int by_hash(const void *a, const void *b)
{
    return strcmp(((const struct point *)a)->hash, ((const struct point *)b)->hash);
}

static void place(struct ctx *c, struct memcache *m)
{
    m->points = g_new0(struct point, m->n * POINTS);
    for (size_t i = 0; i < m->n * POINTS; i++) {
        m->points[i].server = &m->servers[i / POINTS];
        hash_of(ctx_printf(c, "%s-%d", m->points[i].server->name, (int)(i % POINTS)), m->points[i].hash);
    }
    qsort(m->points, m->n * POINTS, sizeof(*m->points), by_hash);
}

struct memcache *memcache_new(struct ctx *c, const struct cache_options *o)
{
    char **names = text_split(c, o->servers, ',');
    struct memcache *m = g_new0(struct memcache, 1);

    m->servers = g_new0(struct server, g_strv_length(names) + 1);
    for (; *names; names++)
        if (**names && !server_open(c, &m->servers[m->n++], *names, o)) {
            memcache_free(m);
            return NULL;
        }
    m->tries = MIN(MAX(o->tries, 1), (int64_t)m->n);
    m->limit = o->error_suppression_limit;
    m->interval_us = (int64_t)(o->error_suppression_interval * 1e6);
    m->pool_timeout = o->pool_timeout;
    place(c, m);
    return m;
}

void memcache_free(struct memcache *m)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->servers[i].pool)
            memcached_pool_destroy(m->servers[i].pool);
        if (m->servers[i].first)
            memcached_free(m->servers[i].first);
        memcache_tls_free(m->servers[i].tls);
        g_free(m->servers[i].name);
        pthread_mutex_destroy(&m->servers[i].lock);
    }
    g_free(m->servers);
    g_free(m->points);
    g_free(m);
}

/* --- errors ------------------------------------------------------------------------------------------------------------------- */

static bool is_limited(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    bool limited = s->limited_until_us > clock_mono_us();
    pthread_mutex_unlock(&s->lock);
    return limited;
}

static void has_failed(struct ctx *c, const struct memcache *m, struct server *s, const char *why)
{
    int64_t now = clock_mono_us();

    log_error(c, "swift: error talking to memcached: %s: %s", s->name, why);
    if (m->interval_us <= 0)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->since_us + m->interval_us < now) {
        s->since_us = now;
        s->errors = 0;
    }
    if (++s->errors > m->limit)
        s->limited_until_us = now + m->interval_us;
    pthread_mutex_unlock(&s->lock);
}

/* --- asking ------------------------------------------------------------------------------------------------------------------- */

static memcached_return_t ask_get(memcached_st *connection, const char *key, struct memcache_question *q)
{
    memcached_return_t said;
    size_t n = 0;
    char *value = memcached_get(connection, key, strlen(key), &n, &q->flags, &said);

    if (said == MEMCACHED_SUCCESS && value)
        buf_add(q->got, value, n);
    free(value);
    return said;
}

static memcached_return_t ask_set(memcached_st *connection, const char *key, struct memcache_question *q)
{
    return memcached_set(connection, key, strlen(key), q->value, q->n, (time_t)q->expires, q->flags);
}

static memcached_return_t ask_delete(memcached_st *connection, const char *key, struct memcache_question *q)
{
    return memcached_delete(connection, key, strlen(key), 0);
}

static memcached_return_t count(memcached_st *connection, const char *key, struct memcache_question *q)
{
    uint64_t number = 0;
    memcached_return_t said = q->delta < 0 ? memcached_decrement(connection, key, strlen(key), (uint32_t)-q->delta, &number)
                                           : memcached_increment(connection, key, strlen(key), (uint32_t)q->delta, &number);

    q->number = (int64_t)number;
    return said;
}

/* One that is not there begins with the delta; who comes second counts on. */
static memcached_return_t ask_add(memcached_st *connection, const char *key, struct memcache_question *q)
{
    memcached_return_t said = count(connection, key, q);
    char text[24];

    if (said != MEMCACHED_NOTFOUND)
        return said;
    q->number = MAX(q->delta, 0);
    g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, q->number);
    said = memcached_add(connection, key, strlen(key), text, strlen(text), 0, 0);
    return said == MEMCACHED_NOTSTORED ? count(connection, key, q) : said;
}

/* The place of the first server behind a key. */
static size_t start_of(const struct memcache *m, const char *key)
{
    size_t low = 0, high = m->n * POINTS;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (strcmp(key, m->points[middle].hash) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low + 1;
}

static memcached_return_t ask(memcached_st *connection, enum memcache_verb verb, const char *key, struct memcache_question *q)
{
    static memcached_return_t (*const askers[])(memcached_st *, const char *, struct memcache_question *) = {
        [VERB_GET] = ask_get, [VERB_SET] = ask_set, [VERB_DELETE] = ask_delete, [VERB_ADD] = ask_add,
    };

    return askers[verb](connection, key, q);
}

static enum memcache_said ask_plain(const struct memcache *m, struct server *s, enum memcache_verb verb, const char *key, struct memcache_question *q,
                                    const char **ret_why)
{
    struct timespec patience = { (time_t)m->pool_timeout, (long)((m->pool_timeout - (double)(time_t)m->pool_timeout) * 1e9) };
    memcached_return_t said;
    memcached_st *connection = memcached_pool_fetch(s->pool, &patience, &said);

    *ret_why = "no connection is free";
    if (!connection)
        return MEMCACHE_FAILED;
    said = ask(connection, verb, key, q);
    *ret_why = memcached_strerror(connection, said);
    memcached_pool_release(s->pool, connection);
    if (said == MEMCACHED_SUCCESS)
        return MEMCACHE_DONE;
    return said == MEMCACHED_NOTFOUND || said == MEMCACHED_NOTSTORED ? MEMCACHE_NOTHING : MEMCACHE_FAILED;
}

/* FAILED: another server is to be asked. */
static enum memcache_said ask_one(struct ctx *c, const struct memcache *m, struct server *s, enum memcache_verb verb, const char *key,
                                  struct memcache_question *q)
{
    const char *why;
    enum memcache_said said = s->tls ? memcache_tls_ask(c, s->tls, verb, key, q, &why) : ask_plain(m, s, verb, key, q, &why);

    if (said == MEMCACHE_FAILED)
        has_failed(c, m, s, why);
    return said;
}

static enum memcache_said ask_any(struct ctx *c, const struct memcache *m, enum memcache_verb verb, const char *key, struct memcache_question *q)
{
    const struct server **asked = ctx_new_n(c, const struct server *, m->tries + 1);
    enum memcache_said said;
    char hash[KEY_SIZE];
    size_t n_key, at;
    int64_t n = 0;

    key = name_bytes(c, key, &n_key);
    hash_of(key, hash);
    at = start_of(m, hash);
    for (size_t i = 0; n < m->tries && i < m->n * POINTS; i++) {
        struct server *s = m->points[(at + i) % (m->n * POINTS)].server;
        bool again = false;

        for (int64_t k = 0; k < n; k++)
            again = again || asked[k] == s;
        if (again)
            continue;
        asked[n++] = s;
        if (!is_limited(s) && (said = ask_one(c, m, s, verb, hash, q)) != MEMCACHE_FAILED)
            return said;
    }
    return MEMCACHE_FAILED;
}

enum memcache_said memcache_get(struct ctx *c, struct memcache *m, const char *key, struct buf *ret_value, uint32_t *ret_flags)
{
    struct memcache_question q = { .got = ret_value };
    enum memcache_said said = ask_any(c, m, VERB_GET, key, &q);

    *ret_flags = q.flags;
    return said;
}

enum memcache_said memcache_set(struct ctx *c, struct memcache *m, const char *key, const char *value, size_t n, uint32_t flags, int64_t seconds)
{
    struct memcache_question q = { .value = value, .n = n, .flags = flags, .expires = (seconds > MONTH ? clock_us() / G_USEC_PER_SEC + seconds : seconds) };

    return ask_any(c, m, VERB_SET, key, &q);
}

enum memcache_said memcache_delete(struct ctx *c, struct memcache *m, const char *key)
{
    struct memcache_question q = { 0 };

    return ask_any(c, m, VERB_DELETE, key, &q);
}

enum memcache_said memcache_add(struct ctx *c, struct memcache *m, const char *key, int64_t delta, int64_t *ret)
{
    struct memcache_question q = { .delta = delta };
    enum memcache_said said = ask_any(c, m, VERB_ADD, key, &q);

    *ret = q.number;
    return said;
}
