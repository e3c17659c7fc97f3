/* Bodies and queries against the JSON schemas of schemas.json (oslo/record/schema.h). */
#ifndef PLACEMENT_SCHEMA_H
#define PLACEMENT_SCHEMA_H

#include "oslo/base/ctx.h"

/* Parses the file, once a process. */
bool placement_schemas_load(struct ctx *);
/* False with fault 400, whose message starts with prefix, where value does not fit the named schema at c->version. */
bool placement_check(struct ctx *, const char *name, const json_t *value, const char *prefix);

#endif
