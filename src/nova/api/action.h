/* What is done to servers: a row says who may, in which states, what it does to them and which job carries it out. */
#ifndef NOVA_API_ACTION_H
#define NOVA_API_ACTION_H

#include "nova/api/servers.h"

/* One carrying out of an action. */
struct doing {
    json_t *asked;                   /* what stands under the action's key */
    json_t *args;                    /* for the job; of the ctx, never NULL */
    const char *password;            /* told in the answer, stored nowhere */
};

struct server_action {
    const char *name;                /* in messages: "Cannot 'stop' instance ..." */
    const char *const *states;       /* the vm_states it may start from; NULL: any */
    const char *const *tasks;        /* the task_states too, "" being none; NULL: none only */
    bool any_task;                   /* whatever is being done */
    bool unlaunched;                 /* also before it first ran */
    bool lockless;                   /* also while it is locked */
    const char *task;                /* the task_state it gets; NULL: stays */
    const char *record;              /* the instance action's name; NULL: none is recorded */
    const char *job;                 /* of jobs/jobs.h; NULL: nothing is left to do */
    const char *schema;              /* of the body: "actions.reboot"; NULL: anything */
    /* With no transaction open: judges what was asked, changes the instance, fills the job's arguments. May be NULL. */
    bool (*prepare)(struct ctx *, struct instance *, struct doing *);
    /* Writes the answer; NULL: none. */
    bool (*reply)(struct ctx *, struct reply *, struct instance *, const struct doing *);
};

#define IN(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Do lock and states allow it? False with fault 409. */
bool action_allowed(struct ctx *, const struct instance *, const struct server_action *);
/* Carries it out on the instance: prepare, then one transaction. */
bool action_run(struct ctx *, struct instance *, const struct server_action *, struct doing *);
/* The handler of a row of POST /servers/{id}/action whose data is a struct server_action. */
handler server_act;

#endif
