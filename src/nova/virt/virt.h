/* The hypervisor of this process, for those who use it: the driver chosen by [nova] compute_driver behind one wrapper a call,
 * which owns the "cannot", the span and the timing. */
#ifndef NOVA_VIRT_VIRT_H
#define NOVA_VIRT_VIRT_H

#include "nova/virt/driver.h"

bool virt_open(struct ctx *);
void virt_close(void);
bool virt_is_open(void);
/* Called, on a thread of the driver, when a guest has changed by itself. */
void virt_on_change(void (*)(void));
const char *virt_name(void);
const char *const *virt_traits(void);
bool virt_moves(void);               /* may guests go to another host? */
/* The hosts this process is: one, or the simulated ones. NULL-terminated; kept for the process. */
const char *const *virt_hosts(void);

bool virt_describe(struct ctx *, const char *host, struct compute_node *);
char *virt_uptime(struct ctx *, const char *host);
bool virt_spawn(struct ctx *, const struct instance *, json_t *vifs, bool waiting);
bool virt_destroy(struct ctx *, const struct instance *, bool keep_files);
bool virt_change(struct ctx *, const struct instance *, json_t *vifs, enum guest_change);
bool virt_state(struct ctx *, const struct instance *, enum power_state *ret_power);
struct guest_state *virt_list(struct ctx *);
bool virt_snapshot(struct ctx *, const struct instance *, const char *image_id);
bool virt_resize(struct ctx *, const struct instance *, json_t *vifs, bool revert);
bool virt_confirm(struct ctx *, const struct instance *);
bool virt_pre_live_migration(struct ctx *, const struct instance *, json_t *vifs);
bool virt_live_migration(struct ctx *, const struct instance *, const char *host_to);
bool virt_rescue(struct ctx *, const struct instance *, json_t *vifs, const char *image_id);
bool virt_unrescue(struct ctx *, const struct instance *, json_t *vifs);
bool virt_attach_interface(struct ctx *, const struct instance *, json_t *vif);
bool virt_detach_interface(struct ctx *, const struct instance *, json_t *vif);
char *virt_console_output(struct ctx *, const struct instance *, int64_t lines);        /* the last lines; < 0: all */
bool virt_vnc(struct ctx *, const struct instance *, const char **ret_host, int *ret_port);
json_t *virt_diagnostics(struct ctx *, const struct instance *, json_t *vifs);
bool virt_clean(struct ctx *);
bool virt_leave(struct ctx *);

#endif
