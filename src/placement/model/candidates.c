/* The search for allocation candidates.
 *
 * The world (all providers with their inventories, and the traits and aggregates the request speaks of) is read by a few
 * plain queries, whatever its size; the rest is done on it in memory:
 *   for each group, the options: who could give all of it (or, without a suffix, which sets of one tree and of sharing
 *   providers could); then for each anchor (root of a tree) every combination of one option a group that the
 *   request-wide conditions and the capacities allow.
 */
#include "placement/model/world.h"

#include <stdlib.h>
#include <string.h>

struct option {                      /* one way to serve one group */
    struct node *anchor;
    struct part *parts;
    size_t n_parts;
    struct node **providers;         /* NULL-terminated */
};

static GPtrArray *group_options(struct world *, const struct group *);
static void merge(struct world *, GPtrArray *const *options, struct found *);
static void collect_nodes(struct world *, struct found *);

bool candidates_search(struct ctx *c, const struct search *search, struct found *ret)
{
    struct world w = { .c = c, .search = search };
    GPtrArray **options = ctx_new_n(c, GPtrArray *, search->n_groups);

    ret->candidates = array_new(c);
    ret->nodes = array_new(c);
    if (!world_read(&w))
        return false;
    for (size_t i = 0; i < search->n_groups; i++) {
        options[i] = group_options(&w, &search->groups[i]);
        if (!options[i]->len)
            return true;
    }
    merge(&w, options, ret);
    collect_nodes(&w, ret);
    return true;
}

/* --- options of a group --------------------------------------------------------------------------------------------- */

static void add_option(struct world *w, GPtrArray *options, struct node *anchor, const struct group *g, struct node *const *chosen)
{
    struct option *o = ctx_new(w->c, struct option);
    size_t n = 0;

    o->anchor = anchor;
    o->n_parts = g->n_resources;
    o->parts = ctx_new_n(w->c, struct part, g->n_resources + 1);
    o->providers = ctx_new_n(w->c, struct node *, g->n_resources + 2);
    for (size_t i = 0; i < g->n_resources; i++) {
        size_t j = 0;

        o->parts[i] = (struct part){ chosen[i], g->resources[i].resource_class, g->resources[i].n };
        while (j < n && o->providers[j] != chosen[i])
            j++;
        if (j == n)
            o->providers[n++] = chosen[i];
    }
    if (!g->n_resources)
        o->providers[0] = chosen[0];
    g_ptr_array_add(options, o);
}

/* One provider gives it all, for its own tree and, if it shares, for others. */
static void single_options(struct world *w, const struct group *g, GPtrArray *options)
{
    struct node **chosen = ctx_new_n(w->c, struct node *, g->n_resources + 1);

    for (guint i = 0; i < w->nodes->len; i++) {
        struct node *node = w->nodes->pdata[i];
        bool fits = in_tree(w, g, node) && has_of_each(node->traits, g->required) && !has_any(node->traits, g->forbidden) &&
                    has_of_each(node->aggregates, g->member_of) && !has_any(node->aggregates, g->forbidden_aggregates);

        for (size_t j = 0; fits && j < g->n_resources; j++)
            fits = can_give(node, &g->resources[j]);
        if (!fits)
            continue;
        for (size_t j = 0; j <= g->n_resources; j++)
            chosen[j] = node;
        if (is_anchor(w, node->root))
            add_option(w, options, node->root, g, chosen);
        if (node->sharing) {
            GPtrArray *anchors = anchors_of(w, node);

            for (guint j = 0; j < anchors->len; j++)
                if (anchors->pdata[j] != node->root)
                    add_option(w, options, anchors->pdata[j], g, chosen);
        }
    }
}

/* May the provider serve the group under that root? Aggregates of the root count for its tree. */
static bool aggregates_allow(const struct group *g, const struct node *node, const struct node *root)
{
    return (has_of_each(node->aggregates, g->member_of) || has_of_each(root->aggregates, g->member_of)) &&
           !has_any(node->aggregates, g->forbidden_aggregates) && !has_any(root->aggregates, g->forbidden_aggregates);
}

static void offer(GHashTable *trees, struct ctx *c, struct node *root, const struct group *g, size_t resource, struct node *node)
{
    GPtrArray **offers = g_hash_table_lookup(trees, root);

    if (!offers) {
        offers = ctx_new_n(c, GPtrArray *, g->n_resources);
        g_hash_table_insert(trees, root, offers);
    }
    if (!offers[resource])
        offers[resource] = array_new(c);
    for (guint i = 0; i < offers[resource]->len; i++)
        if (offers[resource]->pdata[i] == node)
            return;
    g_ptr_array_add(offers[resource], node);
}

/* The traits asked for may come from any of the providers chosen; what is forbidden from none. */
static bool traits_allow(const struct group *g, struct node *const *chosen)
{
    for (size_t i = 0; i < g->n_resources; i++)
        if (has_any(chosen[i]->traits, g->forbidden))
            return false;
    for (const char *const **any = g->required; any && *any; any++) {
        bool met = false;

        for (size_t i = 0; i < g->n_resources && !met; i++)
            met = has_any(chosen[i]->traits, *any);
        if (!met)
            return false;
    }
    return true;
}

