/* What runs is compared with what should: a guest that stopped by itself is stopped for its users too, one that is gone is in
 * error, and one that nobody knows any more is taken away. Instances with a task are left to their jobs.
 */
#include "nova/compute/sync.h"

#include "nova/jobs/parts.h"
#include "nova/options.h"
#include "nova/virt/virt.h"
#include "oslo/base/log.h"
#include "oslo/service/service.h"

#include <string.h>

static bool sync_instance(struct ctx *, const char *uuid, enum power_state, bool first);
static bool drop_unknown(struct ctx *, const struct guest_state *);
static enum power_state power_in(const struct guest_state *, const char *uuid);

bool guests_sync(struct ctx *c, const char *const *hosts, bool first)
{
    struct guest_state *guests = virt_list(c);

    if (!guests)
        return false;
    for (; *hosts; hosts++) {
        struct rows *r = db_query(c, "SELECT uuid, power_state FROM instances WHERE host = $1 AND NOT deleted AND task_state IS NULL"
                                  " AND vm_state IN ('active', 'paused', 'stopped', 'suspended', 'rescued')", T(*hosts));

        while (db_next(r)) {
            char *uuid = db_text(r, 0);
            enum power_state now = power_in(guests, uuid);

            if ((now != (enum power_state)db_int(r, 1) || first) && !sync_instance(c, uuid, now, first)) {
                log_warning(c, "the power state of %s could not be brought up to date: %s", uuid, c->fault.message);
                fault_clear(c);
            }
        }
    }
    return drop_unknown(c, guests);
}

static enum power_state power_in(const struct guest_state *guests, const char *uuid)
{
    for (; guests->uuid; guests++)
        if (!strcmp(guests->uuid, uuid))
            return guests->power;
    return POWER_NOSTATE;
}

/* The guest of an active instance is found shut off: it did so itself, or the host went down with it. At the agent's start
 * it is started again, later it is left as it is. */
static bool sync_instance(struct ctx *c, const char *uuid, enum power_state now, bool first)
{
    struct instance *inst = instance_find(c, uuid);
    bool active = inst && !strcmp(inst->vm_state, VM_ACTIVE), down = now == POWER_SHUTDOWN || now == POWER_CRASHED || now == POWER_NOSTATE;

    if (!inst)
        return !failed(c);
    if (first && active && down && inst->power_state == POWER_RUNNING) {
        log_info(c, "instance %s is started again with its host", uuid);
        if (virt_change(c, inst, json_of(c, inst->network_info), GUEST_RESET))
            return true;
        fault_clear(c);
    }
    if (now == (enum power_state)inst->power_state)
        return true;
    if (!strcmp(inst->vm_state, VM_STOPPED) && now == POWER_RUNNING)
        return virt_change(c, inst, json_of(c, inst->network_info), GUEST_STOP);
    if (!(inst = instance_edit(c, uuid)))
        return false;
    if (inst->task_state) {          /* a job has it since */
        db_rollback(c);
        return true;
    }
    log_info(c, "instance %s: power state was %d, is %d", uuid, (int)inst->power_state, (int)now);
    inst->power_state = now;
    if (active && down)
        inst->vm_state = ctx_strdup(c, VM_STOPPED);
    return instance_edited(c, inst);
}

/* Guests whose instance is gone, or never was: a kill between two steps may leave one. */
static bool drop_unknown(struct ctx *c, const struct guest_state *guests)
{
    for (; guests->uuid; guests++) {
        struct instance *inst = instance_find_deleted(c, guests->uuid);

        if (failed(c) || (inst && !inst->deleted))
            continue;
        log_warning(c, "guest %s has no instance and is taken away", guests->uuid);
        if (inst ? !virt_destroy(c, inst, false) : !virt_destroy(c, &(struct instance){ .uuid = guests->uuid }, false)) {
            log_warning(c, "guest %s: %s", guests->uuid, c->fault.message);
            fault_clear(c);
        }
    }
    return !failed(c);
}
