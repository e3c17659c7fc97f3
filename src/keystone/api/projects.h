/* What projects and domains, one table, do alike. */
#ifndef KEYSTONE_API_PROJECTS_H
#define KEYSTONE_API_PROJECTS_H

#include "keystone/api/api.h"

extern const struct format format_not_blank;         /* has a character that is no blank */

bool project_check(struct ctx *, struct change *);   /* options, tags, the tree */
bool project_stored(struct ctx *, struct change *);  /* tags */
bool project_fill(struct ctx *, void *const *page, size_t n);
/* Why there cannot be a second project like this, in the original's words. */
const char *project_conflict(struct ctx *, const json_t *object, const struct project *old);
bool domain_deleting(struct ctx *, void *record);
bool strict_limits(void);            /* is the model of limits strict_two_level, in which projects nest but once? */
bool domains_only(struct ctx *, struct sql *, const void *);
/* Takes everything of a project but its row away. */
bool project_empty(struct ctx *, const char *id);
bool tags_store(struct ctx *, const char *project_id, const json_t *tags);

#endif
