/* Writing JSON text as it goes, with no tree in between: fast enough for lists of thousands.
 * Members are written in the order of the calls; commas and quotes are taken care of.
 */
#ifndef OSLO_RECORD_OUT_H
#define OSLO_RECORD_OUT_H

#include "oslo/base/buf.h"
#include "oslo/record/attr.h"

struct out {
    struct buf *to;
    bool comma;                      /* the next value follows another */
    bool within;                     /* it goes into a text of JSON: its quotes and backslashes are escaped once more */
    enum time_format times;
};

/* key NULL inside an array, or at the top. */
void out_object(struct out *, const char *key);
void out_end_object(struct out *);
void out_array(struct out *, const char *key);
void out_end_array(struct out *);
void out_string(struct out *, const char *key, const char *value);       /* NULL writes null */
void out_printf(struct out *, const char *key, const char *format, ...) G_GNUC_PRINTF(3, 4);
void out_int(struct out *, const char *key, int64_t);
void out_real(struct out *, const char *key, double);
void out_bool(struct out *, const char *key, bool);
void out_null(struct out *, const char *key);
void out_time(struct out *, const char *key, utc_time);                  /* in to->times' shape */
void out_raw(struct out *, const char *key, const char *json);           /* text that is JSON already; NULL writes null */
void out_json(struct out *, const char *key, const json_t *);
void out_escaped(struct buf *, const char *text);                        /* the quoted, escaped string alone */

#endif
