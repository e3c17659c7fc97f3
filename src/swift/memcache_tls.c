/* A question is a line, its answer one or a few; what is not understood ends the connection. */
#include "swift/memcache_tls.h"

#include "oslo/base/text.h"
#include "oslo/http/tls.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MOST = 512, VALUE_MOST = 64 << 20 };

struct line { struct tls *tls; size_t start, end; char in[4096]; };

struct memcache_tls {
    char *host;
    int64_t port, io_us, pool_us, most;
    struct tls_options tls;
    char *files[3];                  /* what tls names */
    pthread_mutex_t lock;
    pthread_cond_t freed;
    GPtrArray *idle;                 /* struct line; guarded by lock, as open */
    int64_t open;
};

struct memcache_tls *memcache_tls_new(const char *host, int64_t port, const struct cache_options *o)
{
    struct memcache_tls *m = g_new0(struct memcache_tls, 1);
    const char *const files[3] = { o->tls_cafile, o->tls_certfile, o->tls_keyfile };
    pthread_condattr_t monotonic;

    for (int i = 0; i < 3; i++)
        m->files[i] = files[i] && *files[i] ? g_strdup(files[i]) : NULL;
    m->host = g_strdup(host);
    m->port = port;
    m->io_us = (int64_t)(o->io_timeout * 1e6);
    m->pool_us = (int64_t)(o->pool_timeout * 1e6);
    m->most = MAX(o->connections, 1);
    m->tls = (struct tls_options){ m->files[0], m->files[1], m->files[2], (int64_t)(o->connect_timeout * 1e6) };
    m->idle = g_ptr_array_new();
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return m;
}

static void line_free(struct line *l)
{
    tls_close(l->tls);
    g_free(l);
}

void memcache_tls_free(struct memcache_tls *m)
{
    if (!m)
        return;
    for (guint i = 0; i < m->idle->len; i++)
        line_free(m->idle->pdata[i]);
    g_ptr_array_free(m->idle, true);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->freed);
    for (int i = 0; i < 3; i++)
        g_free(m->files[i]);
    g_free(m->host);
    g_free(m);
}

/* --- connections ---------------------------------------------------------------------------------------------------------- */

/* False: none is free in time. *ret NULL: one may be made. */
static bool take(struct memcache_tls *m, struct line **ret)
{
    int64_t until = clock_mono_us() + m->pool_us;
    struct timespec ts = { until / G_USEC_PER_SEC, until % G_USEC_PER_SEC * 1000 };
    bool free = true;

    *ret = NULL;
    pthread_mutex_lock(&m->lock);
    while (free && !m->idle->len && m->open >= m->most)
        free = !pthread_cond_timedwait(&m->freed, &m->lock, &ts);
    if (free && m->idle->len)
        *ret = g_ptr_array_steal_index(m->idle, m->idle->len - 1);
    else if (free)
        m->open++;
    pthread_mutex_unlock(&m->lock);
    return free;
}

/* line NULL: it was ended. */
static void give_back(struct memcache_tls *m, struct line *line)
{
    pthread_mutex_lock(&m->lock);
    if (line)
        g_ptr_array_add(m->idle, line);
    else
        m->open--;
    pthread_cond_signal(&m->freed);
    pthread_mutex_unlock(&m->lock);
}

/* --- lines ------------------------------------------------------------------------------------------------------------------ */

static bool fill(const struct memcache_tls *m, struct line *l)
{
    ssize_t n;

    if (l->start == l->end)
        l->start = l->end = 0;
    memmove(l->in, l->in + l->start, l->end - l->start);
    l->end -= l->start;
    l->start = 0;
    if (l->end == sizeof(l->in) || (n = tls_read(l->tls, l->in + l->end, sizeof(l->in) - l->end, m->io_us)) <= 0)
        return false;
    l->end += (size_t)n;
    return true;
}

/* Without its end. */
static bool read_line(const struct memcache_tls *m, struct line *l, char text[LINE_MOST])
{
    char *end;

    while (!(end = memmem(l->in + l->start, l->end - l->start, "\r\n", 2)))
        if (!fill(m, l))
            return false;
    size_t n = (size_t)(end - (l->in + l->start));
    if (n >= LINE_MOST)
        return false;
    memcpy(text, l->in + l->start, n);
    text[n] = '\0';
    l->start += n + 2;
    return true;
}

static bool read_bytes(const struct memcache_tls *m, struct line *l, size_t n, struct buf *to)
{
    while (n) {
        size_t some = MIN(n, l->end - l->start);

        if (!some && !fill(m, l))
            return false;
        if (to)
            buf_add(to, l->in + l->start, some);
        l->start += some;
        n -= some;
    }
    return true;
}

static bool say(const struct memcache_tls *m, struct line *l, const char *text)
{
    return tls_write(l->tls, text, strlen(text), m->io_us);
}

/* --- questions ---------------------------------------------------------------------------------------------------------------- */

