/* Subnet pools, as their API and the prefixes of subnets need them. */
#ifndef NEUTRON_MODEL_POOLS_H
#define NEUTRON_MODEL_POOLS_H

#include "neutron/model/ip.h"
#include "neutron/neutron.h"

struct subnetpool {
    char *id, *name, *project_id, *address_scope_id;
    bool is_default, shared;
    int64_t default_prefixlen, min_prefixlen, max_prefixlen, ip_version;
    opt_int default_quota;
    raw_json prefixes;
    STANDARD_FIELDS;
};

/* Judges a JSON array of prefixes, of the member of that name. */
bool prefixes_judge(struct ctx *, const char *name, const json_t *list);
struct cidr *prefixes_read(struct ctx *, raw_json prefixes, size_t *ret_n);

#endif
