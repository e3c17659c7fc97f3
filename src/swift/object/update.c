/* What an object server tells: the container of a row that has changed, the queue of objects that are to expire. What cannot be said now
 * is kept on the device for the updater. */
#include "swift/object/object.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/constraints.h"
#include "swift/name.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BACKEND_OVERRIDE "X-Backend-Container-Update-Override-"
#define SYSMETA_OVERRIDE "X-Object-Sysmeta-Container-Update-Override-"

static void override_by(struct ctx *c, struct headers *update, const struct headers *from, const char *prefix)
{
    for (size_t i = 0; from && i < from->n; i++)
        if (header_has_prefix(&from->pairs[i], prefix))
            headers_set(c, update, ctx_printf(c, "X-%s", from->pairs[i].name + strlen(prefix)), from->pairs[i].value);
}

void object_override_update(struct ctx *c, struct headers *update, const struct headers *metadata, const struct headers *footers)
{
    override_by(c, update, metadata, BACKEND_OVERRIDE);
    override_by(c, update, footers, BACKEND_OVERRIDE);
    override_by(c, update, metadata, SYSMETA_OVERRIDE);
    override_by(c, update, footers, SYSMETA_OVERRIDE);
}

/* One row to be changed. */
struct row { const char *op, *account, *container, *object, *container_path; };

/* What can neither be told nor be kept is not acknowledged: no listing would ever know of it. */
#define UPDATE_LOST "UpdateLost", "the update of %s/%s/%s cannot be kept"

static void keep_for_later(struct ctx *c, const struct object_target *t, const struct row *row, const struct headers *headers, const char *container_path)
{
    struct async_update u = { .op = row->op, .account = row->account, .container = row->container, .object = row->object, .headers = *headers,
                              .container_path = container_path };
    const char *when = headers_get(headers, "X-Meta-Timestamp");

    timestamp_parse(when ? when : headers_get(headers, "X-Timestamp"), &u.timestamp);
    if (async_write(c, t->place.device_path, t->policy, &u) || failed(c))
        return;
    fail(c, errno == ENOSPC || errno == EDQUOT ? 507 : 500, UPDATE_LOST, row->account, row->container, row->object);
    log_error(c, "swift: %s", c->fault.message);
}

/* "/acct/cont/obj" of a redirection as "acct/cont". */
static const char *redirected(struct ctx *c, const char *location)
{
    const char *path = location ? name_decode(c, location, strlen(location), false) : NULL, *slash = path && *path == '/' ? strchr(path + 1, '/') : NULL;

    slash = slash ? strchr(slash + 1, '/') : NULL;
    return slash ? ctx_strndup(c, path + 1, (size_t)(slash - path) - 1) : NULL;
}

static void send_row(struct ctx *c, const struct object_target *t, const struct row *row, const char *host, const char *device, const char *partition,
                     const struct headers *headers)
{
    const char *account = row->account, *container = row->container, *location = NULL, *path = row->container_path;
    int status;

    if (path && strchr(path, '/')) {
        account = ctx_strndup(c, path, strcspn(path, "/"));
        container = strchr(path, '/') + 1;
    }
    status = storage_update(c, STORAGE_CONTAINER, host, device, partition, row->op, account, container, row->object, headers, &location);
    if (status / 100 == 2)
        return;
    keep_for_later(c, t, row, headers, status == 301 && redirected(c, location) ? redirected(c, location) : path);
}

static void common_headers(struct ctx *c, const struct swift_request *request, int policy, struct headers *headers)
{
    const char *id = request_get(request, "X-Trans-Id");

    headers_set(c, headers, "X-Trans-Id", id ? id : "-");
    headers_set(c, headers, "Referer", storage_referer(c, request));
    headers_printf(c, headers, "X-Backend-Storage-Policy-Index", "%d", policy);
    headers_printf(c, headers, "User-Agent", "object-server %d", getpid());
}

void object_update_container(struct ctx *c, const struct swift_request *request, const struct object_target *t, const char *op, struct headers *update)
{
    const char *partition = request_get(request, "X-Container-Partition"), *path = request_get(request, "X-Backend-Quoted-Container-Path");
    struct row row = { op, request->account, request->container, request->object, NULL };
    char **hosts, **devices;
    int n = storage_hosts(c, request, "Container", &hosts, &devices);

    if (n < 0)
        log_error(c, "swift: container update failed: different numbers of hosts and devices");
    row.container_path = path ? name_decode(c, path, strlen(path), false) : request_get(request, "X-Backend-Container-Path");
    common_headers(c, request, t->policy->index, update);
    for (int i = 0; partition && i < n; i++)
        send_row(c, t, &row, hosts[i], devices[i], partition, update);
}

void object_update_expirer(struct ctx *c, const struct swift_request *request, const struct object_target *t, const char *op, int64_t delete_at)
{
    bool put = !strcmp(op, "PUT");
    const char *partition = request_get(request, "X-Delete-At-Partition"), *container = request_get(request, "X-Delete-At-Container");
    const char *clean = request_get(request, "X-Backend-Clean-Expiring-Object-Queue");
    struct row row = { op, EXPIRING_ACCOUNT, NULL, expirer_task(c, delete_at, request->account, request->container, request->object), NULL };
    struct headers headers = {};
    char **hosts = NULL, **devices = NULL;
    int n = put ? storage_hosts(c, request, "Delete-At", &hosts, &devices) : 0;

    if (header_true(&request->headers, "X-Backend-Replication") || (put && !request_get(request, "X-Delete-At-Host")) ||
        (!put && clean && !header_true(&request->headers, "X-Backend-Clean-Expiring-Object-Queue")))
        return;
    row.container = put && container ? container : expirer_container(c, delete_at, request->account, request->container, request->object);
    headers_set(c, &headers, "X-Timestamp", timestamp_text(c, t->when));
    common_headers(c, request, 0, &headers);
    if (put) {
        headers_set(c, &headers, "X-Size", "0");
        headers_set(c, &headers, "X-Content-Type", "text/plain");
        headers_set(c, &headers, "X-Etag", "d41d8cd98f00b204e9800998ecf8427e");
    }
    for (int i = 0; partition && i < n; i++)
        send_row(c, t, &row, hosts[i], devices[i], partition, &headers);
    if (n <= 0 || !partition)
        keep_for_later(c, t, &row, &headers, NULL);
}
