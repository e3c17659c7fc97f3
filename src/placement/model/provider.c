/* Resource providers: rows and generations. */
#include "placement/model/model.h"

#include "placement/faults.h"

const struct attr provider_attrs[] = {
    ATTR(struct provider, uuid, 0),        ATTR(struct provider, name, 0),       ATTR(struct provider, generation, 0),
    ATTR(struct provider, parent_uuid, 0), ATTR(struct provider, root_uuid, 0),  ATTR(struct provider, created_at, 0),
    ATTR(struct provider, updated_at, 0),  {}
};

bool provider_find(struct ctx *c, const char *uuid, struct provider *ret_provider)
{
    return record_find(c, "resource_providers", provider_attrs, ret_provider, "uuid", uuid);
}

bool provider_get(struct ctx *c, const char *uuid, struct provider *ret_provider)
{
    return provider_find(c, uuid, ret_provider) || fail(c, PROVIDER_NOT_FOUND, uuid);
}

bool provider_bump(struct ctx *c, struct provider *p)
{
    int64_t changed, now = clock_us();

    if (!db_changed(c, &changed, "UPDATE resource_providers SET generation = generation + 1, updated_at = $1 WHERE uuid = $2 AND generation = $3",
                    I(now), T(p->uuid), I(p->generation)))
        return false;
    if (!changed)
        return fail(c, CONCURRENT_UPDATE);
    p->generation++;
    p->updated_at.us = now;
    return true;
}
