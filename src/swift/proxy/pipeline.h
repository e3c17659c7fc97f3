/* The pipeline: middlewares in the order proxy-server.conf names them, each of which may answer, change the request, call the
 * rest, and change what comes back.
 *
 * One more middleware: one file in middleware/, one line in middleware/middlewares.h and its array, its word in `pipeline`.
 */
#ifndef SWIFT_PROXY_PIPELINE_H
#define SWIFT_PROXY_PIPELINE_H

#include "swift/conf.h"
#include "swift/message.h"

struct step;

struct middleware {
    const char *name;                /* "tempauth": what follows egg:swift# */
    const struct attr *options; size_t options_size;         /* of its section, as a struct; NULL: none */
    /* Once, after its options were read. state is kept in the step. May say what it is in /info (info_register()). False with a fault. */
    bool (*open)(struct ctx *, struct step *);
    /* Answers, or calls step_next(). Always fills the response. */
    void (*run)(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);
    void (*close)(struct step *);
};

struct step {
    const struct middleware *middleware;
    const char *word;                /* of the pipeline: "proxy-logging" may stand there twice */
    const char *section;             /* "filter:tempauth" */
    const struct conf *conf;         /* for names that no row can list (user_<account>_<user>) */
    const void *options;
    void *state;
    const struct step *next;         /* NULL: the last, the proxy */
};

/* The rest of the pipeline. */
void step_next(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);

/* Builds it from [pipeline:main] of proxy-server.conf, or the default one. False with a fault. */
bool pipeline_open(struct ctx *, const struct conf *, const char *override);
/* The pipeline of requests that this process makes of itself (daemon/internal.h); after the clients', whose proxy it shares where there is one. */
bool pipeline_open_internal(struct ctx *, const struct conf *);
void pipeline_close(void);
/* The whole pipeline: a client's request. */
void pipeline_run(struct ctx *, struct swift_request *, struct swift_response *);
void pipeline_run_internal(struct ctx *, struct swift_request *, struct swift_response *);
/* For a request a middleware makes: from right behind it (self), or from the first step when self is NULL. */
void pipeline_from(struct ctx *, const struct step *self, struct swift_request *, struct swift_response *);
bool pipeline_has(const char *name);                         /* also while it is being opened */
const struct step *pipeline_find(const char *name);          /* the first of that name; NULL */

/* What a middleware keeps in env->middleware[]. */
enum middleware_slot { SLOT_SLO, SLOT_S3, SLOT_LOG, SLOT_LISTING, SLOT_KEYS, SLOT_RATE };

/* Every middleware there is; ends with NULL: middleware/middlewares.c. */
extern const struct middleware *const middlewares[];

#endif
