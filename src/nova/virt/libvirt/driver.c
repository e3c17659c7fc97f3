/* The libvirt driver: guests as persistent domains, named and numbered as the instances are. */
#include "nova/virt/libvirt/libvirt.h"

#include "nova/faults_compute.h"
#include "nova/options.h"
#include "nova/virt/images.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/privsep/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LETS_GO_US = 5000000 };       /* a guest, of an interface */

static const char *const traits[] = {
    "COMPUTE_NODE", "COMPUTE_NET_ATTACH_INTERFACE", "COMPUTE_DEVICE_TAGGING", "COMPUTE_IMAGE_TYPE_RAW", "COMPUTE_IMAGE_TYPE_QCOW2",
    "COMPUTE_IMAGE_TYPE_ISO", "COMPUTE_IMAGE_TYPE_AMI", "COMPUTE_IMAGE_TYPE_AKI", "COMPUTE_IMAGE_TYPE_ARI", "COMPUTE_NET_VIF_MODEL_VIRTIO",
    "COMPUTE_NET_VIF_MODEL_E1000", "COMPUTE_STORAGE_BUS_VIRTIO", "COMPUTE_GRAPHICS_MODEL_VGA", NULL
};

/* --- making --------------------------------------------------------------------------------------------------- */

static json_t *image_of(struct ctx *c, const struct instance *inst)
{
    json_t *image = ctx_json(c, json_object()), *value;
    const char *key;

    json_t *parsed = json_of(c, inst->system_metadata);

    json_object_foreach(parsed, key, value)
        if (g_str_has_prefix(key, "image_"))
            json_object_set(image, key + strlen("image_"), value);
    return image;
}

/* The domain as the row says it should be: files, taps, definition. */
static virDomainPtr define(struct ctx *c, const struct instance *inst, json_t *vifs, const char *rescue_image)
{
    const struct nova_options *o = nova_options();
    json_t *image = image_of(c, inst), *vif;
    const char *machine = json_get_string(image, "hw_machine_type");
    bool kvm = libvirt_has_kvm();
    struct domain d = {
        .inst = inst, .name = instance_domain_name(c, inst), .vifs = vifs, .image = image, .virt_type = kvm ? "kvm" : "qemu",
        .cpu_model = o->cpu_model && *o->cpu_model ? o->cpu_model : kvm ? NULL : "Nehalem", .machine = machine ? machine : o->machine_type,
        .vnc_listen = o->vnc_listen, .console_log = instance_path(c, inst, "console.log"), .console_socket = instance_path(c, inst, "serial"),
    };
    virDomainPtr domain;
    size_t i;

    if (!disks_make(c, inst, rescue_image, &d))
        return NULL;
    json_array_foreach(vifs, i, vif)
        if (!tap_plug(c, inst, vif))
            return NULL;
    domain = virDomainDefineXML(libvirt_connection(), domain_xml(c, &d));
    if (!domain) {
        libvirt_fail(c, "define");
        return NULL;
    }
    return domain_own(c, domain);
}

static bool run_domain(struct ctx *c, virDomainPtr domain, bool waiting)
{
    int state = 0;

    if (virDomainIsActive(domain) != 1)
        return virDomainCreateWithFlags(domain, waiting ? VIR_DOMAIN_START_PAUSED : 0) == 0 || libvirt_fail(c, "start");
    if (waiting || virDomainGetState(domain, &state, NULL, 0) || state != VIR_DOMAIN_PAUSED)
        return true;
    return virDomainResume(domain) == 0 || libvirt_fail(c, "resume");
}

static bool libvirt_spawn(struct ctx *c, const struct instance *inst, json_t *vifs, bool waiting)
{
    virDomainPtr domain = domain_find(c, inst);

    if (!domain || virDomainIsActive(domain) != 1)
        domain = define(c, inst, vifs, NULL);
    return domain && run_domain(c, domain, waiting);
}

/* --- going ---------------------------------------------------------------------------------------------------- */

