/* What Nova does by itself, beside requests and jobs: signs of life, resources, power states. */
#include "nova/compute/compute.h"

#include "nova/compute/resources.h"
#include "nova/compute/sync.h"
#include "nova/conductor/conductor.h"
#include "nova/nova.h"
#include "nova/options.h"
#include "nova/rpc/compute.h"
#include "nova/rpc/conductor.h"
#include "nova/virt/virt.h"
#include "oslo/base/log.h"

#include <string.h>

static GPtrArray *listeners;                 /* of the simulated hosts beyond the first; of the main thread */
static bool usage_changed, guests_synced;    /* atomic; of the sync worker alone */
static int64_t resources_due;                /* of the start, then of the resources worker alone */

static bool report_compute(struct ctx *);
static bool report_resources(struct ctx *);
static bool sync_guests(struct ctx *);
static bool clean_images(struct ctx *);

#define SECOND 1000000LL
const struct worker nova_workers[] = {
    { "compute report", "compute", report_compute, 10 * SECOND },
    { "conductor report", "conductor", conductor_report, 10 * SECOND },
    { "resources", "compute", report_resources, SECOND },
    { "power sync", "compute", sync_guests, 60 * SECOND },
    { "image cache", "compute", clean_images, 3600 * SECOND },
    {}
};

bool compute_start(struct ctx *c)
{
    const char *const *hosts = virt_hosts();

    virt_on_change(compute_guest_changed);
    if (!service_runs("compute") || strcmp(virt_name(), "sim"))
        return true;
    if (!virt_open(c))
        return false;
    resources_due = clock_mono_us() + nova_options()->update_resources_interval * SECOND;
    /* Where the conductor is another process, it may not be there yet. */
    if (!service_runs("conductor"))
        resources_due = 0;
    for (const char *const *host = hosts; service_runs("conductor") && *host; host++)
        if (!conductor_report_service(c, *host, "nova-compute", "compute") || !host_report(c, *host)) {
            log_warning(c, "host %s is reported later: %s", *host, c->fault.message);
            fault_clear(c);
            resources_due = 0;
        }
    listeners = g_ptr_array_new();
    for (const char *const *host = hosts + 1; *host; host++) {
        struct rpc_listener *listener = rpc_listen(c, &compute_rpc_server, &nova, *host);

        if (!listener)
            return false;
        g_ptr_array_add(listeners, listener);
    }
    return true;
}

void compute_stop(void)
{
    for (guint i = 0; listeners && i < listeners->len; i++)
        rpc_stop(listeners->pdata[i]);
    g_clear_pointer(&listeners, g_ptr_array_unref);
    virt_close();
}

void compute_usage_changed(void)
{
    __atomic_store_n(&usage_changed, true, __ATOMIC_RELEASE);
}

void compute_guest_changed(void)
{
    worker_wake(&nova_workers[3]);
}

static bool report_compute(struct ctx *c)
{
    bool ok = true;

    /* A host whose hypervisor does not answer is not alive. */
    for (const char *const *host = virt_hosts(); ok && virt_is_open() && *host; host++)
        ok = conductor_report_service(c, *host, "nova-compute", "compute");
    return ok;
}

/* The first round opens a hypervisor that takes its time; each minute all is reported, in between what was taken. */
static bool report_resources(struct ctx *c)
{
    bool all = clock_mono_us() >= resources_due, ok = true;

    if (!virt_is_open() && !virt_open(c))
        return false;
    if (!all && !__atomic_exchange_n(&usage_changed, false, __ATOMIC_ACQ_REL))
        return true;
    for (const char *const *host = virt_hosts(); ok && *host; host++)
        ok = all ? conductor_report_service(c, *host, "nova-compute", "compute") && host_report(c, *host) : host_usage_report(c, *host);
    if (all && ok) {
        resources_due = clock_mono_us() + nova_options()->update_resources_interval * SECOND;
        if (!guests_synced)
            compute_guest_changed();             /* its first round found no hypervisor yet */
    }
    return ok;
}

static bool sync_guests(struct ctx *c)
{
    bool first = !guests_synced;

    if (!virt_is_open())
        return true;
    guests_synced = guests_sync(c, virt_hosts(), first) || guests_synced;
    return !failed(c);
}

static bool clean_images(struct ctx *c)
{
    return virt_clean(c);
}
