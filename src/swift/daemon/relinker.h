/* The relinker: what lies on this node's drives is linked to where it is to be after its ring's part power has been increased (relink), and
 * afterwards removed from where it was (cleanup). Objects are found at every moment; a run that was cut short goes on where it was.
 *
 * relinker.c         which devices, which policies; what is said and left for recon
 * relinker_device.c  one policy on one device
 */
#ifndef SWIFT_DAEMON_RELINKER_H
#define SWIFT_DAEMON_RELINKER_H

#include "swift/daemon/daemon.h"
#include "swift/disk/diskfile.h"

struct relinker_options {
    bool cleanup, mount_check;
    const char *devices_dir, *recon_cache_path;
    double files_per_second, stats_interval;
    int64_t reclaim_age;
    const char *const *partitions;   /* NULL: all */
};

struct relinker_stats { int64_t hash_dirs, files, linked, removed, errors, unmounted, unlistable_partitions; };

/* Some of the devices, one after the other. */
struct relinker {
    const struct relinker_options *options;
    const char *const *devices;
    const struct storage_policy *const *policies;    /* all of them */
    struct pace pace;
    json_t *seen;                    /* as recon has it: {device: {..., "policies": {index: {...}}}} */
    int64_t told_us;
    int status;
};

/* One policy on one device. */
struct relinked {
    struct relinker *all;
    const struct storage_policy *policy;
    const char *device, *device_path, *data_dir;     /* "sda", "/srv/node/sda", "objects-1" */
    int part_power, next_part_power, previous_part_power;    /* previous: 0 where it is not known */
    struct relinker_stats stats;
    json_t *state;                   /* {"partition": whether it is done} */
    int64_t began_us;
};
void relink_device(struct ctx *, struct relinked *);
/* Tells recon how far it has come: when stats_interval has passed, or now. */
void relinker_tell(struct ctx *, struct relinked *, bool now);

#endif
