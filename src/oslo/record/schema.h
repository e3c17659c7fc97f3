/* Values against JSON schemas, with the words of Python's jsonschema where they do not fit.
 *
 * A file of schemas is an object: name -> schema. Beside the standard's keywords it says since and until (microversions) of a
 * property, "required_since", a list of versions of one schema, and "$ref" by name. Unknown keywords do not count.
 */
#ifndef OSLO_RECORD_SCHEMA_H
#define OSLO_RECORD_SCHEMA_H

#include "oslo/base/ctx.h"

struct schemas;                      /* thread-safe */
/* Of the process: never freed. NULL with a fault where the text is no JSON. */
struct schemas *schemas_new(struct ctx *, const char *text);

enum schema_tells {
    SCHEMA_BEST,                     /* of several things wrong the one nearest to the top, as jsonschema.validate() */
    SCHEMA_FIRST,                    /* the first one, in the order of the file, as Draft4Validator.validate() */
};
/* What is wrong with value at c->version, as str(ValidationError) says it, of the ctx; NULL: it fits, or there is no schema of
 * that name. ret_path (may be NULL): where
 * in the value, "roles/0/id"; "" at its top. */
const char *schema_wrong(struct ctx *, struct schemas *, const char *name, const json_t *value, enum schema_tells, const char **ret_path);

#endif
