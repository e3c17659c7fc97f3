/* Traits: the names there are, and those of a provider. */
#include "placement/api/api.h"
#include "placement/schema.h"

#include <string.h>

#define TRAITS(verb) "placement:traits:" verb
#define OF_PROVIDER(verb) "placement:resource_providers:traits:" verb
#define PROVIDER_TRAITS "/resource_providers/{uuid}/traits"

/* Rows of name, created_at, updated_at into the open array. */
static utc_time write_names(struct out *out, struct rows *rows)
{
    utc_time last = { 0 };

    out_array(out, "traits");
    while (db_next(rows)) {
        out_string(out, NULL, db_text(rows, 0));
        later(&last, (utc_time){ db_int(rows, 1) }, (utc_time){ db_int(rows, 2) });
    }
    out_end_array(out);
    return last;
}

/* --- the names ------------------------------------------------------------------------------------------------------ */

static bool add_filters(struct ctx *c, const struct request *request, struct sql *s)
{
    const char *name = request_query(request, "name"), *associated = request_query(request, "associated");

    if (name && !strchr(name, ':'))
        return fail(c, TRAITS_QUERY, name);
    if (name && g_str_has_prefix(name, "in:")) {
        sql_add(s, " AND t.name IN ");
        sql_in(s, (const char *const *)text_split(c, name + 3, ','));
    } else if (name && g_str_has_prefix(name, "startswith:")) {
        sql_add(s, " AND t.name LIKE ?", T(ctx_printf(c, "%s%%", name + 11)));
    }
    if (associated && g_ascii_strcasecmp(associated, "true") && g_ascii_strcasecmp(associated, "false"))
        return fail(c, TRAITS_ASSOCIATED);
    if (associated)
        sql_add(s, g_ascii_strcasecmp(associated, "true") ? " AND NOT EXISTS (SELECT 1 FROM provider_traits AS p WHERE p.trait = t.name)"
                                                          : " AND EXISTS (SELECT 1 FROM provider_traits AS p WHERE p.trait = t.name)");
    return true;
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct sql *s = sql_new(c);
    utc_time last;
    struct out out;

    sql_add(s, "SELECT t.name, t.created_at, t.updated_at FROM traits AS t WHERE 1 = 1");
    if (!accepts_json(c, request) || !query_read(c, request, "traits_query") || !add_filters(c, request, s))
        return false;
    sql_add(s, " ORDER BY t.name");
    out = answer_begin(reply);
    last = write_names(&out, sql_query(s));
    answer_end(c, reply, &out, last);
    return !failed(c);
}

/* created_at; 0: there is none. */
static utc_time made_at(struct ctx *c, const char *name)
{
    return (utc_time){ db_count(c, "SELECT created_at FROM traits WHERE name = $1", T(name)) };
}

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    utc_time made = made_at(c, request_arg(request, "name"));

    if (!made.us)
        return fail(c, TRAIT_NOT_FOUND, request_arg(request, "name"));
    answer_stamp(c, reply, made);
    return true;
}

