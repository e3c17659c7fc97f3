/* Storage policies: [storage-policy:N] of swift.conf. Read while the process starts. */
#ifndef SWIFT_POLICY_H
#define SWIFT_POLICY_H

#include "swift/conf.h"
#include "swift/ring/ring.h"

enum policy_type { POLICY_REPLICATION, POLICY_ERASURE };

struct storage_policy {
    int index;
    const char *name, *aliases;      /* aliases: all names with commas between, the first its own */
    bool is_default, deprecated;
    enum policy_type type;
    const char *diskfile_module;
    /* of POLICY_ERASURE */
    const char *ec_type;             /* "isa_l_rs_vand", "liberasurecode_rs_vand", ... */
    int ec_data, ec_parity, ec_duplication;
    int64_t ec_segment;
    struct ring_file *ring;          /* object.ring.gz, object-N.ring.gz */
};

bool policies_configure(struct ctx *, const struct conf *swift_conf, const char *swift_dir);
size_t policies_count(void);
const struct storage_policy *policy_at(size_t position);                     /* in order of their index */
const struct storage_policy *policy_by_index(int index);                     /* NULL: none */
const struct storage_policy *policy_by_name(const char *name_or_alias);      /* any case; NULL */
const struct storage_policy *policy_default(void);
/* "objects", "objects-1" and so with async_pending, tmp. */
char *policy_dir(struct ctx *, const char *base, const struct storage_policy *);
/* How many nodes must say yes to a write of n replicas. */
int quorum_of(int replicas);
int policy_quorum(const struct storage_policy *, int replicas);

#endif
