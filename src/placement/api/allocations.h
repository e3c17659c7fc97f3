/* What the reshaper shares with allocations. */
#ifndef PLACEMENT_API_ALLOCATIONS_H
#define PLACEMENT_API_ALLOCATIONS_H

#include "placement/api/api.h"

/* {"<consumer uuid>": {"allocations": ..., "project_id": ..., ...}} as claims. */
struct claim *claims_parse(struct ctx *, json_t *consumers, size_t *ret_n);

#endif
