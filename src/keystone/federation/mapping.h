/* The rule language of mappings: what an identity provider says of a user (remote) becomes who that is here (local). */
#ifndef KEYSTONE_FEDERATION_MAPPING_H
#define KEYSTONE_FEDERATION_MAPPING_H

#include "keystone/keystone.h"

struct mapped_group { const char *name, *domain_id, *domain_name; };         /* name NULL: the end of a list */

/* What the rules made of an assertion. */
struct mapped {
    const char *id, *name, *email, *domain_id, *domain_name;     /* of the user; NULL where no rule said so */
    bool local;                                                  /* a user of this cloud, not one made for the occasion */
    const char *const *group_ids;                                /* each once; NULL-terminated */
    const struct mapped_group *groups;
    const json_t *projects;                                      /* [{"name": ..., "roles": [{"name": ...}]}], or NULL */
};

/* Is that the body of a mapping? Fault 400 with each thing wrong on a line of its own, as jsonschema says them. */
bool mapping_judge(struct ctx *, const json_t *mapping);

/* Applies the rules of a mapping that was judged. False: a fault 400 where nothing applies or groups lack their domain, 500 where
 * rules refer to what is not there. */
bool mapping_apply(struct ctx *, const char *mapping_id, const json_t *rules, const struct pair *assertion, struct mapped *ret_mapped);

/* A list of texts as Python prints one ("['a', 'b']"); any other text is a list of itself. NULL-terminated. (python_list.c) */
const char *const *python_list_read(struct ctx *, const char *text);

#endif
