/* account-info, container-info, object-info: what a file on a drive says of itself. */
#include "swift/tools/tools.h"

#include "oslo/base/text.h"
#include "swift/broker/shards.h"
#include "swift/constraints.h"
#include "swift/disk/diskfile.h"
#include "swift/name.h"
#include "swift/policy.h"
#include "swift/swift.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ring *own_ring(struct ctx *c, const char *name)
{
    struct ring *ring = ring_load(c, ctx_printf(c, "%s/%s.ring.gz", swift_dir(), name));

    fault_clear(c);
    return ring ? ctx_own(c, ring, (void (*)(void *))(void *)ring_unref) : NULL;
}

/* --- databases ------------------------------------------------------------------------------------------------------------------------- */

/* text: as it stands there; NULL: as it would be written. */
static void say_time(struct ctx *c, const char *what, struct timestamp t, const char *text)
{
    say("  %s: %s (%s)\n", what, timestamp_iso(c, t), text ? text : timestamp_text(c, t));
}

static void say_info(struct ctx *c, const struct broker_info *i, bool container, bool deleted)
{
    const struct storage_policy *policy = policy_by_index(i->policy_index);

    say("Path: /%s%s%s\n  Account: %s\n", i->account, container ? "/" : "", container ? i->container : "", i->account);
    if (container)
        say("  Container: %s\n", i->container);
    say("  Deleted: %s\n  %s Hash: %s\nMetadata:\n", deleted ? "True" : "False", container ? "Container" : "Account",
        hash_path_hex(c, i->account, container ? i->container : NULL, NULL));
    say_time(c, "Created at", i->created_at, NULL);
    say_time(c, "Put Timestamp", i->put_timestamp, NULL);
    say_time(c, "Delete Timestamp", i->delete_timestamp, i->delete_text);
    say_time(c, "Status Timestamp", i->status_changed_at, NULL);
    if (!container)
        say("  Container Count: %" G_GINT64_FORMAT "\n", i->container_count);
    say("  Object Count: %" G_GINT64_FORMAT "\n  Bytes Used: %" G_GINT64_FORMAT "\n", i->object_count, i->bytes_used);
    if (container) {
        say("  Storage Policy: %s (%d)\n", policy ? policy->name : "Unknown", i->policy_index);
        say_time(c, "Reported Put Timestamp", i->reported_put, i->reported_put_text);
        say_time(c, "Reported Delete Timestamp", i->reported_delete, i->reported_delete_text);
        say("  Reported Object Count: %" G_GINT64_FORMAT "\n  Reported Bytes Used: %" G_GINT64_FORMAT "\n", i->reported_object_count,
            i->reported_bytes_used);
    }
    say("  Chexor: %s\n  UUID: %s\n", i->hash, i->id);
    if (container)
        say("  X-Container-Sync-Point1: %" G_GINT64_FORMAT "\n  X-Container-Sync-Point2: %" G_GINT64_FORMAT "\n", i->sync_point1, i->sync_point2);
}

static bool say_metadata(struct ctx *c, struct broker *b, const char *kind, bool drop)
{
    size_t n, n_user = 0, n_sys = 0, prefix = strlen("x--meta-") + strlen(kind);
    struct broker_meta *list;
    struct pair *user, *sys;

    if (!broker_metadata(c, b, &list, &n))
        return false;
    user = ctx_new_n(c, struct pair, n + 1);
    sys = ctx_new_n(c, struct pair, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct pair p = { list[i].name, list[i].value };

        if (is_user_meta(&p, kind))
            user[n_user++] = (struct pair){ p.name + (drop ? prefix : 0), p.value };
        else if (is_sys_meta(&p, kind))
            sys[n_sys++] = (struct pair){ p.name + (drop ? prefix + strlen("sys") : 0), p.value };
        else
            say("  %s: %s\n", header_title(c, p.name), p.value);
    }
    if (n_sys)
        say("  System Metadata: %s\n", pairs_repr(c, sys));
    else
        say("No system metadata found in db file\n");
    if (n_user)
        say("  User Metadata: %s\n", pairs_repr(c, user));
    else
        say("No user metadata found in db file\n");
    return true;
}

static void say_range(struct ctx *c, const struct shard_range *r)
{
    say("  Name: %s\n    lower: %s, upper: %s\n", r->name, name_repr(c, r->lower), name_repr(c, r->upper));
    say("    Object Count: %" G_GINT64_FORMAT ", Bytes Used: %" G_GINT64_FORMAT ", State: %s (%d)\n", r->object_count, r->bytes_used,
        shard_state_name(r->state), (int)r->state);
    say("    Created at: %s (%s)\n", timestamp_iso(c, r->timestamp), timestamp_text(c, r->timestamp));
    say("    Meta Timestamp: %s (%s)\n", timestamp_iso(c, r->meta_timestamp), timestamp_text(c, r->meta_timestamp));
}

