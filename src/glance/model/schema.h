/* The published JSON schemas, and values checked against them with the original's words. */
#ifndef GLANCE_MODEL_SCHEMA_H
#define GLANCE_MODEL_SCHEMA_H

#include "glance/faults.h"
#include "glance/glance.h"

/* Parses all of them, once a process. False with a fault that names the file. */
bool glance_schemas_load(struct ctx *);
/* The text a client gets; NULL if there is no such schema. name: "image", "metadef_object". */
const char *glance_schema_text(const char *name);
/* Fault SCHEMA_MISMATCH where value does not fit. */
bool glance_schema_check(struct ctx *, const char *name, json_t *value);

/* The request's body, any list or object; NULL with a fault. */
json_t *glance_body(struct ctx *, struct request *);

#endif
