/* An instance (the API's "server"): the stored record, its states, and the questions asked of it.
 *
 * The row is the truth. The API and the jobs change it in transactions by instance_save(); the lists read it alone: what a
 * list shows of the network stands in addresses, so that no list asks Neutron.
 */
#ifndef NOVA_MODEL_INSTANCE_H
#define NOVA_MODEL_INSTANCE_H

#include "oslo/db/db.h"

/* vm_state: what the instance is, when nothing is being done to it. */
#define VM_BUILDING "building"
#define VM_ACTIVE "active"
#define VM_PAUSED "paused"
#define VM_SUSPENDED "suspended"
#define VM_STOPPED "stopped"
#define VM_RESCUED "rescued"
#define VM_RESIZED "resized"
#define VM_SOFT_DELETED "soft-delete"
#define VM_DELETED "deleted"
#define VM_ERROR "error"
#define VM_SHELVED "shelved"
#define VM_SHELVED_OFFLOADED "shelved_offloaded"

/* task_state: what is being done to it; NULL is nothing. */
#define TASK_SCHEDULING "scheduling"
#define TASK_BLOCK_DEVICE_MAPPING "block_device_mapping"
#define TASK_NETWORKING "networking"
#define TASK_SPAWNING "spawning"
#define TASK_IMAGE_SNAPSHOT "image_snapshot"
#define TASK_IMAGE_SNAPSHOT_PENDING "image_snapshot_pending"
#define TASK_IMAGE_PENDING_UPLOAD "image_pending_upload"
#define TASK_IMAGE_UPLOADING "image_uploading"
#define TASK_IMAGE_BACKUP "image_backup"
#define TASK_UPDATING_PASSWORD "updating_password"
#define TASK_RESIZE_PREP "resize_prep"
#define TASK_RESIZE_MIGRATING "resize_migrating"
#define TASK_RESIZE_MIGRATED "resize_migrated"
#define TASK_RESIZE_FINISH "resize_finish"
#define TASK_RESIZE_REVERTING "resize_reverting"
#define TASK_RESIZE_CONFIRMING "resize_confirming"
#define TASK_REBOOTING "rebooting"
#define TASK_REBOOT_PENDING "reboot_pending"
#define TASK_REBOOT_STARTED "reboot_started"
#define TASK_REBOOTING_HARD "rebooting_hard"
#define TASK_REBOOT_PENDING_HARD "reboot_pending_hard"
#define TASK_REBOOT_STARTED_HARD "reboot_started_hard"
#define TASK_PAUSING "pausing"
#define TASK_UNPAUSING "unpausing"
#define TASK_SUSPENDING "suspending"
#define TASK_RESUMING "resuming"
#define TASK_POWERING_OFF "powering-off"
#define TASK_POWERING_ON "powering-on"
#define TASK_RESCUING "rescuing"
#define TASK_UNRESCUING "unrescuing"
#define TASK_REBUILDING "rebuilding"
#define TASK_REBUILD_BLOCK_DEVICE_MAPPING "rebuild_block_device_mapping"
#define TASK_REBUILD_SPAWNING "rebuild_spawning"
#define TASK_MIGRATING "migrating"
#define TASK_DELETING "deleting"
#define TASK_SOFT_DELETING "soft-deleting"
#define TASK_RESTORING "restoring"
#define TASK_SHELVING "shelving"
#define TASK_SHELVING_IMAGE_PENDING_UPLOAD "shelving_image_pending_upload"
#define TASK_SHELVING_IMAGE_UPLOADING "shelving_image_uploading"
#define TASK_SHELVING_OFFLOADING "shelving_offloading"
#define TASK_UNSHELVING "unshelving"

enum power_state { POWER_NOSTATE = 0, POWER_RUNNING = 1, POWER_PAUSED = 3, POWER_SHUTDOWN = 4, POWER_CRASHED = 6, POWER_SUSPENDED = 7 };

