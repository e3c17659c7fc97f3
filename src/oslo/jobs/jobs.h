/* Durable long operations: a row of steps written in the same transaction as the resource it changes.
 *
 * Workers lease a job, run its steps in order and store after each which one is next; a worker killed at any instant is
 * resumed by another when the lease ends (at a restart: at once, for jobs of the same host). Every step may run twice. When a
 * step fails, the undo column runs backwards from the step that failed (it may be half done) and the first fault stays.
 */
#ifndef OSLO_JOBS_JOBS_H
#define OSLO_JOBS_JOBS_H

#include "oslo/db/db.h"

struct job {
    char *id, *kind, *resource_id, *step, *request_id, *global_request_id;
    char *host;                      /* the host whose workers run it; NULL: any */
    json_t *args;                    /* what the steps need and learn; stored after each step. Never NULL */
    struct fault fault;              /* of the step that failed, while undoing and in finished() */
    int64_t attempts, deadline_us;
};

struct step {                        /* an array of them ends with {} */
    const char *name;                /* the task state users see, where the service has those */
    bool (*run)(struct ctx *, struct job *);
    void (*undo)(struct ctx *, struct job *);        /* may be NULL; its faults are logged, never answered */
};

struct job_kind {
    const char *name;                /* "build" */
    const struct step *steps;
    int64_t deadline_s;              /* after which the job fails and is undone; 0: one hour */
    /* Asked when a failed job has been undone: does it begin again, with what args hold now? False with a fault: that one is how it
     * ended. It may be asked twice, and must say no some time. NULL: a job is tried once. */
    bool (*again)(struct ctx *, struct job *);
    /* In one transaction with the end of the job; failed(c) never holds, job->fault.status tells how it ended. */
    bool (*finished)(struct ctx *, struct job *);
};

/* Adds a job; a transaction must be open. c's identity and request ids go with it. args is borrowed. The id is returned (of
 * the ctx), NULL with a fault: 409 JobConflict if the resource has an unfinished job and exclusive is said. */
char *job_add(struct ctx *, const struct job_kind *, const char *resource_id, const json_t *args, bool exclusive);
/* Nudges the workers; called after commit. Without it the job is found within a second. */
void jobs_wake(const struct service *);
/* Stores job->args now, in a transaction of its own (a step that made something elsewhere writes down its id first). */
bool job_save(struct ctx *, struct job *);
/* Gives the step up for now: it is run again after delay_us, without holding a worker (waits, polls). `return job_wait(c, job, 100000);` */
bool job_wait(struct ctx *, struct job *, int64_t delay_us);
/* Is there no unfinished job of the same resource that was added before this one? */
bool job_is_first(struct ctx *, const struct job *);
/* Ends a waiting job's sleep early (an event came in). */
bool job_poke(struct ctx *, const char *resource_id);
/* Asks an unfinished job of the resource to fail (delete during build). True if there was one. */
bool job_cancel(struct ctx *, const char *resource_id, const char *why);

/* Run by service_main: makes the table (migration set "jobs") and n worker threads, for each service with jobs. */
bool jobs_start(struct ctx *, const struct service *, int n);
void jobs_stop(const struct service *);              /* lets running steps end */
int64_t jobs_pending(const struct service *);

#endif