static bool cut_off(struct ctx *c, virDomainPtr domain)
{
    return virDomainIsActive(domain) != 1 || virDomainDestroy(domain) == 0 || virDomainIsActive(domain) != 1 || libvirt_fail(c, "destroy");
}

static bool libvirt_destroy(struct ctx *c, const struct instance *inst, bool keep_files)
{
    virDomainPtr domain = domain_find(c, inst);
    json_t *vifs = json_of(c, inst->network_info), *vif;
    size_t i;

    if (domain && (!cut_off(c, domain) || (virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_NVRAM |
                                                                  VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) && !libvirt_fail(c, "undefine"))))
        return false;
    json_array_foreach(vifs, i, vif)
        if (!tap_unplug(c, vif))
            return false;
    return keep_files || disks_remove(c, inst);
}

/* --- changing ------------------------------------------------------------------------------------------------- */

/* Asks the guest to end, again every ten seconds (one that boots does not hear it yet), and looks whether it did. */
static bool shut_down(struct ctx *c, virDomainPtr domain)
{
    int64_t until = clock_mono_us() + nova_options()->shutdown_timeout * 1000000, ask = 0;
    int state = 0;

    virDomainGetState(domain, &state, NULL, 0);
    while (state == VIR_DOMAIN_RUNNING) {
        uint64_t seen = libvirt_events();
        int64_t now = clock_mono_us();

        if (now >= until || virDomainIsActive(domain) != 1)
            break;
        if (now >= ask) {
            virDomainShutdown(domain);
            ask = now + 10000000;
        }
        libvirt_wait_event(seen, MIN(ask, until));
    }
    return cut_off(c, domain);
}

static bool start_again(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    virDomainPtr domain = define(c, inst, vifs, NULL);

    return domain && run_domain(c, domain, false);
}

static bool resume_saved(struct ctx *c, const struct instance *inst, virDomainPtr domain, json_t *vifs)
{
    json_t *vif;
    size_t i;

    json_array_foreach(vifs, i, vif)
        if (!tap_plug(c, inst, vif))
            return false;
    return run_domain(c, domain, false);
}

static bool libvirt_change(struct ctx *c, const struct instance *inst, json_t *vifs, enum guest_change change)
{
    virDomainPtr domain = domain_find(c, inst);
    int state = 0;

    if (!domain && change != GUEST_START && change != GUEST_RESET)
        return fail(c, INSTANCE_NOT_FOUND, inst->uuid);
    if (domain)
        virDomainGetState(domain, &state, NULL, 0);
    switch (change) {
    case GUEST_START:
        return domain && virDomainIsActive(domain) == 1 ? run_domain(c, domain, false) : start_again(c, inst, vifs);
    case GUEST_STOP:
        return shut_down(c, domain);
    case GUEST_REBOOT:
        return shut_down(c, domain) && start_again(c, inst, vifs);
    case GUEST_RESET:
        return (!domain || cut_off(c, domain)) && start_again(c, inst, vifs);
    case GUEST_PAUSE:
        return state == VIR_DOMAIN_PAUSED || virDomainSuspend(domain) == 0 || libvirt_fail(c, "pause");
    case GUEST_UNPAUSE:
        return run_domain(c, domain, false);
    case GUEST_SUSPEND:
        return virDomainIsActive(domain) != 1 || virDomainManagedSave(domain, 0) == 0 || libvirt_fail(c, "suspend");
    case GUEST_RESUME:
        return resume_saved(c, inst, domain, vifs);
    case GUEST_DUMP:
        return virDomainInjectNMI(domain, 0) == 0 || libvirt_fail(c, "inject NMI");
    }
    return false;
}

/* --- asking --------------------------------------------------------------------------------------------------- */

static enum power_state power_of(virDomainPtr domain)
{
    static const enum power_state powers[] = { [VIR_DOMAIN_NOSTATE] = POWER_NOSTATE, [VIR_DOMAIN_RUNNING] = POWER_RUNNING,
        [VIR_DOMAIN_BLOCKED] = POWER_RUNNING, [VIR_DOMAIN_PAUSED] = POWER_PAUSED, [VIR_DOMAIN_SHUTDOWN] = POWER_SHUTDOWN,
        [VIR_DOMAIN_SHUTOFF] = POWER_SHUTDOWN, [VIR_DOMAIN_CRASHED] = POWER_CRASHED, [VIR_DOMAIN_PMSUSPENDED] = POWER_SUSPENDED };
    int state = 0;

