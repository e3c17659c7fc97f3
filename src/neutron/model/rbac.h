/* Who else may use what: rows that open an object of one project to another, or to all ("*"). */
#ifndef NEUTRON_MODEL_RBAC_H
#define NEUTRON_MODEL_RBAC_H

#include "oslo/db/db.h"

#define SHARED   "access_as_shared"
#define EXTERNAL "access_as_external"

/* Appends " AND (own OR opened to me)" for rows t of that type. */
void rbac_visible(struct ctx *, struct sql *, const char *object_type);
/* Appends the filter ?shared=: rows that are (not) opened to all, or to me. */
void rbac_filter_shared(struct ctx *, struct sql *, const char *object_type, bool shared);
/* The filter hook of a resource whose only special query is ?shared=. */
bool rbac_filter(struct ctx *, const char *object_type, const char *name, const char *const *values, struct sql *, bool *ret_taken);
/* Sets the bool at offset shared of the records whose id (at offset id) is opened to all or to the requester. */
bool rbac_fill_shared(struct ctx *, void *const *page, size_t n, const char *object_type, size_t id, size_t shared);
/* Opens an object to all, or takes that back. A transaction must be open. */
bool rbac_open(struct ctx *, const char *object_type, const char *id, const char *project_id, const char *action);
bool rbac_close(struct ctx *, const char *object_type, const char *id, const char *action);
/* The object goes: its rows with it. */
bool rbac_forget(struct ctx *, const char *object_type, const char *id);
/* Is it opened to that project (or to all)? */
bool rbac_allows(struct ctx *, const char *object_type, const char *id, const char *project_id, const char *action);

#endif
