/* The world of a search, read from the store. */
#include "placement/model/world.h"

#include <stdlib.h>
#include <string.h>

#define SHARES "MISC_SHARES_VIA_AGGREGATE"

static void array_free(void *array)
{
    g_ptr_array_unref(array);
}

GPtrArray *array_new(struct ctx *c)
{
    return ctx_own(c, g_ptr_array_new(), array_free);
}

static void table_free(void *table)
{
    g_hash_table_unref(table);
}

GHashTable *table_new(struct ctx *c, GHashFunc hash, GEqualFunc equal)
{
    return ctx_own(c, g_hash_table_new(hash, equal), table_free);
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static struct node *node_of(const struct world *w, const char *uuid)
{
    return uuid ? g_hash_table_lookup(w->by_uuid, uuid) : NULL;
}

static int by_age(const void *a, const void *b)
{
    const struct node *m = *(const struct node *const *)a, *n = *(const struct node *const *)b;

    return m->created_at != n->created_at ? (m->created_at < n->created_at ? -1 : 1) : strcmp(m->uuid, n->uuid);
}

static bool read_providers(struct world *w)
{
    struct rows *rows = db_query(w->c, "SELECT uuid, parent_uuid, root_uuid, generation, created_at FROM resource_providers");

    while (db_next(rows)) {
        struct node *node = ctx_new(w->c, struct node);

        node->uuid = db_text(rows, 0);
        node->parent_uuid = db_text(rows, 1);
        node->root_uuid = db_text(rows, 2);
        node->generation = db_int(rows, 3);
        node->created_at = db_int(rows, 4);
        g_ptr_array_add(w->nodes, node);
        g_hash_table_insert(w->by_uuid, node->uuid, node);
    }
    qsort(w->nodes->pdata, w->nodes->len, sizeof(gpointer), by_age);
    for (guint i = 0; i < w->nodes->len; i++) {
        struct node *node = w->nodes->pdata[i];

        node->parent = node_of(w, node->parent_uuid);
        node->root = node_of(w, node->root_uuid);
        if (!node->root)
            node->root = node; /* its tree was made between two queries */
        w->any_nested |= node->parent != NULL;
    }
    return !failed(w->c);
}

static struct stock *new_stock(struct world *w, struct node *node)
{
    if (node->n_stocks % 4 == 0) {
        struct stock *more = ctx_new_n(w->c, struct stock, node->n_stocks + 4);

        if (node->n_stocks)
            memcpy(more, node->stocks, node->n_stocks * sizeof(*more));
        node->stocks = more;
    }
    return &node->stocks[node->n_stocks++];
}

static bool read_stocks(struct world *w)
{
    struct rows *rows = db_query(w->c, "SELECT provider_uuid, resource_class, total, reserved, min_unit, max_unit, step_size, used, allocation_ratio "
                                       "FROM inventories");

    while (db_next(rows)) {
        struct node *node = node_of(w, db_text(rows, 0));
        struct stock *s = node ? new_stock(w, node) : NULL;

        if (!s)
            continue;
        *s = (struct stock){ db_text(rows, 1), db_int(rows, 2), db_int(rows, 3), db_int(rows, 4), db_int(rows, 5), db_int(rows, 6),
                             db_int(rows, 7), 0, db_real(rows, 8) };
        s->capacity = (int64_t)((double)(s->total - s->reserved) * s->allocation_ratio);
    }
    return !failed(w->c);
}

static void add_name(struct ctx *c, GPtrArray **list, char *name)
{
    if (!*list)
        *list = array_new(c);
    g_ptr_array_add(*list, name);
}

static void add_all(GPtrArray *to, const char *const *names)
{
    for (; names && *names; names++)
        g_ptr_array_add(to, (gpointer)(uintptr_t)*names);
}

static void add_lists(GPtrArray *to, const char *const **lists)
{
    for (; lists && *lists; lists++)
        add_all(to, *lists);
}

/* Which providers have the traits the request speaks of, and who shares. */
static bool read_traits(struct world *w)
{
    GPtrArray *names = array_new(w->c);
    struct sql *s = sql_new(w->c);
    struct rows *rows;

    add_all(names, w->search->root_required);
    add_all(names, w->search->root_forbidden);
    for (size_t i = 0; i < w->search->n_groups; i++) {
        add_lists(names, w->search->groups[i].required);
        add_all(names, w->search->groups[i].forbidden);
    }
    add_all(names, (const char *const[]){ SHARES, NULL });
    g_ptr_array_add(names, NULL);
    sql_add(s, "SELECT provider_uuid, trait FROM provider_traits WHERE trait IN ");
    sql_in(s, (const char *const *)names->pdata);
    for (rows = sql_query(s); db_next(rows);) {
        struct node *node = node_of(w, db_text(rows, 0));

        if (!node)
            continue;
        add_name(w->c, &node->traits, db_text(rows, 1));
        if (!strcmp(db_text(rows, 1), SHARES))
            node->sharing = w->any_sharing = true;
    }
    return !failed(w->c);
}

/* Those the request names; all where providers share by them. */
static bool read_aggregates(struct world *w)
{
    GPtrArray *names = array_new(w->c);
    struct sql *s = sql_new(w->c);
    struct rows *rows;

    for (size_t i = 0; i < w->search->n_groups; i++) {
        add_lists(names, w->search->groups[i].member_of);
        add_all(names, w->search->groups[i].forbidden_aggregates);
    }
    if (!names->len && !w->any_sharing)
        return true;
    g_ptr_array_add(names, NULL);
    sql_add(s, "SELECT provider_uuid, aggregate_uuid FROM provider_aggregates");
    if (!w->any_sharing) {
        sql_add(s, " WHERE aggregate_uuid IN ");
        sql_in(s, (const char *const *)names->pdata);
    }
    for (rows = sql_query(s); db_next(rows);) {
        struct node *node = node_of(w, db_text(rows, 0));

        if (node)
            add_name(w->c, &node->aggregates, db_text(rows, 1));
    }
    return !failed(w->c);
}

bool world_read(struct world *w)
{
    w->nodes = array_new(w->c);
    w->by_uuid = table_new(w->c, g_str_hash, g_str_equal);
    return read_providers(w) && read_stocks(w) && read_traits(w) && read_aggregates(w);
}

/* --- what one provider has ------------------------------------------------------------------------------------------ */

static bool has(const GPtrArray *list, const char *name)
{
    for (guint i = 0; list && i < list->len; i++)
        if (!strcmp(list->pdata[i], name))
            return true;
    return false;
}

bool has_any(const GPtrArray *list, const char *const *names)
{
    for (; names && *names; names++)
        if (has(list, *names))
            return true;
    return false;
}

bool has_of_each(const GPtrArray *list, const char *const **lists)
{
    for (; lists && *lists; lists++)
        if (!has_any(list, *lists))
            return false;
    return true;
}

const struct stock *stock_of(const struct node *node, const char *resource_class)
{
    for (size_t i = 0; i < node->n_stocks; i++)
        if (!strcmp(node->stocks[i].resource_class, resource_class))
            return &node->stocks[i];
    return NULL;
}

bool can_give(const struct node *node, const struct amount *a)
{
    const struct stock *s = stock_of(node, a->resource_class);

    return s && (double)(s->used + a->n) <= (double)(s->total - s->reserved) * s->allocation_ratio && s->min_unit <= a->n &&
           s->max_unit >= a->n && a->n % s->step_size == 0;
}

bool is_anchor(const struct world *w, const struct node *root)
{
    const char *const *name;

    for (name = w->search->root_required; name && *name; name++)
        if (!has(root->traits, *name))
            return false;
    return !has_any(root->traits, w->search->root_forbidden);
}

bool in_tree(const struct world *w, const struct group *g, const struct node *node)
{
    const struct node *asked = node_of(w, g->in_tree);

    return !g->in_tree || (asked && node->root == asked->root);
}

static bool share_aggregate(const struct node *a, const struct node *b)
{
    for (guint i = 0; a->aggregates && i < a->aggregates->len; i++)
        if (has(b->aggregates, a->aggregates->pdata[i]))
            return true;
    return false;
}

GPtrArray *anchors_of(struct world *w, const struct node *sharing)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    GPtrArray *anchors = array_new(w->c);

    for (guint i = 0; i < w->nodes->len; i++) {
        struct node *node = w->nodes->pdata[i];

        if (share_aggregate(sharing, node) && is_anchor(w, node->root) && g_hash_table_add(seen, node->root))
            g_ptr_array_add(anchors, node->root);
    }
    return anchors;
}
