/* Parsing of the queries that speak of resources, traits and aggregates. */
#include "placement/api/groups.h"

#include "placement/faults.h"

#include <string.h>

/* A NULL-terminated list of the ctx that grows. */
struct list { const void **items; size_t n, room; };

static void add(struct ctx *c, struct list *l, const void *item)
{
    if (l->n + 1 >= l->room) {
        const void **more = ctx_new_n(c, const void *, l->room * 2 + 8);

        if (l->n)
            memcpy(more, l->items, l->n * sizeof(*more));
        l->items = more;
        l->room = l->room * 2 + 8;
    }
    l->items[l->n++] = item;
    l->items[l->n] = NULL;
}

static void add_new(struct ctx *c, struct list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->items[i], name))
            return;
    add(c, l, name);
}

static const char *const *names_of(const struct list *l)
{
    return (const char *const *)l->items;
}

static const char *const **lists_of(const struct list *l)
{
    return (const char *const **)(uintptr_t)l->items;
}

/* --- resources ------------------------------------------------------------------------------------------------------ */

#define RESOURCES_FORM "Badly formed resources parameter. Expected resources query string parameter in form: " \
                       "?resources=VCPU:2,MEMORY_MB:1024. Got: "

static bool amount_parse(struct ctx *c, char *piece, struct amount *ret)
{
    char *colon = strchr(piece, ':'), *number;

    if (!colon || strchr(colon + 1, ':'))
        return fail(c, INVALID, ctx_printf(c, RESOURCES_FORM "%s.", piece));
    *colon = '\0';
    number = g_strstrip(ctx_strdup(c, colon + 1));
    if (!text_to_int(*number == '+' ? number + 1 : number, &ret->n))
        return fail(c, INVALID, ctx_printf(c, "Requested resource %s expected positive integer amount. Got: %s.", piece, colon + 1));
    if (ret->n < 1)
        return fail(c, INVALID, ctx_printf(c, "Requested resource %s requires amount >= 1. Got: %" G_GINT64_FORMAT ".", piece, ret->n));
    ret->resource_class = piece;
    return true;
}

bool resources_parse(struct ctx *c, const char *text, struct group *g)
{
    g_auto(GStrv) pieces = g_strsplit(text, ",", -1);
    struct amount amount;

    if (!*g_strstrip(ctx_strdup(c, text)))
        return fail(c, INVALID, RESOURCES_FORM "empty string.");
    g->resources = ctx_new_n(c, struct amount, g_strv_length(pieces));
    g->n_resources = 0;
    for (char **piece = pieces; *piece; piece++) {
        size_t i = 0;

        if (!amount_parse(c, ctx_strdup(c, *piece), &amount))
            return false;
        while (i < g->n_resources && strcmp(g->resources[i].resource_class, amount.resource_class))
            i++;
        g->resources[i] = amount;
        g->n_resources = MAX(g->n_resources, i + 1);
    }
    return true;
}

/* --- traits --------------------------------------------------------------------------------------------------------- */

#define REQUIRED_FORM "Invalid query string parameters: Expected 'required' parameter value of the form: "

static bool any_traits_parse(struct ctx *c, const char *value, struct list *required)
{
    struct list any = { 0 };

    if (c->version < V(1, 39))
        return fail(c, INVALID, ctx_printf(c, "Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported "
                                              "since microversion 1.39. Got: %s", value));
    for (char **name = text_split(c, value + 3, ','); *name; name++) {
        if (!**name)
            return fail(c, INVALID, ctx_printf(c, REQUIRED_FORM "in:HW_CPU_X86_VMX,CUSTOM_MAGIC. Got an empty trait in: %s", value));
        if (**name == '!')
            return fail(c, INVALID, ctx_printf(c, "Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' does not "
                                                  "support forbidden traits. Got: %s", value));
        add_new(c, &any, *name);
    }
    if (!any.n)
        return fail(c, INVALID, ctx_printf(c, REQUIRED_FORM "in:HW_CPU_X86_VMX,CUSTOM_MAGIC. Got an empty trait in: %s", value));
    add(c, required, any.items);
    return true;
}

