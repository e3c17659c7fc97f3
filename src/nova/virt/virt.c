/* The chosen driver and its wrappers: each owns the NULL slot, the span and the timing. */
#include "nova/virt/virt.h"

#include "nova/faults_compute.h"
#include "nova/options.h"
#include "oslo/service/service.h"
#include "oslo/trace/trace.h"

#include <string.h>

static const struct virt_driver *const drivers[] = { &libvirt_driver, &sim_driver, NULL };

static const struct virt_driver *driver;         /* set once, by virt_open, before anybody asks */

static const struct virt_driver *driver_chosen(void)
{
    const char *name = nova_options()->compute_driver;

    if (!strcmp(name, "auto"))
        name = common_options->sim ? "sim" : "libvirt";
    for (size_t i = 0; drivers[i]; i++)
        if (!strcmp(drivers[i]->name, name))
            return drivers[i];
    g_assert_not_reached();
}

bool virt_open(struct ctx *c)
{
    const struct virt_driver *chosen = driver_chosen();
    struct span *span = span_begin(c, SPAN_DRIVER, "%s open", chosen->name);
    bool ok = chosen->open(c);

    span_end(c, span, c->fault.status);
    if (ok)
        __atomic_store_n(&driver, chosen, __ATOMIC_RELEASE);
    return ok;
}

void virt_close(void)
{
    if (driver)
        driver->close();
    driver = NULL;
}

bool virt_is_open(void)
{
    return __atomic_load_n(&driver, __ATOMIC_ACQUIRE) != NULL;
}

const char *virt_name(void)
{
    return driver_chosen()->name;
}

bool virt_moves(void)
{
    return driver_chosen()->live_migration != NULL;
}

const char *const *virt_traits(void)
{
    return driver_chosen()->traits;
}

const char *const *virt_hosts(void)
{
    return host_names();
}

char *instance_path(struct ctx *c, const struct instance *inst, const char *file)
{
    const char *base = nova_options()->instances_path;

    base = base ? base : ctx_printf(c, "%s/instances", common_options->state_dir);
    return file ? ctx_printf(c, "%s/%s/%s", base, inst->uuid, file) : ctx_printf(c, "%s/%s", base, inst->uuid);
}

/* --- what the driver tells ------------------------------------------------------------------------------------- */

static void (*on_change)(void);              /* set once, before the driver is opened */

void virt_on_change(void (*call)(void))
{
    on_change = call;
}

void virt_guest_changed(void)
{
    if (on_change)
        on_change();
}

/* --- the wrapper --------------------------------------------------------------------------------------------- */

/* Opens the span of a call; false with a fault when there is no hypervisor or (slot NULL) it cannot do this. */
static bool enter(struct ctx *c, const void *slot, const char *verb, const struct instance *inst, struct span **ret_span)
{
    if (!virt_is_open())
        return fail(c, HYPERVISOR_NOT_OPEN, common_options->host);
    if (!slot)
        return fail(c, NOT_SUPPORTED_BY_DRIVER, driver->name, verb);
    *ret_span = span_begin(c, SPAN_DRIVER, "%s %s", driver->name, verb);
    if (inst)
        span_resource(c, inst->uuid);
    return true;
}

static bool leave(struct ctx *c, struct span *span, bool ok)
{
    span_end(c, span, ok ? 0 : c->fault.status);
    return ok;
}

/* enter() needs the slot of a driver that may not be there yet. */
#define SLOT(name) (virt_is_open() ? (const void *)(uintptr_t)driver->name : NULL)

bool virt_describe(struct ctx *c, const char *host, struct compute_node *node)
{
    struct span *span;

    return enter(c, SLOT(describe), "describe", NULL, &span) && leave(c, span, driver->describe(c, host, node));
}

char *virt_uptime(struct ctx *c, const char *host)
{
    struct span *span;
    char *text;

    if (!enter(c, SLOT(uptime), "uptime", NULL, &span))
        return NULL;
    text = driver->uptime(c, host);
    leave(c, span, text != NULL);
    return text;
}

bool virt_spawn(struct ctx *c, const struct instance *inst, json_t *vifs, bool waiting)
{
    struct span *span;

    return enter(c, SLOT(spawn), "spawn", inst, &span) && leave(c, span, driver->spawn(c, inst, vifs, waiting));
}

bool virt_destroy(struct ctx *c, const struct instance *inst, bool keep_files)
{
    struct span *span;

    return enter(c, SLOT(destroy), "destroy", inst, &span) && leave(c, span, driver->destroy(c, inst, keep_files));
}

