/* rsync_module, as the original's configuration writes it. */
#include "swift/daemon/rsync.h"

#include "oslo/base/buf.h"

#include <string.h>

static const char *address(struct ctx *c, const char *ip)
{
    return ip && strchr(ip, ':') ? ctx_printf(c, "[%s]", ip) : ip ? ip : "";
}

static const char *value_of(struct ctx *c, const struct ring_device *d, const char *name, size_t n)
{
    const struct { const char *name, *value; } known[] = {
        { "ip", address(c, d->ip) }, { "port", ctx_printf(c, "%d", d->port) }, { "replication_ip", address(c, d->replication_ip) },
        { "replication_port", ctx_printf(c, "%d", d->replication_port) }, { "region", ctx_printf(c, "%d", d->region) },
        { "zone", ctx_printf(c, "%d", d->zone) }, { "device", d->device }, { "meta", d->meta ? d->meta : "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (strlen(known[i].name) == n && !memcmp(known[i].name, name, n))
            return known[i].value;
    return NULL;
}

const char *rsync_module(struct ctx *c, const char *pattern, const struct ring_device *d)
{
    const char *said = "";

    for (const char *at = pattern; *at;) {
        size_t plain = strcspn(at, "{"), n;
        const char *value;

        said = ctx_printf(c, "%s%.*s", said, (int)plain, at);
        at += plain;
        if (!*at)
            break;
        n = strcspn(at + 1, "}");
        value = at[n + 1] ? value_of(c, d, at + 1, n) : NULL;
        if (!value)
            return fail_null(c, INTERNAL_ERROR, ctx_printf(c, "rsync_module: %s: there is no such variable", pattern));
        said = ctx_printf(c, "%s%s", said, value);
        at += n + 2;
    }
    return g_str_has_suffix(said, "/") ? ctx_strndup(c, said, strlen(said) - 1) : said;
}