static bool plain_traits_parse(struct ctx *c, const char *value, bool may_forbid, struct list *required, struct list *forbidden)
{
    const char *form = may_forbid ? "HW_CPU_X86_VMX,!CUSTOM_MAGIC" : "HW_CPU_X86_VMX,CUSTOM_MAGIC";
    char **names = text_split(c, value, ',');
    bool any_forbidden = false;

    if (!*names)
        return fail(c, INVALID, ctx_printf(c, REQUIRED_FORM "%s. Got an empty trait in: %s", form, value));
    for (; *names; names++) {
        const char *name = *names + strspn(*names, "!");

        if (!*name)
            return fail(c, INVALID, ctx_printf(c, REQUIRED_FORM "%s. Got an empty trait in: %s", form, value));
        any_forbidden |= name != *names;
        if (name != *names) {
            add_new(c, forbidden, name);
        } else {
            struct list one = { 0 };

            add(c, &one, name);
            add(c, required, one.items);
        }
    }
    if (any_forbidden && !may_forbid)
        return fail(c, INVALID, ctx_printf(c, REQUIRED_FORM "HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: %s", value));
    return true;
}

bool traits_parse(struct ctx *c, const struct request *request, const char *key, struct group *g)
{
    struct list required = { 0 }, forbidden = { 0 };

    for (const struct pair *p = request->query; p && p->name; p++) {
        if (strcmp(p->name, key) || (c->version < V(1, 39) && p->value != request_query(request, key)))
            continue;
        if (!(g_str_has_prefix(p->value, "in:") ? any_traits_parse(c, p->value, &required)
                                                : plain_traits_parse(c, p->value, c->version >= V(1, 22), &required, &forbidden)))
            return false;
    }
    g->required = lists_of(&required);
    g->forbidden = names_of(&forbidden);
    return true;
}

/* --- aggregates ----------------------------------------------------------------------------------------------------- */

static bool one_member_of(struct ctx *c, const char *value, struct list *required, struct list *forbidden)
{
    bool negative = *value == '!', several;
    const char *list = negative ? value + 1 : value;
    struct list any = { 0 };

    several = g_str_has_prefix(list, "in:");
    if (strchr(value, ',') && !several)
        return fail(c, INVALID, ctx_printf(c, "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the "
                                              "valid microversion. Got: %s", value));
    g_auto(GStrv) uuids = g_strsplit(several ? list + 3 : list, several ? "," : "\n", -1);
    for (size_t i = 0; i < MAX(g_strv_length(uuids), 1); i++) {
        const char *uuid = uuids[0] ? uuids[i] : "";

        if (!uuid_is(uuid))
            return fail(c, INVALID, ctx_printf(c, "Invalid query string parameters: Expected 'member_of' parameter to contain valid UUID(s). "
                                                  "Got: %s", uuid));
        add_new(c, negative ? forbidden : &any, ctx_strdup(c, uuid));
    }
    if (!negative)
        add(c, required, any.items);
    return true;
}

bool member_of_parse(struct ctx *c, const struct request *request, const char *key, struct group *g)
{
    struct list required = { 0 }, forbidden = { 0 };
    int n = 0;

    for (const struct pair *p = request->query; p && p->name; p++) {
        if (strcmp(p->name, key))
            continue;
        if (n++ && c->version < V(1, 24))
            return fail(c, INVALID, ctx_printf(c, "Multiple %s parameters are not supported", key));
        if (!one_member_of(c, p->value, &required, &forbidden))
            return false;
        if (forbidden.n && c->version < V(1, 32))
            return fail(c, INVALID, ctx_printf(c, "Forbidden %s parameters are not supported in the specified microversion", key));
    }
    g->member_of = lists_of(&required);
    g->forbidden_aggregates = names_of(&forbidden);
    return true;
}

/* --- groups --------------------------------------------------------------------------------------------------------- */

static const char *const prefixes[] = { "resources", "required", "member_of", "in_tree", NULL };

/* The schema has seen to it that what follows the prefix is a suffix. */
static const char *prefix_of(const char *key)
{
    for (const char *const *p = prefixes; *p; p++)
        if (g_str_has_prefix(key, *p))
            return *p;
    return NULL;
}

static struct group *group_of(struct search *s, const char *suffix)
{
    for (size_t i = 0; i < s->n_groups; i++)
        if (!strcmp(s->groups[i].suffix, suffix))
            return &s->groups[i];
    s->groups[s->n_groups].suffix = suffix;
    return &s->groups[s->n_groups++];
}