bool virt_change(struct ctx *c, const struct instance *inst, json_t *vifs, enum guest_change change)
{
    static const char *const verbs[] = { [GUEST_START] = "start", [GUEST_STOP] = "stop", [GUEST_REBOOT] = "reboot", [GUEST_RESET] = "reset",
        [GUEST_PAUSE] = "pause", [GUEST_UNPAUSE] = "unpause", [GUEST_SUSPEND] = "suspend", [GUEST_RESUME] = "resume", [GUEST_DUMP] = "dump" };
    struct span *span;

    return enter(c, SLOT(change), verbs[change], inst, &span) && leave(c, span, driver->change(c, inst, vifs, change));
}

bool virt_state(struct ctx *c, const struct instance *inst, enum power_state *ret_power)
{
    struct span *span;

    return enter(c, SLOT(state), "state", inst, &span) && leave(c, span, driver->state(c, inst, ret_power));
}

struct guest_state *virt_list(struct ctx *c)
{
    struct span *span;
    struct guest_state *list;

    if (!enter(c, SLOT(list), "list", NULL, &span))
        return NULL;
    list = driver->list(c);
    leave(c, span, list != NULL);
    return list;
}

bool virt_snapshot(struct ctx *c, const struct instance *inst, const char *image_id)
{
    struct span *span;

    return enter(c, SLOT(snapshot), "snapshot", inst, &span) && leave(c, span, driver->snapshot(c, inst, image_id));
}

bool virt_resize(struct ctx *c, const struct instance *inst, json_t *vifs, bool revert)
{
    struct span *span;

    return enter(c, SLOT(resize), "resize", inst, &span) && leave(c, span, driver->resize(c, inst, vifs, revert));
}

bool virt_confirm(struct ctx *c, const struct instance *inst)
{
    struct span *span;

    return enter(c, SLOT(confirm), "confirm", inst, &span) && leave(c, span, driver->confirm(c, inst));
}

bool virt_pre_live_migration(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    struct span *span;

    return enter(c, SLOT(pre_live_migration), "pre live migration", inst, &span) && leave(c, span, driver->pre_live_migration(c, inst, vifs));
}

bool virt_live_migration(struct ctx *c, const struct instance *inst, const char *host_to)
{
    struct span *span;

    return enter(c, SLOT(live_migration), "live migration", inst, &span) && leave(c, span, driver->live_migration(c, inst, host_to));
}

bool virt_rescue(struct ctx *c, const struct instance *inst, json_t *vifs, const char *image_id)
{
    struct span *span;

    return enter(c, SLOT(rescue), "rescue", inst, &span) && leave(c, span, driver->rescue(c, inst, vifs, image_id));
}

bool virt_unrescue(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    struct span *span;

    return enter(c, SLOT(unrescue), "unrescue", inst, &span) && leave(c, span, driver->unrescue(c, inst, vifs));
}

bool virt_attach_interface(struct ctx *c, const struct instance *inst, json_t *vif)
{
    struct span *span;

    return enter(c, SLOT(attach_interface), "attach interface", inst, &span) && leave(c, span, driver->attach_interface(c, inst, vif));
}

bool virt_detach_interface(struct ctx *c, const struct instance *inst, json_t *vif)
{
    struct span *span;

    return enter(c, SLOT(detach_interface), "detach interface", inst, &span) && leave(c, span, driver->detach_interface(c, inst, vif));
}

/* The last lines of a text, as tail(1): a newline at its end ends a line. */
static char *last_lines(char *text, int64_t lines)
{
    char *at = text + strlen(text);

    if (at > text && at[-1] == '\n')
        at--;
    while (at > text && (at[-1] != '\n' || --lines > 0))
        at--;
    return at;
}

char *virt_console_output(struct ctx *c, const struct instance *inst, int64_t lines)
{
    struct span *span;
    char *text;

    if (!enter(c, SLOT(console_output), "console output", inst, &span))
        return NULL;
    text = driver->console_output(c, inst);
    leave(c, span, text != NULL);
    if (text && lines == 0)
        return ctx_strdup(c, "");
    return text && lines > 0 ? last_lines(text, lines) : text;
}

bool virt_vnc(struct ctx *c, const struct instance *inst, const char **ret_host, int *ret_port)
{
    struct span *span;

    return enter(c, SLOT(vnc), "vnc", inst, &span) && leave(c, span, driver->vnc(c, inst, ret_host, ret_port));
}

json_t *virt_diagnostics(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    struct span *span;
    json_t *found;

    if (!enter(c, SLOT(diagnostics), "diagnostics", inst, &span))
        return NULL;
    found = driver->diagnostics(c, inst, vifs);
    leave(c, span, found != NULL);
    return found;
}

bool virt_clean(struct ctx *c)
{
    struct span *span;

    return !virt_is_open() || !driver->clean || (enter(c, SLOT(clean), "clean", NULL, &span) && leave(c, span, driver->clean(c)));
}

bool virt_leave(struct ctx *c)
{
    const struct virt_driver *chosen = driver_chosen();

    return !chosen->leave || chosen->leave(c);
}