/* "VALUE <key> <flags> <size>", the value, "END"; or "END" alone. */
static enum memcache_said ask_get(struct ctx *c, const struct memcache_tls *m, struct line *l, const char *key, struct memcache_question *q)
{
    char text[LINE_MOST];
    size_t size;

    if (!say(m, l, ctx_printf(c, "get %s\r\n", key)) || !read_line(m, l, text))
        return MEMCACHE_FAILED;
    if (!strcmp(text, "END"))
        return MEMCACHE_NOTHING;
    if (sscanf(text, "VALUE %*s %" SCNu32 " %zu", &q->flags, &size) != 2 || size > VALUE_MOST || !read_bytes(m, l, size, q->got) ||
        !read_bytes(m, l, 2, NULL) || !read_line(m, l, text) || strcmp(text, "END"))
        return MEMCACHE_FAILED;
    return MEMCACHE_DONE;
}

static enum memcache_said ask_store(struct ctx *c, const struct memcache_tls *m, struct line *l, const char *word, const char *key, const char *value, size_t n,
                                    const struct memcache_question *q)
{
    char text[LINE_MOST];

    if (!say(m, l, ctx_printf(c, "%s %s %" PRIu32 " %" PRId64 " %zu\r\n", word, key, q->flags, q->expires, n)) || !tls_write(l->tls, value, n, m->io_us) ||
        !say(m, l, "\r\n") || !read_line(m, l, text))
        return MEMCACHE_FAILED;
    return !strcmp(text, "STORED") ? MEMCACHE_DONE : !strcmp(text, "NOT_STORED") ? MEMCACHE_NOTHING : MEMCACHE_FAILED;
}

static enum memcache_said ask_delete(struct ctx *c, const struct memcache_tls *m, struct line *l, const char *key)
{
    char text[LINE_MOST];

    if (!say(m, l, ctx_printf(c, "delete %s\r\n", key)) || !read_line(m, l, text))
        return MEMCACHE_FAILED;
    return !strcmp(text, "DELETED") ? MEMCACHE_DONE : !strcmp(text, "NOT_FOUND") ? MEMCACHE_NOTHING : MEMCACHE_FAILED;
}

static enum memcache_said count(struct ctx *c, const struct memcache_tls *m, struct line *l, const char *key, struct memcache_question *q)
{
    char text[LINE_MOST];

    if (!say(m, l, ctx_printf(c, "%s %s %" PRId64 "\r\n", q->delta < 0 ? "decr" : "incr", key, q->delta < 0 ? -q->delta : q->delta)) || !read_line(m, l, text))
        return MEMCACHE_FAILED;
    if (!strcmp(text, "NOT_FOUND"))
        return MEMCACHE_NOTHING;
    return text_to_int(g_strchomp(text), &q->number) ? MEMCACHE_DONE : MEMCACHE_FAILED;
}

/* One that is not there begins with the delta; who comes second counts on. */
static enum memcache_said ask_add(struct ctx *c, const struct memcache_tls *m, struct line *l, const char *key, struct memcache_question *q)
{
    enum memcache_said said = count(c, m, l, key, q);
    const char *first;

    if (said != MEMCACHE_NOTHING)
        return said;
    q->number = MAX(q->delta, 0);
    first = ctx_printf(c, "%" PRId64, q->number);
    said = ask_store(c, m, l, "add", key, first, strlen(first), q);
    return said == MEMCACHE_NOTHING ? count(c, m, l, key, q) : said;
}

static enum memcache_said ask(struct ctx *c, const struct memcache_tls *m, struct line *l, enum memcache_verb verb, const char *key, struct memcache_question *q)
{
    switch (verb) {
    case VERB_GET:
        return ask_get(c, m, l, key, q);
    case VERB_SET:
        return ask_store(c, m, l, "set", key, q->value, q->n, q);
    case VERB_DELETE:
        return ask_delete(c, m, l, key);
    case VERB_ADD:
        break;
    }
    return ask_add(c, m, l, key, q);
}

static struct line *line_new(struct ctx *c, const struct memcache_tls *m, const char **ret_why)
{
    struct tls *tls = tls_connect(c, m->host, m->port, &m->tls);
    struct line *l;

    if (!tls) {
        *ret_why = c->fault.message;
        fault_clear(c);
        return NULL;
    }
    l = g_new(struct line, 1);
    l->tls = tls;
    l->start = l->end = 0;
    return l;
}

enum memcache_said memcache_tls_ask(struct ctx *c, struct memcache_tls *m, enum memcache_verb verb, const char *key, struct memcache_question *q, const char **ret_why)
{
    enum memcache_said said = MEMCACHE_FAILED;
    struct line *l;

    *ret_why = "no connection is free";
    if (!take(m, &l))
        return said;
    if (l || (l = line_new(c, m, ret_why))) {
        *ret_why = "no answer";
        said = ask(c, m, l, verb, key, q);
        if (said == MEMCACHE_FAILED) {
            line_free(l);
            l = NULL;
        }
    }
    give_back(m, l);
    return said;
}
