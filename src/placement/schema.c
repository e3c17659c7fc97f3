/* Placement's bodies and queries against schemas.json. */
#include "placement/schema.h"

#include "oslo/record/schema.h"
#include "placement/faults.h"

struct schema_file { const char *name, *text; };
extern const struct schema_file placement_schemas[];

static struct schemas *schemas;      /* set while the process starts */

bool placement_schemas_load(struct ctx *c)
{
    static const struct schema_dialect dialect = { .tells = SCHEMA_BEST };

    return schemas || (schemas = schemas_new(c, placement_schemas[0].text, &dialect)) != NULL;
}

bool placement_check(struct ctx *c, const char *name, const json_t *value, const char *prefix)
{
    const char *wrong = schema_wrong(c, schemas, name, value, NULL);

    return !wrong || fail(c, INVALID, ctx_printf(c, "%s%s", prefix, wrong));
}
