/* reconciler-enqueue: an object under a policy that is not its container's is put into the queue of the container-reconciler. */
#include "swift/tools/tools.h"

#include "oslo/base/text.h"
#include "swift/daemon/daemon.h"
#include "swift/name.h"

#include <string.h>

#define QUEUE ".misplaced_objects"
#define HOUR 3600
#define RAW_PER_SECOND 100000

struct entry { int policy_index; const char *path, *timestamp, *op; struct timestamp when; bool force; };

static int wrong(struct ctx *c, const char *text)
{
    fail(c, BAD_REQUEST, ctx_printf(c, "ERROR: %s", text));
    return 1;
}

/* "/account/container/object" */
static bool names_object(const char *path)
{
    const char *container = *path == '/' ? strchr(path + 1, '/') : NULL, *object = container ? strchr(container + 1, '/') : NULL;

    return object && container > path + 1 && object > container + 1 && object[1];
}

/* The queue has a container an hour, of when the object was written. With force the entry is newer than one that was there before. */
static bool enqueue(struct ctx *c, const struct entry *e, const char *container)
{
    struct daemon_settings settings = { .conn_timeout = 5, .node_timeout = 15 };
    struct round round = { .daemon = &container_reconciler, .settings = &settings };
    struct headers h = {};
    struct primaries_told told;

    headers_set(c, &h, "X-Size", "0");
    headers_set(c, &h, "X-Etag", e->timestamp);
    headers_set(c, &h, "X-Timestamp", e->force ? timestamp_text(c, timestamp_now()) : e->timestamp);
    headers_set(c, &h, "X-Content-Type", strcmp(e->op, "PUT") ? "application/x-delete" : "application/x-put");
    told = tell_primaries(c, &round, STORAGE_CONTAINER, "PUT", QUEUE, container, ctx_printf(c, "%d:%s", e->policy_index, e->path), &h);
    return told.took > told.replicas / 2;
}

int tool_reconciler_enqueue(struct ctx *c, char **words)
{
    struct entry e = { .op = "PUT" };
    const struct tool_option options[] = { { 'X', "op", .value = &e.op }, { 'f', "force", .flag = &e.force }, {} };
    const char *container;
    int64_t index;

    if (!tool_options(c, words, options))
        return 2;
    if (g_strv_length(words) != 3 || (strcmp(e.op, "PUT") && strcmp(e.op, "DELETE")))
        return tool_usage(c, "reconciler-enqueue");
    if (!text_to_int(words[0], &index) || !policy_by_index((int)index))
        return wrong(c, "invalid storage policy index: None");
    e.policy_index = (int)index;
    e.path = words[1];
    e.timestamp = words[2];
    if (!names_object(e.path))
        return wrong(c, ctx_printf(c, "Invalid path: %s", name_quote(c, e.path, "")));
    if (!timestamp_parse(e.timestamp, &e.when))
        return wrong(c, ctx_printf(c, "%s is no timestamp", e.timestamp));
    container = ctx_printf(c, "%" G_GINT64_FORMAT, e.when.raw / RAW_PER_SECOND / HOUR * HOUR);
    if (!enqueue(c, &e, container))
        return wrong(c, "unable to enqueue!");
    say("%s\n", container);
    return 0;
}