    if (virDomainGetState(domain, &state, NULL, 0) || state < 0 || (size_t)state >= G_N_ELEMENTS(powers))
        return POWER_NOSTATE;
    return powers[state];
}

static bool libvirt_state(struct ctx *c, const struct instance *inst, enum power_state *ret_power)
{
    virDomainPtr domain = domain_find(c, inst);

    *ret_power = domain ? power_of(domain) : POWER_NOSTATE;
    return true;
}

/* Domains without a directory of ours are somebody else's. */
static struct guest_state *libvirt_list(struct ctx *c)
{
    virDomainPtr *domains = NULL;
    int found = virConnectListAllDomains(libvirt_connection(), &domains, 0);
    struct guest_state *list = ctx_new_n(c, struct guest_state, MAX(found, 0) + 1);
    size_t n = 0;

    if (found < 0) {
        libvirt_fail(c, "list");
        return NULL;
    }
    for (int i = 0; i < found; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN] = "";
        struct instance inst = { .uuid = uuid };

        if (!virDomainGetUUIDString(domains[i], uuid) && !access(instance_path(c, &inst, NULL), F_OK))
            list[n++] = (struct guest_state){ ctx_strdup(c, uuid), power_of(domains[i]) };
        virDomainFree(domains[i]);
    }
    free(domains);
    return list;
}

#define CONSOLE_MOST (100 * 1024)

static char *libvirt_console_output(struct ctx *c, const struct instance *inst)
{
    const char *path = instance_path(c, inst, "console.log");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = {};
    char *text = ctx_alloc(c, CONSOLE_MOST + 1);
    ssize_t n = 0;

    if (fd < 0 && errno == ENOENT)
        return text;
    if (fd >= 0 && !fstat(fd, &st))
        n = pread(fd, text, CONSOLE_MOST, MAX(0, st.st_size - CONSOLE_MOST));
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < n; i++)
        if (!text[i])
            text[i] = ' ';
    return text_is_utf8(text, (size_t)MAX(n, 0)) ? text : ctx_strdup(c, g_utf8_make_valid(text, n));
}

static bool libvirt_vnc(struct ctx *c, const struct instance *inst, const char **ret_host, int *ret_port)
{
    virDomainPtr domain = domain_find(c, inst);
    char *xml = domain ? virDomainGetXMLDesc(domain, 0) : NULL;
    const char *port = xml ? xml_attribute(c, xml, "graphics", "port") : NULL;

    free(xml);
    *ret_host = nova_options()->vnc_listen;
    *ret_port = port ? atoi(port) : -1;
    return *ret_port > 0 || fail(c, INSTANCE_NOT_READY, inst->uuid);
}

static json_t *libvirt_diagnostics(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    virDomainPtr domain = domain_find(c, inst);

    return domain ? domain_diagnostics(c, domain, inst, vifs) : fail_null(c, INSTANCE_NOT_FOUND, inst->uuid);
}

static char *libvirt_uptime(struct ctx *c, const char *host)
{
    struct run run = {};

    return run_argv(c, &run, (const char *const[]){ "env", "LANG=C", "uptime", NULL }) ? run.output : NULL;
}

/* --- images, sizes, rescue, interfaces -------------------------------------------------------------------------- */

