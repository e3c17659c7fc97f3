/* JSON texts cut out of a stream of bytes (RFC 7047: one after another, nothing between them). A pure parser that takes what has
 * come and keeps what is unfinished.
 */
#ifndef NEUTRON_AGENT_OVS_STREAM_H
#define NEUTRON_AGENT_OVS_STREAM_H

#include "oslo/base/buf.h"

#include <jansson.h>
#include <stdbool.h>

enum { STREAM_DEPTH_MAX = 256, STREAM_MESSAGE_MAX = 64 << 20 };

struct json_stream {
    struct buf pending;              /* from the start of the unfinished text */
    size_t scanned;                  /* of it */
    int depth;
    bool in_string, escaped;
};

/* take() gets each whole text, borrowed. False: these bytes are no such stream (no object or array, too deep, too long, not JSON);
 * nothing more can be read from it. */
bool json_stream_feed(struct json_stream *, const char *bytes, size_t n, void (*take)(json_t *, void *data), void *data);
void json_stream_clear(struct json_stream *);

#endif
