/* cache: where what is remembered is kept. Servers are named here or in [memcache] of memcache.conf; without them each process keeps it itself,
 * and the word may stand in the pipeline all the same. */
#include "swift/middleware/middlewares.h"

#include "oslo/record/record.h"
#include "swift/cache.h"
#include "swift/faults.h"
#include "swift/quick.h"
#include "swift/swift.h"

struct memcache_options {
    char *memcache_servers;
    int64_t memcache_max_connections, max_connections, tries, error_suppression_limit;
    double connect_timeout, pool_timeout, io_timeout, error_suppression_interval;
    bool tls_enabled;
    char *tls_cafile, *tls_certfile, *tls_keyfile;
};

#define OPTION(member, otherwise, text) ATTR(struct memcache_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(memcache_servers, "", "ip:port of memcached, several with commas between."),
    OPTION(memcache_max_connections, "0", "Connections to each; 16 when 0."),
    OPTION(max_connections, "0", "The same, by its old name."),
    OPTION(tries, "3", "Servers asked for one key at most."),
    OPTION(error_suppression_limit, "10", "Errors after which a server is left alone."),
    OPTION(connect_timeout, "0.3", "Seconds to connect."),
    OPTION(pool_timeout, "1.0", "Seconds to wait for a free connection."),
    OPTION(io_timeout, "2.0", "Seconds to wait for an answer."),
    OPTION(error_suppression_interval, "60", "Seconds a server is left alone."),
    OPTION(tls_enabled, "false", "They are spoken to by TLS."),
    OPTION(tls_cafile, "", "PEM file of the authorities; the system's when not set."),
    OPTION(tls_certfile, "", "PEM file of a certificate to show."),
    OPTION(tls_keyfile, "", "Its key; in the same file when not set."),
    {}
};

/* An option of the filter's own section stands above the file's. */
static const struct memcache_options *options_of(struct ctx *c, const struct step *step, const struct conf *conf)
{
    struct memcache_options *file = conf_options(c, conf, "memcache", option_rows, sizeof(*file));

    for (const struct attr *a = option_rows; file && a->name; a++) {
        const char *text = conf_get(step->conf, step->section, a->name);

        if (text && !record_set_text(c, a, file, a->kind != KIND_BOOL ? text : word_true(text) ? "true" : "false"))
            return NULL;
    }
    return file;
}

static bool open_cache(struct ctx *c, struct step *step)
{
    const struct conf *conf = conf_load(c, ctx_printf(c, "%s/memcache.conf", swift_dir()));
    const struct memcache_options *o = conf ? options_of(c, step, conf) : NULL;
    int64_t connections = o ? o->memcache_max_connections > 0 ? o->memcache_max_connections : o->max_connections : 0;

    if (o && *o->memcache_servers)
        quick_forbid();
    return o && cache_open(c, &(struct cache_options){ .servers = o->memcache_servers, .connections = connections > 0 ? connections : 16,
                                                       .connect_timeout = o->connect_timeout, .io_timeout = o->io_timeout,
                                                       .pool_timeout = o->pool_timeout, .tries = o->tries,
                                                       .error_suppression_interval = o->error_suppression_interval,
                                                       .error_suppression_limit = o->error_suppression_limit, .tls = o->tls_enabled,
                                                       .tls_cafile = o->tls_cafile, .tls_certfile = o->tls_certfile, .tls_keyfile = o->tls_keyfile });
}

static void close_cache(struct step *step)
{
    cache_close();
}

const struct middleware middleware_cache = {
    .name = "memcache", .options = option_rows, .options_size = sizeof(struct memcache_options), .open = open_cache, .run = step_next,
    .close = close_cache,
};
