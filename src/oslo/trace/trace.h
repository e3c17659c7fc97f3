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

/* What this process is called, and where; before trace_open. */
void trace_name(const char *name, const char *host);
/* Maps the ring (made if missing). Without it, or with no slots, spans are kept by nobody and cost nothing. */
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
/* The same over HTTP: the value of a header traceparent (of the ctx; NULL without a span), and what one that came says. */
#define TRACE_HEADER "traceparent"
const char *span_header(struct ctx *);
void span_continue_header(struct ctx *, const char *value);

/* `nacre trace`: writes the tree of all spans under one request id (or those about a resource id): for a terminal, as JSON, or as
 * OpenTelemetry's JSON. */
enum trace_format { TRACE_TEXT, TRACE_JSON, TRACE_OTLP };
bool trace_print(struct ctx *, const char *path, const char *id, enum trace_format, struct buf *to);

/* collect.c: spans of processes that keep rings of their own, brought together in one. */
uint64_t trace_ring(void);           /* which ring this process writes into; 0: none */
/* Writes this process's spans that ended since the last call (and those that are open for long), at most so many, as one text of plain
 * ASCII that JSON need not escape, with the process's name; how many they are. None while spans are paused. Called by one
 * thread. */
size_t trace_take(struct buf *to, size_t most);
/* Puts another process's batch into this ring. Fault 400 where it is none, or of another format; what was whole stays. */
bool trace_put(struct ctx *, const char *batch, size_t n);

#endif
