/* From an instance to the XML of its domain. */
#include "nova/virt/libvirt/libvirt.h"

#include "nova/options.h"

#include <inttypes.h>
#include <string.h>

#define SPARE_PORTS 8                /* PCIe root ports for devices that come later */

static void add_system(struct buf *, const struct domain *);
static void add_cpu(struct buf *, const struct domain *);
static void add_disk(struct buf *, const struct domain_disk *);
static void add_interface(struct buf *, json_t *vif, json_t *image);
static void add_consoles(struct buf *, const struct domain *);

static void add(struct buf *to, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(struct buf *to, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = g_markup_vprintf_escaped(format, args);
    va_end(args);
    buf_puts(to, text);
    g_free(text);
}

static char *taken(struct ctx *c, struct buf *b)
{
    char *text = ctx_strdup(c, b->data);

    buf_clear(b);
    return text;
}

char *domain_xml(struct ctx *c, const struct domain *d)
{
    const struct instance *inst = d->inst;
    struct buf xml = {};
    json_t *vif;
    size_t i;

    add(&xml, "<domain type='%s'>\n  <name>%s</name>\n  <uuid>%s</uuid>\n", d->virt_type, d->name, inst->uuid);
    add(&xml, "  <memory unit='MiB'>%" PRId64 "</memory>\n  <vcpu>%" PRId64 "</vcpu>\n", inst->memory_mb, inst->vcpus);
    add_system(&xml, d);
    add_cpu(&xml, d);
    buf_puts(&xml, "  <clock offset='utc'/>\n  <on_poweroff>destroy</on_poweroff>\n  <on_reboot>restart</on_reboot>\n  <on_crash>destroy</on_crash>\n"
             "  <devices>\n");
    for (const struct domain_disk *disk = d->disks; disk && disk->path; disk++)
        add_disk(&xml, disk);
    buf_puts(&xml, "    <controller type='usb' model='none'/>\n");
    if (strstr(d->machine, "q35")) {
        buf_puts(&xml, "    <controller type='pci' model='pcie-root'/>\n");
        for (i = 0; i < SPARE_PORTS + 4; i++)
            buf_puts(&xml, "    <controller type='pci' model='pcie-root-port'/>\n");
    }
    json_array_foreach(d->vifs, i, vif)
        add_interface(&xml, vif, d->image);
    add_consoles(&xml, d);
    buf_puts(&xml, "    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>\n    <memballoon model='none'/>\n  </devices>\n</domain>\n");
    return taken(c, &xml);
}

/* Firmware tables say OpenStack, by which guests know where they are. */
static void add_system(struct buf *xml, const struct domain *d)
{
    const char *uuid = d->inst->uuid;

    add(xml, "  <sysinfo type='smbios'><system><entry name='manufacturer'>OpenStack Foundation</entry><entry name='product'>OpenStack Nova</entry>"
        "<entry name='version'>26.1.0</entry><entry name='serial'>%s</entry><entry name='uuid'>%s</entry>"
        "<entry name='family'>Virtual Machine</entry></system></sysinfo>\n", uuid, uuid);
    add(xml, "  <os>\n    <type arch='x86_64' machine='%s'>hvm</type>\n", d->machine);
    if (d->kernel)
        add(xml, "    <kernel>%s</kernel>\n", d->kernel);
    if (d->ramdisk)
        add(xml, "    <initrd>%s</initrd>\n", d->ramdisk);
    if (d->kernel) {
        const char *cmdline = json_get_string(d->image, "os_command_line");

        add(xml, "    <cmdline>%s</cmdline>\n", cmdline ? cmdline : "root=/dev/vda console=tty0 console=ttyS0 no_timer_check");
    }
    buf_puts(xml, "    <boot dev='hd'/>\n    <smbios mode='sysinfo'/>\n  </os>\n");
}

static void add_cpu(struct buf *xml, const struct domain *d)
{
    bool emulated = !strcmp(d->virt_type, "qemu");

    /* The translation cache would else be a quarter of the host's memory. */
    buf_printf(xml, "  <features><acpi/><apic/>%s</features>\n", emulated ? "<tcg><tb-cache unit='MiB'>32</tb-cache></tcg>" : "");
    if (d->cpu_model)
        add(xml, "  <cpu mode='custom' match='exact' check='none'><model fallback='%s'>%s</model></cpu>\n", emulated ? "forbid" : "allow", d->cpu_model);
    else
        buf_puts(xml, "  <cpu mode='host-model' check='partial'/>\n");
}

static void add_disk(struct buf *xml, const struct domain_disk *disk)
{
    add(xml, "    <disk type='file' device='disk'><driver name='qemu' type='%s' cache='none' discard='unmap'/><source file='%s'/>"
        "<target dev='%s' bus='virtio'/>", disk->format, disk->path, disk->target);
    if (disk->serial)
        add(xml, "<serial>%s</serial>", disk->serial);
    buf_printf(xml, "%s</disk>\n", disk->readonly ? "<readonly/>" : "");
}

static void add_interface(struct buf *xml, json_t *vif, json_t *image)
{
    const char *model = json_get_string(image, "hw_vif_model");
    int64_t mtu = json_get_int(vif, "mtu", 0);

    add(xml, "    <interface type='ethernet'><mac address='%s'/><target dev='%s' managed='no'/><model type='%s'/>",
        json_get_string(vif, "address"), json_get_string(vif, "devname"), model ? model : "virtio");
    if (mtu)
        add(xml, "<mtu size='%" PRId64 "'/>", mtu);
    /* The userspace datapath of Open vSwitch takes an unfinished checksum for a wrong one. */
    if (text_equal(json_get_string(json_object_get(vif, "details"), "datapath_type"), "netdev"))
        buf_puts(xml, "<driver><host csum='off' gso='off' tso4='off' tso6='off' ecn='off' ufo='off'/>"
                      "<guest csum='off' tso4='off' tso6='off' ecn='off' ufo='off'/></driver>");
    buf_puts(xml, "</interface>\n");
}

static void add_consoles(struct buf *xml, const struct domain *d)
{
    add(xml, "    <serial type='unix'><source mode='bind' path='%s'/><log file='%s' append='on'/></serial>\n", d->console_socket, d->console_log);
    add(xml, "    <graphics type='vnc' port='-1' autoport='yes' listen='%s'/>\n", d->vnc_listen);
    buf_puts(xml, "    <video><model type='vga'/></video>\n");
}

char *interface_xml(struct ctx *c, json_t *vif, json_t *image)
{
    struct buf xml = {};

    add_interface(&xml, vif, image);
    return taken(c, &xml);
}

/* --- reading libvirt's XML: a few values out of what it wrote itself ------------------------------------------- */

char *xml_attribute(struct ctx *c, const char *xml, const char *element, const char *attribute)
{
    const char *at = strstr(xml, ctx_printf(c, "<%s ", element)), *end = at ? strchr(at, '>') : NULL, *value;

    value = at ? strstr(at, ctx_printf(c, " %s='", attribute)) : NULL;
    if (!value || value > end)
        return NULL;
    value = strchr(value, '\'') + 1;
    return ctx_strndup(c, value, strcspn(value, "'"));
}

char *xml_text(struct ctx *c, const char *xml, const char *element)
{
    const char *open = ctx_printf(c, "<%s>", element), *at = strstr(xml, open);

    return at ? ctx_strndup(c, at + strlen(open), strcspn(at + strlen(open), "<")) : NULL;
}