static bool in_tree_parse(struct ctx *c, const char *value, struct group *g)
{
    char *uuid = g_strstrip(ctx_strdup(c, value));

    g->in_tree = uuid;
    return uuid_is(uuid) || fail(c, INVALID, ctx_printf(c, "Invalid query string parameters: Expected 'in_tree' parameter to be a format of "
                                                           "uuid. Got: %s", value));
}

static bool groups_parse(struct ctx *c, const struct request *request, struct search *s)
{
    size_t n = 0;

    for (const struct pair *p = request->query; p && p->name; p++)
        n++;
    s->groups = ctx_new_n(c, struct group, n + 1);
    for (const struct pair *p = request->query; p && p->name; p++) {
        const char *prefix = prefix_of(p->name);
        struct group *g = prefix ? group_of(s, p->name + strlen(prefix)) : NULL;

        if (prefix && !(prefix == prefixes[0]   ? resources_parse(c, p->value, g)
                        : prefix == prefixes[1] ? traits_parse(c, request, p->name, g)
                        : prefix == prefixes[2] ? member_of_parse(c, request, p->name, g)
                                                : in_tree_parse(c, p->value, g)))
            return false;
    }
    return true;
}

/* Names for a message: "a, b", each between before and after. */
static void add_name(struct buf *to, const char *before, const char *name, const char *after)
{
    buf_printf(to, "%s%s%s%s", to->len ? ", " : "", before, name, after);
}

/* Well where no name was found; else the fault, with a code of its own if coded. */
static bool none(struct ctx *c, struct buf *names, bool coded, const char *before, const char *after)
{
    bool well = !names->len;
    char *text = well ? NULL : ctx_printf(c, "%s%s%s", before, names->data, after);

    buf_clear(names);
    if (well)
        return true;
    return coded ? fail(c, QUERY_BAD_VALUE, text) : fail(c, INVALID, text);
}

static bool in_a_subtree(const struct search *s, const char *suffix)
{
    for (const char *const **one = s->same_subtree; one && *one; one++)
        if (text_in(suffix, *one))
            return true;
    return false;
}

static bool has_group(const struct search *s, const char *suffix)
{
    for (size_t i = 0; i < s->n_groups; i++)
        if (!strcmp(s->groups[i].suffix, suffix))
            return true;
    return false;
}

/* From 1.36 on groups of a same_subtree may be without resources. */
static bool check_subtrees(struct ctx *c, const struct search *s)
{
    struct buf bad = { 0 }, unreal = { 0 }, real = { 0 };
    size_t without = 0;
    char *known;

    for (size_t i = 0; i < s->n_groups; i++) {
        without += !s->groups[i].n_resources;
        add_name(&real, "'", s->groups[i].suffix, "'");
        if (!s->groups[i].n_resources && !in_a_subtree(s, s->groups[i].suffix))
            add_name(&bad, "'", s->groups[i].suffix, "'");
    }
    for (const char *const **one = s->same_subtree; one && *one; one++)
        for (const char *const *suffix = *one; *suffix; suffix++)
            if (!has_group(s, *suffix))
                add_name(&unreal, "'", *suffix, "'");
    known = ctx_printf(c, "] not found in [%s].", real.data ? real.data : "");
    buf_clear(&real);
    if (without == s->n_groups) {
        buf_clear(&bad);
        buf_clear(&unreal);
        return fail(c, QUERY_MISSING);
    }
    if (!none(c, &bad, true, "Resourceless suffixed group request should be specified in `same_subtree` query param: bad group(s) - [", "].")) {
        buf_clear(&unreal);
        return false;
    }
    return none(c, &unreal, true, "Real suffixes should be specified in `same_subtree`: [", known);
}

static bool check_orphans(struct ctx *c, const struct search *s)
{
    struct buf traits = { 0 }, aggregates = { 0 };
    bool whole = true;

    for (size_t i = 0; i < s->n_groups; i++) {
        const struct group *g = &s->groups[i];

        whole &= g->n_resources > 0;
        if (!g->n_resources && g->required)
            add_name(&traits, "required", g->suffix, "");
        if (!g->n_resources && (g->member_of || g->forbidden_aggregates))
            add_name(&aggregates, "member_of", g->suffix, "");
    }
    if (!none(c, &traits, false, "All traits parameters must be associated with resources.  Found the following orphaned traits keys: ", "")) {
        buf_clear(&aggregates);
        return false;
    }
    if (!none(c, &aggregates, false, "All member_of parameters must be associated with resources. Found the following orphaned member_of keys: ", ""))
        return false;
    if (!whole)
        return fail(c, INVALID, "All request groups must specify resources.");
    return s->n_groups || fail(c, INVALID, "At least one request group (`resources` or `resources{$S}`) is required.");
}

