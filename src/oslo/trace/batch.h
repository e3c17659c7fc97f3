/* Spans as a line of text, to travel in one JSON string. Private to trace/.
 *
 *     2|80000001|7|compute|far|                                the format, the process's tag, its pid, name and host
 *     1a|80000000000003f1|6443a1b2c3d4e|1f4|0|2|req-...|^|^|compute spawn||  ...
 *
 * A span: id, parent, began_us, took_us, status, kind, request_id, global_id, resource, name, fault; each field ends with a bar. Numbers
 * are hexadecimal, ids of the batch's own process without its tag. ^ is the text that the span before had there. What JSON would have to
 * escape, and what means something here, is written as %xx.
 */
#ifndef OSLO_TRACE_BATCH_H
#define OSLO_TRACE_BATCH_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"
#include "oslo/trace/ring.h"

/* before: the span added before this one, all zeroes for the first. */
void batch_begin(struct buf *, const struct ring_process *);
void batch_add(struct buf *, const struct slot *, const struct slot *before);

struct batch { const char *at, *end; struct ring_process process; };
/* Fault 400 of what is no batch, or one of another format. */
bool batch_open(struct ctx *, struct batch *, const char *text, size_t n);
bool batch_is_read(const struct batch *);
/* span holds the one before and becomes the next (all but its turn); 400. */
bool batch_next(struct ctx *, struct batch *, struct slot *span);

#endif
