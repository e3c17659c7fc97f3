/* The shape of a mapping, as a table, and what is wrong with one that has another. */
#include "keystone/federation/mapping.h"
#include "oslo/record/python.h"

#include <string.h>

/* A JSON schema as far as this one goes. */
struct shape {
    enum { TEXT, FLAG, LIST, OBJECT } type;
    const struct member { const char *name; const struct shape *shape; bool required; } *members;      /* of an OBJECT; NULL: any */
    bool open;                       /* members that are not named are fine */
    const struct shape *items;       /* of a LIST; NULL: any */
    bool not_empty;
    const char *const *choices;      /* of a TEXT */
    const struct shape *const *one_of;
};

static const char *const type_names[] = { [TEXT] = "string", [FLAG] = "boolean", [LIST] = "array", [OBJECT] = "object" };

#define MEMBERS(...) .type = OBJECT, .members = (const struct member[]){ __VA_ARGS__, {} }
static const struct shape text = { .type = TEXT }, flag = { .type = FLAG }, list = { .type = LIST };
static const struct shape user_type = { .type = TEXT, .choices = (const char *const[]){ "ephemeral", "local", NULL } };
static const struct shape domain = { MEMBERS({ "id", &text }, { "name", &text }) };
static const struct shape user = { MEMBERS({ "id", &text }, { "name", &text }, { "email", &text }, { "domain", &domain }, { "type", &user_type }) };
static const struct shape role = { MEMBERS({ "name", &text, true }), .open = true };
static const struct shape roles = { .type = LIST, .items = &role };
static const struct shape project = { MEMBERS({ "name", &text, true }, { "roles", &roles, true }) };
static const struct shape projects = { .type = LIST, .items = &project };
static const struct shape group_by_id = { MEMBERS({ "id", &text, true }) };
static const struct shape group_by_name = { MEMBERS({ "name", &text, true }, { "domain", &domain, true }) };
static const struct shape group = { .type = OBJECT, .open = true, .one_of = (const struct shape *const[]){ &group_by_id, &group_by_name, NULL } };
static const struct shape local_item = {
    MEMBERS({ "user", &user }, { "projects", &projects }, { "group", &group }, { "groups", &text }, { "group_ids", &text }, { "domain", &domain })
};
static const struct shape local = { .type = LIST, .items = &local_item };
#define EVALUATION(word) { MEMBERS({ "type", &text, true }, { word, &list, true }, { "regex", &flag }) }
static const struct shape plain = { MEMBERS({ "type", &text, true }) }, any_one_of = EVALUATION("any_one_of"), not_any_of = EVALUATION("not_any_of"),
    blacklist = EVALUATION("blacklist"), whitelist = EVALUATION("whitelist");
static const struct shape remote_item = {
    .type = OBJECT, .open = true,
    .one_of = (const struct shape *const[]){ &plain, &any_one_of, &not_any_of, &blacklist, &whitelist, NULL },
};
static const struct shape remote = { .type = LIST, .items = &remote_item, .not_empty = true };
static const struct shape rule = { MEMBERS({ "local", &local, true }, { "remote", &remote, true }) };
static const struct shape rules = { .type = LIST, .items = &rule, .not_empty = true };
static const struct shape mapping = { MEMBERS({ "rules", &rules, true }), .open = true };

/* Each message is one of the list's; without a list it is enough to know that there is one. */
static bool wrong(GPtrArray *messages, struct buf *message)
{
    if (messages)
        g_ptr_array_add(messages, buf_steal(message));
    buf_clear(message);
    return false;
}

static bool wrong_value(GPtrArray *messages, const json_t *value, const char *what)
{
    struct buf message = {};

    python_repr(&message, value);
    buf_puts(&message, what);
    return wrong(messages, &message);
}

static bool is_of_type(const struct shape *shape, const json_t *value)
{
    switch (shape->type) {
    case TEXT: return json_is_string(value);
    case FLAG: return json_is_boolean(value);
    case LIST: return json_is_array(value);
    case OBJECT: break;
    }
    return json_is_object(value);
}

static const struct member *member_find(const struct shape *shape, const char *name)
{
    for (const struct member *m = shape->members; m && m->name; m++)
        if (!strcmp(m->name, name))
            return m;
    return NULL;
}

static bool unexpected_judge(const struct shape *shape, const json_t *value, GPtrArray *messages)
{
    struct buf message = {};
    const char *name;
    json_t *ignored;
    int n = 0;

    json_object_foreach((json_t *)value, name, ignored) {
        if (member_find(shape, name))
            continue;
        json_t *text_of_name = json_string(name);

        buf_puts(&message, n++ ? ", " : "Additional properties are not allowed (");
        python_repr(&message, text_of_name);
        json_decref(text_of_name);
    }
    if (!n)
        return true;
    buf_puts(&message, n == 1 ? " was unexpected)" : " were unexpected)");
    return wrong(messages, &message);
}

static bool shape_judge(const struct shape *shape, const json_t *value, GPtrArray *messages);

static bool members_judge(const struct shape *shape, const json_t *value, GPtrArray *messages)
{
    bool ok = shape->open || unexpected_judge(shape, value, messages);

    for (const struct member *m = shape->members; m && m->name; m++) {
        const json_t *member = json_object_get(value, m->name);
        struct buf message = {};

        if (member) {
            ok &= shape_judge(m->shape, member, messages);
        } else if (m->required) {
            buf_printf(&message, "'%s' is a required property", m->name);
            ok = wrong(messages, &message);
        }
    }
    return ok;
}

static bool items_judge(const struct shape *shape, const json_t *value, GPtrArray *messages)
{
    bool ok = !shape->not_empty || json_array_size(value) || wrong_value(messages, value, " is too short");
    const json_t *item;
    size_t i;

    json_array_foreach(value, i, item)
        ok &= !shape->items || shape_judge(shape->items, item, messages);
    return ok;
}

static bool choice_judge(const struct shape *shape, const json_t *value, GPtrArray *messages)
{
    const char *what = " is not one of ['ephemeral', 'local']";

    return !shape->choices || text_in(json_string_value(value), shape->choices) || wrong_value(messages, value, what);
}

static bool one_of_judge(const struct shape *shape, const json_t *value, GPtrArray *messages)
{
    bool any = !shape->one_of;

    for (const struct shape *const *one = shape->one_of; one && *one; one++)
        any |= shape_judge(*one, value, NULL);
    return any || wrong_value(messages, value, " is not valid under any of the given schemas");
}

static bool shape_judge(const struct shape *shape, const json_t *value, GPtrArray *messages)
{
    if (!is_of_type(shape, value)) {
        bool also = one_of_judge(shape, value, messages);
        struct buf what = {};

        buf_printf(&what, " is not of type '%s'", type_names[shape->type]);
        also &= wrong_value(messages, value, what.data);
        buf_clear(&what);
        return also;
    }
    switch (shape->type) {
    case TEXT: return choice_judge(shape, value, messages);
    case FLAG: return true;
    case LIST: return items_judge(shape, value, messages);
    case OBJECT: break;
    }
    bool ok = members_judge(shape, value, messages);
    return one_of_judge(shape, value, messages) && ok;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool mapping_judge(struct ctx *c, const json_t *body)
{
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(free);
    struct buf all = {};

    if (shape_judge(&mapping, body, messages))
        return true;
    g_ptr_array_sort(messages, by_text);
    for (guint i = 0; i < messages->len; i++)
        buf_printf(&all, "%s\n", (const char *)messages->pdata[i]);
    fail(c, VALIDATION, all.data);
    buf_clear(&all);
    return false;
}
