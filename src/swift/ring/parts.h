/* What the files of the builder know of each other. */
#ifndef SWIFT_RING_PARTS_H
#define SWIFT_RING_PARTS_H

#include "swift/ring/builder.h"

#define NO_DEVICE 65535
#define REPLICAS_MOST 32
#define MAX_BALANCE 999.99

struct member {
    struct ring_device d;            /* strings are its own */
    bool removed;                    /* goes with the next rebalance */
    int64_t parts, wanted;           /* part-replicas it has; how many more it is to have */
    int tier[4];                     /* of the plan: its region, zone, server, itself */
};

struct builder {
    int part_power, min_part_hours, next_part_power;
    double replicas, overload, dispersion;
    size_t parts;
    struct member **devs; size_t n_devs;             /* by id; NULL: gone */
    uint16_t **rows; size_t *row_parts; size_t n_rows;
    uint8_t *moved_hours;                            /* since a partition last moved, at most 255 */
    uint8_t *moved_now;                              /* in this rebalance */
    int64_t moved_epoch;                             /* what moved_hours counts from */
    int64_t version;
    bool changed, replicas_are_real; /* as they stand in its file: 3.0, not 3 */
    char *id;
    const struct builder *const *together; size_t n_together;        /* itself and others: a partition moves where it might move in each; 0: alone */
};

/* command.c: "r1z2-10.0.0.1:6200R10.1.0.1:6300/sda_meta"; id -1. Strings are of the ctx. */
bool ring_parse_device(struct ctx *, const char *text, struct ring_device *ret);

/* A device of a ring as a builder has it, whose strings are its own. */
struct ring_device *member_device(const struct member *);

/* rebalance.c: counts the hours since partitions moved up to now. */
void builder_pass_hours(struct builder *, int64_t now);

/* plan.c: the tree of regions, zones, servers and devices, and how many replicas of a partition each is to have. */
struct tier {
    int parent, depth;               /* 0 is the root */
    double weighted, wanted, target; /* replicas: by weight, as far apart as can be, and what is to be */
    double low, high;                /* floor and ceiling of an even spread */
    int max;                         /* replicas of one partition at most */
    int devices;
    int64_t parts, room;             /* parts it is to have; while placing: how many it still takes */
    int *children; int n_children;
    char *key;
    int dev;                         /* of a device's tier, its id; else -1 */
};
struct plan { struct tier *tiers; int n; };
bool plan_make(struct ctx *, struct builder *, struct plan *);       /* sets tier[] and wanted of the members */

/* At how many replicas of partition p the tier is: skip is left out (-1: none). */
int plan_count(const struct builder *, int depth, int tier, size_t p, int skip);

#endif