struct instance {
    int64_t number;                  /* "instance-%08x" */
    char *uuid, *name, *hostname, *description, *user_id, *project_id, *reservation_id;
    int64_t launch_index;
    char *image_ref, *kernel_id, *ramdisk_id;        /* image_ref "" or NULL: booted from a volume */
    /* The flavor as it was when the instance took it. */
    char *flavor_id, *flavor_name;
    int64_t vcpus, memory_mb, root_gb, ephemeral_gb, swap_mb;
    double rxtx_factor;
    raw_json extra_specs;            /* {"hw:cpu_policy": "dedicated"} */
    raw_json old_flavor, new_flavor; /* while resized: flavor_to_json() of model/flavor.h */
    char *vm_state, *task_state;
    int64_t power_state, progress;
    char *host, *node, *launched_on, *availability_zone;     /* availability_zone: as asked for, else the host's */
    utc_time created_at, updated_at, launched_at, terminated_at, deleted_at;
    bool deleted, locked;
    char *locked_by, *locked_reason;                 /* locked_by: "admin" or "owner" */
    char *key_name, *key_data, *user_data;           /* user_data: base64, as given */
    bool config_drive, auto_disk_config;
    char *access_ip_v4, *access_ip_v6, *root_device_name;
    char *server_group;              /* its uuid */
    raw_json metadata;               /* {"k": "v"} */
    raw_json system_metadata;        /* {"image_min_disk": "1", "image_<property>": ...}; booleans and numbers as text */
    raw_json trusted_certs;          /* ["id"] */
    /* What was asked for, for the jobs: {"networks": "auto" | "none" | [{"uuid", "port", "fixed_ip", "tag"}] (absent: the
     * project's own), "security_groups": ["name or id"], "scheduler_hints": {}, "force_host": , "force_node": ,
     * "requested_host": , "requested_hypervisor_hostname": , "files": [{"path", "contents"}], "admin_pass": never} */
    raw_json request;
    /* [{"id": port, "address": mac, "type": "bridge", "devname": "tap...", "vnic_type": "normal", "active": true,
     *   "preserve_on_delete": false, "tag": , "mtu": , "network": {"id", "label", "bridge"},
     *   "ips": [{"address", "version", "type": "fixed", "subnet_id", "floating_ips": ["1.2.3.4"]}]}], in the order of the NICs */
    raw_json network_info;
    raw_json addresses;              /* as the API shows it, from network_info; set by instance_set_network_info() */
    raw_json security_groups;        /* [{"name": "default"}], as the API shows it */
    raw_json block_devices;          /* [{"source_type", "destination_type", "uuid", "volume_id", "device_name", "boot_index", ...}] */
    raw_json fault;                  /* {"code", "message", "created", "details"}; set by instance_set_fault() */
};
extern const struct attr instance_attrs[];
/* Those a list reads: without what is long and never shown (LAZY). Such a record is not to be saved. */
const struct attr *instance_list_attrs(void);
#define INSTANCE_TABLE "instances"

/* The live row; NULL with INSTANCE_NOT_FOUND, or, by _find, NULL without. Whoever asks: see server_get() of api/servers.h. */
struct instance *instance_get(struct ctx *, const char *uuid);
struct instance *instance_find(struct ctx *, const char *uuid);
struct instance *instance_find_deleted(struct ctx *, const char *uuid);          /* gone ones too */

/* As it goes over RPC: record_to_json(c, instance_attrs, ...). NULL with a fault. */
struct instance *instance_from_json(struct ctx *, json_t *);

/* In a transaction. Insert gives number and created_at; save stores all of the record and sets updated_at. A job that waits
 * while others may write reads the row again before it saves. */
bool instance_insert(struct ctx *, struct instance *);
bool instance_save(struct ctx *, struct instance *);
/* Only the states, and only while the row is live: false without a fault when it is gone or (expected_task not NULL) its
 * task_state is another; "" stands for none in both. */
bool instance_set_task(struct ctx *, const char *uuid, const char *expected_task, const char *task_state);
/* The row stays, marked as deleted: vm_state deleted, tags, group membership and console tokens go. */
bool instance_mark_deleted(struct ctx *, struct instance *);

void instance_set_network_info(struct ctx *, struct instance *, json_t *network_info);   /* and addresses */
void instance_set_fault(struct ctx *, struct instance *, int code, const char *message, const char *details);

/* "ACTIVE", "BUILD", "SHUTOFF", "VERIFY_RESIZE" ...: what users see. */
const char *instance_status(const struct instance *);
const char *instance_status_of(const char *vm_state, const char *task_state);
char *instance_domain_name(struct ctx *, const struct instance *);               /* "instance-00000001" */
char *instance_host_id(struct ctx *, const char *project_id, const char *host);  /* sha224 hex; "" without a host */

/* The next integer id of a kind ("instances", "services"); in a transaction. */
int64_t counter_next(struct ctx *, const char *name);

#endif
