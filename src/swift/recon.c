/* /recon/: one function a word of its path. */
#include "swift/recon.h"

#include "oslo/base/text.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/proxy/proxy.h"
#include "swift/swift.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What is asked for: the word, and what follows it (NULL: nothing). */
struct asked { enum storage_kind server; const char *word, *kind; };

/* --- what daemons left ----------------------------------------------------------------------------------------------------------------- */

static const char *cache_dir(struct ctx *c, enum storage_kind server)
{
    static const char *const files[STORAGE_KINDS] = { "object-server", "container-server", "account-server" };
    const struct conf *conf = conf_load(c, ctx_printf(c, "%s/%s.conf", swift_dir(), files[server]));
    const char *path = conf ? conf_get(conf, "filter:recon", "recon_cache_path") : NULL;

    fault_clear(c);
    return path ? path : swift_options()->recon_cache_path;
}

/* The named members of one file: null where there is none. */
static json_t *left(struct ctx *c, const struct asked *a, const char *file, const char *const *names)
{
    json_t *all = ctx_json(c, json_load_file(ctx_printf(c, "%s/%s.recon", cache_dir(c, a->server), file), 0, NULL)), *some = json_object();

    for (; *names; names++) {
        json_t *value = json_object_get(all, *names);

        json_object_set(some, *names, value ? value : json_null());
    }
    return some;
}

#define LEFT(file, ...) left(c, a, file, (const char *const[]){ __VA_ARGS__, NULL })

static bool is_kind(const struct asked *a, const char *kind)
{
    return a->kind && !strcmp(a->kind, kind);
}

static json_t *get_async(struct ctx *c, const struct asked *a)
{
    return LEFT("object", "async_pending", "async_pending_last");
}

static json_t *get_replication(struct ctx *c, const struct asked *a)
{
    if (is_kind(a, "account") || is_kind(a, "container"))
        return LEFT(a->kind, "replication_time", "replication_stats", "replication_last");
    if (!a->kind || is_kind(a, "object"))
        return LEFT("object", "replication_time", "replication_stats", "replication_last", "object_replication_time", "object_replication_last");
    return NULL;
}

static json_t *get_updater(struct ctx *c, const struct asked *a)
{
    if (is_kind(a, "container"))
        return LEFT("container", "container_updater_sweep");
    return is_kind(a, "object") ? LEFT("object", "object_updater_sweep") : NULL;
}

static json_t *get_auditor(struct ctx *c, const struct asked *a)
{
    if (is_kind(a, "account"))
        return LEFT("account", "account_audits_passed", "account_auditor_pass_completed", "account_audits_since", "account_audits_failed");
    if (is_kind(a, "container"))
        return LEFT("container", "container_audits_passed", "container_auditor_pass_completed", "container_audits_since", "container_audits_failed");
    return is_kind(a, "object") ? LEFT("object", "object_auditor_stats_ALL", "object_auditor_stats_ZBF") : NULL;
}

static json_t *get_expirer(struct ctx *c, const struct asked *a)
{
    return is_kind(a, "object") ? LEFT("object", "object_expiration_pass", "expired_last_pass") : NULL;
}

static json_t *get_reconstruction(struct ctx *c, const struct asked *a)
{
    return is_kind(a, "object") ? LEFT("object", "object_reconstruction_last", "object_reconstruction_time") : NULL;
}

static json_t *get_sharding(struct ctx *c, const struct asked *a)
{
    return LEFT("container", "sharding_stats", "sharding_time", "sharding_last");
}

static json_t *get_driveaudit(struct ctx *c, const struct asked *a)
{
    return LEFT("drive", "drive_audit_errors");
}

static json_t *get_relinker(struct ctx *c, const struct asked *a)
{
    return LEFT("relinker", "devices", "workers");
}

/* --- the machine ----------------------------------------------------------------------------------------------------------------------- */

/* Calls take for each line of a file of /proc, split at blanks; at most 16 pieces, the last NULL. */
static void each_line(const char *path, void (*take)(json_t *to, char **pieces, size_t n), json_t *to)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;

    while (file && getline(&line, &room, file) > 0) {
        char *pieces[17] = { NULL }, *save = NULL;
        size_t n = 0;

        for (char *p = strtok_r(line, " \t\n", &save); p && n < 16; p = strtok_r(NULL, " \t\n", &save))
            pieces[n++] = p;
        take(to, pieces, n);
    }
    free(line);
    if (file)
        fclose(file);
}

static void take_memory(json_t *to, char **pieces, size_t n)
{
    if (n < 2)
        return;
    pieces[0][strcspn(pieces[0], ":")] = '\0';
    g_autofree char *value = n > 2 ? g_strdup_printf("%s %s", pieces[1], pieces[2]) : g_strdup(pieces[1]);
    json_object_set_new(to, pieces[0], json_string(value));
}

