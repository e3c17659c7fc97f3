/* `nacre policy`: the rules as they stand, a sample of the defaults, overrides that change nothing, and what rules say to an
 * identity: oslopolicy-policy-generator, -sample-generator, -list-redundant and -checker in one.
 */
#include "oslo/service/commands.h"

#include "oslo/auth/auth.h"
#include "oslo/record/python.h"
#include "oslo/service/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USAGE "usage: nacre policy list [SERVICE] | sample SERVICE | redundant SERVICE | check SERVICE [RULE] [token=FILE] [target=FILE]" \
    " [role=R ...] [user_id=U] [project_id=P] [domain_id=D] [system=true] [target.NAME=VALUE ...]"

enum { NO = 4 };                     /* the exit status of "refused" */

static int list(struct ctx *, const struct service *, char *const *words);
static int sample(struct ctx *, const struct service *, char *const *words);
static int redundant(struct ctx *, const struct service *, char *const *words);
static int ask(struct ctx *, const struct service *, char *const *words);

static const struct {
    const char *name;
    int (*run)(struct ctx *, const struct service *, char *const *words);
} verbs[] = { { "list", list }, { "sample", sample }, { "redundant", redundant }, { "check", ask } };

int command_policy(struct ctx *c, const struct arguments *arguments)
{
    const char *verb = arguments->n_words ? arguments->words[0] : "";
    const struct service *service = arguments->n_words > 1 ? service_find(arguments->words[1]) : NULL;
    bool all = !strcmp(verb, "list") && arguments->n_words == 1;
    int status = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(verb, verbs[i].name) || (!all && (!service || !service->policies)))
            continue;
        if (!service_configure(c, arguments->config_file))
            return 1;
        if (!all)
            return verbs[i].run(c, service, arguments->words + 2);
        for (size_t k = 0; services[k] && !status; k++)
            if (services[k]->policies)
                status = list(c, services[k], NULL);
        return status;
    }
    return !fail(c, BAD_REQUEST, USAGE);
}

static struct policies *policies_of(struct ctx *c, const struct service *service)
{
    return policies_load(c, service->policies, service_state(service)->policy_settings);
}

/* A rule as a line of a policy file: both are YAML, whatever they hold. */
static void print_rule(const char *before, const char *name, const char *text)
{
    struct buf line = {};

    buf_puts(&line, before);
    out_escaped(&line, name);
    buf_puts(&line, ": ");
    out_escaped(&line, text);
    puts(line.data);
    buf_clear(&line);
}

/* --- list ---------------------------------------------------------------------------------------------------- */

struct listed { const char *name, *text; bool from_file; };

static void collect(void *data, const char *name, const char *text, bool from_file)
{
    struct listed one = { name, text, from_file };

    g_array_append_val((GArray *)data, one);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static GArray *listed_of(const struct policies *policies)
{
    GArray *rules = g_array_new(false, false, sizeof(struct listed));

    policies_each(policies, collect, rules);
    if (rules->len)
        qsort(rules->data, rules->len, sizeof(struct listed), by_name);
    return rules;
}

static int list(struct ctx *c, const struct service *service, char *const *words)
{
    struct policies *policies = policies_of(c, service);

    if (!policies)
        return 1;
    GArray *rules = listed_of(policies);
    for (guint i = 0; i < rules->len; i++)
        print_rule("", g_array_index(rules, struct listed, i).name, g_array_index(rules, struct listed, i).text);
    g_array_unref(rules);
    policies_unref(policies);
    return 0;
}

/* --- sample, redundant --------------------------------------------------------------------------------------- */

static int sample(struct ctx *c, const struct service *service, char *const *words)
{
    for (const struct policy *policy = service->policies; policy->name; policy++) {
        if (policy->help)
            printf("# %s\n", policy->help);
        if (policy->scopes)
            printf("# Intended scope(s): %s\n", policy->scopes);
        print_rule("#", policy->name, policy->rule);
        if (policy->was)
            print_rule("# until enforce_new_defaults also ", policy->name, policy->was);
        puts("");
    }
    return 0;
}

static int redundant(struct ctx *c, const struct service *service, char *const *words)
{
    struct policies *policies = policies_of(c, service);

    if (!policies)
        return 1;
    GArray *rules = listed_of(policies);
    for (guint i = 0; i < rules->len; i++) {
        const struct listed *one = &g_array_index(rules, struct listed, i);

        for (const struct policy *policy = service->policies; one->from_file && policy->name; policy++)
            if (!strcmp(policy->name, one->name) && rules_same(c, policy->rule, one->text))
                print_rule("", one->name, one->text);
    }
    g_array_unref(rules);
    policies_unref(policies);
    return 0;
}

/* --- check --------------------------------------------------------------------------------------------------- */

/* What is asked, as the words of the command line give it. */
struct asking {
    const char **roles, **pairs;
    size_t n_roles, n_pairs;
};

static json_t *file_json(struct ctx *c, const char *path)
{
    json_error_t error;
    json_t *tree = ctx_json(c, json_load_file(path, 0, &error));

    return tree ? tree : fail_null(c, BAD_REQUEST, ctx_printf(c, "%s: %s", path, error.text));
}

static size_t most_leaves(const json_t *tree)
{
    const char *name;
    json_t *value;
    size_t n = 1;

    json_object_foreach((json_t *)tree, name, value)
        n += most_leaves(value);
    return n;
}

/* {"target": {"user": {"id": "x"}}} is "target.user.id": "x". */
static void target_flatten(struct ctx *c, struct asking *a, const char *prefix, const json_t *tree)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)tree, name, value) {
        const char *whole = ctx_printf(c, "%s%s", prefix, name);

        if (json_is_object(value)) {
            target_flatten(c, a, ctx_printf(c, "%s.", whole), value);
            continue;
        }
        struct buf text = {};
        python_str(&text, value);
        a->pairs[a->n_pairs++] = whole;
        a->pairs[a->n_pairs++] = json_is_null(value) ? NULL : ctx_strdup(c, text.data ? text.data : "");
        buf_clear(&text);
    }
}

