/* Reading under an erasure code: erasure_get.c asks nodes until enough different fragments of one time have been found, erasure_read.c makes
 * the object of them. */
#ifndef SWIFT_PROXY_ERASURE_H
#define SWIFT_PROXY_ERASURE_H

#include "swift/proxy/object.h"

/* A node's answer with one fragment. */
struct fragment_source {
    struct node node;
    struct swift_response response;
    int fragment;
    int64_t at, end;                 /* of the fragment archive: the next byte that can be read, and behind the last */
};

/* All that was heard of the object at one time. */
struct fragment_set {
    struct timestamp time;
    bool durable;                    /* somebody has said so */
    const char *etag;                /* of the object */
    struct headers headers;          /* of the first answer */
    struct fragment_source *sources[ERASURE_MOST];           /* by fragment; NULL: none */
    struct node alternates[ERASURE_MOST]; bool has_alternate[ERASURE_MOST];
};

struct fragment_hunt {
    struct swift_request *request;
    const struct storage_policy *policy;
    struct nodes *nodes;
    struct headers headers;          /* that all nodes get */
    struct fragment_set *sets[16]; size_t n_sets;
    struct answer bad[128]; size_t n_bad;
    struct timestamp newest_404;
    struct fragment_flight *flying[128]; size_t n_flying;    /* who has not answered yet */
    size_t asked;
};

/* One request for a fragment; preferences: as X-Backend-Fragment-Preferences; range NULL: all of it. To be answered by fragment_answer(). */
struct fragment_flight { struct backend_call call; struct headers headers; struct backend *backend; };
void fragment_ask(struct ctx *, struct fragment_hunt *, struct fragment_flight *, const struct node *, const char *preferences, const char *range);
/* The answer's fragment, time and place. NULL: none (the response is left as it is). */
struct fragment_source *fragment_take(struct ctx *, const struct fragment_hunt *, const struct node *, struct swift_response *, struct timestamp *ret_time);
void fragment_source_close(struct fragment_source *);
const char *fragment_preference(struct ctx *, struct timestamp, uint32_t excluded);          /* [{"timestamp": ..., "exclude": [...]}] */

/* The object of such a set as a response's body, length bytes, seekable. */
struct erasure_stream;
struct erasure_stream *erasure_stream_open(struct ctx *, struct fragment_hunt *, struct fragment_set *, int64_t length, struct swift_response *);
/* Has the first piece been found to be there? After seek. */
bool erasure_stream_failed(const struct erasure_stream *);

#endif