static json_t *get_mem(struct ctx *c, const struct asked *a)
{
    json_t *o = json_object();

    (void)c, (void)a;
    each_line("/proc/meminfo", take_memory, o);
    return o;
}

static void take_load(json_t *to, char **pieces, size_t n)
{
    static const char *const names[] = { "1m", "5m", "15m" };

    if (n < 5)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        json_object_set_new(to, names[i], json_real(g_ascii_strtod(pieces[i], NULL)));
    json_object_set_new(to, "tasks", json_string(pieces[3]));
    json_object_set_new(to, "processes", json_integer(strtoll(pieces[4], NULL, 10)));
}

static json_t *get_load(struct ctx *c, const struct asked *a)
{
    json_t *o = json_object();

    (void)c, (void)a;
    each_line("/proc/loadavg", take_load, o);
    return o;
}

static void take_mount(json_t *to, char **pieces, size_t n)
{
    if (n > 1)
        json_array_append_new(to, json_pack("{s:s, s:s}", "device", pieces[0], "path", pieces[1]));
}

static json_t *get_mounted(struct ctx *c, const struct asked *a)
{
    json_t *list = json_array();

    (void)c, (void)a;
    each_line("/proc/mounts", take_mount, list);
    return list;
}

static void take_sockets(json_t *to, char **pieces, size_t n)
{
    if (n > 10 && !strcmp(pieces[0], "TCP:")) {
        json_object_set_new(to, "tcp_in_use", json_integer(strtoll(pieces[2], NULL, 10)));
        json_object_set_new(to, "orphan", json_integer(strtoll(pieces[4], NULL, 10)));
        json_object_set_new(to, "time_wait", json_integer(strtoll(pieces[6], NULL, 10)));
        json_object_set_new(to, "tcp_mem_allocated_bytes", json_integer(strtoll(pieces[10], NULL, 10) * sysconf(_SC_PAGESIZE)));
    } else if (n > 2 && !strcmp(pieces[0], "TCP6:")) {
        json_object_set_new(to, "tcp6_in_use", json_integer(strtoll(pieces[2], NULL, 10)));
    }
}

static json_t *get_sockstat(struct ctx *c, const struct asked *a)
{
    json_t *o = json_object();

    (void)c, (void)a;
    each_line("/proc/net/sockstat", take_sockets, o);
    each_line("/proc/net/sockstat6", take_sockets, o);
    return o;
}

static json_t *get_time(struct ctx *c, const struct asked *a)
{
    (void)c, (void)a;
    return json_real((double)clock_us() / 1e6);
}

static json_t *get_version(struct ctx *c, const struct asked *a)
{
    (void)c, (void)a;
    return json_pack("{s:s}", "version", SWIFT_VERSION);
}

/* --- drives ---------------------------------------------------------------------------------------------------------------------------- */

static json_t *get_devices(struct ctx *c, const struct asked *a)
{
    DIR *dir = opendir(storage_devices_dir());
    json_t *list = dir ? json_array() : json_null();
    struct dirent *entry;

    (void)c, (void)a;
    while (dir && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            json_array_append_new(list, json_string(entry->d_name));
    if (dir)
        closedir(dir);
    return json_pack("{s:o}", storage_devices_dir(), list);
}

static const char *path_of(struct ctx *c, const char *device)
{
    return ctx_printf(c, "%s/%s", storage_devices_dir(), device);
}

static json_t *get_unmounted(struct ctx *c, const struct asked *a)
{
    json_t *list = json_array();

    (void)a;
    for (const char *const *d = storage_devices(c); *d; d++)
        if (!storage_is_mounted(path_of(c, *d)))
            json_array_append_new(list, json_pack("{s:s, s:b}", "device", *d, "mounted", 0));
    return list;
}

static json_t *get_diskusage(struct ctx *c, const struct asked *a)
{
    json_t *list = json_array();
    struct statvfs s;

    (void)a;
    for (const char *const *d = storage_devices(c); *d; d++) {
        if (storage_is_mounted(path_of(c, *d)) && !statvfs(path_of(c, *d), &s))
            json_array_append_new(list, json_pack("{s:s, s:b, s:I, s:I, s:I}", "device", *d, "mounted", 1, "size", (json_int_t)(s.f_bsize * s.f_blocks), "used",
                                                  (json_int_t)(s.f_bsize * (s.f_blocks - s.f_bavail)), "avail", (json_int_t)(s.f_bsize * s.f_bavail)));
        else
            json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s, s:s}", "device", *d, "mounted", 0, "size", "", "used", "", "avail", ""));
    }
    return list;
}

