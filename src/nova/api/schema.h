/* Request bodies and queries against JSON schemas (oslo/record/schema.h tells the dialect), with the original's words where they do not fit.
 *
 * The schemas are the files schemas/<resource>.json: an object whose members are the schemas of that resource's verbs; "$ref" names those of
 * common.json. Beside the dialect's keywords they say:
 *   "$in": "server"                     the value stands in an envelope, the object's one, required member
 *   "$query": {"limit": schema}         the schema of a query string, each parameter a list; "strict": the microversion from
 *                                       which on unknown parameters are refused; "pattern": of further names that are let through
 * The first thing wrong, in the order of the file, is told.
 */
#ifndef NOVA_API_SCHEMA_H
#define NOVA_API_SCHEMA_H

#include "oslo/http/http.h"
#include "oslo/record/python.h"

/* Parses all files, once a process. False with a fault that names the file. */
bool schemas_load(struct ctx *);

/* name: "flavors.create". Fault 400 ValidationError where value does not fit at c->version. value NULL is Python's None. */
bool schema_check(struct ctx *, const char *name, json_t *value);
/* The request's parsed body, checked. NULL with a fault. */
json_t *schema_body(struct ctx *, struct request *, const char *name);
/* The request's query as {"name": ["value", ...]}, checked; what the schema does not know is left out. NULL with a fault. */
json_t *schema_query(struct ctx *, struct request *, const char *name);

/* The last value of a checked query's parameter; NULL where there is none. */
const char *query_last(const json_t *query, const char *name);
/* A boolean as Nova's bodies have them: true or one of the words the schema allows. */
bool loose_bool(const json_t *value, bool otherwise);
/* An integer as Nova's bodies have them: 10 or "10". */
int64_t loose_int(const json_t *value, int64_t otherwise);

#endif
