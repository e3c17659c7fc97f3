/* Realms, and where containers may sync to. */
#include "swift/sync_realms.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/conf.h"
#include "swift/swift.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_EVERY_US (300 * G_USEC_PER_SEC)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards all below; what they point to stays */
static const struct conf *realms, *container_server;
static struct timespec read_at;              /* when the file was written that was read */
static int64_t look_next_us;

/* --- the files ---------------------------------------------------------------------------------------------------------- */

static int64_t interval_us(void)
{
    const char *text = realms ? conf_get(realms, "DEFAULT", "mtime_check_interval") : NULL;
    double seconds = text ? g_ascii_strtod(text, NULL) : 0;

    return seconds > 0 ? (int64_t)(seconds * 1e6) : LOOK_EVERY_US;
}

/* One that cannot be read leaves what is known. */
static void look(struct ctx *c)
{
    const char *path = ctx_printf(c, "%s/container-sync-realms.conf", swift_dir());
    const struct conf *read;
    struct stat s;

    if (!stat(path, &s) && (s.st_mtim.tv_sec != read_at.tv_sec || s.st_mtim.tv_nsec != read_at.tv_nsec)) {
        read_at = s.st_mtim;
        read = conf_load(c, path);
        if (read)
            realms = read;
        else
            log_error(c, "swift: %s", c->fault.message);
        fault_clear(c);
    }
    look_next_us = clock_mono_us() + interval_us();
}

static const struct conf *realms_now(struct ctx *c)
{
    pthread_mutex_lock(&lock);
    if (clock_mono_us() >= look_next_us)
        look(c);
    const struct conf *now = realms;
    pthread_mutex_unlock(&lock);
    return now;
}

static const char *own_hosts(struct ctx *c)
{
    const char *hosts;

    pthread_mutex_lock(&lock);
    if (!container_server)
        container_server = conf_load(c, ctx_printf(c, "%s/container-server.conf", swift_dir()));
    hosts = container_server ? conf_get(container_server, "app:container-server", "allowed_sync_hosts") : NULL;
    pthread_mutex_unlock(&lock);
    fault_clear(c);
    return hosts ? hosts : "127.0.0.1";
}

/* --- realms ------------------------------------------------------------------------------------------------------------- */

/* A name in the section of a realm, both in any case. */
static const char *realm_option(struct ctx *c, const char *realm, const char *name)
{
    const struct conf *conf = realms_now(c);

    for (const char *const *section = conf ? conf_sections(conf) : NULL; section && *section; section++) {
        if (strcasecmp(*section, realm) || !strcmp(*section, "DEFAULT"))
            continue;
        for (const struct pair *p = conf_section(conf, *section); p->name; p++)
            if (!strcasecmp(p->name, name))
                return p->value;
    }
    return NULL;
}

const char *realm_key(struct ctx *c, const char *realm, const char *which)
{
    return realm_option(c, realm, which);
}

static const char *upper(struct ctx *c, const char *text)
{
    char *copy = ctx_strdup(c, text);

    for (char *at = copy; *at; at++)
        *at = g_ascii_toupper(*at);
    return copy;
}

json_t *realms_json(struct ctx *c)
{
    const struct conf *conf = realms_now(c);
    json_t *all = json_object();

    for (const char *const *section = conf ? conf_sections(conf) : NULL; section && *section; section++) {
        json_t *clusters = json_object();

        for (const struct pair *p = conf_section(conf, *section); p->name; p++)
            if (!strncasecmp(p->name, "cluster_", 8))
                json_object_set_new(clusters, upper(c, p->name + 8), json_object());
        if (json_object_size(clusters) && strcmp(*section, "DEFAULT"))
            json_object_set_new(all, upper(c, *section), json_pack("{s:O}", "clusters", clusters));
        json_decref(clusters);
    }
    return all;
}

const char *realm_signature(struct ctx *c, const char *method, const char *path, const char *timestamp, const char *nonce, const char *key, const char *user_key)
{
    const char *text = ctx_printf(c, "%s\n%s\n%s\n%s\n%s", method, path, timestamp, nonce, user_key);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    HMAC(EVP_sha1(), key, (int)strlen(key), (const unsigned char *)text, strlen(text), digest, &n);
    return hex_write(c, digest, n);
}

/* --- where to ------------------------------------------------------------------------------------------------------------ */

static const char *read_realm(struct ctx *c, const char *given, const char *value, struct sync_target *to)
{
    char **words = text_split(c, value + 2, '/');
    const char *endpoint;
    size_t n;

    if (g_strv_length(words) != 4)
        return ctx_printf(c, "Invalid X-Container-Sync-To format '%s'", given);
    to->realm = upper(c, words[0]);
    to->realm_key = realm_key(c, words[0], "key");
    if (!to->realm_key || !*to->realm_key)
        return ctx_printf(c, "No realm key for '%s'", words[0]);
    endpoint = realm_option(c, words[0], ctx_printf(c, "cluster_%s", words[1]));
    if (!endpoint || !*endpoint)
        return ctx_printf(c, "No cluster endpoint for '%s' '%s'", words[0], words[1]);
    for (n = strlen(endpoint); n && endpoint[n - 1] == '/';)
        n--;
    to->url = ctx_printf(c, "%.*s/%s/%s", (int)n, endpoint, words[2], words[3]);
    return NULL;
}

/* In lower case, without user and port; NULL: there is none. */
static const char *host_of(struct ctx *c, const char *after_scheme)
{
    char *host = ctx_strndup(c, after_scheme, strcspn(after_scheme, "/")), *at = strrchr(host, '@'), *end;

    host = at ? at + 1 : host;
    end = *host == '[' ? strchr(host, ']') : strchr(host, ':');
    if (end)
        *end = 0;
    host += *host == '[';
    for (at = host; *at; at++)
        *at = g_ascii_tolower(*at);
    return *host ? host : NULL;
}

static const char *read_url(struct ctx *c, const char *value, const char *hosts, struct sync_target *to)
{
    size_t scheme = strcspn(value, ":/");
    bool has_scheme = !strncmp(value + scheme, "://", 3);
    const char *host, *path = has_scheme ? strchr(value + scheme + 3, '/') : NULL;

    if (!has_scheme || !text_in(ctx_strndup(c, value, scheme), (const char *const[]){ "http", "https", NULL }))
        return ctx_printf(c, "Invalid scheme '%.*s' in X-Container-Sync-To, must be \"//\", \"http\", or \"https\".", value[scheme] == ':' ? (int)scheme : 0, value);
    if (!path)
        return "Path required in X-Container-Sync-To";
    if (strpbrk(value, "?#") || strchr(strrchr(value, '/'), ';'))
        return "Params, queries, and fragments not allowed in X-Container-Sync-To";
    host = host_of(c, value + scheme + 3);
    if (!host || !text_in(host, (const char *const *)text_split(c, hosts, ',')))
        return host ? ctx_printf(c, "Invalid host '%s' in X-Container-Sync-To", host) : "Invalid host None in X-Container-Sync-To";
    to->url = value;
    return NULL;
}

const char *sync_target_read(struct ctx *c, const char *given, const char *hosts, struct sync_target *to)
{
    char *value = ctx_strdup(c, given);

    *to = (struct sync_target){ 0 };
    for (size_t n = strlen(value); n && value[n - 1] == '/'; n--)
        value[n - 1] = 0;
    if (!*value)
        return NULL;
    return !strncmp(value, "//", 2) ? read_realm(c, given, value, to) : read_url(c, value, hosts ? hosts : own_hosts(c), to);
}
