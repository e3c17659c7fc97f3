/* The libvirt driver's parts. Only this folder knows libvirt. */
#ifndef NOVA_VIRT_LIBVIRT_LIBVIRT_H
#define NOVA_VIRT_LIBVIRT_LIBVIRT_H

#include "nova/virt/driver.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* --- connection.c --------------------------------------------------------------------------------------------- */
bool libvirt_open(struct ctx *);
void libvirt_close(void);
virConnectPtr libvirt_connection(void);              /* never NULL once open */
/* The instance's domain, of the ctx; NULL without a fault where there is none. */
virDomainPtr domain_find(struct ctx *, const struct instance *);
virDomainPtr domain_own(struct ctx *, virDomainPtr); /* hands it to the ctx; NULL is fine */
bool libvirt_fail(struct ctx *, const char *what);   /* the fault of libvirt's last error */
/* Events of guests are counted: who waits until something is so with one looks, and looks again when the count has changed. */
uint64_t libvirt_events(void);
void libvirt_wait_event(uint64_t seen, int64_t until);       /* clock_mono_us(); a second at most, as an event may be lost */
bool libvirt_has_kvm(void);                          /* in hardware, and by [nova] virt_type */
bool libvirt_leave(struct ctx *);

/* --- domain.c: the domain's XML ------------------------------------------------------------------------------- */
struct domain_disk {
    const char *path, *format;       /* "qcow2", "raw" */
    const char *target;              /* "vda" */
    const char *serial;              /* NULL: none */
    bool readonly;
};
struct domain {
    const struct instance *inst;
    const char *name;                /* "instance-00000001" */
    json_t *vifs, *image;            /* network_info; image properties as an object */
    const struct domain_disk *disks; /* ends with {} */
    const char *kernel, *ramdisk;    /* files, or NULL */
    const char *console_log, *console_socket;
    const char *virt_type, *cpu_model, *machine, *vnc_listen;        /* cpu_model NULL: the host's */
};
char *domain_xml(struct ctx *, const struct domain *);
char *interface_xml(struct ctx *, json_t *vif, json_t *image);
/* The text of an attribute in the first element of that name: xml_attribute(xml, "graphics", "port"). NULL: none. */
char *xml_attribute(struct ctx *, const char *xml, const char *element, const char *attribute);
char *xml_text(struct ctx *, const char *xml, const char *element);

/* --- disks.c ---------------------------------------------------------------------------------------------------- */
/* Makes what is missing of the instance's files; ret_domain gets disks, kernel and ramdisk. rescue_image: boots from that. */
bool disks_make(struct ctx *, const struct instance *, const char *rescue_image, struct domain *ret_domain);
bool disks_keep(struct ctx *, const struct instance *);      /* the root disk, for disks_revert() */
bool disks_revert(struct ctx *, const struct instance *);
bool disks_forget(struct ctx *, const struct instance *);
bool disks_grow(struct ctx *, const struct instance *);      /* to the flavor's size */
bool disks_remove(struct ctx *, const struct instance *);    /* Another host's stay; those of an instance that lives elsewhere go back to the host
                                                              * they were taken over from. */
bool disks_rescued(struct ctx *, const struct instance *);   /* the rescue disk goes */
/* The root disk as one qcow2 file without a base; nobody writes to it meanwhile. */
char *disks_flatten(struct ctx *, const struct instance *);

/* Cached images that no disk stands on, unused for [nova] image_cache_keep_s. */
bool disks_clean(struct ctx *);

/* --- taps.c ----------------------------------------------------------------------------------------------------- */
bool tap_plug(struct ctx *, const struct instance *, json_t *vif);
bool tap_unplug(struct ctx *, json_t *vif);

/* --- watch.c ---------------------------------------------------------------------------------------------------- */
json_t *domain_diagnostics(struct ctx *, virDomainPtr, const struct instance *, json_t *vifs);
bool libvirt_describe(struct ctx *, const char *host, struct compute_node *);

#endif
