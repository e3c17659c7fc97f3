/* oslo.policy's language: rules are parsed into trees once, at load, and evaluated without allocating.
 *
 * The parser is a recursive descent over blank-separated words; parentheses stick to words, as in the original. What the
 * requester is (struct identity) and what is asked about (struct policy_target) are read in place; "%(name)s" patterns are
 * compared piece by piece. A value that is not there makes its check fail; one that is null reads "None", as in Python.
 */
#include "oslo/auth/policy.h"

#include <string.h>
#include <strings.h>

#include "oslo/auth/policy_file.h"
#include "oslo/record/record.h"

enum { DEPTH_MAX = 64 };             /* of parentheses and "not" */

#define RULE_SYNTAX 500, "InvalidPolicyRule", "Policy rule \"%s\" cannot be understood: %s"

enum check { ALWAYS, NEVER, NOT, AND, OR, RULE, ROLE, LITERAL, CREDENTIAL, FIELD_IS, FIELD_LIKE };

/* "literal%(name)sliteral": pieces in order; a name piece is a lookup in the target. */
struct piece {
    const char *text;
    bool is_name;
};

struct node {
    enum check check;
    struct node *left, *right;       /* NOT: left alone */
    const char *word;                /* RULE: its name; LITERAL: the value; FIELD_*: the target's member */
    const struct rule *rule;         /* RULE, resolved; NULL: there is none, which is no */
    int credential;                  /* CREDENTIAL: row of credentials[] */
    const struct piece *match;       /* ends with { NULL } */
    GRegex *like;
};

struct rule {
    const char *name, *text, *scopes;
    struct node *tree;
    bool visiting, visited;          /* while looking for circles */
};

struct policies {
    struct ctx memory;               /* owns everything below */
    GHashTable *rules;               /* name -> struct rule */
};

struct parser {
    struct ctx *c;                   /* gives memory; takes no fault */
    const char *at;                  /* what is not read yet */
    int depth;
    const char *error;
};

/* -- what a requester is, by the names rules use ------------------------------------------------------------------- */

enum credential_kind { CRED_TEXT, CRED_BOOL, CRED_SYSTEM, CRED_ROLES };

static const struct credential {
    const char *name;
    enum credential_kind kind;
    size_t offset;
} credentials[] = {
    { "user_id", CRED_TEXT, offsetof(struct identity, user_id) },
    { "user", CRED_TEXT, offsetof(struct identity, user_id) },
    { "user_name", CRED_TEXT, offsetof(struct identity, user_name) },
    { "user_domain_id", CRED_TEXT, offsetof(struct identity, user_domain_id) },
    { "project_id", CRED_TEXT, offsetof(struct identity, project_id) },
    { "tenant_id", CRED_TEXT, offsetof(struct identity, project_id) },
    { "tenant", CRED_TEXT, offsetof(struct identity, project_id) },
    { "project_name", CRED_TEXT, offsetof(struct identity, project_name) },
    { "project_domain_id", CRED_TEXT, offsetof(struct identity, project_domain_id) },
    { "token.project.domain.id", CRED_TEXT, offsetof(struct identity, project_domain_id) },
    { "domain_id", CRED_TEXT, offsetof(struct identity, domain_id) },
    { "token.domain.id", CRED_TEXT, offsetof(struct identity, domain_id) },
    { "is_admin", CRED_BOOL, offsetof(struct identity, is_admin) },
    { "system_scope", CRED_SYSTEM, 0 },
    { "roles", CRED_ROLES, offsetof(struct identity, roles) },
    { "service_roles", CRED_ROLES, offsetof(struct identity, service_roles) },
};

static int credential_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(credentials); i++)
        if (!strcmp(credentials[i].name, name))
            return (int)i;
    return -1;
}

/* -- parsing ------------------------------------------------------------------------------------------------------- */

static struct node *parse_or(struct parser *);

static struct node *node_new(struct parser *p, enum check check, struct node *left, struct node *right)
{
    struct node *node = ctx_new(p->c, struct node);

    *node = (struct node){ .check = check, .left = left, .right = right };
    return node;
}

static const struct piece *parse_match(struct parser *p, const char *text)
{
    size_t n = 2, i = 0;

    for (const char *s = text; *s; s++)
        n += *s == '%' ? 2 : 0;
    struct piece *pieces = ctx_new_n(p->c, struct piece, n + 1);
    while (*text) {
        const char *name = strstr(text, "%("), *end = name ? strstr(name, ")s") : NULL;

        if (!end) {
            pieces[i++].text = text;
            break;
        }
        if (name > text)
            pieces[i++].text = ctx_strndup(p->c, text, (size_t)(name - text));
        pieces[i].is_name = true;
        pieces[i++].text = ctx_strndup(p->c, name + 2, (size_t)(end - name - 2));
        text = end + 2;
    }
    return pieces;
}

