/* Resource classes: the standard ones and CUSTOM_ ones. */
#include "placement/api/api.h"
#include "placement/schema.h"

#include <string.h>

#define RULE(verb) "placement:resource_classes:" verb

static void write_members(struct out *out, const char *name)
{
    out_string(out, "name", name);
    out_array(out, "links");
    out_object(out, NULL);
    out_string(out, "rel", "self");
    out_printf(out, "href", "/resource_classes/%s", name);
    out_end_object(out);
    out_end_array(out);
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    utc_time last = { 0 };
    struct rows *rows;
    struct out out;

    if (!accepts_json(c, request))
        return false;
    out = answer_begin(reply);
    out_array(&out, "resource_classes");
    for (rows = db_query(c, "SELECT name, created_at, updated_at FROM resource_classes ORDER BY position, name"); db_next(rows);) {
        out_object(&out, NULL);
        write_members(&out, db_text(rows, 0));
        out_end_object(&out);
        later(&last, (utc_time){ db_int(rows, 1) }, (utc_time){ db_int(rows, 2) });
    }
    out_end_array(&out);
    answer_end(c, reply, &out, last);
    return !failed(c);
}

static void write_one(struct ctx *c, struct reply *reply, const char *name, utc_time last)
{
    struct out out = answer_begin(reply);

    write_members(&out, name);
    answer_end(c, reply, &out, last);
}

static bool show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *name = request_arg(request, "name");
    utc_time last;

    if (!accepts_json(c, request))
        return false;
    last.us = db_count(c, "SELECT coalesce(updated_at, created_at) FROM resource_classes WHERE name = $1", T(name));
    if (!last.us)
        return fail(c, CLASS_NOT_FOUND, name);
    write_one(c, reply, name, last);
    return true;
}

/* *ret_made: whether it was not there. */
static bool insert(struct ctx *c, const char *name, int64_t *ret_made)
{
    return db_changed(c, ret_made, "INSERT INTO resource_classes (name, position, created_at) SELECT $1, coalesce(max(position), 0) + 1, $2 "
                                   "FROM resource_classes WHERE 1 = 1 ON CONFLICT (name) DO NOTHING", T(name), I(clock_us()));
}

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = body_read(c, request, "resource_class");
    const char *name = json_get_string(body, "name");
    int64_t made;

    if (!body || !db_begin(c) || !settle(c, insert(c, name, &made)))
        return false;
    if (!made)
        return fail(c, CLASS_EXISTS, name);
    answer_empty(c, reply, 201, ctx_printf(c, "/resource_classes/%s", name));
    return true;
}

/* Since 1.7: without a body; makes it where it is not there. */
static bool put(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *name = request_arg(request, "name");
    int64_t made;

    if (!placement_check(c, "resource_class", ctx_json(c, json_pack("{ss}", "name", name)), "JSON does not validate: ") || !db_begin(c) ||
        !settle(c, insert(c, name, &made)))
        return false;
    answer_empty(c, reply, made ? 201 : 204, ctx_printf(c, "/resource_classes/%s", name));
    return true;
}

static bool rename_class(struct ctx *c, const char *name, const char *to)
{
    if (!class_exists(c, name))
        return fail(c, CLASS_NOT_FOUND, name);
    if (!is_custom(name))
        return fail(c, CLASS_NOT_RENAMED, name);
    if (strcmp(name, to) && class_exists(c, to))
        return fail(c, CLASS_NAME_TAKEN, to);
    return db_exec(c, "INSERT INTO resource_classes (name, position, created_at, updated_at) SELECT $1, position, created_at, $2 "
                      "FROM resource_classes WHERE name = $3 ON CONFLICT (name) DO NOTHING", T(to), I(clock_us()), T(name)) &&
           (!strcmp(name, to) ||
            (db_exec(c, "INSERT INTO inventories (provider_uuid, resource_class, total, reserved, min_unit, max_unit, step_size, allocation_ratio, "
                        "used, created_at, updated_at) SELECT provider_uuid, $1, total, reserved, min_unit, max_unit, step_size, allocation_ratio, "
                        "used, created_at, updated_at FROM inventories WHERE resource_class = $2", T(to), T(name)) &&
             db_exec(c, "UPDATE allocations SET resource_class = $1 WHERE resource_class = $2", T(to), T(name)) &&
             db_exec(c, "DELETE FROM inventories WHERE resource_class = $1", T(name)) &&
             db_exec(c, "DELETE FROM resource_classes WHERE name = $1", T(name))));
}

/* Until 1.6: renames it. */
static bool update(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = body_read(c, request, "resource_class");
    const char *to = json_get_string(body, "name");

    if (!body || !db_begin(c) || !settle(c, rename_class(c, request_arg(request, "name"), to)))
        return false;
    write_one(c, reply, to, (utc_time){ 0 });
    return true;
}

static bool drop(struct ctx *c, const char *name)
{
    if (!class_exists(c, name))
        return fail(c, CLASS_NOT_FOUND, name);
    if (!is_custom(name))
        return fail(c, CLASS_STANDARD, name);
    if (db_count(c, "SELECT count(*) FROM inventories WHERE resource_class = $1", T(name)))
        return fail(c, CLASS_IN_USE, name);
    return db_exec(c, "DELETE FROM resource_classes WHERE name = $1", T(name));
}

static bool delete(struct ctx *c, struct request *request, struct reply *reply)
{
    return db_begin(c) && settle(c, drop(c, request_arg(request, "name")));
}

const struct route class_routes[] = {
    { "GET", "/resource_classes", list, .policy = RULE("list"), .since = V(1, 2) },
    { "POST", "/resource_classes", create, 201, .policy = RULE("create"), .since = V(1, 2) },
    { "GET", "/resource_classes/{name}", show, .policy = RULE("show"), .since = V(1, 2) },
    { "PUT", "/resource_classes/{name}", update, .policy = RULE("update"), .since = V(1, 2), .until = V(1, 6) },
    { "PUT", "/resource_classes/{name}", put, .policy = RULE("update"), .since = V(1, 7) },
    { "DELETE", "/resource_classes/{name}", delete, 204, .policy = RULE("delete"), .since = V(1, 2) },
    {}
};
