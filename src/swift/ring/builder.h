/* Ring builders: which device is to hold which partition, so that replicas are far apart, loads follow weights, and little moves. */
#ifndef SWIFT_RING_BUILDER_H
#define SWIFT_RING_BUILDER_H

#include "swift/ring/ring.h"

struct builder;
struct builder *builder_new(struct ctx *, int part_power, double replicas, int min_part_hours);
/* A .builder of ours (JSON in gzip) or of the original (a pickle). NULL with a fault. */
struct builder *builder_load(struct ctx *, const char *path);
bool builder_save(struct ctx *, struct builder *, const char *path);
/* From a ring alone: as if every partition had been moved long ago. */
struct builder *builder_from_ring(struct ctx *, const struct ring *, int min_part_hours);
void builder_free(struct builder *);

/* The device's id, -1 with a fault. device's strings are copied; id -1: the next free one. */
int builder_add(struct ctx *, struct builder *, const struct ring_device *);
bool builder_set_weight(struct ctx *, struct builder *, int id, double weight);
bool builder_remove(struct ctx *, struct builder *, int id);
void builder_set_overload(struct builder *, double overload);
void builder_set_replicas(struct builder *, double replicas);
void builder_set_min_part_hours(struct builder *, int hours);
void builder_pretend_min_part_hours_passed(struct builder *);

struct rebalanced { int64_t moved; double balance, dispersion; int removed; };
/* now: seconds. seed: of the choices among equals. */
bool builder_rebalance(struct ctx *, struct builder *, int64_t now, uint64_t seed, struct rebalanced *ret);
double builder_balance(const struct builder *);              /* per cent by which the worst device misses its wish; 999.99: infinite */
double builder_dispersion(const struct builder *);           /* per cent of part-replicas that are closer together than need be */
bool builder_validate(struct ctx *, const struct builder *);
struct ring *builder_ring(struct ctx *, const struct builder *);     /* the caller's reference */

/* Twice as many partitions (power.c): prepared, increased, finished; or prepared, cancelled, finished. False: it is not its turn. */
bool builder_prepare_increase(struct builder *);
bool builder_increase(struct builder *, int64_t now);
bool builder_cancel_increase(struct builder *);
bool builder_finish_increase(struct builder *);

#endif
