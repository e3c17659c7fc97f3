/* Query strings that speak of resources, traits and aggregates. Each NULL or false with fault 400. */
#ifndef PLACEMENT_API_GROUPS_H
#define PLACEMENT_API_GROUPS_H

#include "oslo/http/http.h"
#include "placement/model/candidates.h"

/* "VCPU:2,MEMORY_MB:1024" */
bool resources_parse(struct ctx *, const char *text, struct group *ret_group);
/* All values of the parameter key ("required", "required1"): "A,!B" and "in:A,B". */
bool traits_parse(struct ctx *, const struct request *, const char *key, struct group *ret_group);
/* All values of the parameter key ("member_of"): "uuid", "!uuid", "in:uuid,uuid", "!in:uuid,uuid". */
bool member_of_parse(struct ctx *, const struct request *, const char *key, struct group *ret_group);
/* The whole query of GET /allocation_candidates. */
bool search_parse(struct ctx *, const struct request *, struct search *ret_search);

#endif
