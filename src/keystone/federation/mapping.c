/* Applying a mapping. Each rule whose remote conditions all hold gives its local part, where {0}, {1} ... stand for what the
 * conditions without a comparison matched; what all of them say together is the user.
 */
#include "keystone/federation/mapping.h"
#include "oslo/base/log.h"
#include "oslo/record/python.h"

#include <stdlib.h>
#include <string.h>

#define NOT_MAPPED 400, "ValidationError", "Could not map any federated user properties to identity values. Check debug logs or the mapping" \
    " used for additional details."
#define NO_DOMAIN 400, "ValidationError", "Invalid rule: Both 'groups' and 'domain' keywords must be specified."
#define DIRECT_MAPPING 500, "DirectMappingError", "Local section in mapping %s refers to a remote match that doesn't exist"
#define RULE_BROKEN 500, "UnexpectedError", "a rule of mapping %s cannot be applied: %s"

struct application {
    struct ctx *c;
    const char *mapping_id;
    const struct pair *assertion;
    json_t *identity_values;         /* the local parts of the rules that apply, filled in */
};

/* -- remote -------------------------------------------------------------------------------------------------------- */

/* Several values of an attribute are one text, with semicolons between. NULL: there is no such attribute. */
static json_t *values_of(const struct application *a, const char *type)
{
    for (const struct pair *p = a->assertion; p && p->name; p++) {
        if (strcmp(p->name, type))
            continue;
        g_auto(GStrv) pieces = g_strsplit(p->value, ";", -1);
        json_t *values = ctx_json(a->c, json_array());

        for (char **piece = pieces; *piece; piece++)
            json_array_append_new(values, json_string(*piece));
        if (!*pieces)
            json_array_append_new(values, json_string(""));
        return values;
    }
    return NULL;
}

static GRegex *regex_of(struct application *a, const json_t *pattern)
{
    GRegex *regex = json_is_string(pattern) ? g_regex_new(json_string_value(pattern), 0, 0, NULL) : NULL;

    if (!regex)
        fail(a->c, RULE_BROKEN, a->mapping_id, "a regular expression is none");
    return regex;
}

/* Does the value agree with one of the list, by equality or as a regular expression? False with a fault if one is none. */
static bool agrees(struct application *a, const char *value, const json_t *list, bool regex)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        if (!regex) {
            if (json_is_string(item) && !strcmp(json_string_value(item), value))
                return true;
            continue;
        }
        g_autoptr(GRegex) expression = regex_of(a, item);
        if (!expression)
            return false;
        if (g_regex_match(expression, value, 0, NULL))
            return true;
    }
    return false;
}

static bool holds(const json_t *values, const char *text)
{
    const json_t *value;
    size_t i;

    json_array_foreach(values, i, value)
        if (!strcmp(json_string_value(value), text))
            return true;
    return false;
}

/* Those of the values that agree with the list, or those that do not; each once where they are compared by equality. */
static json_t *select_values(struct application *a, const json_t *values, const json_t *list, bool regex, bool agreeing, bool once)
{
    json_t *chosen = ctx_json(a->c, json_array()), *value;
    size_t i;

    json_array_foreach((json_t *)values, i, value) {
        if (agrees(a, json_string_value(value), list, regex) == agreeing && !(once && holds(chosen, json_string_value(value))))
            json_array_append(chosen, value);
        if (failed(a->c))
            return NULL;
    }
    return chosen;
}

/* One condition of a rule: does it hold? What it matched, if anything may refer to that, is appended to matches. */
static bool requirement_holds(struct application *a, const json_t *requirement, json_t *matches)
{
    static const struct { const char *name; bool agreeing, compares; } evaluations[] = {
        { "any_one_of", true, true }, { "not_any_of", true, true }, { "blacklist", false, false }, { "whitelist", true, false },
    };
    bool regex = json_is_true(json_object_get(requirement, "regex"));
    json_t *values = values_of(a, json_get_string(requirement, "type"));

    if (!values)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(evaluations); i++) {
        const json_t *list = json_object_get(requirement, evaluations[i].name);

        if (!list)
            continue;
        values = select_values(a, values, list, regex, evaluations[i].agreeing, !evaluations[i].agreeing || !regex);
        if (!values)
            return false;
        if (evaluations[i].compares)
            return (json_array_size(values) > 0) == (i == 0);
        break;
    }
    json_array_append(matches, values);
    return true;
}

