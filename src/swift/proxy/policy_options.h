/* What the proxy does one way for one policy and another way for another: [proxy-server:policy:N] of proxy-server.conf, over [app:proxy-server]. */
#ifndef SWIFT_PROXY_POLICY_OPTIONS_H
#define SWIFT_PROXY_POLICY_OPTIONS_H

#include "swift/policy.h"

enum sorting { SORT_SHUFFLE, SORT_TIMING, SORT_AFFINITY };

/* "r1z2=100": where, and how late it comes. */
struct locality { int region, zone; int64_t priority; };     /* zone -1: any */

struct policy_options {
    char *sorting_method, *read_affinity, *write_affinity, *write_affinity_node_count, *write_affinity_handoff_delete_count;
    int64_t rebalance_missing_suppression_count, concurrent_ec_extra_requests;
    bool concurrent_gets;
    double concurrency_timeout;      /* seconds */
    /* what these say */
    enum sorting sorting;
    struct locality read[64], write[64]; size_t n_read, n_write;     /* by priority; n_write 0: everything is local */
    int64_t write_nodes; bool per_replica;                           /* how many local ones uploads go to first */
    int64_t handoff_deletes;                                         /* -1: as many as there are primaries elsewhere */
};

/* conf_section: "app:proxy-server". False with a fault. */
bool policy_options_configure(struct ctx *, const struct conf *, const char *conf_section, double conn_timeout);
const struct policy_options *policy_options(const struct storage_policy *);  /* NULL: of accounts and containers */
bool policy_options_sort_by_timing(void);                    /* any of them? */

/* Where does a device stand in the order of reads? Behind all that is named: 2^32. */
int64_t policy_options_priority(const struct policy_options *, const struct ring_device *);
bool policy_options_is_local(const struct policy_options *, const struct ring_device *);

#endif
