/* Points in time as Swift writes them: 10 us steps, and an offset that only the reconciler and versioning move. */
#ifndef SWIFT_TIMESTAMP_H
#define SWIFT_TIMESTAMP_H

#include "oslo/base/ctx.h"

struct timestamp {
    int64_t raw;                     /* in units of 10 us; 0: none */
    uint64_t offset;
};
#define TIMESTAMP_TEXT 40

struct timestamp timestamp_now(void);                        /* later than any given before by this process */
/* "1795336101.93031", "1795336101.93031_0000000000000001", and any decimal number. False: none of these. */
bool timestamp_parse(const char *text, struct timestamp *ret);
int timestamp_compare(struct timestamp a, struct timestamp b);
static inline bool timestamp_set(struct timestamp t) { return t.raw || t.offset; }
char *timestamp_normal(char text[TIMESTAMP_TEXT], struct timestamp);         /* "1795336101.93031" */
char *timestamp_internal(char text[TIMESTAMP_TEXT], struct timestamp);       /* with _%016x when there is an offset */
char *timestamp_short(char text[TIMESTAMP_TEXT], struct timestamp);          /* with _%x */
const char *timestamp_text(struct ctx *, struct timestamp);                  /* internal, of the ctx */
const char *timestamp_normal_text(struct ctx *, struct timestamp);
int64_t timestamp_ceil(struct timestamp);                                    /* seconds, rounded up: Last-Modified */
const char *timestamp_http(struct ctx *, struct timestamp);                  /* "Sun, 22 Nov 2026 10:51:46 GMT" of the ceiling */
const char *timestamp_iso(struct ctx *, struct timestamp);                   /* "2026-11-22T08:28:22.026210" */
bool http_date_parse(const char *text, int64_t *ret_seconds);                /* the three forms of RFC 9110 */
const char *http_date(struct ctx *, int64_t seconds);

/* Data, content-type and metadata times in one text: "T1[+/-hex(d2)[+/-hex(d3)]]", each delta from the one before. */
struct timestamps { struct timestamp data, content_type, meta; };
bool timestamps_decode(const char *text, struct timestamps *ret);
/* explicit: the deltas stand even where they are zero. */
char *timestamps_encode(struct ctx *, struct timestamps, bool explicit_deltas);

#endif
