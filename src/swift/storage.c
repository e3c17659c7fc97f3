/* What the storage servers share: their paths, devices, times, and how each tells the next level. */
#include "swift/storage.h"

#include "oslo/base/text.h"
#include "swift/conf.h"
#include "swift/name.h"
#include "swift/proxy/backend.h"
#include "swift/swift.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define O(name, default, text) ATTR(struct storage_settings, name, 0, .unset = default, .help = text)
static const struct attr settings_attrs[] = {
    O(client_timeout, "60", "Seconds who asks may be silent, or take for 64 KiB of a body."),
    O(conn_timeout, "0.5", "Seconds to connect to the server that is told of a change."),
    O(node_timeout, "3", "Seconds to wait for its answer."),
    {}
};

static const struct storage_server *const servers[STORAGE_KINDS] = { &object_server, &container_server, &account_server };

const struct storage_server *storage_server(enum storage_kind kind)
{
    return servers[kind];
}

static const struct storage_settings *settings[STORAGE_KINDS];

const struct storage_settings *storage_settings(enum storage_kind kind)
{
    static const struct storage_settings unread = { 60, 0.5, 3 };

    return settings[kind] ? settings[kind] : &unread;
}

bool storage_configure(struct ctx *c)
{
    for (int kind = 0; kind < STORAGE_KINDS; kind++) {
        const struct conf *conf = conf_load(c, ctx_printf(c, "%s/%s.conf", swift_dir(), servers[kind]->name));

        if (!conf || !(settings[kind] = conf_options(c, conf, ctx_printf(c, "app:%s", servers[kind]->name), settings_attrs, sizeof(**settings))))
            return false;
        if (kind == STORAGE_OBJECT)
            erasure_write_legacy_crc(conf_get(conf, "object-reconstructor", "write_legacy_ec_crc"));
    }
    return true;
}

static struct ring_file *rings[STORAGE_KINDS];

bool storage_rings_open(struct ctx *c)
{
    rings[STORAGE_ACCOUNT] = ring_file_open(c, ctx_printf(c, "%s/account.ring.gz", swift_dir()));
    rings[STORAGE_CONTAINER] = rings[STORAGE_ACCOUNT] ? ring_file_open(c, ctx_printf(c, "%s/container.ring.gz", swift_dir())) : NULL;
    return rings[STORAGE_CONTAINER] != NULL;
}

struct ring_file *storage_ring(enum storage_kind kind)
{
    return rings[kind];
}

/* --- requests -------------------------------------------------------------------------------------------------------------- */

static char *segment(struct ctx *c, const char **at)
{
    size_t n;

    if (**at != '/')
        return NULL;
    n = strcspn(*at + 1, "/");
    char *text = ctx_strndup(c, *at + 1, n);
    *at += n + 1;
    return text;
}

bool storage_split(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *at = r->path, *partition;
    int64_t number = -1;

    r->device = segment(c, &at);
    partition = segment(c, &at);
    r->account = segment(c, &at);
    r->container = segment(c, &at);
    r->object = *at == '/' && at[1] ? at + 1 : NULL;
    if (r->container && !*r->container && !r->object)
        r->container = NULL;
    if (r->device && *r->device && !strchr(r->device, '.') && partition && text_to_int(partition, &number) && number >= 0 && number <= UINT32_MAX) {
        r->partition = (uint32_t)number;
        return true;
    }
    response_text(c, response, 400, "text/plain", ctx_printf(c, "Invalid path: %s", name_quote(c, r->path, "/")));
    return false;
}

const char *storage_devices_dir(void)
{
    return swift_options()->devices;
}

bool storage_is_mounted(const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);
    struct stat here, above;

    return !stat(path, &here) && !stat(parent, &above) && here.st_dev != above.st_dev;
}

const char *storage_device_path(struct ctx *c, const struct swift_request *r)
{
    return ctx_printf(c, "%s/%s", storage_devices_dir(), r->device);
}

const char *storage_device(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    const char *path = storage_device_path(c, r);
    struct stat st;

    if (!stat(path, &st) && S_ISDIR(st.st_mode) && (!swift_options()->mount_check || storage_is_mounted(path)))
        return path;
    response_error(c, response, 507, ctx_printf(c, "<html><h1>Insufficient Storage</h1><p>There was not enough space to save the resource. Drive: %s"
                                                "</p></html>", r->device));
    return NULL;
}

bool storage_timestamp(struct ctx *c, const struct swift_request *r, struct swift_response *response, struct timestamp *ret)
{
    const char *text = request_get(r, "X-Timestamp");

    if (text && timestamp_parse(text, ret))
        return true;
    response_text(c, response, 400, "text/plain",
                  text ? ctx_printf(c, "X-Timestamp should be a UNIX timestamp float value; was '%s'", text) : "Missing X-Timestamp header");
    return false;
}