/* Every choice of one provider a resource. */
static void product(struct world *w, const struct group *g, GPtrArray *const *offers, struct node *root, struct node **chosen, size_t at,
                    GPtrArray *options)
{
    if (at == g->n_resources) {
        if (traits_allow(g, chosen))
            add_option(w, options, root, g, chosen);
        return;
    }
    for (guint i = 0; i < offers[at]->len; i++) {
        chosen[at] = offers[at]->pdata[i];
        product(w, g, offers, root, chosen, at + 1, options);
    }
}

/* Providers of one tree, and those that share with it, give it together. */
static void tree_options(struct world *w, const struct group *g, GPtrArray *options)
{
    g_autoptr(GHashTable) trees = g_hash_table_new(NULL, NULL);
    struct node **chosen = ctx_new_n(w->c, struct node *, g->n_resources + 1);

    for (guint i = 0; i < w->nodes->len; i++) {
        struct node *node = w->nodes->pdata[i];
        GPtrArray *anchors = node->sharing && !g->in_tree && has_of_each(node->aggregates, g->member_of) ? anchors_of(w, node) : NULL;

        for (size_t j = 0; j < g->n_resources; j++) {
            if (!can_give(node, &g->resources[j]))
                continue;
            if (in_tree(w, g, node) && is_anchor(w, node->root) && aggregates_allow(g, node, node->root))
                offer(trees, w->c, node->root, g, j, node);
            for (guint k = 0; anchors && k < anchors->len; k++)
                if (aggregates_allow(g, node, anchors->pdata[k]))
                    offer(trees, w->c, anchors->pdata[k], g, j, node);
        }
    }
    for (guint i = 0; i < w->nodes->len; i++) {
        GPtrArray **offers = g_hash_table_lookup(trees, w->nodes->pdata[i]);
        bool whole = offers != NULL;

        for (size_t j = 0; whole && j < g->n_resources; j++)
            whole = offers[j] != NULL;
        if (whole)
            product(w, g, offers, w->nodes->pdata[i], chosen, 0, options);
    }
}

static GPtrArray *group_options(struct world *w, const struct group *g)
{
    GPtrArray *options = array_new(w->c);

    if (!*g->suffix && (w->any_sharing || w->any_nested))
        tree_options(w, g, options);
    else
        single_options(w, g, options);
    return options;
}

/* --- one option of each group --------------------------------------------------------------------------------------- */

static bool isolated(const struct search *s, struct option *const *chosen)
{
    for (size_t i = 0; s->isolate && i < s->n_groups; i++)
        for (size_t j = 0; j < i; j++)
            if (*s->groups[i].suffix && *s->groups[j].suffix && chosen[i]->providers[0] == chosen[j]->providers[0])
                return false;
    return true;
}

static bool is_above(const struct node *above, const struct node *node)
{
    for (; node; node = node->parent)
        if (node == above)
            return true;
    return false;
}

/* Is one of the providers of the groups named above all of them? */
static bool one_subtree(const struct search *s, struct option *const *chosen, const char *const *suffixes)
{
    struct node *nodes[64];
    size_t n = 0;

    for (size_t i = 0; i < s->n_groups; i++)
        if (text_in(s->groups[i].suffix, suffixes))
            for (struct node **p = chosen[i]->providers; *p && n < G_N_ELEMENTS(nodes); p++)
                nodes[n++] = *p;
    for (size_t i = 0; i < n; i++) {
        size_t under = 0;

        while (under < n && is_above(nodes[i], nodes[under]))
            under++;
        if (under == n)
            return true;
    }
    return n == 0;
}

static bool subtrees_hold(const struct search *s, struct option *const *chosen)
{
    for (const char *const **one = s->same_subtree; one && *one; one++)
        if (!one_subtree(s, chosen, *one))
            return false;
    return true;
}

/* Parts of the same class from the same provider become one; NULL if that is more than there is. */
static struct candidate *consolidate(struct world *w, struct option *const *chosen)
{
    struct candidate *cand = ctx_new(w->c, struct candidate);
    size_t n_groups = w->search->n_groups, room = 0;

    for (size_t i = 0; i < n_groups; i++)
        room += chosen[i]->n_parts;
    cand->anchor = chosen[0]->anchor;
    cand->parts = ctx_new_n(w->c, struct part, room + 1);
    cand->mappings = ctx_new_n(w->c, struct node *const *, n_groups + 1);
    for (size_t i = 0; i < n_groups; i++) {
        cand->mappings[i] = chosen[i]->providers;
        for (size_t j = 0; j < chosen[i]->n_parts; j++) {
            const struct part *part = &chosen[i]->parts[j];
            size_t k = 0;

            while (k < cand->n_parts && (cand->parts[k].node != part->node || strcmp(cand->parts[k].resource_class, part->resource_class)))
                k++;
            if (k == cand->n_parts)
                cand->parts[cand->n_parts++] = *part;
            else
                cand->parts[k].amount += part->amount;
        }
    }
    for (size_t i = 0; i < cand->n_parts; i++) {
        const struct stock *s = stock_of(cand->parts[i].node, cand->parts[i].resource_class);

        if (s->used + cand->parts[i].amount > s->capacity || cand->parts[i].amount > s->max_unit)
            return NULL;
    }
    return cand;
}

