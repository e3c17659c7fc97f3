/* What storage nodes do beside answering: daemons, each of which goes over this node's drives, round after round.
 *
 * A daemon is one row of daemons[] (daemons.c). Where the storage servers run, each has a thread that begins a round, waits what
 * is left of its interval, and begins the next; `nacre swift NAME` is one round by hand. Its options are the original's: the section of
 * its name in swift_dir/<name>.conf, or in {object,container,account}-server.conf.
 *
 *     static bool run(struct ctx *c, const struct round *round)
 *     {
 *         for (const char *const *device = round->devices; *device && !daemon_stops(); device++) ...
 *     }
 */
#ifndef SWIFT_DAEMON_DAEMON_H
#define SWIFT_DAEMON_DAEMON_H

#include "swift/storage.h"
#include "swift/swift.h"

/* The options that daemons have in common. */
struct daemon_settings {
    double interval;                 /* seconds from the begin of a round to the next; of one that pauses, from its end */
    double run_pause;                /* its old name, of replicators */
    int64_t concurrency;
    double conn_timeout, node_timeout;       /* seconds, of what it asks of other nodes */
    char *nice_priority, *ionice_class, *ionice_priority;        /* of its thread and of those it makes; empty: those of the process */
    int64_t reclaim_age;             /* seconds after which tombstones go */
    char *recon_cache_path;          /* where it leaves what `swift-recon` reads */
};

struct round;
struct daemon {
    const char *name;                /* "object-replicator": its section, its User-Agent, its word after `nacre swift` */
    enum storage_kind kind;
    int64_t interval, concurrency;   /* seconds, and how many hands (crew.h), where its section does not say; concurrency 0: one */
    bool pauses;                     /* its interval is counted from the end of a round */
    double conn_timeout, node_timeout;       /* where its section does not say; 0: 0.5 and 10 seconds */
    const struct attr *options; size_t options_size;         /* of its own; NULL: none */
    bool alone;                      /* two rounds at once would decide against each other: one by hand waits for the server's own */
    /* One round. False with a fault: logged once, the next round is tried. */
    bool (*run)(struct ctx *, const struct round *);
};

/* What a round by hand is about: lists that end with NULL; NULL: all. Partitions and policies (their indices) as decimals. */
struct selection { const char *const *devices, *const *partitions, *const *policies; };

/* One round, as it is to be run. */
struct round {
    const struct daemon *daemon;
    const struct daemon_settings *settings;
    const void *options;             /* of the daemon's own rows; NULL: it has none */
    const char *const *devices;      /* names of this node's drives that are to be looked at; ends with NULL */
    const struct selection *only;    /* what it was asked for; never NULL */
    bool whole;                      /* it is asked for everything: what recon is told of */
    bool by_hand;                    /* whatever the daemon would leave for later is done now */
};

extern const struct daemon account_auditor, account_reaper, account_replicator, container_auditor, container_reconciler, container_replicator,
    container_sharder, container_sync, container_updater, object_auditor, object_expirer, object_reconstructor, object_replicator, object_updater;

extern const struct daemon *const daemons[];         /* ends with NULL */

bool daemons_start(struct ctx *);
void daemons_stop(void);             /* returns when the last round has ended */
bool daemon_stops(void);             /* the process is to end: a round ends as soon as it can */
bool daemon_pause(int64_t us);       /* sleeps in a round; false: daemon_stops() */
/* The file that its options are in. NULL with a fault. */
struct conf;
const struct conf *daemon_conf(struct ctx *, const struct daemon *);
/* One round now, by hand. False with a fault. */
bool daemon_round(struct ctx *, const struct daemon *, const struct selection *);
const struct daemon *daemon_find(const char *name);          /* NULL: none */
/* Has the round been asked for that partition, that policy? */
bool round_has_partition(const struct round *, const char *partition);
bool round_has_policy(struct ctx *, const struct round *, const struct storage_policy *);

/* This thread's priorities, and those of threads it makes, as its section says them (priority.c). NULL; or what could not be set. */
const char *priority_set(struct ctx *, const struct daemon_settings *);

/* --- what rounds share (walk.c) ------------------------------------------------------------------------------- */

const char *round_device_path(struct ctx *, const char *device);     /* "/srv/node/sdb1" */
/* Calls visit for each entry depth levels below dir, in no order, with a ctx of its own; until it says false or the process is to end.
 * Names that begin with '.' are left out. */
void drive_walk(struct ctx *, const char *dir, int depth, bool (*visit)(struct ctx *, void *data, const char *path), void *data);
/* A rate: waits so that no more than per_second units pass in a second, in the long run. per_second 0: no limit. */
struct pace { double per_second; int64_t next_us; };
bool pace_wait(struct pace *, int64_t units);                /* false: daemon_stops() */
/* One request of the backend protocol to one node, at its replication address, with X-Timestamp (now, where headers have none). The status; 0: no
 * answer. response NULL: its body is of no interest. */
struct node_request {
    enum storage_kind kind;
    const struct ring_device *node;
    uint32_t partition;
    const char *method, *account, *container, *object, *query;
    const struct headers *headers;
};
int node_call(struct ctx *, const struct round *, const struct node_request *, struct swift_response *response);
#define MOST_REPLICAS 64
/* The primaries of an account, a container or an object: how many, of room for MOST_REPLICAS. */
size_t ring_nodes(struct ctx *, struct ring_file *, const char *account, const char *container, const char *object, uint32_t *ret_partition,
                  const struct ring_device **ret);
/* The same update to all primaries of an account (container NULL) or a container: how many there are, took it, and have no such thing. */
struct primaries_told { size_t replicas, took, missing; };
struct primaries_told tell_primaries(struct ctx *, const struct round *, enum storage_kind, const char *method, const char *account, const char *container,
                           const char *object, const struct headers *);
/* Merges members into the JSON object in recon_cache_path/<kind>.recon, as the original's daemons leave their times there. members is stolen. */
void recon_dump(struct ctx *, const struct round *, json_t *members);
/* The same in dir/<file>.recon. */
void recon_merge(struct ctx *, const char *dir, const char *file, json_t *members);
/* How many rows wait for the object-updater, and when that was: as recon has it. (object_updater.c) */
json_t *async_pending_members(struct ctx *, const char *devices_dir);
json_t *recon_read(struct ctx *, const struct round *);      /* what is there; NULL: nothing. The caller's */

#endif
