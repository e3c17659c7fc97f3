/* Dark data: objects that no listing shows. An object is dark only where all nodes of its container say that they do not know it (of a container
 * in parts those of the shards as well); while one of them does not answer, nothing is known. Young objects are let be: their rows may be on the
 * way. What is dark is logged, deleted, or sent to quarantine.
 */
#include "swift/daemon/audit_watcher.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/io.h"
#include "swift/name.h"

#include <dirent.h>
#include <string.h>
#include <time.h>

#define MOST_DEPTH 8                 /* shards within shards */
#define MOST_BODY (1 << 20)
#define RAW_PER_SECOND 100000

enum action { DARK_LOG, DARK_DELETE, DARK_QUARANTINE };
static const char *const actions[] = { "log", "delete", "quarantine" };

struct dark {
    const struct round *round;
    enum action action;
    int64_t grace_age, unknown, okay, dark;
};

enum seen { SEEN_LISTED, SEEN_NOT, SEEN_UNKNOWN };

static void *start(struct ctx *c, const struct round *round, const struct watcher_conf *conf)
{
    const char *action = watcher_option(conf, "action"), *age = watcher_option(conf, "grace_age");
    struct dark *d = ctx_new(c, struct dark);

    *d = (struct dark){ .round = round, .grace_age = 604800 };
    while (action && d->action < DARK_QUARANTINE && strcmp(action, actions[d->action]))
        d->action++;
    if (action && strcmp(action, actions[d->action])) {
        log_warning(c, "swift: dark data action %s unknown, defaults to action = log", action);
        d->action = DARK_LOG;
    }
    if (age && !text_to_int(age, &d->grace_age))
        return fail_null(c, INTERNAL_ERROR, ctx_printf(c, "object-auditor: grace_age %s is no number", age));
    return d;
}

/* --- asking --------------------------------------------------------------------------------------------------------------------------- */

static const char *name_in(struct ctx *c, json_t *list)
{
    json_t *name = json_object_get(json_array_get(list, 0), "name");

    return json_is_string(name) ? name_from_bytes(c, json_string_value(name), json_string_length(name)) : NULL;
}

/* Where an object's row is looked for; of a container or of a shard. */
struct place { const char *account, *container, *object; };
static enum seen look(struct ctx *c, const struct dark *d, const struct place *, const char *record_type, int depth);

/* What one node of a container says; a shard that it names is added to shards. */
static enum seen ask(struct ctx *c, const struct dark *d, const struct node_request *r, const char *object, GPtrArray *shards)
{
    struct swift_response response = RESPONSE_EMPTY;
    const char *name, *kind;
    json_t *list;
    char *body;
    size_t n;
    int status = node_call(c, d->round, r, &response);

    kind = ctx_strdup(c, response_get(&response, "X-Backend-Record-Type") ?: "");
    body = response_take_all(c, &response, MOST_BODY, &n);
    if (status == 204)
        return SEEN_NOT;
    list = status / 100 == 2 && body ? ctx_json(c, json_loadb(body, n, JSON_ALLOW_NUL, NULL)) : NULL;
    if (!json_is_array(list))
        return SEEN_UNKNOWN;
    name = name_in(c, list);
    if (!strcmp(kind, "shard")) {
        if (name)
            g_ptr_array_add(shards, (void *)(uintptr_t)name);
        return SEEN_NOT;
    }
    return name && !strcmp(name, object) ? SEEN_LISTED : SEEN_NOT;
}

/* What is not cleaved yet is in the container itself, which names itself then. */
static enum seen look_in_shards(struct ctx *c, const struct dark *d, const GPtrArray *shards, const struct place *of, int depth)
{
    const char *own = ctx_printf(c, "%s/%s", of->account, of->container);
    enum seen seen = SEEN_NOT;

    for (guint i = 0; i < shards->len; i++) {
        const char *path = shards->pdata[i], *slash = strchr(path, '/');
        struct place place = { slash ? ctx_strndup(c, path, (size_t)(slash - path)) : NULL, slash ? slash + 1 : NULL, of->object };
        enum seen there = slash ? look(c, d, &place, strcmp(path, own) ? "auto" : "object", depth + 1) : SEEN_UNKNOWN;

        if (there == SEEN_LISTED)
            return there;
        if (there == SEEN_UNKNOWN)
            seen = there;
    }
    return seen;
}