/* -- local --------------------------------------------------------------------------------------------------------- */

/* One match is itself, several print as a list. */
static void match_print(struct buf *to, const json_t *values)
{
    if (json_array_size(values) == 1)
        python_str(to, json_array_get(values, 0));
    else
        python_str(to, values);
}

/* "{0}" after the brace: where it ends, or NULL with a fault. Automatic numbers ("{}") count in *next. */
static const char *field_fill(struct application *a, const char *at, const json_t *matches, size_t *next, struct buf *to)
{
    char *end;
    size_t index = *at == '}' ? (*next)++ : strtoul(at, &end, 10);

    if (*at != '}') {
        if (!g_ascii_isdigit(*at) || *end != '}')
            return fail_null(a->c, RULE_BROKEN, a->mapping_id, "braces are for numbers");
        at = end;
    }
    if (index >= json_array_size(matches))
        return fail_null(a->c, DIRECT_MAPPING, a->mapping_id);
    match_print(to, json_array_get(matches, index));
    return at + 1;
}

static json_t *text_fill(struct application *a, const char *text, const json_t *matches)
{
    struct buf to = {};
    size_t next = 0;

    while (text && *text) {
        if ((*text == '{' || *text == '}') && text[1] == *text) {
            buf_putc(&to, *text);
            text += 2;
        } else if (*text == '{') {
            text = field_fill(a, text + 1, matches, &next, &to);
        } else if (*text == '}') {
            text = fail_null(a->c, RULE_BROKEN, a->mapping_id, "a brace closes nothing");
        } else {
            buf_putc(&to, *text++);
        }
    }
    json_t *filled = failed(a->c) ? NULL : json_string(to.data ? to.data : "");
    buf_clear(&to);
    return filled;
}