static bool say_sharding(struct ctx *c, struct broker *b, const struct broker_info *info, bool verbose)
{
    struct shard_list shards;
    bool root;

    if (!broker_is_root(c, b, &root) || !broker_shards(c, b, &(struct shard_query){}, &shards))
        return false;
    say("Sharding Metadata:\n  Type: %s\n  State: %s\n", root ? "root" : "shard", info->db_state);
    if (!shards.n)
        return true;
    say("Shard Ranges (%zu):\n  States:\n", shards.n);
    for (size_t i = 0; shard_states[i]; i++) {
        int n = 0;

        for (size_t k = 0; k < shards.n; k++)
            n += shards.at[k].state == shard_states[i];
        if (n)
            say("    %9s: %d\n", shard_state_name(shard_states[i]), n);
    }
    for (size_t i = 0; verbose && i < shards.n; i++)
        say_range(c, &shards.at[i]);
    if (!verbose)
        say("(Use -v/--verbose to show more Shard Ranges details)\n");
    return true;
}

static bool say_database(struct ctx *c, struct broker *b, enum broker_kind kind, bool drop, bool verbose)
{
    const char *name = kind == BROKER_CONTAINER ? "container" : "account";
    struct broker_info info;
    bool deleted = broker_is_deleted(c, b, &info);
    const struct ring *ring;

    if (failed(c))
        return false;
    say_info(c, &info, kind == BROKER_CONTAINER, deleted);
    if (!say_metadata(c, b, name, drop) || (kind == BROKER_CONTAINER && !say_sharding(c, b, &info, verbose)))
        return false;
    if ((ring = own_ring(c, name)))
        say_locations(c, ring, &(struct location){ .data_dir = ctx_printf(c, "%ss", name), .account = info.account, .container = info.container,
                                                   .partition = -1, .policy_index = -1 });
    return true;
}

static int database_info(struct ctx *c, char **words, enum broker_kind kind)
{
    bool drop = false, verbose = false;
    const struct tool_option options[] = { { 0, "drop-prefixes", &drop, NULL }, { 'v', "verbose", &verbose, NULL }, {} };
    const char *path;
    struct broker *b;
    bool well;

    if (!tool_options(c, words, options))
        return 1;
    if (!words[0] || words[1])
        return tool_usage(c, kind == BROKER_CONTAINER ? "container-info" : "account-info");
    path = realpath(words[0], NULL);
    if (!path || !g_str_has_suffix(path, ".db")) {
        free((char *)(uintptr_t)path);
        say("DB file doesn't exist\n");
        return 1;
    }
    b = kind == BROKER_CONTAINER ? broker_open_newest(c, kind, path) : broker_open_file(c, kind, path);
    well = b && say_database(c, b, kind, drop, verbose);
    broker_done(b);
    free((char *)(uintptr_t)path);
    return !well;
}

int tool_account_info(struct ctx *c, char **words)
{
    return database_info(c, words, BROKER_ACCOUNT);
}

int tool_container_info(struct ctx *c, char **words)
{
    return database_info(c, words, BROKER_CONTAINER);
}

/* --- objects --------------------------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

/* Those with the prefix; without_known: those with none of the prefixes. */
static void say_some(struct ctx *c, const char *title, const struct headers *h, const char *prefix, bool drop)
{
    static const char *const known[] = { "X-Object-Sysmeta-", "X-Object-Transient-Sysmeta-", "X-Object-Meta-" };
    static const char *const special[] = { "name", "Content-Type", "X-Timestamp", "ETag", "Content-Length", NULL };
    struct pair *list = ctx_new_n(c, struct pair, h->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++) {
        bool mine = prefix && header_has_prefix(&h->pairs[i], prefix), other = !prefix && !text_in(h->pairs[i].name, special);

        for (size_t k = 0; other && k < G_N_ELEMENTS(known); k++)
            other = !header_has_prefix(&h->pairs[i], known[k]);
        if (mine || other)
            list[n++] = (struct pair){ h->pairs[i].name + (mine && drop ? strlen(prefix) : 0), h->pairs[i].value };
    }
    qsort(list, n, sizeof(*list), by_name);
    say("%s\n", title);
    for (size_t i = 0; i < n; i++)
        say("  %s: %s\n", list[i].name, list[i].value);
    if (!n)
        say("  No metadata found\n");
}

/* Takes what stands in a name of its own out of them. */
static const char *special(const struct headers *h, const char *name)
{
    const char *value = headers_get(h, name);

    return value ? value : "";
}

