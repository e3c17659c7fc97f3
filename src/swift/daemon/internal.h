/* Requests that this process makes of the cluster on its own account: a daemon's. They go through a pipeline of their own (swift_dir's
 * internal-client.conf; catch_errors, cache and the proxy where there is none), nobody is asked whether they may, reserved
 * names are known, nodes are asked at their replication addresses, and what fails is tried again.
 *
 *     struct internal_call call = { .agent = "Swift Object Expirer", .method = "DELETE", .account = a, .container = k, .object = o, .headers = &h };
 *     if (!internal_do(c, &call, &status)) ...
 */
#ifndef SWIFT_DAEMON_INTERNAL_H
#define SWIFT_DAEMON_INTERNAL_H

#include "swift/message.h"

struct internal_call {
    const char *agent;               /* its User-Agent */
    const char *method;
    const char *account, *container, *object;        /* NULL: not in the path */
    const char *query;               /* as it would be sent; NULL: none */
    const struct headers *headers;   /* NULL: none. X-Timestamp and X-Backend-Storage-Policy-Index are obeyed */
    body_reader *read; void *read_data; int64_t length;      /* its body (length -1: not known); read NULL: none. It is sent once only */
    const void *body; size_t body_size;      /* or this one, which can be sent again */
    const int *statuses;             /* what is well: classes (2) and statuses (404), ends with 0; NULL: 2 */
    int tries;                       /* while no node answers, or a status is 5xx; 0: three */
};

/* The answer; its body may be taken. False: it is none of the statuses (0: nobody answered), and the body is gone. Sets no fault. */
bool internal_request(struct ctx *, const struct internal_call *, struct swift_response *);
bool internal_do(struct ctx *, const struct internal_call *, int *ret_status);       /* the body is of no interest; ret_status may be NULL */

/* A listing to its end, page by page, each with a ctx of its own: containers of an account (container NULL), or objects. Entries are those of
 * the JSON listing. Until visit says false. What is not there lists nothing. False: it cannot be listed (to its end). */
struct internal_listing {
    const char *agent, *account, *container;
    const char *prefix, *marker, *end_marker;        /* NULL: none */
    int tries;                       /* as of a call */
};
bool internal_list(struct ctx *, const struct internal_listing *, bool (*visit)(struct ctx *, void *data, json_t *entry), void *data);

/* Its pipeline, once the clients' is there; while the process starts. path: its configuration; NULL: internal-client.conf of swift_dir, where there
 * is one. */
bool internal_open(struct ctx *, const char *path);
void internal_close(void);           /* all pipelines; at the end of the process */

#endif