/* The value of a kind that is a Python literal ('Member', True, None, 7); NULL: it names a credential. */
static const char *parse_literal(struct parser *p, const char *kind)
{
    size_t n = strlen(kind);

    if (n >= 2 && (kind[0] == '\'' || kind[0] == '"') && kind[n - 1] == kind[0])
        return ctx_strndup(p->c, kind + 1, n - 2);
    if (!strcmp(kind, "True") || !strcmp(kind, "False") || !strcmp(kind, "None") || (n && strspn(kind, "0123456789") == n))
        return kind;
    return NULL;
}

static void release_regex(void *regex)
{
    g_regex_unref(regex);
}

/* field:networks:shared=True, field:port:device_owner=~^network: */
static struct node *parse_field(struct parser *p, char *match)
{
    struct node *node = node_new(p, FIELD_IS, NULL, NULL);
    char *name = strchr(match, ':'), *value = name ? strchr(name, '=') : NULL;

    if (!value) {
        p->error = "field: needs resource:name=value";
        return NULL;
    }
    *value++ = '\0';
    node->word = name + 1;
    if (*value != '~') {
        node->match = parse_match(p, value);
        return node;
    }
    node->check = FIELD_LIKE;
    node->like = g_regex_new(value + 1, G_REGEX_RAW | G_REGEX_ANCHORED, 0, NULL);
    if (!node->like) {
        p->error = "bad regular expression";
        return NULL;
    }
    ctx_own(p->c, node->like, release_regex);
    return node;
}

static struct node *parse_check(struct parser *p, char *word)
{
    char *colon = strchr(word, ':');

    if (!strcmp(word, "@") || !strcmp(word, "!"))
        return node_new(p, *word == '@' ? ALWAYS : NEVER, NULL, NULL);
    if (!colon) {
        p->error = "a check needs kind:match";
        return NULL;
    }
    *colon = '\0';
    char *match = colon + 1;
    if (!strcmp(word, "field"))
        return parse_field(p, match);
    struct node *node = node_new(p, CREDENTIAL, NULL, NULL);
    if (!strcmp(word, "rule")) {
        node->check = RULE;
        node->word = match;
        return node;
    }
    node->match = parse_match(p, match);
    if (!strcmp(word, "role")) {
        node->check = ROLE;
    } else if ((node->word = parse_literal(p, word)) != NULL) {
        node->check = LITERAL;
    } else if ((node->credential = credential_find(word)) < 0) {
        node->check = NEVER;
    }
    return node;
}

static void skip_blanks(struct parser *p)
{
    p->at += strspn(p->at, " \t\r\n\v\f");
}

/* Takes "(" , ")" or a word like "and" if it is next. */
static bool accept_paren(struct parser *p, char paren)
{
    skip_blanks(p);
    if (*p->at != paren)
        return false;
    p->at++;
    return true;
}

static size_t word_length(const char *at)
{
    size_t n = strcspn(at, " \t\r\n\v\f");

    while (n && at[n - 1] == ')')
        n--;
    return n;
}

