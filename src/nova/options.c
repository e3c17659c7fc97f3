/* The options of Nova: names, defaults and what they are for. */
#include "nova/options.h"

#include "oslo/service/service.h"

const struct attr nova_option_attrs[] = {
    ATTR(struct nova_options, enabled_filters, 0,
         .unset = "AvailabilityZoneFilter,ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,ServerGroupAntiAffinityFilter,"
                  "ServerGroupAffinityFilter,SameHostFilter,DifferentHostFilter",
         .help = "Filters a host must pass to be given an instance, in this order."),
    ATTR(struct nova_options, ram_weight_multiplier, 0, .unset = "1.0", .help = "Weight of free memory; negative stacks instead of spreading."),
    ATTR(struct nova_options, cpu_weight_multiplier, 0, .unset = "1.0", .help = "Weight of free virtual CPUs."),
    ATTR(struct nova_options, disk_weight_multiplier, 0, .unset = "1.0", .help = "Weight of free disk space."),
    ATTR(struct nova_options, io_ops_weight_multiplier, 0, .unset = "-1.0", .help = "Weight of builds, resizes and snapshots under way on a host."),
    ATTR(struct nova_options, soft_affinity_weight_multiplier, 0, .unset = "1.0", .help = "Weight of members of the same soft-affinity group."),
    ATTR(struct nova_options, soft_anti_affinity_weight_multiplier, 0, .unset = "1.0",
         .help = "Weight of the absence of members of the same soft-anti-affinity group."),
    ATTR(struct nova_options, host_subset_size, 0, .unset = "1", .min = 1, .help = "One of this many best hosts is taken at random."),
    ATTR(struct nova_options, max_attempts, 0, .unset = "3", .min = 1, .help = "Hosts an instance is tried on before it is given up."),
    ATTR(struct nova_options, max_io_ops_per_host, 0, .unset = "8", .min = 0, .help = "IoOpsFilter: builds, resizes and snapshots at once on a host."),
    ATTR(struct nova_options, max_instances_per_host, 0, .unset = "50", .min = 1, .help = "NumInstancesFilter: instances on a host."),
    ATTR(struct nova_options, compute_driver, 0, .unset = "auto", ONE_OF("auto", "libvirt", "sim"),
         .help = "The hypervisor; auto is sim under --sim, else libvirt."),
    ATTR(struct nova_options, instances_path, 0, .help = "Where instances keep their files; by default instances in state_dir."),
    ATTR(struct nova_options, cpu_allocation_ratio, 0, .unset = "16.0", .help = "Virtual CPUs given out for each that is there."),
    ATTR(struct nova_options, ram_allocation_ratio, 0, .unset = "1.5", .help = "Memory given out for each MiB that is there."),
    ATTR(struct nova_options, disk_allocation_ratio, 0, .unset = "1.0", .help = "Disk space given out for each GiB that is there."),
    ATTR(struct nova_options, reserved_host_cpus, 0, .unset = "0", .min = 0, .help = "CPUs kept for the host itself."),
    ATTR(struct nova_options, reserved_host_memory_mb, 0, .unset = "512", .min = 0, .help = "MiB of memory kept for the host itself."),
    ATTR(struct nova_options, reserved_host_disk_mb, 0, .unset = "0", .min = 0, .help = "MiB of disk space kept for the host itself."),
    ATTR(struct nova_options, report_interval, 0, .unset = "10", .min = 1, .max = 30, .help = "Seconds between a service's signs of life."),
    ATTR(struct nova_options, update_resources_interval, 0, .unset = "60", .min = 1, .help = "Seconds between reports of a host's resources."),
    ATTR(struct nova_options, sync_power_state_interval, 0, .unset = "60", .min = 1,
         .help = "Seconds between comparisons of what runs with what should; the hypervisor's own events cut it short."),
    ATTR(struct nova_options, vif_plugging_timeout, 0, .unset = "300", .min = 0, .help = "Seconds a new guest waits for Neutron to wire its ports; 0 does not wait."),
    ATTR(struct nova_options, shutdown_timeout, 0, .unset = "60", .min = 0, .help = "Seconds a guest gets to shut down by itself before it is cut off."),
    ATTR(struct nova_options, image_cache_keep_s, 0, .unset = "86400", .min = 0, .help = "Seconds a cached image that nobody uses is kept."),
    ATTR(struct nova_options, vif_plugging_is_fatal, 0, .unset = "true", .help = "A port that is not wired in time fails the build."),
    ATTR(struct nova_options, force_config_drive, 0, .unset = "false", .help = "Every instance gets a config drive."),
    ATTR(struct nova_options, allow_resize_to_same_host, 0, .unset = "true", .help = "A resize may stay on its host."),
    ATTR(struct nova_options, config_drive_format, 0, .unset = "iso9660", ONE_OF("iso9660", "vfat"), .help = "File system of config drives."),
    ATTR(struct nova_options, instance_name_domain, 0, .unset = "novalocal", .help = "Domain of instances' host names in metadata; empty for none."),
    ATTR(struct nova_options, sim_vcpus, 0, .unset = "1000", .min = 1, .help = "CPUs of a simulated host."),
    ATTR(struct nova_options, sim_memory_mb, 0, .unset = "800000", .min = 1, .help = "MiB of memory of a simulated host."),
    ATTR(struct nova_options, sim_disk_gb, 0, .unset = "600000", .min = 1, .help = "GiB of disk of a simulated host."),
    ATTR(struct nova_options, quota_instances, 0, .unset = "10", .min = -1, .help = "Instances of a project; -1 is no limit, as in all quotas."),
    ATTR(struct nova_options, quota_cores, 0, .unset = "20", .min = -1, .help = "Virtual CPUs of a project."),
    ATTR(struct nova_options, quota_ram, 0, .unset = "51200", .min = -1, .help = "MiB of memory of a project."),
    ATTR(struct nova_options, quota_metadata_items, 0, .unset = "128", .min = -1, .help = "Metadata items of an instance."),
    ATTR(struct nova_options, quota_injected_files, 0, .unset = "5", .min = -1, .help = "Files put into a new instance."),
    ATTR(struct nova_options, quota_injected_file_content_bytes, 0, .unset = "10240", .min = -1, .help = "Bytes of one of them."),
    ATTR(struct nova_options, quota_injected_file_path_length, 0, .unset = "255", .min = -1, .help = "Characters of its path."),
    ATTR(struct nova_options, quota_key_pairs, 0, .unset = "100", .min = -1, .help = "Key pairs of a user."),
    ATTR(struct nova_options, quota_server_groups, 0, .unset = "10", .min = -1, .help = "Server groups of a project."),
    ATTR(struct nova_options, quota_server_group_members, 0, .unset = "10", .min = -1, .help = "Members of a server group."),
    ATTR(struct nova_options, libvirt_uri, 0, .help = "libvirt to talk to (qemu:///system); empty: the embedded driver under state_dir."),
    ATTR(struct nova_options, ovsdb_connection, 0, .unset = "unix:/run/openvswitch/db.sock",
         .help = "Open vSwitch's database, where guests' ports are added on hosts whose ports are bound to it."),
    ATTR(struct nova_options, virt_type, 0, .unset = "auto", ONE_OF("auto", "kvm", "qemu"), .help = "auto is kvm where the host has it in hardware, else qemu."),
    ATTR(struct nova_options, cpu_model, 0, .help = "CPU model of guests; by default the host's under kvm, Nehalem under qemu."),
    ATTR(struct nova_options, machine_type, 0, .unset = "q35", .help = "QEMU machine of guests without hw_machine_type."),
    ATTR(struct nova_options, vnc_listen, 0, .unset = "127.0.0.1", .help = "Address guests' screens listen on."),
    ATTR(struct nova_options, console_token_ttl, 0, .unset = "600", .min = 1, .help = "Seconds a console's token can be used."),
    ATTR(struct nova_options, novnc_path, 0, .unset = "/usr/share/novnc", .help = "Where noVNC's files are, served beside the console's websocket."),
    ATTR(struct nova_options, vendor_data, 0, .help = "File with the JSON object given to every instance as vendor_data.json."),
    {}
};

const struct nova_options *nova_options(void)
{
    return service_options(service_find("nova"));
}
