/* struct attr: what a field of a C struct is, said once. JSON bodies, SQL rows, query strings, INI options and RPC
 * arguments are all read and written by engines that take these rows (record/record.h, service/options.h, ...).
 */
#ifndef OSLO_RECORD_ATTR_H
#define OSLO_RECORD_ATTR_H

#include "oslo/base/ctx.h"
#include "oslo/base/text.h"

/* The types a field may have, beside char * (NULL is null), bool, int64_t and double. */
typedef struct { int64_t value; bool set; } opt_int;         /* an integer or null */
typedef struct { bool value; bool set; } opt_bool;           /* a boolean or null */
typedef struct { char *text; } raw_json;                     /* any JSON, kept as its text; NULL text is null */

enum kind { KIND_STRING, KIND_BOOL, KIND_INT, KIND_REAL, KIND_TIME, KIND_OPT_INT, KIND_OPT_BOOL, KIND_JSON };

enum attr_flags {
    CREATE   = 1 << 0,       /* may be given on create */
    UPDATE   = 1 << 1,       /* may be given on update */
    REQUIRED = 1 << 2,       /* must be given on create */
    NULLABLE = 1 << 3,       /* null may be given (a string, JSON, time or opt_* field; for another kind it keeps the default) */
    FILTER   = 1 << 4,       /* ?name=value */
    SORT     = 1 << 5,       /* sort_key=name */
    POLICY   = 1 << 6,       /* giving it asks the rule "<verb>_<resource>:<name>"; showing it asks "get_<resource>:<name>" if there is one */
    OWNER    = 1 << 7,       /* the project that owns the row: default from the token, another's only for admins */
    HIDDEN   = 1 << 8,       /* stored, never shown */
    DERIVED  = 1 << 9,       /* shown, not a column: the resource's fill hook sets it */
    LAZY     = 1 << 10,      /* left out of lists (shown one by one only) */
    SECRET   = 1 << 11,      /* never logged, never printed by `nacre config` */
    CREATED_AT = 1 << 12,    /* a time set when the row is made */
    UPDATED_AT = 1 << 13,    /* a time set at every change, and when made if CREATED_AT stands beside it */
    REVISION = 1 << 14,      /* an integer that each change adds one to */
};

/* A named shape of a string: "uuid", "cidr", ... check returns false where value does not have it. */
struct format {
    const char *name;
    bool (*check)(const char *value);
};
extern const struct format format_uuid, format_uuid_like, format_ip, format_ipv4, format_ipv6, format_cidr, format_mac, format_hostname,
    format_url, format_name;          /* format_name: not blank, no leading or trailing blanks, printable */

struct attr {
    const char *name;                /* in JSON, SQL, ?name=, INI and RPC alike */
    enum kind kind;                  /* taken from the C field by the compiler */
    size_t offset;
    unsigned flags;
    const char *unset;               /* the value when nobody gives one, as text ("true", "1500", "[]"); NULL: null/0/false */
    int64_t min, max;                /* of an integer, or of a string's length; max 0 is "no limit" */
    const char *const *choices;      /* NULL-terminated, or NULL */
    const struct format *format;
    int since, until;                /* the microversions that know it; 0 is "always" */
    const char *json;                /* its name on the wire where C cannot spell it ("router:external"), else NULL */
    const char *column;              /* its column where SQL cannot spell it, else NULL */
    const char *help;                /* one sentence; required of options */
};

#define KIND_OF(type, field) _Generic(((type *)0)->field, \
    char *: KIND_STRING, const char *: KIND_STRING, bool: KIND_BOOL, int64_t: KIND_INT, double: KIND_REAL, \
    utc_time: KIND_TIME, opt_int: KIND_OPT_INT, opt_bool: KIND_OPT_BOOL, raw_json: KIND_JSON)

/* One row: ATTR(struct network, mtu, CREATE | UPDATE, .min = 68, .unset = "1500"). An array of rows ends with {}. */
#define ATTR(type, field, ...) \
    { .name = #field, .kind = KIND_OF(type, field), .offset = offsetof(type, field), .flags = __VA_ARGS__ }
#define ONE_OF(...) .choices = (const char *const[]){ __VA_ARGS__, NULL }

static inline const char *attr_json(const struct attr *a) { return a->json ? a->json : a->name; }
static inline const char *attr_column(const struct attr *a) { return a->column ? a->column : a->name; }
static inline bool attr_known(const struct attr *a, int version)
{
    return (!a->since || version >= a->since) && (!a->until || version <= a->until);
}
const struct attr *attr_find(const struct attr *attrs, const char *name);           /* by C name, NULL if none */
const struct attr *attr_find_json(const struct attr *attrs, const char *name);      /* by wire name, NULL if none */

#endif