static bool accept_word(struct parser *p, const char *word)
{
    skip_blanks(p);
    size_t n = word_length(p->at);
    if (n != strlen(word) || strncasecmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static struct node *parse_unary(struct parser *p)
{
    struct node *node = NULL;

    if (p->depth >= DEPTH_MAX) {
        p->error = "nested too deep";
        return NULL;
    }
    p->depth++;
    if (accept_paren(p, '(')) {
        node = parse_or(p);
        if (node && !accept_paren(p, ')')) {
            p->error = "a parenthesis is not closed";
            node = NULL;
        }
    } else if (accept_word(p, "not")) {
        node = parse_unary(p);
        node = node ? node_new(p, NOT, node, NULL) : NULL;
    } else {
        size_t n = word_length(p->at);

        if (n) {
            node = parse_check(p, ctx_strndup(p->c, p->at, n));
            p->at += n;
        } else {
            p->error = "a check is missing";
        }
    }
    p->depth--;
    return node;
}

static struct node *parse_and(struct parser *p)
{
    struct node *node = parse_unary(p);

    while (node && accept_word(p, "and")) {
        struct node *right = parse_unary(p);

        node = right ? node_new(p, AND, node, right) : NULL;
    }
    return node;
}

static struct node *parse_or(struct parser *p)
{
    struct node *node = parse_and(p);

    while (node && accept_word(p, "or")) {
        struct node *right = parse_and(p);

        node = right ? node_new(p, OR, node, right) : NULL;
    }
    return node;
}

static struct node *parse_rule(struct parser *p, const char *text)
{
    p->at = text;
    skip_blanks(p);
    if (!*p->at)
        return node_new(p, ALWAYS, NULL, NULL);
    struct node *node = parse_or(p);
    skip_blanks(p);
    if (node && *p->at) {
        p->error = "there is more than one expression";
        return NULL;
    }
    return node;
}

/* -- loading ------------------------------------------------------------------------------------------------------- */

static bool rule_set(struct ctx *c, struct policies *policies, const char *name, const char *text, const char *scopes)
{
    struct parser parser = { .c = &policies->memory };
    struct rule *rule = g_hash_table_lookup(policies->rules, name);

    if (!rule) {
        rule = ctx_new(&policies->memory, struct rule);
        rule->name = ctx_strdup(&policies->memory, name);
        rule->scopes = scopes;
        g_hash_table_insert(policies->rules, (char *)rule->name, rule);
    }
    rule->text = ctx_strdup(&policies->memory, text);
    rule->tree = parse_rule(&parser, rule->text);
    return rule->tree || fail(c, RULE_SYNTAX, name, parser.error);
}

static void resolve(GHashTable *rules, struct node *node)
{
    if (!node)
        return;
    if (node->check == RULE) {
        node->rule = g_hash_table_lookup(rules, node->word);
        if (!node->rule)
            node->rule = g_hash_table_lookup(rules, "default");
    }
    resolve(rules, node->left);
    resolve(rules, node->right);
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
        resolve(policies->rules, ((struct rule *)value)->tree);
    g_hash_table_iter_init(&iter, policies->rules);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct rule *rule = value;

        if (goes_in_circles(rule))
            return fail(c, RULE_SYNTAX, rule->name, "it refers to itself");
    }
    return true;
}

struct policies *policies_load(struct ctx *c, const struct policy *defaults, const char *file)
{
    struct policies *policies = g_new0(struct policies, 1);
    const struct pair *overrides = NULL;

    ctx_init(&policies->memory, NULL, NULL);
    policies->rules = g_hash_table_new(g_str_hash, g_str_equal);
    bool ok = !file || (overrides = policy_file_read(c, file)) != NULL;
    for (const struct policy *p = defaults; ok && p && p->name; p++)
        ok = rule_set(c, policies, p->name, p->rule, p->scopes);
    for (const struct pair *p = overrides; ok && p && p->name; p++)
        ok = rule_set(c, policies, p->name, p->value, NULL);
    ok = ok && rules_resolve(c, policies);
    if (!ok) {
        policies_free(policies);
        return NULL;
    }
    return policies;
}

void policies_free(struct policies *policies)
{
    if (!policies)
        return;
    g_hash_table_destroy(policies->rules);
    ctx_clear(&policies->memory);
    g_free(policies);
}

/* -- evaluating ---------------------------------------------------------------------------------------------------- */

/* Room for the text of a target's member that is no string in its struct. */
struct scratch {
    char text[TIME_TEXT_SIZE];
};

static const char *field_text(const struct attr *a, const void *record, struct scratch *scratch)
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

static bool any_matches(const struct piece *match, const struct policy_target *target, const char *const *values, bool fold)
{
    for (; values && *values; values++)
        if (matches(match, target, *values, fold))
            return true;
    return false;
}

static bool credential_matches(const struct node *node, const struct identity *who, const struct policy_target *target)
{
    const struct credential *credential = &credentials[node->credential];
    const void *field = (const char *)who + credential->offset;
    const char *text = NULL;

    switch (credential->kind) {
    case CRED_TEXT:
        text = *(const char *const *)field;
        break;
    case CRED_BOOL:
        text = *(const bool *)field ? "True" : "False";
        break;
    case CRED_SYSTEM:
        text = who->system ? "all" : NULL;
        break;
    case CRED_ROLES:
        return any_matches(node->match, target, *(const char *const *const *)field, false);
    }
    return matches(node->match, target, text ? text : "None", false);
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

static bool holds(const struct node *node, const struct identity *who, const struct policy_target *target)
{
    switch (node->check) {
    case ALWAYS:
        return true;
    case NEVER:
        return false;
    case NOT:
        return !holds(node->left, who, target);
    case AND:
        return holds(node->left, who, target) && holds(node->right, who, target);
    case OR:
        return holds(node->left, who, target) || holds(node->right, who, target);
    case RULE:
        return node->rule && holds(node->rule->tree, who, target);
    case ROLE:
        return any_matches(node->match, target, who->roles, true);
    case LITERAL:
        return matches(node->match, target, node->word, false);
    case CREDENTIAL:
        return credential_matches(node, who, target);
    case FIELD_IS:
    case FIELD_LIKE:
        return field_is(node, target);
    }
    return false;
}

bool policies_allow(const struct policies *policies, const char *name, const struct identity *who,
                    const struct policy_target *target)
{
    const char *own[] = { "user_id", who->user_id, "project_id", who->project_id, NULL };
    const struct rule *rule = g_hash_table_lookup(policies->rules, name);

    if (!rule)
        rule = g_hash_table_lookup(policies->rules, "default");
    return rule && holds(rule->tree, who, target ? target : &(struct policy_target){ .pairs = own });
}

bool policies_know(const struct policies *policies, const char *name)
{
    return g_hash_table_contains(policies->rules, name);
}

bool policies_evaluate(struct ctx *c, const struct policies *policies, const char *text, const struct policy_target *target,
                       bool *ret_allowed)
{
    const char *own[] = { "user_id", c->who.user_id, "project_id", c->who.project_id, NULL };
    struct parser parser = { .c = c };
    struct node *tree = parse_rule(&parser, text);

    if (!tree)
        return fail(c, RULE_SYNTAX, text, parser.error);
    if (policies)
        resolve(policies->rules, tree);
    *ret_allowed = holds(tree, &c->who, target ? target : &(struct policy_target){ .pairs = own });
    return true;
}
