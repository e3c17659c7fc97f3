/* Inside the jobs floor: the workers of one service, and a job while one of them has it. */
#ifndef OSLO_JOBS_ENGINE_H
#define OSLO_JOBS_ENGINE_H

#include "oslo/jobs/jobs.h"
#include "oslo/messaging/messaging.h"
#include "oslo/registry/registry.h"

#include <pthread.h>

#define LEASE_US 30000000            /* what a process that went away holds a job for, at most */
#define RENEW_US 10000000
#define POLL_US 1000000              /* without any nudge a job is found within this */
#define JOBS_TOPIC "jobs"            /* of the exchange that is named as the service: JOBS_WAKE, from processes without workers */
#define JOBS_WAKE "wake"
#define NUDGE_US 200000              /* a nudge is worth no longer wait: a broker may be away */
#define AWAY_US 180000000            /* a step whose fault is that somebody was away is run again for so long, */
#define AGAIN_US 1000000             /* every so often */
#define ATTEMPTS_MAX 10              /* a step that took so many processes with it fails */

struct engine {
    struct engine *next;
    const struct service *service;
    struct db *db;
    char *host, *owner;              /* owner: "host:pid:start time of the process" */
    char *find_sql;                  /* the next job that is due, of the kinds we know */
    pthread_mutex_t lock;
    pthread_cond_t nudged, stopped;
    int64_t next_due;                /* clock_us() of the next job that sleeps, as far as we know */
    unsigned nudges;                 /* grows with each jobs_wake */
    struct running *held;            /* jobs whose leases are kept */
    bool stopping;
    struct rpc_server server;        /* of JOBS_TOPIC, where messages leave the process */
    struct rpc_listener *listener;
    int n_threads;
    pthread_t keeper, *threads;
};

/* A job that a worker has. */
struct running {
    struct job job;                  /* first: steps see only this */
    struct running *next;            /* in engine->held */
    struct ctx c;                    /* of the whole run; its memory holds the job's strings */
    struct engine *engine;
    const struct job_kind *kind;
    int at;                          /* index of the step */
    enum { JOB_RUN, JOB_UNDO, JOB_END } state;
    const char *cancelled;
    int64_t sleep_us;                /* asked by job_wait, else -1 */
    bool lost;                       /* another process took it over */
    bool unsaved;                    /* a write failed though the row may be ours: given back, to go on from what is stored */
};

struct engine *engine_find(const struct service *);
void engine_nudge(struct engine *);
bool engine_stopping(struct engine *);
/* The lease of a job is ours, and is renewed until dropped. */
void engine_hold(struct engine *, struct running *);
void engine_drop(struct engine *, struct running *);

/* Runs the job from where it stands until it ends, sleeps or is lost. */
void job_run(struct engine *, const char *id);

/* The context of a job as JSON: identity without its token, request ids, span. */
json_t *job_context(struct ctx *);
void job_context_restore(struct ctx *, const json_t *);

#endif