static bool same_nodes(struct node *const *a, struct node *const *b)
{
    size_t n = 0, m = 0;

    while (a[n])
        n++;
    for (; b[m]; m++) {
        size_t i = 0;

        while (i < n && a[i] != b[m])
            i++;
        if (i == n)
            return false;
    }
    return n == m;
}

static bool same_part(const struct part *a, const struct part *b)
{
    return a->node == b->node && a->amount == b->amount && !strcmp(a->resource_class, b->resource_class);
}

/* The same parts and mappings under another anchor are the same candidate. */
static bool is_known(struct world *w, const GPtrArray *known, const struct candidate *cand)
{
    for (guint i = 0; w->any_sharing && i < known->len; i++) {
        const struct candidate *k = known->pdata[i];
        bool same = k->n_parts == cand->n_parts;

        for (size_t j = 0; same && j < w->search->n_groups; j++)
            same = same_nodes(k->mappings[j], cand->mappings[j]);
        for (size_t j = 0; same && j < cand->n_parts; j++) {
            size_t m = 0;

            while (m < k->n_parts && !same_part(&k->parts[m], &cand->parts[j]))
                m++;
            same = m < k->n_parts;
        }
        if (same)
            return true;
    }
    return false;
}

/* Old clients do not know that one tree may have several providers. */
static bool one_provider_a_tree(const struct candidate *cand)
{
    for (size_t i = 0; i < cand->n_parts; i++)
        for (size_t j = 0; j < i; j++)
            if (cand->parts[i].node != cand->parts[j].node && cand->parts[i].node->root == cand->parts[j].node->root)
                return false;
    return true;
}

static bool enough(const struct world *w, const struct found *found)
{
    return w->search->limit && (int64_t)found->candidates->len >= w->search->limit;
}

static void combine(struct world *w, GPtrArray **options, struct option **chosen, size_t at, struct found *found)
{
    struct candidate *cand;

    if (at < w->search->n_groups) {
        for (guint i = 0; i < options[at]->len && !enough(w, found); i++) {
            chosen[at] = options[at]->pdata[i];
            combine(w, options, chosen, at + 1, found);
        }
        return;
    }
    if (!isolated(w->search, chosen) || !subtrees_hold(w->search, chosen))
        return;
    cand = consolidate(w, chosen);
    if (cand && (w->search->nested || !w->any_nested || one_provider_a_tree(cand)) && !is_known(w, found->candidates, cand))
        g_ptr_array_add(found->candidates, cand);
}

static GHashTable *by_anchor(struct world *w, const GPtrArray *options)
{
    GHashTable *table = table_new(w->c, NULL, NULL);

    for (guint i = 0; i < options->len; i++) {
        struct option *o = options->pdata[i];
        GPtrArray *list = g_hash_table_lookup(table, o->anchor);

        if (!list) {
            list = array_new(w->c);
            g_hash_table_insert(table, o->anchor, list);
        }
        g_ptr_array_add(list, o);
    }
    return table;
}

static void merge(struct world *w, GPtrArray *const *options, struct found *found)
{
    size_t n = w->search->n_groups;
    GHashTable **tables = ctx_new_n(w->c, GHashTable *, n);
    GPtrArray **here = ctx_new_n(w->c, GPtrArray *, n);
    struct option **chosen = ctx_new_n(w->c, struct option *, n);

    for (size_t i = 0; i < n; i++)
        tables[i] = by_anchor(w, options[i]);
    for (guint i = 0; i < w->nodes->len && !enough(w, found); i++) {
        bool whole = true;

        for (size_t j = 0; whole && j < n; j++)
            whole = (here[j] = g_hash_table_lookup(tables[j], w->nodes->pdata[i])) != NULL;
        if (whole)
            combine(w, here, chosen, 0, found);
    }
}

/* The trees of all providers in the candidates; for old clients, of nested worlds, those providers alone. */
static void collect_nodes(struct world *w, struct found *found)
{
    bool alone = !w->search->nested && w->any_nested;
    g_autoptr(GHashTable) wanted = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < found->candidates->len; i++) {
        const struct candidate *cand = found->candidates->pdata[i];

        for (size_t j = 0; j < cand->n_parts; j++)
            g_hash_table_add(wanted, alone ? cand->parts[j].node : cand->parts[j].node->root);
    }
    for (guint i = 0; i < w->nodes->len; i++) {
        struct node *node = w->nodes->pdata[i];

        if (g_hash_table_contains(wanted, alone ? node : node->root))
            g_ptr_array_add(found->nodes, node);
    }
}
