/* What the files of this folder know of each other. */
#ifndef OSLO_SERVICE_PARTS_H
#define OSLO_SERVICE_PARTS_H

#include "oslo/service/service.h"

/* versions.c: the microversion a request asks for, V(major, minor); 0 where there are none. A request that asks wrongly
 * gets the lowest version, and *ret_wrong (of the ctx) says why; else that is NULL. */
int version_negotiate(struct ctx *, const struct service *, const struct request *, const struct fault **ret_wrong);
void version_headers(struct ctx *, const struct service *, const struct request *, const struct fault *wrong, struct reply *);

/* routes.c: the rows of a service, with its base before their paths. */
struct router *routes_build(const struct service *);
/* Sets the request's route to the row of the action path that the body's single key selects. */
bool routes_action(struct ctx *, const struct service_state *, struct request *);
bool routes_in_base(const struct service *, const char *path);

/* health.c: /healthcheck, /healthz and /metrics of every API. True when the request was one of them. */
bool health_serve(struct ctx *, const struct service *, const struct request *, struct reply *);
void health_count(const struct service *, int status, int64_t microseconds);

/* workers.c */
bool workers_start(struct ctx *, const char *const *roles);
void workers_stop(void);
bool role_runs(const char *const *roles, const char *role);     /* roles NULL: every one */

#endif
