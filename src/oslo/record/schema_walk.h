/* One walk of a value along a schema: what schema.c makes of files, schema_walk.c holds values against. */
#ifndef OSLO_RECORD_SCHEMA_WALK_H
#define OSLO_RECORD_SCHEMA_WALK_H

#include "oslo/record/schema.h"

#include <jansson.h>

enum { SCHEMA_DEPTH = 64 };          /* what lies deeper is judged, but its place is not told */
struct schema_place { const char *key; size_t index; };          /* key NULL: the index */
struct schema_path { struct schema_place at[SCHEMA_DEPTH]; int n; };

/* As jsonschema's ValidationError. Paths begin at the parent in whose context it stands. */
struct schema_error {
    const char *message, *reason, *keyword;      /* reason: a format's own words, else NULL */
    const json_t *schema, *value;
    struct schema_path in_schema, in_value;
    struct schema_error *context, *next;         /* why no branch of an anyOf or oneOf fits; the sibling */
};

/* The one that is told of what is wrong, NULL: nothing is. Of the ctx, as its texts. value NULL is Python's None. */
const struct schema_error *schema_walk(struct ctx *, const struct schema_dialect *, const json_t *schema, const json_t *value);
/* A pattern of a schema, compiled once a process. */
bool schema_matches(const char *pattern, const char *text);

#endif
