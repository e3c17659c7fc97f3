/* Bodies and queries against the JSON schemas of schemas.json, with the words of Python's jsonschema where they do not fit.
 *
 * Beside the standard's keywords the file says since and until (microversions) of a property, "required_since", a list of
 * versions of one schema, and "$ref" by name. Of several things wrong the one nearest to the top is told.
 */
#ifndef PLACEMENT_SCHEMA_H
#define PLACEMENT_SCHEMA_H

#include "oslo/base/ctx.h"

/* Parses the file, once a process. */
bool placement_schemas_load(struct ctx *);
/* False with fault 400, whose message starts with prefix, where value does not fit the named schema at c->version. */
bool placement_check(struct ctx *, const char *name, const json_t *value, const char *prefix);

#endif
