/* Section [nova] of nacre.conf. nova_options() is NULL-free once the service runs. */
#ifndef NOVA_OPTIONS_H
#define NOVA_OPTIONS_H

#include "oslo/record/attr.h"

struct nova_options {
    /* scheduler */
    char *enabled_filters;           /* names with commas between */
    double ram_weight_multiplier, cpu_weight_multiplier, disk_weight_multiplier, io_ops_weight_multiplier;
    double soft_affinity_weight_multiplier, soft_anti_affinity_weight_multiplier, build_failure_weight_multiplier;
    int64_t host_subset_size, max_attempts, max_io_ops_per_host, max_instances_per_host;
    /* compute */
    char *compute_driver, *instances_path;
    double cpu_allocation_ratio, ram_allocation_ratio, disk_allocation_ratio;
    int64_t reserved_host_cpus, reserved_host_memory_mb, reserved_host_disk_mb;
    int64_t report_interval, update_resources_interval, sync_power_state_interval;
    int64_t vif_plugging_timeout, shutdown_timeout, image_cache_keep_s;
    bool vif_plugging_is_fatal, force_config_drive, allow_resize_to_same_host;
    char *config_drive_format, *instance_name_domain;
    int64_t sim_vcpus, sim_memory_mb, sim_disk_gb;
    char *sim_failing_hosts;         /* names with commas between */
    /* what a project may have; -1 is no limit */
    int64_t quota_instances, quota_cores, quota_ram, quota_metadata_items, quota_injected_files, quota_injected_file_content_bytes;
    int64_t quota_injected_file_path_length, quota_key_pairs, quota_server_groups, quota_server_group_members;
    /* libvirt */
    char *libvirt_uri, *ovsdb_connection, *virt_type, *cpu_model, *machine_type, *vnc_listen;
    /* consoles and metadata */
    int64_t console_token_ttl;
    char *novnc_path;
    char *vendor_data;
};
extern const struct attr nova_option_attrs[];

const struct nova_options *nova_options(void);

#endif