/* A prefix for listings of objects, includes for those of shard ranges: the node says which of them it gives. */
static enum seen look(struct ctx *c, const struct dark *d, const struct place *p, const char *record_type, int depth)
{
    const struct ring_device *nodes[MOST_REPLICAS];
    const char *quoted = name_quote(c, p->object, "");
    struct node_request r = { .kind = STORAGE_CONTAINER, .method = "GET", .account = p->account, .container = p->container,
                              .query = ctx_printf(c, "format=json&prefix=%s&limit=1&includes=%s&states=listing", quoted, quoted) };
    GPtrArray *shards = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    struct headers headers = {};
    size_t n;
    enum seen seen = SEEN_NOT, in_shards;

    if (depth == MOST_DEPTH)
        return SEEN_UNKNOWN;
    headers_set(c, &headers, "X-Backend-Record-Type", record_type);
    r.headers = &headers;
    n = ring_nodes(c, storage_ring(STORAGE_CONTAINER), p->account, p->container, NULL, &r.partition, nodes);
    for (size_t i = 0; i < n; i++) {
        enum seen there;

        r.node = nodes[i];
        there = ask(c, d, &r, p->object, shards);
        if (there == SEEN_LISTED)
            return there;
        if (there == SEEN_UNKNOWN)
            seen = there;
    }
    in_shards = look_in_shards(c, d, shards, p, depth);
    if (in_shards == SEEN_LISTED)
        return in_shards;
    return n ? MAX(seen, in_shards) : SEEN_UNKNOWN;
}

/* --- one object ----------------------------------------------------------------------------------------------------------------------- */

static void delete_object(struct ctx *c, const struct disk_place *place)
{
    const char *path = disk_place_dir(c, place);
    DIR *dir;
    struct dirent *entry;

    log_info(c, "swift: deleting dark data %s", path);
    if (!hashes_invalidate(c, place) || !(dir = opendir(path)))
        return;
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            disk.unlink(ctx_printf(c, "%s/%s", path, entry->d_name));
    closedir(dir);
    disk.rmdir(path);
}

/* False: to quarantine. */
static bool handle(struct ctx *c, const struct dark *d, const struct disk_place *place, const char *name)
{
    if (d->action == DARK_QUARANTINE)
        log_info(c, "swift: quarantining dark data %s", name);
    else if (d->action == DARK_LOG)
        log_info(c, "swift: reporting dark data %s", name);
    else
        delete_object(c, place);
    return d->action != DARK_QUARANTINE;
}

static bool see(struct ctx *c, void *self, const struct disk_place *place, const struct disk_object *o)
{
    struct dark *d = self;
    time_t now = time(NULL);
    const char *name = headers_get(&o->data_metadata, "name");
    char **parts = name ? g_strsplit(name + 1, "/", 3) : NULL;
    enum seen seen;

    if (!parts || g_strv_length(parts) != 3 || (o->delete_at && o->delete_at <= now) || o->timestamp.raw / RAW_PER_SECOND + d->grace_age >= now) {
        d->okay += parts != NULL;
        g_strfreev(parts);
        return true;
    }
    seen = look(c, d, &(struct place){ parts[0], parts[1], parts[2] }, "auto", 0);
    g_strfreev(parts);
    fault_clear(c);
    d->okay += seen == SEEN_LISTED;
    d->unknown += seen == SEEN_UNKNOWN;
    d->dark += seen == SEEN_NOT;
    return seen != SEEN_NOT || handle(c, d, place, name);
}

static void end(struct ctx *c, void *self)
{
    const struct dark *d = self;

    log_info(c, "swift: dark data: total unknown %" G_GINT64_FORMAT " ok %" G_GINT64_FORMAT " dark %" G_GINT64_FORMAT, d->unknown, d->okay, d->dark);
}

const struct audit_watcher dark_data_watcher = { .name = "dark_data", .start = start, .see = see, .end = end };
