/* Spans of a call: always on, in a bounded ring file that outlives the process and can be read by another.
 *
 * Every request, job step, RPC, outgoing call and command leaves one: who called it, when, how long, how it ended.
 * Writing one costs well under a microsecond: a slot of a mapped file is taken by an atomic counter.
 */
#ifndef OSLO_TRACE_TRACE_H
#define OSLO_TRACE_TRACE_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

enum span_kind { SPAN_REQUEST, SPAN_CALL, SPAN_RPC, SPAN_STEP, SPAN_COMMAND, SPAN_SQL, SPAN_DRIVER };

/* Maps the ring (made if missing). Without it spans are kept by nobody and cost nothing. */
bool trace_open(struct ctx *, const char *path, int64_t slots);
void trace_close(void);

/* Opens a span inside the ctx's innermost one. name is copied (87 bytes kept): "POST /servers", "nova build:spawning". */
struct span *span_begin(struct ctx *, enum span_kind, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Names the resource the span is about (an id; the first said stays). */
void span_resource(struct ctx *, const char *id);
/* Closes it, and writes it: status is 0 for well, else the HTTP status, exit code, ...; the ctx's fault goes with it. */
void span_end(struct ctx *, struct span *, int status);
/* The innermost span's id, to be carried to another process with the request id; and to continue from it. */
uint64_t span_id(const struct ctx *);
void span_continue(struct ctx *, uint64_t parent_id);

/* `nacre trace`: writes the tree of all spans under one request id (or those about a resource id) as text or JSON. */
bool trace_print(struct ctx *, const char *path, const char *id, bool as_json, struct buf *to);

#endif
