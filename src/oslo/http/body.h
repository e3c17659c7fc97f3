/* The body of one request on its way from the polling thread to the worker that reads it, through a bounded buffer. */
#ifndef OSLO_HTTP_BODY_H
#define OSLO_HTTP_BODY_H

#include "oslo/http/request.h"

struct body_terms {
    int64_t idle_us;                 /* how long the reader waits for the next bytes, */
    size_t pace;                     /* and for that many of them: a body that drips is late as one that stands still; 0: any */
    int64_t work_us;                 /* the reader's deadline from the body's end on */
};
/* pause(data) is called on the writer's thread when it is to wait, wake(data) once for each pause when it may go on. */
struct body_source *body_source_new(void (*pause)(void *data), void (*wake)(void *data), void *data, const struct body_terms *);
void body_source_free(struct body_source *);

/* The writer's side. */
size_t body_source_put(struct body_source *, const void *bytes, size_t n);   /* how many were taken; fewer: paused */
void body_source_wait(struct body_source *);                 /* before the first byte: pauses until the reader asks or is done */
bool body_source_end(struct body_source *);                  /* false: too late */
bool body_source_is_over(struct body_source *);              /* it was late, and the client has been told: the writer is to give up */
bool body_source_wait_done(struct body_source *);            /* true: the reader is done; false: paused until it is */
void body_source_abort(struct body_source *);                /* the connection is gone */
bool body_source_is_done(struct body_source *);

/* The reader's side, beside body_source_read(). What still comes is dropped. */
void body_source_done(struct body_source *);
/* If the body is late and the connection still there: tell(data). The writer, if anything still comes, waits until that and done() are over. */
void body_source_tell_late(struct body_source *, void (*tell)(void *data));

#endif
