/* Rings: which devices hold a partition. Files of the original's format 1, byte for byte. */
#ifndef SWIFT_RING_RING_H
#define SWIFT_RING_RING_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

struct ring_device {
    int id, region, zone;
    char *ip, *replication_ip;
    int port, replication_port;
    char *device, *meta;
    double weight;
    bool weight_is_int;              /* how it was written, so that it is written so again */
    char *json;                      /* the device as it stood in the file; NULL: made here */
    bool says_parts; int64_t parts, parts_wanted;    /* of a composite ring: what its builder counts is written as well */
};

struct ring {
    struct ring_device **devs; size_t n_devs;        /* by id; NULL: removed */
    unsigned part_shift;
    size_t parts;                                    /* 2^part_power: the length of all rows but a fractional last */
    uint16_t **rows; size_t *row_parts; size_t n_rows;       /* row r, partition p: device id */
    int64_t version;                                 /* -1: not said */
    int next_part_power;                             /* -1: no increase runs */
    /* of devices that hold a partition */
    size_t n_assigned, n_regions, n_zones, n_ips;
    _Atomic int references;
};

/* NULL with a fault. The caller's reference. */
struct ring *ring_load(struct ctx *, const char *path);
struct ring *ring_parse(struct ctx *, const void *file, size_t n);   /* the whole file */
/* Whole file, as the original writes it: name stands in the gzip header. */
void ring_serialize(const struct ring *, const char *name, struct buf *to);
bool ring_save(struct ctx *, const struct ring *, const char *path);         /* beside, synced, renamed; 0644 */
void ring_unref(struct ring *);
void ring_account(struct ring *);                                    /* counts n_assigned ... n_ips anew */

double ring_replicas(const struct ring *);                           /* 2.5: the last row is half as long */
uint32_t ring_partition(const struct ring *, const uint8_t digest[16]);
/* The primary devices of a partition in order; at most room. Their position is the node's index. */
size_t ring_primaries(const struct ring *, uint32_t partition, const struct ring_device **ret, size_t room);

/* Handoffs, one after the other. */
struct ring_walk {
    const struct ring *ring;
    uint32_t partition;
    int pass;
    size_t start, inc, at, row;
    bool second;                                     /* past the end, from the beginning up to start */
    uint8_t *used;                                   /* a bit a device */
    size_t n_used, n_regions, n_zones, n_ips;
    const struct ring_device **chosen; size_t n_chosen;
};
void ring_walk_init(struct ctx *, struct ring_walk *, const struct ring *, uint32_t partition);
const struct ring_device *ring_walk_next(struct ctx *, struct ring_walk *);  /* NULL: there are no more */

/* A ring's file, read again when it changes (looked at every 15 s); a new one that is bad is ignored. */
struct ring_file;
struct ring_file *ring_file_open(struct ctx *, const char *path);    /* lives as long as the process; NULL with a fault */
/* The ring as it is now, held by the ctx until that goes. */
const struct ring *ring_get(struct ctx *, struct ring_file *);
/* The same, for who moves what lies on the drives: the file is looked at first. */
const struct ring *ring_get_newest(struct ctx *, struct ring_file *);

#endif
