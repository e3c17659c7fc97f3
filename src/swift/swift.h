/* What the rooms of Swift share: the service and its options. */
#ifndef SWIFT_SWIFT_H
#define SWIFT_SWIFT_H

#include "oslo/registry/registry.h"

/* The original's version that all of this is. */
#define SWIFT_VERSION "2.30.1"

struct swift_options {
    char *swift_dir, *devices;
    char *storage_listen;
    int64_t object_port, container_port, account_port;
    char *storage_ip;
    int64_t replicas, drives, part_power;
    char *pipeline;
    bool mount_check, daemons;
    int64_t reclaim_age;
    char *recon_cache_path;
};
const struct swift_options *swift_options(void);
const char *swift_dir(void);         /* where swift.conf, proxy-server.conf and the rings are */

/* Reads swift.conf and the rings: for who uses them outside a running service. */
bool swift_configure(struct ctx *);

bool swift_runs(const char *role);   /* "api": the proxy; "object": storage servers */

extern const struct service swift;

#endif
