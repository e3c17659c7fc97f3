/* Transports: an URL, read as oslo.messaging reads it, and the driver it names.
 *
 *     rabbit://user:password@host:5672,user2:password2@host2:5672/virtual_host?ssl=1
 *
 * Each host names its own credentials. Parts may be percent-encoded.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/messaging/drivers/driver.h"
#include "oslo/messaging/internal.h"

#define STEP_US 1000000
#define BAD_URL 400, "InvalidTransportURL", "Invalid transport URL: %s"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards transports */
static GPtrArray *transports;
static _Atomic int64_t end_by;               /* 0: the process goes on */

static struct transport *transport_new(struct ctx *, const char *url);
static void transport_free(struct transport *);
static bool url_read(struct transport *, const char *url);

struct transport *transport_get(struct ctx *c, const char *url)
{
    struct transport *found = NULL;

    url = url ?: messaging_options()->transport_url;
    pthread_mutex_lock(&lock);
    for (guint i = 0; transports && i < transports->len && !found; i++)
        if (strcmp(((struct transport *)transports->pdata[i])->url, url) == 0)
            found = transports->pdata[i];
    if (!found && (found = transport_new(c, url))) {
        if (!transports)
            transports = g_ptr_array_new();
        g_ptr_array_add(transports, found);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void transports_close(void)
{
    watch_stop();
    pthread_mutex_lock(&lock);
    for (guint i = 0; transports && i < transports->len; i++) {
        struct transport *t = transports->pdata[i];

        t->driver->close(t);
        transport_free(t);
    }
    if (transports)
        g_ptr_array_free(transports, TRUE);
    transports = NULL;
    end_by = 0;
    pthread_mutex_unlock(&lock);
}

void transports_end_by(int64_t at)
{
    end_by = at;
}

static int64_t until(int64_t deadline)
{
    int64_t end = end_by;

    return MIN(deadline ? deadline : INT64_MAX, end ? end : INT64_MAX);
}

int64_t wait_step(int64_t deadline)
{
    return MIN(until(deadline), clock_mono_us() + STEP_US);
}

bool wait_is_over(int64_t deadline)
{
    return clock_mono_us() >= until(deadline);
}

bool transport_parse(struct ctx *c, const char *url, struct transport **ret_transport)
{
    struct transport *t = g_new0(struct transport, 1);

    t->url = g_strdup(url);
    t->hosts = g_array_new(FALSE, TRUE, sizeof(struct transport_host));
    t->options = g_array_new(FALSE, TRUE, sizeof(struct transport_option));
    if (!url_read(t, url)) {
        transport_free(t);
        return fail(c, BAD_URL, strstr(url, "@") ? "(not shown: it may hold a password)" : url);
    }
    for (size_t i = 0; drivers[i]; i++)
        if (strlen(drivers[i]->scheme) == strcspn(url, ":") && strncmp(drivers[i]->scheme, url, strcspn(url, ":")) == 0)
            t->driver = drivers[i];
    if (!t->driver) {
        fail(c, 400, "DriverLoadFailure", "Failed to load transport driver \"%.*s\": No such driver", (int)strcspn(url, ":"), url);
        transport_free(t);
        return false;
    }
    *ret_transport = t;
    return true;
}

static struct transport *transport_new(struct ctx *c, const char *url)
{
    struct transport *t;

    if (!transport_parse(c, url, &t))
        return NULL;
    if (!t->driver->open(c, t)) {
        transport_free(t);
        return NULL;
    }
    return t;
}

static void transport_free(struct transport *t)
{
    for (guint i = 0; i < t->hosts->len; i++) {
        struct transport_host *h = &g_array_index(t->hosts, struct transport_host, i);

        g_free(h->host);
        g_free(h->user);
        g_free(h->password);
    }
    for (guint i = 0; i < t->options->len; i++) {
        g_free(g_array_index(t->options, struct transport_option, i).name);
        g_free(g_array_index(t->options, struct transport_option, i).value);
    }
    g_array_free(t->hosts, TRUE);
    g_array_free(t->options, TRUE);
    g_free(t->virtual_host);
    g_free(t->url);
    g_free(t);
}

void transport_parse_free(struct transport *t)
{
    transport_free(t);
}

static char *unquote(const char *from, const char *end)
{
    return g_uri_unescape_segment(from, end, NULL);
}

/* "user:password@host:port", each part optional; an IPv6 address in brackets. */
static bool host_read(struct transport *t, const char *from, const char *end)
{
    struct transport_host host = {};
    const char *at = memrchr(from, '@', (size_t)(end - from)), *name = at ? at + 1 : from, *colon, *stop;

    if (at) {
        colon = memchr(from, ':', (size_t)(at - from));
        host.user = unquote(from, colon ?: at);
        host.password = colon ? unquote(colon + 1, at) : NULL;
    }
    if (name < end && *name == '[') {
        stop = memchr(name, ']', (size_t)(end - name));
        if (!stop || (stop + 1 < end && stop[1] != ':'))
            goto bad;
        host.host = g_strndup(name + 1, (gsize)(stop - name - 1));
        colon = stop + 1 < end ? stop + 1 : NULL;
    } else {
        colon = memchr(name, ':', (size_t)(end - name));
        host.host = g_strndup(name, (gsize)((colon ?: end) - name));
    }
    if (colon && colon + 1 < end) {
        char *after;
        long port = strtol(colon + 1, &after, 10);

        if (after != end || port <= 0 || port > 65535)
            goto bad;
        host.port = (int)port;
    }
    g_array_append_val(t->hosts, host);
    return true;
bad:
    g_free(host.user);
    g_free(host.password);
    g_free(host.host);
    return false;
}

static void query_read(struct transport *t, const char *query)
{
    g_auto(GStrv) pairs = g_strsplit(query, "&", -1);

    for (char **p = pairs; *p; p++) {
        const char *equals = strchr(*p, '=');
        struct transport_option option;

        if (!**p)
            continue;
        option.name = unquote(*p, equals ?: *p + strlen(*p));
        option.value = equals ? unquote(equals + 1, equals + strlen(equals)) : g_strdup("");
        g_array_append_val(t->options, option);
    }
}

static bool url_read(struct transport *t, const char *url)
{
    const char *from = strstr(url, "://"), *end, *question, *slash;

    if (!from || from == url)
        return false;
    from += 3;
    question = strchr(from, '?');
    end = question ?: from + strlen(from);
    slash = memchr(from, '/', (size_t)(end - from));
    t->virtual_host = slash ? unquote(slash + 1, end) : g_strdup("");
    if (question)
        query_read(t, question + 1);
    end = slash ?: end;
    while (from < end) {
        const char *comma = memchr(from, ',', (size_t)(end - from));

        if (!host_read(t, from, comma ?: end))
            return false;
        from = comma ? comma + 1 : end;
    }
    return t->virtual_host != NULL;
}
