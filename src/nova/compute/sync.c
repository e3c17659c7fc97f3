/* What runs is compared with what should: a guest that stopped by itself is stopped for its users too, one that is gone is in
 * error, and one that nobody knows any more, or that lives elsewhere since its host was given up, is taken away. Instances with
 * a task are left to their jobs.
 */
#include "nova/compute/sync.h"

#include "nova/rpc/conductor.h"
#include "nova/virt/virt.h"
#include "oslo/base/log.h"
#include "oslo/service/service.h"

#include <string.h>

static bool sync_instance(struct ctx *, const struct instance *, enum power_state, bool first);
static void drop_guest(struct ctx *, const struct instance *);
static enum power_state power_in(const struct guest_state *, const char *uuid);

bool guests_sync(struct ctx *c, const char *const *hosts, bool first)
{
    const struct guest_state *guests = virt_list(c);
    struct guests_compared found;
    size_t n = 0;

    if (!guests)
        return false;
    while (guests[n].uuid)
        n++;
    const char **uuids = ctx_new_n(c, const char *, n + 1);
    while (n--)
        uuids[n] = guests[n].uuid;
    if (!conductor_compare_guests(c, hosts, uuids, &found))
        return false;
    for (struct instance **inst = found.idle; *inst; inst++) {
        enum power_state now = power_in(guests, (*inst)->uuid);

        if ((now != (enum power_state)(*inst)->power_state || first) && !sync_instance(c, *inst, now, first)) {
            log_warning(c, "the power state of %s could not be brought up to date: %s", (*inst)->uuid, c->fault.message);
            fault_clear(c);
        }
    }
    for (struct instance **inst = found.unknown; *inst; inst++)
        drop_guest(c, *inst);
    return true;
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
static bool sync_instance(struct ctx *c, const struct instance *inst, enum power_state now, bool first)
{
    bool active = !strcmp(inst->vm_state, VM_ACTIVE), down = now == POWER_SHUTDOWN || now == POWER_CRASHED || now == POWER_NOSTATE;

    if (first && active && down && inst->power_state == POWER_RUNNING) {
        log_info(c, "instance %s is started again with its host", inst->uuid);
        if (virt_change(c, inst, json_of(c, inst->network_info), GUEST_RESET))
            return true;
        fault_clear(c);
    }
    if (now == (enum power_state)inst->power_state)
        return true;
    if (!strcmp(inst->vm_state, VM_STOPPED) && now == POWER_RUNNING)
        return virt_change(c, inst, json_of(c, inst->network_info), GUEST_STOP);
    return conductor_set_power(c, inst->uuid, now, active && down);
}

/* A guest whose instance is gone, or never was: a kill between two steps may leave one. */
static void drop_guest(struct ctx *c, const struct instance *inst)
{
    log_warning(c, "guest %s has no instance and is taken away", inst->uuid);
    if (!virt_destroy(c, inst, false)) {
        log_warning(c, "guest %s: %s", inst->uuid, c->fault.message);
        fault_clear(c);
    }
}
