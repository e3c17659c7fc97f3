/* Storage policies: [storage-policy:N] of swift.conf. Read while the process starts. */
#ifndef SWIFT_POLICY_H
#define SWIFT_POLICY_H

#include "swift/conf.h"
#include "swift/erasure.h"
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
    const struct erasure *erasure;
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
/* Different fragments of an object; the fragment a primary node of that index keeps; the size of one of a whole segment. */
static inline int policy_fragments(const struct storage_policy *p) { return p->ec_data + p->ec_parity; }
static inline int policy_fragment_of(const struct storage_policy *p, int node_index) { return node_index % policy_fragments(p); }
static inline int64_t policy_fragment_size(const struct storage_policy *p) { return (int64_t)erasure_fragment_size(p->erasure, (size_t)p->ec_segment); }
/* How many nodes must say yes to a write of n replicas. */
int quorum_of(int replicas);
int policy_quorum(const struct storage_policy *, int replicas);

#endif
