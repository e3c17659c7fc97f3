/* The tasks API: admins look at imports, and may begin one as clients did before image import. */
#include "glance/api/patch.h"
#include "glance/model/schema.h"
#include "glance/model/task.h"

#include <string.h>

/* Showing. */

static void write_times(struct out *out, const struct task *task)
{
    out_time(out, "created_at", task->created_at);
    out_time(out, "updated_at", task->updated_at);
}

static void write_links(struct out *out, const struct task *task)
{
    out_printf(out, "self", "/v2/tasks/%s", task->id);
    out_string(out, "schema", "/v2/schemas/task");
}

static void write_brief(struct out *out, const struct task *task)
{
    out_object(out, NULL);
    out_string(out, "id", task->id);
    out_string(out, "type", task->type);
    out_string(out, "status", task->status);
    out_string(out, "owner", task->owner);
    write_times(out, task);
    write_links(out, task);
    if (task->expires_at.us)
        out_time(out, "expires_at", task->expires_at);
    out_end_object(out);
}

static void write_task(struct out *out, const struct task *task)
{
    out_object(out, NULL);
    out_string(out, "id", task->id);
    out_raw(out, "input", task->input.text);
    out_string(out, "type", task->type);
    out_string(out, "status", task->status);
    out_string(out, "owner", task->owner);
    out_string(out, "message", task->message);
    out_raw(out, "result", task->result.text);
    write_times(out, task);
    write_links(out, task);
    if (task->image_id)
        out_string(out, "image_id", task->image_id);
    if (task->request_id)
        out_string(out, "request_id", task->request_id);
    if (task->user_id)
        out_string(out, "user_id", task->user_id);
    if (task->expires_at.us)
        out_time(out, "expires_at", task->expires_at);
    out_end_object(out);
}

static void reply_task(const struct task *task, struct reply *reply)
{
    write_task(&(struct out){ .to = &reply->body, .times = TIME_ISO_Z }, task);
    reply->has_body = true;
}

static bool task_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *id = request_arg(request, "task_id");
    struct task *task = task_find(c, id);

    if (!task)
        return failed(c) ? false : fail(c, TASK_NOT_FOUND, id);
    reply_task(task, reply);
    return true;
}

/* Listing. */

static const char *const sort_keys[] = { "id", "type", "status", "owner", "expires_at", "created_at", "updated_at", NULL };

struct listing {
    struct sql *sql;
    const char *key;
    bool desc;
    int64_t limit;
};

static bool add_filter(struct ctx *c, struct listing *l, const struct request *request, const char *name, const char *const *known,
                       bool is_status)
{
    const char *value = request_query(request, name);

    if (!value || !*value)
        return true;
    if (!text_in(value, known))
        return is_status ? fail(c, TASK_STATUS, value) : fail(c, TASK_TYPE, value);
    sql_add(l->sql, ctx_printf(c, " AND %s = ?", name), T(value));
    return true;
}

static bool add_marker(struct ctx *c, struct listing *l, const char *id)
{
    struct task *marker;
    const struct attr *a = attr_find(task_attrs, l->key);
    const char *op = l->desc ? "<" : ">";

    if (!id)
        return true;
    if (!uuid_is(id))
        return fail(c, TASK_MARKER);
    marker = task_find(c, id);
    if (!marker)
        return failed(c) ? false : fail(c, 400, "TaskNotFound", "Could not find task %s", id);
    sql_add(l->sql, ctx_printf(c, " AND (%s, id) %s (?, ?)", l->key, op),
            a->kind == KIND_TIME ? I(FIELD(utc_time, marker, a)->us) : T(*FIELD(char *, marker, a)), T(id));
    return true;
}

static bool read_listing(struct ctx *c, struct listing *l, const struct request *request)
{
    static const char *const statuses[] = { "pending", "processing", "success", "failure", NULL };
    static const char *const types[] = { "import", NULL };
    const char *limit = request_query(request, "limit"), *key = request_query(request, "sort_key"), *dir = request_query(request, "sort_dir");

    l->key = key ? key : "created_at";
    l->desc = !dir || strcmp(dir, "desc") == 0;
    l->limit = glance_options()->limit_param_default;
    if (limit && !text_to_int(limit, &l->limit))
        return fail(c, LIMIT_NOT_INTEGER);
    if (l->limit < 0)
        return fail(c, LIMIT_NEGATIVE);
    if (dir && strcmp(dir, "asc") != 0 && !l->desc)
        return fail(c, SORT_DIR_INVALID, dir);
    if (!text_in(l->key, sort_keys))
        return fail(c, 400, "InvalidSortKey", "Sort key supplied was not valid.");
    l->limit = MIN(l->limit, glance_options()->api_limit_max);
    return add_filter(c, l, request, "status", statuses, true) && add_filter(c, l, request, "type", types, false) &&
        add_marker(c, l, request_query(request, "marker"));
}