/* A running guest stands still while its disk is copied: what it wrote is in the file then. */
static bool libvirt_snapshot(struct ctx *c, const struct instance *inst, const char *image_id)
{
    virDomainPtr domain = domain_find(c, inst);
    int state = 0;
    bool stood_still, ok;
    char *flat;

    if (!domain)
        return fail(c, INSTANCE_NOT_FOUND, inst->uuid);
    virDomainGetState(domain, &state, NULL, 0);
    stood_still = virDomainIsActive(domain) == 1 && (state == VIR_DOMAIN_PAUSED || virDomainSuspend(domain) == 0);
    flat = disks_flatten(c, inst);
    if (stood_still && strcmp(inst->vm_state, VM_PAUSED))
        virDomainResume(domain);
    ok = flat && image_upload_file(c, image_id, flat);
    if (flat)
        unlink(flat);
    return ok;
}

static bool libvirt_resize(struct ctx *c, const struct instance *inst, json_t *vifs, bool revert)
{
    virDomainPtr domain = domain_find(c, inst);

    if (domain && !cut_off(c, domain))
        return false;
    if (revert ? !disks_revert(c, inst) : !disks_keep(c, inst) || !disks_grow(c, inst))
        return false;
    return define(c, inst, vifs, NULL) != NULL;
}

static bool libvirt_confirm(struct ctx *c, const struct instance *inst)
{
    return disks_forget(c, inst);
}

static bool libvirt_rescue(struct ctx *c, const struct instance *inst, json_t *vifs, const char *image_id)
{
    virDomainPtr domain = domain_find(c, inst);

    if (domain && !cut_off(c, domain))
        return false;
    domain = define(c, inst, vifs, image_id);
    return domain && run_domain(c, domain, false);
}

static bool libvirt_unrescue(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    virDomainPtr domain = domain_find(c, inst);

    return (!domain || cut_off(c, domain)) && disks_rescued(c, inst) && start_again(c, inst, vifs);
}

static unsigned device_flags(virDomainPtr domain)
{
    return virDomainIsActive(domain) == 1 ? VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG : VIR_DOMAIN_AFFECT_CONFIG;
}

static bool has_interface(virDomainPtr domain, json_t *vif)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    bool has = xml && strstr(xml, json_get_string(vif, "address"));

    free(xml);
    return has;
}

static bool libvirt_attach_interface(struct ctx *c, const struct instance *inst, json_t *vif)
{
    virDomainPtr domain = domain_find(c, inst);

    if (!domain)
        return fail(c, INSTANCE_NOT_FOUND, inst->uuid);
    if (!tap_plug(c, inst, vif))
        return false;
    return has_interface(domain, vif) ||
           virDomainAttachDeviceFlags(domain, interface_xml(c, vif, image_of(c, inst)), device_flags(domain)) == 0 ||
           libvirt_fail(c, "attach interface");
}

static bool libvirt_detach_interface(struct ctx *c, const struct instance *inst, json_t *vif)
{
    virDomainPtr domain = domain_find(c, inst);
    int64_t until = clock_mono_us() + LETS_GO_US;
    uint64_t seen = libvirt_events();

    if (domain && has_interface(domain, vif) &&
        virDomainDetachDeviceFlags(domain, interface_xml(c, vif, image_of(c, inst)), device_flags(domain)) != 0 && has_interface(domain, vif))
        return libvirt_fail(c, "detach interface");
    /* The guest lets go of it in its own time. */
    for (; domain && has_interface(domain, vif) && clock_mono_us() < until; seen = libvirt_events())
        libvirt_wait_event(seen, until);
    return tap_unplug(c, vif);
}

const struct virt_driver libvirt_driver = {
    .name = "libvirt", .traits = traits, .open = libvirt_open, .close = libvirt_close, .describe = libvirt_describe, .uptime = libvirt_uptime,
    .spawn = libvirt_spawn, .destroy = libvirt_destroy, .change = libvirt_change, .state = libvirt_state, .list = libvirt_list,
    .snapshot = libvirt_snapshot, .resize = libvirt_resize, .confirm = libvirt_confirm, .rescue = libvirt_rescue, .unrescue = libvirt_unrescue,
    .attach_interface = libvirt_attach_interface, .detach_interface = libvirt_detach_interface, .console_output = libvirt_console_output,
    .vnc = libvirt_vnc, .diagnostics = libvirt_diagnostics, .clean = disks_clean, .leave = libvirt_leave,
};
