/* What projects and domains, one table, do alike. */
#ifndef KEYSTONE_API_PROJECTS_H
#define KEYSTONE_API_PROJECTS_H

#include "keystone/api/api.h"

extern const struct format format_not_blank;         /* has a character that is no blank */

bool project_check(struct ctx *, struct change *);   /* options, tags, the tree */
bool project_stored(struct ctx *, struct change *);  /* tags */
bool project_fill(struct ctx *, void *const *page, size_t n);
bool domains_only(struct ctx *, struct sql *, const void *);
/* Takes everything of a project but its row away. */
bool project_empty(struct ctx *, const char *id);
bool tags_judge(struct ctx *, const json_t *tags);
bool tags_store(struct ctx *, const char *project_id, const json_t *tags);

#endif