static bool task_list(struct ctx *c, struct request *request, struct reply *reply)
{
    struct listing l = { .sql = sql_new(c) };
    struct out out = { .to = &reply->body, .times = TIME_ISO_Z };
    struct buf columns = {};
    struct task task = {};
    struct rows *rows;
    int64_t n = 0;

    record_columns(&columns, task_attrs, "");
    sql_add(l.sql, ctx_printf(c, "SELECT %s FROM tasks WHERE 1 = 1", columns.data));
    buf_clear(&columns);
    if (!read_listing(c, &l, request))
        return false;
    sql_add(l.sql, ctx_printf(c, " ORDER BY %s %s, id %s LIMIT ?", l.key, l.desc ? "DESC" : "ASC", l.desc ? "DESC" : "ASC"), I(l.limit));
    rows = sql_query(l.sql);
    out_object(&out, NULL);
    out_array(&out, "tasks");
    for (; db_next(rows); n++) {
        record_from_row(rows, task_attrs, &task, 0);
        write_brief(&out, &task);
    }
    out_end_array(&out);
    out_printf(&out, "first", "/v2/tasks%s%s", *query_again(c, request, NULL) ? "?" : "", query_again(c, request, NULL));
    out_string(&out, "schema", "/v2/schemas/tasks");
    if (n && n == l.limit)
        out_printf(&out, "next", "/v2/tasks?%s", query_again(c, request, task.id));
    out_end_object(&out);
    reply->has_body = true;
    return !failed(c);
}

/* A task as its row stands. */
static void write_row(struct out *out, const struct task *task)
{
    out_object(out, NULL);
    out_string(out, "id", task->id);
    out_string(out, "type", task->type);
    out_string(out, "status", task->status);
    out_string(out, "owner", task->owner);
    out_time(out, "expires_at", task->expires_at);
    write_times(out, task);
    out_null(out, "deleted_at");
    out_bool(out, "deleted", false);
    out_string(out, "image_id", task->image_id);
    out_string(out, "request_id", task->request_id);
    out_string(out, "user_id", task->user_id);
    out_raw(out, "input", task->input.text);
    out_raw(out, "result", task->result.text);
    out_string(out, "message", task->message);
    out_end_object(out);
}

/* The tasks of one image. */
static bool image_tasks(struct ctx *c, struct request *request, struct reply *reply)
{
    struct image *image = image_lookup(c, request_arg(request, "image_id"));
    struct out out = { .to = &reply->body, .times = TIME_ISO_MICRO };
    struct buf columns = {};
    struct rows *rows;

    if (!image || !image_allowed(c, image, "get_image"))
        return false;
    record_columns(&columns, task_attrs, "");
    rows = db_query(c, ctx_printf(c, "SELECT %s FROM tasks WHERE image_id = $1 ORDER BY created_at", columns.data), T(image->id));
    buf_clear(&columns);
    out_object(&out, NULL);
    out_array(&out, "tasks");
    while (db_next(rows)) {
        struct task task = {};

        record_from_row(rows, task_attrs, &task, 0);
        write_row(&out, &task);
    }
    out_end_array(&out);
    out_end_object(&out);
    reply->has_body = true;
    return !failed(c);
}

/* Creating: an import from a URI into a new image. */

static bool judge(struct ctx *c, json_t *body)
{
    const char *const required[] = { "type", "input", NULL };
    const json_t *input = json_object_get(body, "input");

    for (const char *const *r = required; *r; r++)
        if (!json_object_get(body, *r))
            return fail(c, TASK_MEMBER, *r);
    if (!glance_schema_check(c, "task", body))
        return false;
    if (strcmp(json_get_string(body, "type"), "import") != 0)
        return true;
    if (!json_get_string(input, "import_from"))
        return fail(c, TASK_LOCATION);
    return import_address(c, json_get_string(input, "import_from")) || fail(c, TASK_URI, json_get_string(input, "import_from"));
}

static struct image *image_of(struct ctx *c, const json_t *input)
{
    struct image *image = image_new(c);
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(input, "image_properties"), name, value)
        if (!image_set_member(c, image, name, value))
            json_object_set(image->properties, name, value);
    image->id = uuid_new(c);
    image->owner = ctx_strdup(c, c->who.project_id);
    return image_insert(c, image) ? image : NULL;
}

/* In the transaction. What is no import of the old kind cannot be begun here, and says so as a task. */
static struct task *begin(struct ctx *c, json_t *body)
{
    json_t *input = json_object_get(body, "input");
    struct image *image;
    struct task *task;

    if (strcmp(json_get_string(body, "type"), "import") == 0) {
        image = image_of(c, input);
        task = image ? import_begin(c, image, "import", input, json_get_string(input, "import_from")) : NULL;
        if (task)
            task->input = json_text(c, input);
        return task && record_update(c, "tasks", task_attrs, task, "id") ? task : NULL;
    }
    task = task_new(c, json_get_string(body, "type"), json_get_string(input, "image_id"), input);
    if (!task_insert(c, task) || !task_move(c, task->id, "failure", NULL, "Input to an api_image_import task is given by an image's import."))
        return NULL;
    return task;
}

static bool task_create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *body = glance_body(c, request), *properties;
    struct task *task;

    if (!body || !judge(c, body))
        return false;
    properties = json_object_get(json_object_get(body, "input"), "image_properties");
    if (properties && !glance_schema_check(c, "image", properties))
        return false;
    if (!db_begin(c))
        return false;
    task = begin(c, body);
    if (!task) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    jobs_wake(&glance);
    reply_header(c, reply, "Location", ctx_printf(c, "%s/v2/tasks/%s", c->base_url, task->id));
    reply_task(task, reply);
    return true;
}

static bool task_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_header(c, reply, "Allow", "GET");
    return fail(c, TASK_KEPT);
}

const struct route glance_task_routes[] = {
    { "GET", "tasks", task_list, .policy = "tasks_api_access" },
    { "POST", "tasks", task_create, .status = 201, .policy = "tasks_api_access" },
    { "GET", "tasks/{task_id}", task_show, .policy = "tasks_api_access" },
    { "DELETE", "tasks/{task_id}", task_delete, .policy = "tasks_api_access" },
    { "GET", "images/{image_id}/tasks", image_tasks, .flags = ROUTE_NO_POLICY },
    {}
};
