/* Values against JSON schemas (draft 4), with the words of Python's jsonschema where they do not fit.
 *
 * A file of schemas is an object: name -> schema. Beside the standard's keywords it says:
 *   "since", "until"                    the microversions that know a property, or one of the schemas of an allOf, anyOf or oneOf
 *   "required_since", "required_until"  {"name": microversion}, beside "required"
 *   "$ref": "name"                      the schema of that name, with the keywords behind it
 *   [schema, schema]                    versions of one schema: the first that the microversion knows counts
 * Unknown keywords do not count.
 */
#ifndef OSLO_RECORD_SCHEMA_H
#define OSLO_RECORD_SCHEMA_H

#include "oslo/base/ctx.h"

/* A shape of strings that schemas speak of as "format". */
struct schema_format {
    const char *name;
    bool (*check)(const char *text);
    bool strings_only;               /* what is no string fits, as with jsonschema's own */
    const char *reason;              /* what is told, and how (schema_fault); NULL: "... is not a 'name'" */
};

enum schema_tells {
    SCHEMA_BEST,                     /* of several things wrong the most telling one, as jsonschema.validate() */
    SCHEMA_FIRST,                    /* the first one, in the order of the file, as Draft4Validator.validate() */
};
struct schema_dialect {
    enum schema_tells tells;
    const struct schema_format *formats;     /* NULL: jsonschema's own. One that is not named fits */
    bool numbers_in_text;            /* minimum and maximum judge "10" as 10 */
};

struct schemas;                      /* thread-safe */
/* Of the process: never freed. The dialect is kept. NULL with a fault where the text is no JSON. */
struct schemas *schemas_new(struct ctx *, const char *text, const struct schema_dialect *);
/* The same of a tree that has been read; takes it. */
struct schemas *schemas_of(json_t *files, const struct schema_dialect *);

/* The schema at that microversion, immutable; NULL: there is none. */
const json_t *schema_at(struct schemas *, const char *name, int version);
/* Does it know a member of that name, by itself or by a pattern? */
bool schema_knows(const json_t *schema, const char *name);

struct schema_fault {
    const char *message;             /* "[] is not of type 'object'" */
    const char *reason;              /* the format's own, NULL: none */
    const json_t *value;             /* what does not fit */
    const char *first, *last;        /* of the names and indexes that lead to it; NULL: it is the whole value */
};
/* False: value does not fit at c->version, and *ret says why (of the ctx). value NULL is Python's None. */
bool schema_fits(struct ctx *, struct schemas *, const char *name, const json_t *value, struct schema_fault *ret);

/* What is wrong with value at c->version, as str(ValidationError) says it, of the ctx; NULL: it fits, or there is no schema of
 * that name. ret_path (may be NULL): where in the value, "roles/0/id"; "" at its top. */
const char *schema_wrong(struct ctx *, struct schemas *, const char *name, const json_t *value, const char **ret_path);

#endif
