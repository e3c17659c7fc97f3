/* Bodies against schemas.json, in the words of the original. */
#include "keystone/keystone.h"
#include "oslo/record/schema.h"

struct schema_file { const char *name, *text; };
extern const struct schema_file keystone_schema_files[];

static struct schemas *schemas;      /* set while the process starts */

bool keystone_schemas_load(struct ctx *c)
{
    static const struct schema_dialect dialect = { .tells = SCHEMA_FIRST };

    return schemas || (schemas = schemas_new(c, keystone_schema_files[0].text, &dialect)) != NULL;
}

bool keystone_schema_judge(struct ctx *c, const char *name, const json_t *value)
{
    const char *path, *wrong = schema_wrong(c, schemas, name, value, &path);

    if (!wrong)
        return true;
    return *path ? fail(c, INVALID_FIELD, path, wrong) : fail(c, SCHEMA, wrong);
}
