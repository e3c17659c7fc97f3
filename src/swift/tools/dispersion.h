/* dispersion-populate, dispersion-report: containers and objects in many partitions, and how many of their copies are where they belong. */
#ifndef SWIFT_TOOLS_DISPERSION_H
#define SWIFT_TOOLS_DISPERSION_H

#include "swift/policy.h"
#include "swift/tools/client.h"
#include "swift/tools/tools.h"

struct dispersion_options {
    char *auth_url, *auth_user, *auth_key, *auth_version, *endpoint_type, *region_name, *user_domain_name, *project_domain_name, *project_name;
    bool keystone_api_insecure;
    char *swift_dir;
    double dispersion_coverage;
    int64_t retries, concurrency;
    bool container_populate, object_populate, container_report, object_report, dump_json;
    char *partitions;                /* anything but "": yes */
};

struct dispersion {
    struct dispersion_options *options;
    const struct storage_policy *policy;
    struct client client;
};

/* Reads the file that words name (dispersion.conf of swift_dir). False with a fault. */
bool dispersion_read(struct ctx *, char **words, const char *policy_name, struct dispersion *);
bool dispersion_log_in(struct ctx *, struct dispersion *, bool insecure);
/* "container", or the policy's. NULL with a fault; lives as long as the ctx. */
const struct ring *dispersion_ring(struct ctx *, const struct dispersion *, bool objects);
uint32_t dispersion_partition(const struct ring *, const char *account, const char *container, const char *object);
/* The container of its objects. */
const char *dispersion_box(struct ctx *, const struct dispersion *);
/* "12s", "3m", "1h" */
const char *dispersion_time(struct ctx *, double seconds);
const char *dispersion_eta(struct ctx *, int64_t begun_us, double done, double all);

#endif
