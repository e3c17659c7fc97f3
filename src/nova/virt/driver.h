/* Hypervisors: what the compute agent asks of one, for those who write drivers.
 *
 * Every call may be repeated: it makes things so, and is content when they are. inst is the stored row, vifs its network_info
 * as a tree. Drivers keep files only under instance_path(); they know no database and call no service but Glance, for images.
 */
#ifndef NOVA_VIRT_DRIVER_H
#define NOVA_VIRT_DRIVER_H

#include "nova/model/host.h"
#include "nova/model/instance.h"

struct guest_state {
    char *uuid;
    enum power_state power;
};

enum guest_change { GUEST_START, GUEST_STOP, GUEST_REBOOT, GUEST_RESET, GUEST_PAUSE, GUEST_UNPAUSE, GUEST_SUSPEND, GUEST_RESUME, GUEST_DUMP };

struct virt_driver {
    const char *name;
    const char *const *traits;       /* COMPUTE_...: what it can do, for Placement */
    bool (*open)(struct ctx *);
    void (*close)(void);
    /* Fills what the host has: hypervisor_*, vcpus, memory_mb, local_gb, disk_available_least, cpu_info, supported_instances. */
    bool (*describe)(struct ctx *, const char *host, struct compute_node *);
    char *(*uptime)(struct ctx *, const char *host);
    /* Disks, network ends and the guest itself. With waiting it is made but does not run until GUEST_UNPAUSE. */
    bool (*spawn)(struct ctx *, const struct instance *, json_t *vifs, bool waiting);
    /* Nothing of it is left, but its files with keep_files; where the row has another host, nor where that one uses them. */
    bool (*destroy)(struct ctx *, const struct instance *, bool keep_files);
    /* Stop and reboot give the guest shutdown_timeout to do it by itself. */
    bool (*change)(struct ctx *, const struct instance *, json_t *vifs, enum guest_change);
    /* POWER_NOSTATE when it is not there. */
    bool (*state)(struct ctx *, const struct instance *, enum power_state *ret_power);
    /* Every guest of this cloud that is there; an array that ends with a NULL uuid. */
    struct guest_state *(*list)(struct ctx *);
    /* The root disk as it is now, into that image of Glance, which waits for it. */
    bool (*snapshot)(struct ctx *, const struct instance *, const char *image_id);
    /* A stopped guest is given the row's flavor. What it was is kept for resize with revert, until confirm. */
    bool (*resize)(struct ctx *, const struct instance *, json_t *vifs, bool revert);
    bool (*confirm)(struct ctx *, const struct instance *);
    /* Takes in, as its row says it is, a guest that runs on another host; which lets go of it then. NULL: it stays where it is. */
    bool (*pre_live_migration)(struct ctx *, const struct instance *, json_t *vifs);
    bool (*live_migration)(struct ctx *, const struct instance *, const char *host_to);
    bool (*rescue)(struct ctx *, const struct instance *, json_t *vifs, const char *image_id);
    bool (*unrescue)(struct ctx *, const struct instance *, json_t *vifs);
    bool (*attach_interface)(struct ctx *, const struct instance *, json_t *vif);
    bool (*detach_interface)(struct ctx *, const struct instance *, json_t *vif);
    char *(*console_output)(struct ctx *, const struct instance *);          /* all there is, at most 100 KiB */
    bool (*vnc)(struct ctx *, const struct instance *, const char **ret_host, int *ret_port);
    json_t *(*diagnostics)(struct ctx *, const struct instance *, json_t *vifs);     /* as 2.48 shows them; of the ctx */
    /* Now and then: what is kept for guests to come and nobody used for long goes. */
    bool (*clean)(struct ctx *);
    /* `nacre down`: takes this cloud's guests off the host; needs no open(). */
    bool (*leave)(struct ctx *);
};
extern const struct virt_driver sim_driver, libvirt_driver;

/* For drivers to call: a guest has changed by itself. */
void virt_guest_changed(void);
/* state_dir/instances/<uuid>, or a file in it. */
char *instance_path(struct ctx *, const struct instance *, const char *file);

#endif