bool storage_policy(struct ctx *c, const struct swift_request *r, struct swift_response *response, const struct storage_policy **ret)
{
    const char *text = request_get(r, "X-Backend-Storage-Policy-Index");
    int64_t index;

    *ret = NULL;
    if (!text)
        return true;
    if (text_to_int(text, &index) && (*ret = policy_by_index((int)index)))
        return true;
    response_text(c, response, 400, "text/plain", ctx_printf(c, "Invalid X-Backend-Storage-Policy-Index '%s'", text));
    return false;
}

void storage_dispatch(struct ctx *c, const struct storage_verb *verbs, struct swift_request *r, struct swift_response *response)
{
    while (verbs->method && strcmp(verbs->method, r->method))
        verbs++;
    if (!verbs->method) {
        response_error(c, response, 405, NULL);
        return;
    }
    verbs->run(c, r, response);
    if (failed(c)) {
        int status = c->fault.status == 503 || c->fault.status == 507 ? c->fault.status : 500;

        response_error(c, response, status, NULL);
        fault_clear(c);
    }
}

/* --- the next level ---------------------------------------------------------------------------------------------------------- */

const char *storage_referer(struct ctx *c, const struct swift_request *r)
{
    const char *given = request_get(r, "Referer");

    return ctx_printf(c, "%s %s", r->method, given ? given : ctx_printf(c, "http://%s:0%s", swift_options()->storage_ip, name_quote(c, r->path, "/")));
}

int storage_hosts(struct ctx *c, const struct swift_request *r, const char *kind, char ***ret_hosts, char ***ret_devices)
{
    const char *hosts = request_get(r, ctx_printf(c, "X-%s-Host", kind)), *devices = request_get(r, ctx_printf(c, "X-%s-Device", kind));
    int n = 0;

    if (!hosts || !devices)
        return 0;
    *ret_hosts = text_split(c, hosts, ',');
    *ret_devices = text_split(c, devices, ',');
    while ((*ret_hosts)[n] && (*ret_devices)[n])
        n++;
    return (*ret_hosts)[n] || (*ret_devices)[n] ? -1 : n;
}

int storage_update(struct ctx *c, enum storage_kind kind, const char *host, const char *device, const char *partition, const char *method,
                   const char *account, const char *container, const char *object, const struct headers *headers, const char **ret_location)
{
    const char *colon = host ? strrchr(host, ':') : NULL;
    struct swift_response response = RESPONSE_EMPTY;
    const struct storage_settings *s = storage_settings(kind == STORAGE_CONTAINER ? STORAGE_OBJECT : STORAGE_CONTAINER);       /* who tells */
    int64_t port, part;

    if (!colon || !device || !partition || !text_to_int(colon + 1, &port) || !text_to_int(partition, &part))
        return 0;
    struct ring_device *to = ctx_new(c, struct ring_device);
    *to = (struct ring_device){ .ip = ctx_strndup(c, host, (size_t)(colon - host)), .port = (int)port, .device = ctx_strdup(c, device) };
    to->replication_ip = to->ip;
    to->replication_port = to->port;
    struct backend_call call = { .kind = kind, .node = { .device = to }, .partition = (uint32_t)part, .method = method, .account = account,
                                 .container = container, .object = object, .headers = headers, .connect_timeout_us = (int64_t)(s->conn_timeout * 1e6),
                                 .timeout_us = (int64_t)(s->node_timeout * 1e6) };
    backend_do(c, &call, &response);
    if (ret_location)
        *ret_location = response_get(&response, "Location");
    response_close(&response);
    return response.status;
}

/* --- what this process is ------------------------------------------------------------------------------------------------------ */

/* Where nobody can knock the offset says nothing: the rings stay right when it changes. */
int storage_port(enum storage_kind kind)
{
    const struct swift_options *o = swift_options();
    int64_t port = kind == STORAGE_OBJECT ? o->object_port : kind == STORAGE_CONTAINER ? o->container_port : o->account_port;

    if (port)
        return (int)port;
    return servers[kind]->port + (o->storage_listen && *o->storage_listen ? (int)common_options->port_offset : 0);
}

bool storage_is_local(enum storage_kind kind, const struct ring_device *d)
{
    return d->port == storage_port(kind) && !strcmp(d->ip, swift_options()->storage_ip);
}

const char *const *storage_devices(struct ctx *c)
{
    DIR *dir = opendir(storage_devices_dir());
    const char **names = ctx_new_n(c, const char *, 1024);
    struct dirent *entry;
    size_t n = 0;

    while (dir && n < 1023 && (entry = readdir(dir)))
        if (*entry->d_name != '.' && g_file_test(ctx_printf(c, "%s/%s", storage_devices_dir(), entry->d_name), G_FILE_TEST_IS_DIR))
            names[n++] = ctx_strdup(c, entry->d_name);
    if (dir)
        closedir(dir);
    return names;
}