static bool all_in(const char *const *names, const char *const *list)
{
    for (; *names; names++)
        if (!text_in(*names, list))
            return false;
    return true;
}

static bool check_conflicts(struct ctx *c, const struct search *s)
{
    struct buf conflicts = { 0 };

    for (size_t i = 0; i < s->n_groups; i++)
        for (const char *const **any = s->groups[i].required; any && *any; any++)
            if (all_in(*any, s->groups[i].forbidden)) {
                g_autofree char *names = g_strjoinv(", ", (char **)(uintptr_t)*any);

                add_name(&conflicts, "required", ctx_printf(c, "%s: (%s)", s->groups[i].suffix, names), "");
            }
    return none(c, &conflicts, false, "Conflicting required and forbidden traits found in the following traits keys: ", "");
}

/* --- what concerns the whole request -------------------------------------------------------------------------------- */

static bool root_required_parse(struct ctx *c, const struct request *request, struct search *s)
{
    struct list required = { 0 }, forbidden = { 0 }, flat = { 0 };
    struct buf conflicts = { 0 };
    const char *value = request_query(request, "root_required");
    int n = 0;

    if (!value)
        return true;
    for (const struct pair *p = request->query; p->name; p++)
        n += !strcmp(p->name, "root_required");
    if (n > 1)
        return fail(c, QUERY_DUPLICATE, "root_required");
    if (g_str_has_prefix(value, "in:"))
        return fail(c, INVALID, ctx_printf(c, "Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported "
                                              "since microversion 1.39. Got: %s", value));
    if (!plain_traits_parse(c, value, true, &required, &forbidden))
        return false;
    for (size_t i = 0; i < required.n; i++)
        add_new(c, &flat, ((const char *const *)required.items[i])[0]);
    for (size_t i = 0; i < flat.n; i++)
        if (text_in(flat.items[i], names_of(&forbidden)))
            add_name(&conflicts, "", flat.items[i], "");
    s->root_required = names_of(&flat);
    s->root_forbidden = names_of(&forbidden);
    return none(c, &conflicts, true, "Conflicting required and forbidden traits found in root_required: ", "");
}

static bool same_subtree_parse(struct ctx *c, const struct request *request, struct search *s)
{
    struct list subtrees = { 0 };

    for (const struct pair *p = request->query; p && p->name; p++) {
        struct list one = { 0 };
        char **suffix;

        if (strcmp(p->name, "same_subtree"))
            continue;
        suffix = text_split(c, p->value, ',');
        do {
            if (!*suffix || !**suffix)
                return fail(c, QUERY_BAD_VALUE, "Empty string (unsuffixed group) can not be specified in `same_subtree` ");
            add_new(c, &one, *suffix);
        } while (*++suffix);
        add(c, &subtrees, one.items);
    }
    s->same_subtree = lists_of(&subtrees);
    return true;
}

bool search_parse(struct ctx *c, const struct request *request, struct search *s)
{
    const char *limit = request_query(request, "limit"), *policy = request_query(request, "group_policy");
    size_t with_suffix = 0;

    *s = (struct search){ .nested = c->version >= V(1, 29), .isolate = policy && !strcmp(policy, "isolate") };
    if (limit && !text_to_int(limit, &s->limit))
        s->limit = 0;
    if (!root_required_parse(c, request, s) || !same_subtree_parse(c, request, s) || !groups_parse(c, request, s) ||
        !(c->version >= V(1, 36) ? check_subtrees(c, s) : check_orphans(c, s)) || (c->version >= V(1, 22) && !check_conflicts(c, s)))
        return false;
    for (size_t i = 0; i < s->n_groups; i++)
        with_suffix += *s->groups[i].suffix != '\0';
    return policy || with_suffix <= 1 ||
           fail(c, INVALID, "The \"group_policy\" parameter is required when specifying more than one \"resources{N}\" parameter.");
}