static bool target_read(struct ctx *c, struct asking *a, const char *path)
{
    json_t *tree = file_json(c, path);

    if (!tree)
        return false;
    const char **pairs = ctx_new_n(c, const char *, a->n_pairs + 2 * most_leaves(tree) + 64);
    memcpy(pairs, a->pairs, a->n_pairs * sizeof *pairs);
    a->pairs = pairs;
    target_flatten(c, a, "", tree);
    return true;
}

/* The answer of GET /v3/auth/tokens. */
static bool token_read(struct ctx *c, struct asking *a, const char *path)
{
    json_t *tree = file_json(c, path), *role;
    const json_t *token = json_object_get(tree, "token");
    size_t i;

    if (!tree)
        return false;
    auth_identity_read(c, token ? token : tree, &c->who);
    const json_t *roles = json_object_get(token ? token : tree, "roles");
    const char **all = ctx_new_n(c, const char *, a->n_roles + json_array_size(roles) + 64);
    memcpy(all, a->roles, a->n_roles * sizeof *all);
    a->roles = all;
    json_array_foreach(roles, i, role)
        if (json_get_string(role, "name"))
            a->roles[a->n_roles++] = json_get_string(role, "name");
    return true;
}

static bool word_read(struct ctx *c, struct asking *a, const char *word)
{
    static const struct { const char *name; size_t offset; } members[] = {
        { "user_id", offsetof(struct identity, user_id) }, { "user_domain_id", offsetof(struct identity, user_domain_id) },
        { "project_id", offsetof(struct identity, project_id) }, { "project_domain_id", offsetof(struct identity, project_domain_id) },
        { "domain_id", offsetof(struct identity, domain_id) },
    };
    const char *equals = strchr(word, '=');

    if (!equals)
        return fail(c, BAD_REQUEST, USAGE);
    const char *name = ctx_strndup(c, word, (size_t)(equals - word)), *value = equals + 1;
    if (!strcmp(name, "token"))
        return token_read(c, a, value);
    if (!strcmp(name, "target"))
        return target_read(c, a, value);
    if (!strcmp(name, "system"))
        return text_to_bool(value, &c->who.system) || fail(c, BAD_REQUEST, USAGE);
    if (!strcmp(name, "role")) {
        a->roles[a->n_roles++] = value;
        return true;
    }
    if (g_str_has_prefix(name, "target.")) {
        /* rules call it by either name: "project_id" and "target.project_id" */
        a->pairs[a->n_pairs++] = name;
        a->pairs[a->n_pairs++] = value;
        a->pairs[a->n_pairs++] = name + strlen("target.");
        a->pairs[a->n_pairs++] = value;
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        if (!strcmp(members[i].name, name)) {
            *(const char **)(void *)((char *)&c->who + members[i].offset) = value;
            return true;
        }
    return fail(c, BAD_REQUEST, USAGE);
}

static bool all_asked(const struct policies *policies, const struct service *service, const struct ctx *c, const struct policy_target *target)
{
    bool all = true;

    for (const struct policy *policy = service->policies; policy->name; policy++) {
        bool allowed = policies_allow(policies, policy->name, &c->who, target);

        printf("%s: %s\n", allowed ? "passed" : "failed", policy->name);
        all = all && allowed;
    }
    return all;
}

static int ask(struct ctx *c, const struct service *service, char *const *words)
{
    const char *rule = *words && !strchr(*words, '=') ? *words++ : NULL;
    size_t n = 0;

    while (words[n])
        n++;
    struct asking a = { ctx_new_n(c, const char *, n + 1), ctx_new_n(c, const char *, 4 * n + 1), 0, 0 };
    for (char *const *word = words; *word; word++)
        if (!word_read(c, &a, *word))
            return 1;
    a.roles = memcpy(ctx_new_n(c, const char *, a.n_roles + 1), a.roles, a.n_roles * sizeof *a.roles);
    a.pairs = memcpy(ctx_new_n(c, const char *, a.n_pairs + 1), a.pairs, a.n_pairs * sizeof *a.pairs);
    c->who.roles = a.roles;
    c->who.is_admin = identity_has_role(&c->who, "admin");

    struct policies *policies = policies_of(c, service);
    if (!policies)
        return 1;
    const struct policy_target *target = a.n_pairs ? &(struct policy_target){ .pairs = a.pairs } : NULL;
    bool allowed = rule ? policies_allow(policies, rule, &c->who, target) : all_asked(policies, service, c, target);
    policies_unref(policies);
    if (rule)
        puts(allowed ? "allowed" : "refused");
    return allowed || !rule ? 0 : NO;
}