static bool put(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *name = request_arg(request, "name");
    utc_time now = utc_now();
    int64_t made;

    if (!placement_check(c, "custom_trait", ctx_json(c, json_string(name)), "")) {
        fault_clear(c);
        return fail(c, TRAIT_INVALID);
    }
    if (!db_begin(c) || !settle(c, db_changed(c, &made, "INSERT INTO traits (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                                              T(name), I(now.us))))
        return false;
    answer_empty(c, reply, made ? 201 : 204, ctx_printf(c, "/traits/%s", name));
    answer_stamp(c, reply, made ? now : made_at(c, name));
    return true;
}

static bool drop(struct ctx *c, const char *name)
{
    if (!made_at(c, name).us)
        return fail(c, TRAIT_NOT_FOUND, name);
    if (!is_custom(name))
        return fail(c, TRAIT_STANDARD, name);
    if (db_count(c, "SELECT count(*) FROM provider_traits WHERE trait = $1", T(name)))
        return fail(c, TRAIT_IN_USE, name);
    return db_exec(c, "DELETE FROM traits WHERE name = $1", T(name));
}

static bool delete(struct ctx *c, struct request *request, struct reply *reply)
{
    return db_begin(c) && settle(c, drop(c, request_arg(request, "name")));
}

/* --- those of a provider -------------------------------------------------------------------------------------------- */

static bool write_of_provider(struct ctx *c, struct reply *reply, const struct provider *p)
{
    struct out out = answer_begin(reply);
    utc_time last = write_names(&out, db_query(c, "SELECT t.name, t.created_at, t.updated_at FROM provider_traits AS p JOIN traits AS t "
                                                  "ON t.name = p.trait WHERE p.provider_uuid = $1 ORDER BY t.name", T(p->uuid)));

    out_int(&out, "resource_provider_generation", p->generation);
    answer_end(c, reply, &out, last);
    return !failed(c);
}

static bool list_of_provider(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *uuid = request_arg(request, "uuid");
    struct provider p;

    if (!accepts_json(c, request))
        return false;
    return provider_find(c, uuid, &p) ? write_of_provider(c, reply, &p) : fail(c, PROVIDER_NOT_FOUND_IN, uuid, "", uuid);
}

/* Writes the difference; the generation moves only if there is one. */
static bool store(struct ctx *c, struct provider *p, const char *const *names)
{
    int64_t removed = 0, added = 0, one;
    struct sql *s = sql_new(c);

    sql_add(s, "DELETE FROM provider_traits WHERE provider_uuid = ?", T(p->uuid));
    if (names[0]) {
        sql_add(s, " AND trait NOT IN ");
        sql_in(s, names);
    }
    if (!sql_exec(s, &removed))
        return false;
    for (; *names; names++, added += one)
        if (!db_changed(c, &one, "INSERT INTO provider_traits (provider_uuid, trait) VALUES ($1, $2) ON CONFLICT (provider_uuid, trait) DO NOTHING",
                        T(p->uuid), T(*names)))
            return false;
    return (!removed && !added) || provider_bump(c, p);
}

static bool replace(struct ctx *c, struct provider *p, const char *uuid, const char *const *names, int64_t generation)
{
    const char *unknown;

    if (!provider_get(c, uuid, p))
        return false;
    if (p->generation != generation)
        return fail(c, GENERATION_CHANGED);
    unknown = traits_unknown(c, names);
    if (unknown)
        return fail(c, TRAITS_UNKNOWN, unknown);
    return !failed(c) && store(c, p, names);
}

static bool set_of_provider(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = body_read(c, request, "provider_traits_update"), *traits = json_object_get(body, "traits"), *name;
    struct provider p;
    const char **names;
    size_t i;

    if (!body)
        return false;
    names = ctx_new_n(c, const char *, json_array_size(traits) + 1);
    json_array_foreach(traits, i, name)
        names[i] = json_string_value(name);
    return db_begin(c) &&
           settle(c, replace(c, &p, request_arg(request, "uuid"), names, json_whole(json_object_get(body, "resource_provider_generation")))) &&
           write_of_provider(c, reply, &p);
}

static bool clear_of_provider(struct ctx *c, struct request *request, struct reply *reply)
{
    struct provider p;

    return db_begin(c) && settle(c, provider_get(c, request_arg(request, "uuid"), &p) && store(c, &p, (const char *const[]){ NULL }));
}

const struct route trait_routes[] = {
    { "GET", "/traits", list, .policy = TRAITS("list"), .since = V(1, 6) },
    { "GET", "/traits/{name}", show, 204, .policy = TRAITS("show"), .since = V(1, 6) },
    { "PUT", "/traits/{name}", put, .policy = TRAITS("update"), .since = V(1, 6) },
    { "DELETE", "/traits/{name}", delete, 204, .policy = TRAITS("delete"), .since = V(1, 6) },
    { "GET", PROVIDER_TRAITS, list_of_provider, .policy = OF_PROVIDER("list"), .since = V(1, 6) },
    { "PUT", PROVIDER_TRAITS, set_of_provider, .policy = OF_PROVIDER("update"), .since = V(1, 6) },
    { "DELETE", PROVIDER_TRAITS, clear_of_provider, 204, .policy = OF_PROVIDER("delete"), .since = V(1, 6) },
    {}
};