/* A copy of a local part with every reference replaced. A reference of the caller's; NULL with a fault. */
static json_t *local_fill(struct application *a, const json_t *local, const json_t *matches)
{
    json_t *copy, *value, *filled = NULL;
    const char *key;
    size_t i;

    if (json_is_string(local))
        return text_fill(a, json_string_value(local), matches);
    if (!json_is_object(local) && !json_is_array(local))
        return fail_null(a->c, RULE_BROKEN, a->mapping_id, "a value is no text");
    copy = json_is_object(local) ? json_object() : json_array();
    json_object_foreach((json_t *)local, key, value) {
        filled = local_fill(a, value, matches);
        if (!filled)
            break;
        json_object_set_new(copy, key, filled);
    }
    json_array_foreach((json_t *)local, i, value) {
        filled = local_fill(a, value, matches);
        if (!filled)
            break;
        json_array_append_new(copy, filled);
    }
    if (failed(a->c)) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

static bool rule_apply(struct application *a, const json_t *rule)
{
    json_t *matches = ctx_json(a->c, json_array());
    const json_t *requirement, *local;
    size_t i;

    json_array_foreach(json_object_get(rule, "remote"), i, requirement)
        if (!requirement_holds(a, requirement, matches))
            return !failed(a->c);
    json_array_foreach(json_object_get(rule, "local"), i, local) {
        json_t *filled = local_fill(a, local, matches);

        if (!filled)
            return false;
        json_array_append_new(a->identity_values, filled);
    }
    return true;
}

/* -- what it comes to ---------------------------------------------------------------------------------------------- */

struct gathered {
    GPtrArray *ids;                  /* const char *, each once */
    GArray *groups;                  /* struct mapped_group */
};

static void id_gather(struct gathered *g, const char *id)
{
    for (guint i = 0; i < g->ids->len; i++)
        if (!strcmp(g->ids->pdata[i], id))
            return;
    g_ptr_array_add(g->ids, (void *)id);
}

static void group_gather(struct gathered *g, const char *name, const json_t *domain)
{
    const struct mapped_group group = { name, json_get_string(domain, "id"), json_get_string(domain, "name") };

    g_array_append_val(g->groups, group);
}

/* A group that travelled as JSON:{"name": ..., "domain": {...}}, as assertions of another cloud have them. */
static bool json_group_gather(struct application *a, const char *text, struct gathered *g)
{
    struct ctx *c = a->c;

    if (!g_str_has_prefix(text, "JSON:"))
        return strstr(text, "domain") ? fail(c, RULE_BROKEN, a->mapping_id, "a group is no object") : fail(c, NO_DOMAIN);
    json_t *group = json_read(c, text + strlen("JSON:"), strlen(text + strlen("JSON:")));
    const json_t *domain = json_object_get(group, "domain");
    if (!group || !json_is_object(group) || !json_get_string(group, "name") || (domain && !json_is_object(domain))) {
        fault_clear(c);
        return fail(c, RULE_BROKEN, a->mapping_id, "a group is no object");
    }
    if (!domain)
        return fail(c, NO_DOMAIN);
    group_gather(g, json_get_string(group, "name"), domain);
    return true;
}

/* "groups": names in the domain beside them, or whole groups in JSON. The original tells the two apart by the word "name". */
static bool groups_gather(struct application *a, const json_t *value, struct gathered *g)
{
    const char *text = json_get_string(value, "groups");
    const json_t *domain = json_object_get(value, "domain");
    bool whole = strstr(text, "name") != NULL;

    if (!whole && !domain)
        return fail(a->c, NO_DOMAIN);
    for (const char *const *item = python_list_read(a->c, text); *item; item++) {
        if (!whole)
            group_gather(g, *item, domain);
        else if (!json_group_gather(a, *item, g))
            return false;
    }
    return true;
}

static void user_gather(const json_t *user, struct mapped *m)
{
    const json_t *domain = json_object_get(user, "domain");

    m->id = json_get_string(user, "id");
    m->name = json_get_string(user, "name");
    m->email = json_get_string(user, "email");
    m->domain_id = json_get_string(domain, "id");
    m->domain_name = json_get_string(domain, "name");
    m->local = text_equal(json_get_string(user, "type"), "local");
}

static bool values_gather(struct application *a, struct gathered *g, struct mapped *m)
{
    const json_t *value, *user = NULL;
    size_t i;

    json_array_foreach(a->identity_values, i, value) {
        const json_t *group = json_object_get(value, "group"), *projects = json_object_get(value, "projects");

        if (!json_object_size(user) && json_object_get(value, "user"))
            user = json_object_get(value, "user");
        if (json_get_string(group, "id"))
            id_gather(g, json_get_string(group, "id"));
        else if (group)
            group_gather(g, json_get_string(group, "name"), json_object_get(group, "domain"));
        if (json_get_string(value, "groups") && !groups_gather(a, value, g))
            return false;
        for (const char *const *id = json_get_string(value, "group_ids") ? python_list_read(a->c, json_get_string(value, "group_ids")) : NULL;
             id && *id; id++)
            id_gather(g, *id);
        if (projects)
            m->projects = projects;
    }
    user_gather(user, m);
    return true;
}

bool mapping_apply(struct ctx *c, const char *mapping_id, const json_t *rules, const struct pair *assertion, struct mapped *ret_mapped)
{
    struct application a = { .c = c, .mapping_id = mapping_id, .assertion = assertion, .identity_values = ctx_json(c, json_array()) };
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    g_autoptr(GArray) groups = g_array_new(true, false, sizeof(struct mapped_group));
    struct gathered g = { ids, groups };
    struct mapped m = {};
    const json_t *rule;
    size_t i;

    json_array_foreach(rules, i, rule)
        if (!rule_apply(&a, rule))
            return false;
    if (!json_array_size(a.identity_values))
        return fail(c, NOT_MAPPED);
    if (!values_gather(&a, &g, &m))
        return false;
    const char **id_list = ctx_new_n(c, const char *, ids->len + 1);
    struct mapped_group *group_list = ctx_new_n(c, struct mapped_group, groups->len + 1);
    if (ids->len)
        memcpy(id_list, ids->pdata, ids->len * sizeof *id_list);
    if (groups->len)
        memcpy(group_list, groups->data, groups->len * sizeof *group_list);
    m.group_ids = id_list;
    m.groups = group_list;
    *ret_mapped = m;
    return true;
}
