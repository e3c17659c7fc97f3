/* What libvirt says of the host and of a running guest. */
#include "nova/virt/libvirt/libvirt.h"

#include "nova/options.h"
#include "oslo/service/service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define GIB (1024.0 * 1024 * 1024)

/* --- the host -------------------------------------------------------------------------------------------------- */

static void describe_disk(struct ctx *c, struct compute_node *node)
{
    const struct instance none = { .uuid = (char *)(uintptr_t)"" };
    const char *path = instance_path(c, &none, NULL);
    struct statvfs st;

    g_mkdir_with_parents(path, 0711);
    if (statvfs(path, &st))
        return;
    node->local_gb = (int64_t)((double)st.f_blocks * (double)st.f_frsize / GIB);
    node->disk_available_least = (opt_int){ (int64_t)((double)st.f_bavail * (double)st.f_frsize / GIB), true };
}

static void describe_cpu(struct ctx *c, const virNodeInfo *info, struct compute_node *node)
{
    char *xml = virConnectGetCapabilities(libvirt_connection());
    const char *arch = xml ? xml_text(c, xml, "arch") : NULL, *model = xml ? xml_text(c, xml, "model") : NULL;
    const char *vendor = xml ? xml_text(c, xml, "vendor") : NULL;
    json_t *features = json_array();
    json_t *cpu, *supported;

    for (const char *at = xml; at && (at = strstr(at, "<feature name='")); at++)
        json_array_append_new(features, json_string(ctx_strndup(c, at + 15, strcspn(at + 15, "'"))));
    free(xml);
    cpu = json_pack("{s:s, s:s?, s:s?, s:{s:i, s:i, s:i, s:i}, s:o}", "arch", arch ? arch : "x86_64", "model", model, "vendor", vendor,
                    "topology", "cells", (int)info->nodes, "sockets", (int)info->sockets, "cores", (int)info->cores, "threads", (int)info->threads,
                    "features", features);
    node->cpu_info = json_text(c, ctx_json(c, cpu));
    supported = json_pack("[[s, s, s]]", "x86_64", "qemu", "hvm");
    if (libvirt_has_kvm())
        json_array_insert_new(supported, 0, json_pack("[s, s, s]", "x86_64", "kvm", "hvm"));
    node->supported_instances = json_text(c, ctx_json(c, supported));
}

bool libvirt_describe(struct ctx *c, const char *host, struct compute_node *node)
{
    unsigned long version = 0;
    virNodeInfo info;

    if (virNodeGetInfo(libvirt_connection(), &info))
        return libvirt_fail(c, "node info");
    virConnectGetVersion(libvirt_connection(), &version);
    node->hypervisor_hostname = ctx_strdup(c, host);
    node->hypervisor_type = ctx_strdup(c, "QEMU");
    node->hypervisor_version = (int64_t)version;
    node->vcpus = info.cpus;
    node->memory_mb = (int64_t)sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024;
    describe_disk(c, node);
    describe_cpu(c, &info, node);
    return true;
}

/* --- a guest --------------------------------------------------------------------------------------------------- */

static json_t *nic_details(virDomainPtr domain, json_t *vif)
{
    virDomainInterfaceStatsStruct s = {};

    virDomainInterfaceStats(domain, json_get_string(vif, "devname"), &s, sizeof s);
    return json_pack("{s:s?, s:I, s:I, s:I, s:I, s:n, s:I, s:I, s:I, s:I, s:n}", "mac_address", json_get_string(vif, "address"),
                     "rx_octets", (json_int_t)s.rx_bytes, "rx_errors", (json_int_t)s.rx_errs, "rx_drop", (json_int_t)s.rx_drop,
                     "rx_packets", (json_int_t)s.rx_packets, "rx_rate", "tx_octets", (json_int_t)s.tx_bytes, "tx_errors", (json_int_t)s.tx_errs,
                     "tx_drop", (json_int_t)s.tx_drop, "tx_packets", (json_int_t)s.tx_packets, "tx_rate");
}

static json_t *disk_details(struct ctx *c, virDomainPtr domain)
{
    json_t *list = json_array();

    for (char letter = 'a'; letter < 'a' + 8; letter++) {
        virDomainBlockStatsStruct s;

        if (virDomainBlockStats(domain, ctx_printf(c, "vd%c", letter), &s, sizeof s))
            break;
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:I, s:I}", "read_bytes", (json_int_t)s.rd_bytes, "read_requests", (json_int_t)s.rd_req,
                                              "write_bytes", (json_int_t)s.wr_bytes, "write_requests", (json_int_t)s.wr_req,
                                              "errors_count", (json_int_t)s.errs));
    }
    return list;
}

json_t *domain_diagnostics(struct ctx *c, virDomainPtr domain, const struct instance *inst, json_t *vifs)
{
    static const char *const states[] = { "pending", "running", "running", "paused", "shutdown", "shutdown", "crashed", "suspended" };
    json_t *cpus = json_array(), *nics = json_array(), *disks = disk_details(c, domain), *vif;
    virDomainInfo info = {};
    size_t i;

    virDomainGetInfo(domain, &info);
    for (unsigned short cpu = 0; cpu < info.nrVirtCpu; cpu++)
        json_array_append_new(cpus, json_pack("{s:i, s:I, s:n}", "id", (int)cpu, "time", (json_int_t)(info.cpuTime / MAX(info.nrVirtCpu, 1)), "utilisation"));
    json_array_foreach(vifs, i, vif)
        json_array_append_new(nics, nic_details(domain, vif));
    return ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:i, s:i, s:i, s:{s:I, s:I}, s:o, s:o, s:o}",
        "state", info.state < G_N_ELEMENTS(states) ? states[info.state] : "pending", "driver", "libvirt",
        "hypervisor", libvirt_has_kvm() ? "kvm" : "qemu", "hypervisor_os", "linux",
        "uptime", (json_int_t)(inst->launched_at.us ? (clock_us() - inst->launched_at.us) / 1000000 : 0), "config_drive", (int)inst->config_drive,
        "num_cpus", (int)info.nrVirtCpu, "num_nics", (int)json_array_size(nics), "num_disks", (int)json_array_size(disks),
        "memory_details", "maximum", (json_int_t)(info.maxMem / 1024), "used", (json_int_t)(info.memory / 1024),
        "cpu_details", cpus, "nic_details", nics, "disk_details", disks));
}
