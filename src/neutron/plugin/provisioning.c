/* Provisioning: who is still at work on a port. */
#include "neutron/plugin/provisioning.h"

#include <string.h>

#include "neutron/model/ports.h"
#include "neutron/plugin/l2pop.h"
#include "neutron/plugin/notify.h"
#include "neutron/plugin/nova.h"
#include "neutron/plugin/objects/objects.h"

bool provisioning_block(struct ctx *c, const char *port_id, const char *entity)
{
    return db_exec(c, "INSERT INTO provisioning_blocks (port_id, entity) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(port_id), T(entity));
}

struct standing {
    char *status, *device_id, *device_owner;
    bool up, bound;
};

static bool standing_read(struct ctx *c, const char *port_id, struct standing *ret_standing)
{
    struct rows *rows = db_query(c, "SELECT status, device_id, device_owner, admin_state_up, vif_type NOT IN ('unbound', 'binding_failed')"
                                 " FROM ports WHERE id = $1", T(port_id));
    bool found = db_next(rows);

    if (found)
        *ret_standing = (struct standing){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_bool(rows, 3), db_bool(rows, 4) };
    db_rows_end(rows);
    return found && !failed(c);
}

static bool status_write(struct ctx *c, const char *port_id, const struct standing *now, const char *status)
{
    const char *event = !strcmp(status, "ACTIVE") ? "network-vif-plugged" :
        !strcmp(status, "DOWN") && !strcmp(now->status, "ACTIVE") ? "network-vif-unplugged" : NULL;

    if (!strcmp(now->status, status))
        return true;
    return db_exec(c, "UPDATE ports SET status = $2, revision_number = revision_number + 1, updated_at = $3 WHERE id = $1",
                   T(port_id), T(status), I(clock_us())) && object_changed(c, OBJECT_PORT, port_id) &&
        (!event || !device_owner_is_compute(now->device_owner) || nova_event_add(c, event, now->device_id, port_id));
}

/* Runs in a transaction of its own, and wakes who tells Nova. */
static bool in_transaction(struct ctx *c, bool ok)
{
    if (!ok || failed(c)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    nova_events_wake();
    objects_wake();
    return true;
}

bool provisioning_complete(struct ctx *c, const char *port_id, const char *entity)
{
    struct standing now;
    bool ok = true, active = false;

    if (!db_begin(c))
        return false;
    db_relaxed(c);                   /* what a power cut takes, the agents report again */
    if (standing_read(c, port_id, &now)) {
        ok = db_exec(c, "DELETE FROM provisioning_blocks WHERE port_id = $1 AND entity = $2", T(port_id), T(entity));
        if (ok && now.up && now.bound && !db_count(c, "SELECT count(*) FROM provisioning_blocks WHERE port_id = $1", T(port_id)))
            ok = active = !failed(c) && status_write(c, port_id, &now, "ACTIVE");
    }
    if (!in_transaction(c, ok))
        return false;
    if (active && strcmp(entity, BLOCK_L2) && strcmp(now.status, "ACTIVE"))     /* its agent said so before; now it counts */
        l2pop_port_up(c, port_id, NULL, false);
    return true;
}

bool port_status_set(struct ctx *c, const char *port_id, const char *status, bool *ret_exists)
{
    struct standing now;
    bool ok = true;

    *ret_exists = false;
    if (!db_begin(c))
        return false;
    db_relaxed(c);                   /* what a power cut takes, the agents report again */
    if (standing_read(c, port_id, &now)) {
        *ret_exists = true;
        ok = status_write(c, port_id, &now, status);
        if (ok && !strcmp(status, "DOWN") && now.bound)
            ok = provisioning_block(c, port_id, BLOCK_L2);
    }
    return in_transaction(c, ok);
}
