/* Rows of objects that were written under another policy than their container's: each becomes an entry of the reconciler's queue, in a
 * container of this node that replication brings to where it belongs. */
#include "swift/daemon/replicator.h"

#include "oslo/base/log.h"
#include "swift/name.h"

#include <string.h>

#define HOUR 3600
#define RAW_PER_SECOND 100000

/* The queue has a container an hour of last changes. */
static int64_t hour_of(const struct broker_row *row)
{
    struct timestamps t = {};

    timestamps_decode(row->created_at, &t);
    return t.meta.raw / RAW_PER_SECOND / HOUR * HOUR;
}

/* A drive of this node for that partition: one that is to have it, else one with weight, else any. */
static const struct ring_device *own_device(struct ctx *c, const struct replicator *all, uint32_t partition)
{
    const struct ring_device *nodes[64], *any = NULL;
    size_t n = ring_primaries(all->ring, partition, nodes, G_N_ELEMENTS(nodes));

    for (size_t i = 0; i < n; i++)
        if (replicator_is_own(all->round, all->kind, nodes[i]))
            return nodes[i];
    for (size_t i = 0; i < all->ring->n_devs; i++) {
        const struct ring_device *d = all->ring->devs[i];

        if (d && replicator_is_own(all->round, all->kind, d) && (!any || (d->weight > 0 && !(any->weight > 0))))
            any = d;
    }
    return any;
}

static bool put_rows(struct ctx *c, struct replicator *all, int64_t hour, const struct broker_row *rows, size_t n)
{
    const char *container = ctx_printf(c, "%" G_GINT64_FORMAT, hour);
    struct broker_place place = { .kind = BROKER_CONTAINER, .account = MISPLACED_ACCOUNT, .container = container };
    const struct ring_device *device;
    struct broker *b;
    uint8_t digest[16];
    bool well;

    hash_path(MISPLACED_ACCOUNT, container, NULL, digest);
    place.partition = ring_partition(all->ring, digest);
    device = own_device(c, all, place.partition);
    if (!device)
        return false;
    place.device = device->device;
    place.device_path = round_device_path(c, device->device);
    if (!broker_create(c, &place, (struct timestamp){ .raw = hour * RAW_PER_SECOND }, 0, NULL) || !(b = broker_open(c, &place)))
        return false;
    replicator_add_late(all, broker_path(b), place.partition, device->id);
    well = broker_merge_rows(c, b, rows, n, NULL);
    broker_done(b);
    return well;
}

static struct broker_row entry_of(struct ctx *c, const struct broker_info *info, const struct broker_row *row)
{
    return (struct broker_row){ .name = ctx_printf(c, "%d:/%s/%s/%s", row->policy_index, info->account, info->container, row->name),
                                .created_at = row->created_at, .etag = row->created_at,
                                .content_type = row->deleted ? "application/x-delete" : "application/x-put" };
}

/* Rows of the same hour together. False: some could not be put. */
static bool put_all(struct ctx *c, struct replicated *one, const struct broker_row *rows, size_t n)
{
    struct broker_row *entries = ctx_new_n(c, struct broker_row, n + 1);
    bool *done = ctx_new_n(c, bool, n + 1), well = true;

    for (size_t i = 0; i < n; i++) {
        int64_t hour = hour_of(&rows[i]);
        size_t some = 0;

        for (size_t k = i; !done[i] && k < n; k++)
            if (hour_of(&rows[k]) == hour) {
                entries[some++] = entry_of(c, &one->info, &rows[k]);
                if (k > i)
                    done[k] = true;
            }
        if (some)
            well = put_rows(c, one->all, hour, entries, some) && well;
    }
    return well;
}

/* How far all rows are in the queue. */
static int64_t feed_from(struct ctx *parent, struct replicated *one, int64_t point, int64_t max_row)
{
    int64_t low = point;
    bool well = true, any = false;
    size_t n = 1;

    while (n) {
        struct broker_row *rows;
        struct ctx c;

        ctx_init_child(&c, parent, parent->service);
        if (!broker_misplaced_since(&c, one->broker, point, one->all->options->per_diff, &rows, &n))
            n = 0;
        if (n) {
            any = true;
            well = put_all(&c, one, rows, n) && well;
            point = rows[n - 1].rowid;
            low = well ? point : low;
        }
        if (failed(&c))
            log_error(&c, "swift: rows of %s cannot be queued for the reconciler: %s", broker_path(one->broker), c.fault.message);
        well = well && !failed(&c);
        ctx_clear(&c);
    }
    return any || !well ? low : max_row;
}

void misplaced_feed(struct ctx *c, struct replicated *one, bool majority)
{
    int64_t point = one->info.reconciler_sync_point, reached;
    struct broker_info now;

    if (!strcmp(one->info.account, MISPLACED_ACCOUNT))
        return;
    if (!broker_has_many_policies(c, one->broker)) {
        if (one->info.max_row != point)
            broker_set_reconciler_point(c, one->broker, one->info.max_row);
        return;
    }
    if (!broker_info(c, one->broker, &now))
        return;
    reached = feed_from(c, one, point, now.max_row);
    if (reached > point && majority)
        broker_set_reconciler_point(c, one->broker, reached);
}
