/* Members of a shared image: the projects it is shared with, and whether they have taken it. */
#include "glance/model/image.h"
#include "glance/model/schema.h"

#include <string.h>

struct member {
    char *member_id, *image_id, *status;
    utc_time created_at, updated_at;
};

static const struct attr member_attrs[] = {
    ATTR(struct member, member_id, 0),
    ATTR(struct member, image_id, 0),
    ATTR(struct member, status, 0, .unset = "pending"),
    ATTR(struct member, created_at, 0),
    ATTR(struct member, updated_at, 0),
    {}
};

static void write_member(struct out *out, const struct member *member)
{
    out_object(out, NULL);
    record_write(out, member_attrs, member, &(struct record_view){ 0 });
    out_string(out, "schema", "/v2/schemas/member");
    out_end_object(out);
}

static void reply_member(const struct member *member, struct reply *reply)
{
    write_member(&(struct out){ .to = &reply->body, .times = TIME_ISO_Z }, member);
    reply->has_body = true;
}

static bool is_shared(const struct image *image)
{
    return strcmp(image->visibility, "shared") == 0;
}

static bool is_owner(struct ctx *c, const struct image *image)
{
    return image->owner && text_equal(image->owner, c->who.project_id);
}

/* The image, in the words of this API. */
static struct image *lookup(struct ctx *c, const struct request *request)
{
    const char *id = request_arg(request, "image_id");
    struct image *image = image_lookup(c, id);

    if (!image && c->fault.status == 404) {
        fault_clear(c);
        fail(c, IMAGE_NOT_THERE, id);
    }
    return image;
}

/* The rule of a verb: whoever fails it reads that verb's own sentence. */
static bool allowed(struct ctx *c, const struct image *image, const char *rule, const char *verb)
{
    if (image_allowed(c, image, rule))
        return true;
    if (c->fault.status == 403) {
        fault_clear(c);
        fail(c, MEMBERS_FORBIDDEN, verb, image->id);
    }
    return false;
}

static struct member *find(struct ctx *c, const struct image *image, const char *member_id)
{
    struct buf columns = {};
    struct member *member = NULL;
    struct rows *rows;

    record_columns(&columns, member_attrs, "");
    rows = db_query(c, ctx_printf(c, "SELECT %s FROM image_members WHERE image_id = $1 AND member_id = $2", columns.data), T(image->id), T(member_id));
    buf_clear(&columns);
    if (db_next(rows)) {
        member = ctx_new(c, struct member);
        record_from_row(rows, member_attrs, member, 0);
        db_rows_end(rows);
    }
    /* A member sees itself alone. */
    if (member && !c->who.is_admin && !is_owner(c, image) && !text_equal(member_id, c->who.project_id))
        member = NULL;
    if (!member && !failed(c))
        fail(c, MEMBER_NOT_FOUND, member_id, image->id);
    return member;
}

/* Create. */

static const char *read_member(struct ctx *c, struct request *request)
{
    json_t *body = glance_body(c, request), *member;

    if (!body)
        return NULL;
    if (!json_is_object(body))
        return fail_null(c, MEMBER_BODY);
    member = json_object_get(body, "member");
    if (!member)
        return fail_null(c, MEMBER_UNSAID);
    if (json_is_integer(member) && json_integer_value(member))
        return ctx_printf(c, "%" JSON_INTEGER_FORMAT, json_integer_value(member));
    if (!json_is_string(member) || !*json_string_value(member))
        return fail_null(c, MEMBER_EMPTY);
    return json_string_value(member);
}

/* In the transaction. */
static bool add(struct ctx *c, const struct image *image, struct member *member)
{
    int64_t n = db_count(c, "SELECT count(*) FROM image_members WHERE image_id = $1", T(image->id)), quota = glance_options()->image_member_quota;

    if (failed(c))
        return false;
    if (quota >= 0 && n + 1 > quota)
        return fail(c, MEMBER_LIMIT, image->id, n + 1, quota);
    if (record_insert(c, "image_members", member_attrs, member))
        return true;
    if (c->fault.status == 409) {
        fault_clear(c);
        fail(c, MEMBER_DUPLICATE, member->member_id, image->id);
    }
    return false;
}

