/* Asks rules. They are evaluated without allocating: what the requester is (struct identity) and what is asked about (struct
 * policy_target) are read in place; "%(name)s" patterns are compared piece by piece. A value that is not there makes its check
 * fail; one that is null reads "None", as in Python.
 */
#include "oslo/auth/policy_tree.h"

#include <string.h>
#include <strings.h>

#include "oslo/record/record.h"

/* -- evaluating ---------------------------------------------------------------------------------------------------- */

const char *field_text(const struct attr *a, const void *record, struct scratch *scratch)
{
    switch (a->kind) {
    case KIND_STRING:
        return *FIELD(const char *, record, a) ? *FIELD(const char *, record, a) : "None";
    case KIND_JSON:
        return FIELD(raw_json, record, a)->text ? FIELD(raw_json, record, a)->text : "None";
    case KIND_BOOL:
        return *FIELD(bool, record, a) ? "True" : "False";
    case KIND_OPT_BOOL:
        return !FIELD(opt_bool, record, a)->set ? "None" : FIELD(opt_bool, record, a)->value ? "True" : "False";
    case KIND_INT:
        snprintf(scratch->text, sizeof scratch->text, "%lld", (long long)*FIELD(int64_t, record, a));
        return scratch->text;
    case KIND_OPT_INT:
        if (!FIELD(opt_int, record, a)->set)
            return "None";
        snprintf(scratch->text, sizeof scratch->text, "%lld", (long long)FIELD(opt_int, record, a)->value);
        return scratch->text;
    case KIND_REAL:
        snprintf(scratch->text, sizeof scratch->text, "%g", *FIELD(double, record, a));
        return scratch->text;
    case KIND_TIME:
        return time_write(scratch->text, *FIELD(utc_time, record, a), TIME_ISO);
    }
    return NULL;
}

/* The text of a member of what is asked about; NULL: it has none of that name. A record's own members may be called
 * "target.<kind>.<member>" too. */
static const char *target_find(const struct policy_target *target, const char *name, struct scratch *scratch)
{
    for (const char *const *pair = target->pairs; pair && *pair; pair += 2)
        if (!strcmp(pair[0], name))
            return pair[1] ? pair[1] : "None";
    if (!target->attrs)
        return NULL;
    if (g_str_has_prefix(name, "target.") && strchr(name + 7, '.'))
        name = strchr(name + 7, '.') + 1;
    const struct attr *a = attr_find(target->attrs, strcmp(name, "tenant_id") ? name : "project_id");
    if (!a)
        a = attr_find_json(target->attrs, name);
    return a ? field_text(a, target->record, scratch) : NULL;
}

/* Does value read as the pattern, with the target's members put in? fold: letter case does not matter. */
static bool matches(const struct piece *pieces, const struct policy_target *target, const char *value, bool fold)
{
    struct scratch scratch;

    for (; pieces->text; pieces++) {
        const char *text = pieces->is_name ? target_find(target, pieces->text, &scratch) : pieces->text;
        size_t n = text ? strlen(text) : 0;

        if (!text || (fold ? strncasecmp(value, text, n) : strncmp(value, text, n)) != 0)
            return false;
        value += n;
    }
    return *value == '\0';
}

char *match_text(struct ctx *c, const struct piece *pieces, const struct policy_target *target)
{
    struct scratch scratch;
    char *all = ctx_strdup(c, "");

    for (; pieces->text; pieces++) {
        const char *text = pieces->is_name ? target_find(target, pieces->text, &scratch) : pieces->text;

        if (!text)
            return NULL;
        all = ctx_printf(c, "%s%s", all, text);
    }
    return all;
}

static bool any_matches(const struct piece *match, const struct policy_target *target, const char *const *values)
{
    for (; values && *values; values++)
        if (matches(match, target, *values, true))
            return true;
    return false;
}

/* A pattern and what it is about, for credential_any(). */
struct matching {
    const struct piece *match;
    const struct policy_target *target;
};

static bool value_matches(void *data, const char *value)
{
    const struct matching *m = data;

    return matches(m->match, m->target, value, false);
}

static bool field_is(const struct node *node, const struct policy_target *target)
{
    struct scratch scratch;
    const char *value = target_find(target, node->word, &scratch);

    if (!value || !strcmp(value, "None"))
        return false;
    if (node->check == FIELD_LIKE)
        return g_regex_match(node->like, value, 0, NULL);
    return matches(node->match, target, value, !strcasecmp(value, "true") || !strcasecmp(value, "false"));
}

static bool holds(const struct node *node, const struct question *q)
{
    switch (node->check) {
    case ALWAYS:
        return true;
    case NEVER:
        return false;
    case NOT:
        return !holds(node->left, q);
    case AND:
        return holds(node->left, q) && holds(node->right, q);
    case OR:
        return holds(node->left, q) || holds(node->right, q);
    case RULE:
        return node->rule && holds(node->rule->tree, q);
    case ROLE:
        return any_matches(node->match, q->target, q->who->roles);
    case LITERAL:
        return matches(node->match, q->target, node->word, false);
    case CREDENTIAL:
        return credential_any(node->credential, q->who, value_matches, &(struct matching){ node->match, q->target });
    case FIELD_IS:
    case FIELD_LIKE:
        return field_is(node, q->target);
    case REMOTE:
        return remote_allows(node, q);
    }
    return false;
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

/* Is the token of a scope the rule is for? It matters only where scopes are enforced. */
static bool scope_fits(const struct policies *policies, const struct rule *rule, const struct identity *who)
{
    const char *scope = who->system ? "system" : who->domain_id ? "domain" : "project";

    if (!rule->scopes || !policies->settings || !policies->settings->enforce_scope)
        return true;
    g_auto(GStrv) scopes = g_strsplit(rule->scopes, ",", -1);
    return g_strv_contains((const char *const *)scopes, scope);
}

bool policies_allow(const struct policies *policies, const char *name, const struct identity *who,
                    const struct policy_target *target)
{
    const char *own[] = { "user_id", who->user_id, "project_id", who->project_id, NULL };
    const struct rule *rule = rule_find(policies, name);
    const struct question q = { policies, name, who, target ? target : &(struct policy_target){ .pairs = own } };

    return rule && scope_fits(policies, rule, who) && holds(rule->tree, &q);
}

bool policies_know(const struct policies *policies, const char *name)
{
    return g_hash_table_contains(policies->rules, name);
}

bool policies_evaluate(struct ctx *c, const struct policies *policies, const char *text, const struct policy_target *target,
                       bool *ret_allowed)
{
    const char *own[] = { "user_id", c->who.user_id, "project_id", c->who.project_id, NULL };
    const struct question q = { policies, NULL, &c->who, target ? target : &(struct policy_target){ .pairs = own } };
    const char *error = NULL;
    struct node *tree = rule_parse(c, text, &error);

    if (!tree)
        return fail(c, RULE_SYNTAX, text, error);
    if (policies)
        rule_resolve(policies, tree);
    *ret_allowed = holds(tree, &q);
    return true;
}
