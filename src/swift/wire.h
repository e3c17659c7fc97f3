/* HTTP/1.1 between nodes, on a blocking socket: the same few functions for who asks and who answers. Speaks what the floor's HTTP
 * library cannot: 100 Continue with headers, bodies in both directions at once. Peers are trusted nodes; what they send is still checked.
 */
#ifndef SWIFT_WIRE_H
#define SWIFT_WIRE_H

#include "swift/message.h"

struct wire {
    int fd;
    int64_t timeout_us;              /* of each wait for the peer */
    size_t start, end;               /* of what was read and not yet taken */
    int64_t patience_us;             /* of all waits to read from here on, until it is set again; 0: of each, timeout_us */
    bool broken, late;               /* late: the peer has not sent in time what was read */
    /* the body that is being read */
    int64_t left;                    /* bytes of it, or of the chunk under way; -1: until the peer closes */
    bool chunked, ended;
    char in[32768];
};

struct wire *wire_connect(const char *ip, int port, int64_t timeout_us);     /* NULL: errno */
struct wire *wire_new(int fd, int64_t timeout_us);
void wire_free(struct wire *);                               /* closes it */

bool wire_put(struct wire *, const void *bytes, size_t n);
bool wire_put_chunk(struct wire *, const void *bytes, size_t n);           /* n 0: the end */
bool wire_send_file(struct wire *, int fd, int64_t offset, int64_t n);
/* One head: its first line and its headers, of the ctx. False: closed, too late or malformed. */
bool wire_read_head(struct ctx *, struct wire *, char **ret_line, struct headers *);
/* What follows the head, by its headers. status: of a response (204, 304 and 1xx have none), 0 of a request. */
void wire_begin_body(struct wire *, const struct headers *, int status, bool head_request);
ssize_t wire_read_body(struct wire *, void *bytes, size_t n);
bool wire_drain(struct wire *, int64_t most);                /* reads the rest; false: it is longer, or broken */
ssize_t wire_read_some(struct wire *, void *bytes, size_t n);
char *wire_read_line(struct ctx *, struct wire *);           /* without its end; NULL: none */
bool wire_is_idle(const struct wire *);                      /* kept open by the peer, and nothing has come unasked */
void wire_put_headers(struct buf *, const struct headers *); /* without the empty line */

#endif
