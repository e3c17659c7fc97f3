/* Inventories: how much of a class a provider has, and how much of it is taken. */
#include "placement/model/model.h"

#include "placement/faults.h"

#include <string.h>

const struct attr inventory_attrs[] = {
    ATTR(struct inventory, provider_uuid, HIDDEN), ATTR(struct inventory, resource_class, HIDDEN), ATTR(struct inventory, total, 0),
    ATTR(struct inventory, reserved, 0),           ATTR(struct inventory, min_unit, 0),            ATTR(struct inventory, max_unit, 0),
    ATTR(struct inventory, step_size, 0),          ATTR(struct inventory, allocation_ratio, 0),    ATTR(struct inventory, used, HIDDEN),
    ATTR(struct inventory, created_at, HIDDEN),    ATTR(struct inventory, updated_at, HIDDEN),     {}
};

struct inventory *inventories_of(struct ctx *c, const char *provider_uuid, size_t *ret_n)
{
    struct inventory *list = NULL, *more;
    size_t n = 0, room = 0;
    struct sql *s = sql_new(c);
    struct rows *rows;

    buf_puts(&s->text, "SELECT ");
    record_columns(&s->text, inventory_attrs, "");
    sql_add(s, " FROM inventories WHERE provider_uuid = ? ORDER BY created_at, resource_class", T(provider_uuid));
    for (rows = sql_query(s); db_next(rows);) {
        if (n == room) {
            room = room ? room * 2 : 8;
            more = ctx_new_n(c, struct inventory, room);
            if (n)
                memcpy(more, list, n * sizeof(*list));
            list = more;
        }
        record_from_row(rows, inventory_attrs, &list[n++], 0);
    }
    *ret_n = n;
    return list;
}

bool class_exists(struct ctx *c, const char *name)
{
    return db_count(c, "SELECT count(*) FROM resource_classes WHERE name = $1", T(name)) > 0;
}

bool inventory_insert(struct ctx *c, struct inventory *i)
{
    i->created_at = utc_now();
    return record_insert(c, "inventories", inventory_attrs, i);
}

bool inventory_change(struct ctx *c, const struct inventory *i, int64_t *ret_changed)
{
    return db_changed(c, ret_changed, "UPDATE inventories SET total = $1, reserved = $2, min_unit = $3, max_unit = $4, step_size = $5, "
                                      "allocation_ratio = $6, updated_at = $7 WHERE provider_uuid = $8 AND resource_class = $9",
                      I(i->total), I(i->reserved), I(i->min_unit), I(i->max_unit), I(i->step_size), R(i->allocation_ratio), I(clock_us()),
                      T(i->provider_uuid), T(i->resource_class));
}

static const struct inventory *find(const struct inventory *list, size_t n, const char *resource_class)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].resource_class, resource_class))
            return &list[i];
    return NULL;
}

/* Removes what stands in before and not in list. */
static bool remove_others(struct ctx *c, const struct provider *p, const struct inventory *before, size_t n_before,
                          const struct inventory *list, size_t n, const struct inventory_faults *faults)
{
    g_autoptr(GString) busy = g_string_new(NULL);

    for (size_t i = 0; i < n_before; i++)
        if (before[i].used && !find(list, n, before[i].resource_class))
            g_string_append_printf(busy, "%s%s", busy->len ? ", " : "", before[i].resource_class);
    if (busy->len)
        return faults->in_use(c, p, ctx_strdup(c, busy->str));
    for (size_t i = 0; i < n_before; i++)
        if (!find(list, n, before[i].resource_class) &&
            !db_exec(c, "DELETE FROM inventories WHERE provider_uuid = $1 AND resource_class = $2", T(p->uuid), T(before[i].resource_class)))
            return false;
    return true;
}

bool inventories_set(struct ctx *c, const struct provider *p, struct inventory *list, size_t n, bool keep, const struct inventory_faults *faults)
{
    size_t n_before;
    struct inventory *before = inventories_of(c, p->uuid, &n_before);

    for (size_t i = 0; i < n; i++)
        if (!find(before, n_before, list[i].resource_class) && !class_exists(c, list[i].resource_class))
            return faults->no_class(c, p, list[i].resource_class);
    if (!keep && !remove_others(c, p, before, n_before, list, n, faults))
        return false;
    for (size_t i = 0; i < n; i++) {
        list[i].provider_uuid = p->uuid;
        if (!(find(before, n_before, list[i].resource_class) ? inventory_change(c, &list[i], NULL) : inventory_insert(c, &list[i])))
            return false;
    }
    return !failed(c);
}
