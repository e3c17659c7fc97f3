/* GET /allocation_candidates: the search, written in the shape of the microversion. */
#include "placement/api/api.h"
#include "placement/api/groups.h"

#include <string.h>

/* --- allocation requests -------------------------------------------------------------------------------------------- */

/* The parts of one candidate that are of the same provider as part i; only at the first of them. */
static bool is_first(const struct candidate *cand, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (cand->parts[j].node == cand->parts[i].node)
            return false;
    return true;
}

static void write_resources(struct out *out, const struct candidate *cand, size_t first)
{
    out_object(out, "resources");
    for (size_t i = first; i < cand->n_parts; i++)
        if (cand->parts[i].node == cand->parts[first].node)
            out_int(out, cand->parts[i].resource_class, cand->parts[i].amount);
    out_end_object(out);
}

/* Since 1.12 an object by provider; before, a list. */
static void write_allocations(struct ctx *c, struct out *out, const struct candidate *cand)
{
    bool object = c->version >= V(1, 12);

    (object ? out_object : out_array)(out, "allocations");
    for (size_t i = 0; i < cand->n_parts; i++) {
        if (!is_first(cand, i))
            continue;
        out_object(out, object ? cand->parts[i].node->uuid : NULL);
        if (!object) {
            out_object(out, "resource_provider");
            out_string(out, "uuid", cand->parts[i].node->uuid);
            out_end_object(out);
        }
        write_resources(out, cand, i);
        out_end_object(out);
    }
    (object ? out_end_object : out_end_array)(out);
}

static void write_mappings(struct out *out, const struct search *search, const struct candidate *cand)
{
    out_object(out, "mappings");
    for (size_t i = 0; i < search->n_groups; i++) {
        out_array(out, search->groups[i].suffix);
        for (struct node *const *node = cand->mappings[i]; *node; node++)
            out_string(out, NULL, (*node)->uuid);
        out_end_array(out);
    }
    out_end_object(out);
}

/* --- provider summaries --------------------------------------------------------------------------------------------- */

static bool is_requested(const struct search *search, const char *resource_class)
{
    for (size_t i = 0; i < search->n_groups; i++)
        for (size_t j = 0; j < search->groups[i].n_resources; j++)
            if (!strcmp(search->groups[i].resources[j].resource_class, resource_class))
                return true;
    return false;
}

static void write_summary(struct ctx *c, struct out *out, const struct search *search, const struct node *node)
{
    out_object(out, node->uuid);
    out_object(out, "resources");
    for (size_t i = 0; i < node->n_stocks; i++) {
        const struct stock *s = &node->stocks[i];

        if (c->version < V(1, 27) && !is_requested(search, s->resource_class))
            continue;
        out_object(out, s->resource_class);
        out_int(out, "capacity", s->capacity);
        out_int(out, "used", s->used);
        out_end_object(out);
    }
    out_end_object(out);
    if (c->version >= V(1, 17))
        out_raw(out, "traits", node->traits_json);
    if (c->version >= V(1, 29)) {
        out_string(out, "parent_provider_uuid", node->parent_uuid);
        out_string(out, "root_provider_uuid", node->root_uuid);
    }
    out_end_object(out);
}

/* --- the answer ----------------------------------------------------------------------------------------------------- */

static bool names_known(struct ctx *c, const struct search *s)
{
    const char *unknown = traits_unknown(c, s->root_required);

    if (!unknown)
        unknown = traits_unknown(c, s->root_forbidden);
    for (size_t i = 0; i < s->n_groups && !unknown; i++) {
        for (size_t j = 0; j < s->groups[i].n_resources; j++)
            if (!class_exists(c, s->groups[i].resources[j].resource_class))
                return fail(c, QUERY_CLASS, s->groups[i].resources[j].resource_class);
        unknown = traits_unknown(c, s->groups[i].forbidden);
        for (const char *const **any = s->groups[i].required; any && *any && !unknown; any++)
            unknown = traits_unknown(c, *any);
    }
    return unknown ? fail(c, INVALID, ctx_printf(c, "No such trait(s): %s.", unknown)) : !failed(c);
}

static void write_found(struct ctx *c, struct out *out, const struct search *search, const struct found *found)
{
    out_array(out, "allocation_requests");
    for (guint i = 0; i < found->candidates->len; i++) {
        const struct candidate *cand = found->candidates->pdata[i];

        out_object(out, NULL);
        write_allocations(c, out, cand);
        if (c->version >= V(1, 34))
            write_mappings(out, search, cand);
        out_end_object(out);
    }
    out_end_array(out);
    out_object(out, "provider_summaries");
    for (guint i = 0; i < found->nodes->len; i++)
        write_summary(c, out, search, found->nodes->pdata[i]);
    out_end_object(out);
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct search search;
    struct found found;
    struct out out;

    if (!accepts_json(c, request) || !query_read(c, request, "candidates_query") || !search_parse(c, request, &search) ||
        !names_known(c, &search) || !candidates_search(c, &search, &found) ||
        (found.nodes->len && c->version >= V(1, 17) && !nodes_load_traits(c, found.nodes)))
        return false;
    out = answer_begin(reply);
    write_found(c, &out, &search, &found);
    answer_end(c, reply, &out, (utc_time){ 0 });
    return true;
}

const struct route candidate_routes[] = {
    { "GET", "/allocation_candidates", list, .policy = "placement:allocation_candidates:list", .since = V(1, 10) },
    {}
};
