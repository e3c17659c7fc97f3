/* Answers that take their time: what is to be done is done piece by piece while the answer is being sent, with a blank now and then, so that
 * neither the client nor who is between gives up waiting. */
#ifndef SWIFT_SLOW_H
#define SWIFT_SLOW_H

#include "swift/message.h"

struct slow {
    bool (*more)(struct ctx *, void *data);          /* does a piece; false: there is none left */
    /* Then: what came of it. begun: something was sent before, and the status cannot be told any more. */
    void (*end)(struct ctx *, void *data, bool begun, struct swift_response *);
    void *data;                      /* of the ctx, as all that it points to: it outlives who handles the request */
    int64_t every_us;                /* how long nothing is sent, where no piece takes longer */
    bool at_once;                    /* a blank is sent before all else */
    int status;                      /* where something is sent before the end */
    const char *type;
    const char *first, *between;     /* in place of the first blank (NULL: a blank); before what came of it */
};
/* Where all is done before the first blank is due, the answer is that of end(). Else it is sent as a stream. */
void response_slowly(struct ctx *, struct swift_response *, const struct slow *);

#endif
