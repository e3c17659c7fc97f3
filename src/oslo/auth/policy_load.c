/* A service's rules: the defaults of its table, then what the operator's files say over them; names resolved, no circles. */
#include "oslo/auth/policy_tree.h"

#include <string.h>

#include "oslo/auth/policy_file.h"

static bool rule_set(struct ctx *c, struct policies *policies, const char *name, const char *text, const char *scopes)
{
    const char *error = NULL;
    struct rule *rule = g_hash_table_lookup(policies->rules, name);

    if (!rule) {
        rule = ctx_new(&policies->memory, struct rule);
        rule->name = ctx_strdup(&policies->memory, name);
        rule->scopes = scopes;               /* a rule keeps its scopes whatever a file says of it */
        g_hash_table_insert(policies->rules, (char *)rule->name, rule);
    }
    rule->text = ctx_strdup(&policies->memory, text);
    rule->tree = rule_parse(&policies->memory, rule->text, &error);
    return rule->tree || fail(c, RULE_SYNTAX, name, error);
}

const struct rule *rule_find(const struct policies *policies, const char *name)
{
    const struct policy_settings *settings = policies->settings;
    const struct rule *rule = g_hash_table_lookup(policies->rules, name);

    return rule ? rule : g_hash_table_lookup(policies->rules, settings && settings->policy_default_rule ? settings->policy_default_rule : "default");
}

void rule_resolve(const struct policies *policies, struct node *node)
{
    if (!node)
        return;
    if (node->check == RULE)
        node->rule = rule_find(policies, node->word);
    rule_resolve(policies, node->left);
    rule_resolve(policies, node->right);
}

static bool goes_in_circles(struct rule *rule);

static bool tree_goes_in_circles(const struct node *node)
{
    return node && ((node->rule && goes_in_circles((struct rule *)node->rule)) || tree_goes_in_circles(node->left) ||
                    tree_goes_in_circles(node->right));
}

static bool goes_in_circles(struct rule *rule)
{
    if (rule->visiting || rule->visited)
        return rule->visiting;
    rule->visiting = true;
    bool circles = tree_goes_in_circles(rule->tree);
    rule->visiting = false;
    rule->visited = true;
    return circles;
}

static bool rules_resolve(struct ctx *c, struct policies *policies)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, policies->rules);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        rule_resolve(policies, ((struct rule *)value)->tree);
    g_hash_table_iter_init(&iter, policies->rules);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct rule *rule = value;

        if (goes_in_circles(rule))
            return fail(c, RULE_SYNTAX, rule->name, "it refers to itself");
    }
    return true;
}

/* The default of a rule: itself, or the rule it replaces, until enforce_new_defaults. */
static bool default_set(struct ctx *c, struct policies *policies, const struct policy *p)
{
    bool both = p->was && !(policies->settings && policies->settings->enforce_new_defaults);
    const char *rule = *p->rule ? p->rule : "@", *was = p->was && *p->was ? p->was : "@";

    return rule_set(c, policies, p->name, both ? ctx_printf(c, "(%s) or (%s)", rule, was) : p->rule, p->scopes);
}

static bool file_add(struct ctx *c, struct policies *policies, const char *file)
{
    const struct pair *p = policy_file_read(c, file);

    for (; p && p->name; p++) {
        if (!rule_set(c, policies, p->name, p->value, NULL))
            return false;
        ((struct rule *)g_hash_table_lookup(policies->rules, p->name))->from_file = true;
    }
    return !failed(c);
}

/* The files of each directory in the order of their names, those that begin with a dot left out. */
static bool directories_add(struct ctx *c, struct policies *policies, const char *directories)
{
    const char **files = policy_files(c, directories);

    for (; *files; files++)
        if (!file_add(c, policies, *files))
            return false;
    return true;
}

struct policies *policies_load(struct ctx *c, const struct policy *defaults, const struct policy_settings *settings)
{
    struct policies *policies = g_new0(struct policies, 1);
    bool ok = true;

    ctx_init(&policies->memory, NULL, NULL);
    policies->rules = g_hash_table_new(g_str_hash, g_str_equal);
    policies->settings = settings;
    atomic_init(&policies->references, 1);
    for (const struct policy *p = defaults; ok && p && p->name; p++)
        ok = default_set(c, policies, p);
    if (settings && settings->policy_file)
        ok = ok && file_add(c, policies, settings->policy_file);
    if (settings && settings->policy_dirs)
        ok = ok && directories_add(c, policies, settings->policy_dirs);
    ok = ok && rules_resolve(c, policies);
    if (!ok) {
        policies_unref(policies);
        return NULL;
    }
    return policies;
}

struct policies *policies_ref(struct policies *policies)
{
    atomic_fetch_add(&policies->references, 1);
    return policies;
}

void policies_unref(struct policies *policies)
{
    if (!policies || atomic_fetch_sub(&policies->references, 1) != 1)
        return;
    g_hash_table_destroy(policies->rules);
    ctx_clear(&policies->memory);
    g_free(policies);
}

void policies_each(const struct policies *policies, void (*visit)(void *data, const char *name, const char *text, bool from_file), void *data)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init(&iter, policies->rules);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct rule *rule = value;

        visit(data, rule->name, rule->text, rule->from_file);
    }
}

/* Do both texts parse to the same tree? */
static bool pieces_same(const struct piece *a, const struct piece *b)
{
    for (; a && b && a->text && b->text; a++, b++)
        if (a->is_name != b->is_name || strcmp(a->text, b->text))
            return false;
    return !a == !b && (!a || (!a->text && !b->text));
}

static bool nodes_same(const struct node *a, const struct node *b)
{
    return (!a && !b) || (a && b && a->check == b->check && text_equal(a->word ? a->word : "", b->word ? b->word : "") &&
                          a->credential == b->credential && pieces_same(a->match, b->match) && nodes_same(a->left, b->left) &&
                          nodes_same(a->right, b->right));
}

bool rules_same(struct ctx *c, const char *a, const char *b)
{
    const char *error = NULL;
    const struct node *left = rule_parse(c, a, &error), *right = rule_parse(c, b, &error);

    return left && right && nodes_same(left, right);
}