static bool member_create(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *member_id = read_member(c, request);
    struct image *image = member_id ? lookup(c, request) : NULL;
    struct member *member = record_new(c, member_attrs, sizeof(*member));

    if (!image)
        return false;
    if (!is_shared(image) || (!c->who.is_admin && !is_owner(c, image)))
        return fail(c, MEMBERS_FORBIDDEN, "create", image->id);
    if (!allowed(c, image, "add_member", "create"))
        return false;
    member->image_id = image->id;
    member->member_id = ctx_strdup(c, member_id);
    member->created_at = member->updated_at = utc_now();
    if (!db_begin(c))
        return false;
    if (!add(c, image, member)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    reply_member(member, reply);
    return true;
}

/* Show and list. */

static bool member_show(struct ctx *c, struct request *request, struct reply *reply)
{
    struct image *image = lookup(c, request);
    struct member *member;

    if (!image)
        return false;
    if (!is_shared(image))
        return fail(c, MEMBERS_NOT_SHARED);
    if (!image_allowed(c, image, "get_member")) {
        fault_clear(c);
        return fail(c, IMAGE_HIDDEN, ctx_printf(c, "You are not authorized to lookup the members of the image %s.", image->id));
    }
    member = find(c, image, request_arg(request, "member_id"));
    if (!member)
        return false;
    reply_member(member, reply);
    return true;
}

static bool member_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct image *image = lookup(c, request);
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };
    struct sql *s = sql_new(c);
    struct buf columns = {};
    struct rows *rows;

    if (!image)
        return false;
    if (!is_shared(image))
        return fail(c, MEMBERS_LIST_FORBIDDEN, image->id);
    if (!allowed(c, image, "get_members", "list"))
        return false;
    record_columns(&columns, member_attrs, "");
    sql_add(s, ctx_printf(c, "SELECT %s FROM image_members WHERE image_id = ?", columns.data), T(image->id));
    buf_clear(&columns);
    if (!c->who.is_admin && !is_owner(c, image))
        sql_add(s, " AND member_id = ?", T(c->who.project_id));
    sql_add(s, " ORDER BY created_at, member_id");
    rows = sql_query(s);
    out_object(&out, NULL);
    out_array(&out, "members");
    while (db_next(rows)) {
        struct member member = {};

        record_from_row(rows, member_attrs, &member, 0);
        write_member(&out, &member);
    }
    out_end_array(&out);
    out_string(&out, "schema", "/v2/schemas/members");
    out_end_object(&out);
    reply->has_body = true;
    return !failed(c);
}

/* Update and delete. */

static const char *read_status(struct ctx *c, struct request *request)
{
    json_t *body = glance_body(c, request);

    if (!body)
        return NULL;
    if (!json_is_object(body))
        return fail_null(c, MEMBER_STATUS_BODY);
    if (!json_object_get(body, "status"))
        return fail_null(c, MEMBER_STATUS_UNSAID);
    return json_is_string(json_object_get(body, "status")) ? json_get_string(body, "status") : "";
}

static bool write_row(struct ctx *c, const char *sql, const struct value *values)
{
    if (!db_begin(c))
        return false;
    if (db_exec_values(c, NULL, sql, values))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool member_update(struct ctx *c, struct request *request, struct reply *reply)
{
    static const char *const statuses[] = { "pending", "accepted", "rejected", NULL };
    const char *status = read_status(c, request);
    struct image *image = status ? lookup(c, request) : NULL;
    struct member *member;

    if (!image)
        return false;
    if (!is_shared(image) || (!c->who.is_admin && is_owner(c, image)))
        return fail(c, MEMBERS_FORBIDDEN, "update", image->id);
    if (!allowed(c, image, "get_member", "update"))
        return false;
    member = find(c, image, request_arg(request, "member_id"));
    if (!member || !allowed(c, image, "modify_member", "update"))
        return false;
    if (!text_in(status, statuses))
        return fail(c, MEMBER_STATUS_WRONG);
    member->status = ctx_strdup(c, status);
    member->updated_at = utc_now();
    if (!write_row(c, "UPDATE image_members SET status = $1, updated_at = $2 WHERE image_id = $3 AND member_id = $4",
                   VALUES(T(status), I(member->updated_at.us), T(image->id), T(member->member_id))))
        return false;
    reply_member(member, reply);
    return true;
}

static bool member_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    struct image *image = lookup(c, request);
    struct member *member;

    if (!image)
        return false;
    if (!is_shared(image) || (!c->who.is_admin && !is_owner(c, image)))
        return fail(c, MEMBERS_FORBIDDEN, "delete", image->id);
    member = find(c, image, request_arg(request, "member_id"));
    if (!member || !allowed(c, image, "delete_member", "delete"))
        return false;
    return write_row(c, "DELETE FROM image_members WHERE image_id = $1 AND member_id = $2", VALUES(T(image->id), T(member->member_id)));
}

const struct route glance_member_routes[] = {
    { "GET", "images/{image_id}/members", member_list, .flags = ROUTE_NO_POLICY },
    { "POST", "images/{image_id}/members", member_create, .flags = ROUTE_NO_POLICY },
    { "GET", "images/{image_id}/members/{member_id}", member_show, .flags = ROUTE_NO_POLICY },
    { "PUT", "images/{image_id}/members/{member_id}", member_update, .flags = ROUTE_NO_POLICY },
    { "DELETE", "images/{image_id}/members/{member_id}", member_delete, .status = 204, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
