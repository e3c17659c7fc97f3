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

/* spans.c: brings together the spans of all processes */
bool spans_start(struct ctx *);
void spans_stop(void);

/* service.c: where a cloud lives when nobody says; the caller frees it. */
char *default_state_dir(void);

/* workers.c */
bool workers_start(struct ctx *);
void workers_stop(void);

/* roles.c: what this process runs. The rest of it: service_runs(). */
struct role {                        /* an array of them ends with {} */
    const char *name, *help;
    bool databases;                  /* opens those of the services that take part in it */
    bool host;                       /* works on this host, as root: needs the privileged helper */
};
extern const struct role role_table[];
/* Says which roles (NULL: all), and of the role api which services (NULL: all). Kept as they are. False: no such one. */
bool roles_run(struct ctx *, const char *const *names, const char *const *services);
bool role_on_host(void);                                        /* does any of them work on this host? */
bool service_serves(const struct service *);                    /* its API */
bool service_takes_part(const struct service *);                /* anything of it */
bool service_reads_rows(const struct service *);                /* its database is opened */
bool service_runs_jobs(const struct service *);
bool service_runs_worker(const struct service *, const struct worker *);

#endif