static void say_object(struct ctx *c, const struct headers *h, const struct location *l, bool drop)
{
    struct timestamp when = {};
    const char *type = special(h, "Content-Type");

    if (l->object)
        say("Path: %s\n  Account: %s\n  Container: %s\n  Object: %s\n  Object hash: %s\n", special(h, "name"), l->account, l->container, l->object,
            hash_path_hex(c, l->account, l->container, l->object));
    else
        say("Path: Not found in metadata\n");
    say("Content-Type: %s\n", *type ? type : "Not found in metadata");
    timestamp_parse(special(h, "X-Timestamp"), &when);
    if (timestamp_set(when))
        say("Timestamp: %s (%s)\n", timestamp_iso(c, when), timestamp_text(c, when));
    else
        say("Timestamp: Not found in metadata\n");
    say_some(c, "System Metadata:", h, "X-Object-Sysmeta-", drop);
    say_some(c, "Transient System Metadata:", h, "X-Object-Transient-Sysmeta-", drop);
    say_some(c, "User Metadata:", h, "X-Object-Meta-", drop);
    say_some(c, "Other Metadata:", h, NULL, false);
}

static bool sum_file(int fd, char hex[33], int64_t *ret_n)
{
    struct md5 *md5 = md5_new();
    char *block = g_malloc(65536);
    ssize_t n;

    *ret_n = 0;
    while ((n = read(fd, block, 65536)) > 0) {
        md5_add(md5, block, (size_t)n);
        *ret_n += n;
    }
    g_free(block);
    md5_end_hex(md5, hex);
    return !n;
}

static void say_content(int fd, const struct headers *h, bool check)
{
    const char *etag = special(h, "ETag"), *length = special(h, "Content-Length");
    struct stat s = {};
    int64_t size, said = -1;
    char hex[33];

    fstat(fd, &s);
    size = s.st_size;
    if (!check)
        say("ETag: %s (not checked)\n", etag);
    else if (!sum_file(fd, hex, &size) || !*etag)
        say("ETag: Not found in metadata\n");
    else if (!strcmp(hex, etag))
        say("ETag: %s (valid)\n", etag);
    else
        say("ETag: %s doesn't match file hash of %s!\n", etag, hex);
    if (!*length)
        say("Content-Length: Not found in metadata\n");
    else if (text_to_int(length, &said) && said == size)
        say("Content-Length: %s (valid)\n", length);
    else
        say("Content-Length: %s doesn't match file length of %" G_GINT64_FORMAT "\n", length, size);
}

static void split_name(struct ctx *c, const char *path, struct location *l)
{
    char *account = *path == '/' ? ctx_strdup(c, path + 1) : NULL, *container = account ? strchr(account, '/') : NULL;
    char *object = container ? strchr(container + 1, '/') : NULL;

    if (!object)
        return;
    *container++ = '\0';
    *object++ = '\0';
    l->account = account;
    l->container = container;
    l->object = object;
}

/* ".../objects-1/..." */
static int policy_of_path(const char *path)
{
    const char *found = strstr(path, "/objects-");

    return found ? atoi(found + strlen("/objects-")) : 0;
}

int tool_object_info(struct ctx *c, char **words)
{
    bool unchecked = false, drop = false;
    const char *policy_name = NULL;
    const struct tool_option options[] = { { 'n', "no-check-etag", &unchecked, NULL }, { 'P', "policy-name", NULL, &policy_name },
                                           { 0, "drop-prefixes", &drop, NULL }, {} };
    const struct storage_policy *policy;
    struct location l = { .partition = -1 };
    struct headers metadata = {};
    const struct ring *ring;
    char *path;
    int fd;

    if (!tool_options(c, words, options))
        return 1;
    if (!words[0] || words[1])
        return tool_usage(c, "object-info");
    path = realpath(words[0], NULL);
    fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        free(path);
        say("Data file doesn't exist\n");
        return 1;
    }
    l.policy_index = policy_of_path(path);
    free(path);
    if (!disk_metadata_read(c, fd, &metadata)) {
        fault_clear(c);
        close(fd);
        say("Invalid metadata\n");
        return 1;
    }
    policy = policy_name ? policy_by_name(policy_name) : NULL;
    if (policy && policy->index != l.policy_index)
        say("Warning: Ring does not match policy!\nDouble check your policy name!\n");
    split_name(c, special(&metadata, "name"), &l);
    say_object(c, &metadata, &l, drop);
    say_content(fd, &metadata, !unchecked);
    close(fd);
    l.data_dir = l.policy_index ? ctx_printf(c, "objects-%d", l.policy_index) : "objects";
    if (l.object && (ring = own_ring(c, l.policy_index ? ctx_printf(c, "object-%d", l.policy_index) : "object")))
        say_locations(c, ring, &l);
    return 0;
}