static void add_count(json_t *o, const char *name, int64_t n)
{
    json_object_set_new(o, name, json_integer(json_integer_value(json_object_get(o, name)) + n));
}

/* A directory has a link more for each one below it. */
static void count_quarantined(json_t *all, json_t *policies, const char *kind, const char *path)
{
    struct stat s;
    const char *policy = strchr(kind, '-') ? strchr(kind, '-') + 1 : "0";
    json_t *of_policy = json_object_get(policies, policy);

    if (lstat(path, &s) || s.st_nlink <= 2)
        return;
    if (!g_str_has_prefix(kind, "objects")) {
        add_count(all, kind, (int64_t)s.st_nlink - 2);
        return;
    }
    if (!of_policy) {
        of_policy = json_object();
        json_object_set_new(policies, policy, of_policy);
    }
    add_count(of_policy, "objects", (int64_t)s.st_nlink - 2);
    add_count(all, "objects", (int64_t)s.st_nlink - 2);
}

static json_t *get_quarantined(struct ctx *c, const struct asked *a)
{
    json_t *policies = json_object(), *all = json_pack("{s:i, s:i, s:i, s:o}", "objects", 0, "containers", 0, "accounts", 0, "policies", policies);

    (void)a;
    for (const char *const *d = storage_devices(c); *d; d++) {
        const char *path = ctx_printf(c, "%s/quarantined", path_of(c, *d));
        DIR *dir = opendir(path);
        struct dirent *entry;

        while (dir && (entry = readdir(dir)))
            if (*entry->d_name != '.')
                count_quarantined(all, policies, entry->d_name, ctx_printf(c, "%s/%s", path, entry->d_name));
        if (dir)
            closedir(dir);
    }
    return all;
}

/* --- files that are to be the same everywhere -------------------------------------------------------------------------------------------- */

static json_t *sum_of(const char *path)
{
    size_t n;
    uint8_t digest[16];
    char hex[33], *bytes = disk_read_file(path, &n);

    if (!bytes)
        return NULL;
    md5_of(bytes, n, digest);
    digest_hex(digest, hex);
    free(bytes);
    return json_string(hex);
}

static void add_ring(struct ctx *c, json_t *o, const char *name)
{
    const char *path = ctx_printf(c, "%s/%s.ring.gz", swift_dir(), name);
    json_t *sum = sum_of(path);

    if (sum)
        json_object_set_new(o, path, sum);
}

static json_t *get_ringmd5(struct ctx *c, const struct asked *a)
{
    json_t *o = json_object();

    (void)a;
    add_ring(c, o, "account");
    add_ring(c, o, "container");
    for (size_t i = 0; i < policies_count(); i++)
        add_ring(c, o, policy_at(i)->index ? ctx_printf(c, "object-%d", policy_at(i)->index) : "object");
    return o;
}

/* Named as those who compare it know it, wherever it lies here. */
static json_t *get_swiftconfmd5(struct ctx *c, const struct asked *a)
{
    json_t *sum = sum_of(ctx_printf(c, "%s/swift.conf", swift_dir()));

    (void)a;
    return json_pack("{s:o}", "/etc/swift/swift.conf", sum ? sum : json_null());
}

/* --- the door -------------------------------------------------------------------------------------------------------------------------- */

static const struct { const char *word; json_t *(*get)(struct ctx *, const struct asked *); } words[] = {
    { "async", get_async }, { "auditor", get_auditor }, { "devices", get_devices }, { "diskusage", get_diskusage }, { "driveaudit", get_driveaudit },
    { "expirer", get_expirer }, { "load", get_load }, { "mem", get_mem }, { "mounted", get_mounted }, { "quarantined", get_quarantined },
    { "reconstruction", get_reconstruction }, { "relinker", get_relinker }, { "replication", get_replication }, { "ringmd5", get_ringmd5 },
    { "sharding", get_sharding }, { "sockstat", get_sockstat }, { "swiftconfmd5", get_swiftconfmd5 }, { "time", get_time }, { "unmounted", get_unmounted },
    { "updater", get_updater }, { "version", get_version },
};

void recon_serve(struct ctx *c, enum storage_kind server, struct swift_request *r, struct swift_response *response)
{
    const char *word = r->path + strlen("/recon/"), *slash = strchr(word, '/');
    struct asked a = { server, slash ? ctx_strndup(c, word, (size_t)(slash - word)) : word, slash && slash[1] ? slash + 1 : NULL };
    json_t *content = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (!strcmp(words[i].word, a.word))
            content = words[i].get(c, &a);
    if (!content) {
        response_text(c, response, 404, "text/plain", ctx_printf(c, "Invalid path: %s", r->path));
        return;
    }
    char *text = json_dumps(content, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    response_text(c, response, 200, "application/json", text);
    free(text);
    json_decref(content);
}
