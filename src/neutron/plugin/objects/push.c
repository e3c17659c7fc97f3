/* Pushing what changed. The change stands in object_changes until it has been sent: a row is written in the transaction that
 * changes the object, a worker reads what the object has become and casts it, one message a version, and forgets the row.
 */
#include <stdatomic.h>
#include <string.h>

#include "neutron/plugin/objects/object.h"
#include "neutron/rpc/resources.h"

enum { BATCH = 100, MOST_VERSIONS = 8 };

static atomic_bool noted;

static bool wanted(struct ctx *c, const char *type)
{
    const char *versions[MOST_VERSIONS];

    return versions_wanted(c, type, versions, MOST_VERSIONS) > 0;
}

bool object_changed(struct ctx *c, const char *type, const char *id)
{
    if (!wanted(c, type))
        return !failed(c);
    atomic_store(&noted, true);
    return db_exec(c, "INSERT INTO object_changes (id, type, object_id, request_id, noted_at) VALUES ($1, $2, $3, $4, $5)", T(uuid_new(c)), T(type), T(id),
                   T(c->request_id), I(clock_us()));
}

bool objects_changed(struct ctx *c, const char *type, const char *select, const char *key)
{
    GPtrArray *ids;
    bool ok = true;

    if (!wanted(c, type))
        return !failed(c);
    ids = g_ptr_array_new();
    for (struct rows *rows = db_query(c, select, T(key)); db_next(rows);)
        g_ptr_array_add(ids, db_text(rows, 0));
    for (guint i = 0; ok && i < ids->len; i++)
        ok = object_changed(c, type, ids->pdata[i]);
    g_ptr_array_free(ids, TRUE);
    return ok && !failed(c);
}

void objects_wake(void)
{
    if (atomic_exchange(&noted, false))
        worker_wake(&object_push_worker);
}

/* --- the worker ----------------------------------------------------------------------------------------------- */

struct noted_change { const char *row, *type, *id, *request_id; };

static size_t changes_read(struct ctx *c, struct noted_change *list)
{
    struct rows *rows = db_query(c, ctx_printf(c, "SELECT id, type, object_id, request_id FROM object_changes ORDER BY noted_at, id LIMIT %d", BATCH));
    size_t n = 0;

    while (db_next(rows))
        list[n++] = (struct noted_change){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_text(rows, 3) };
    return n;
}

static bool push(struct ctx *c, const struct object_class *class, const struct noted_change *change, const json_t *source)
{
    const char *versions[MOST_VERSIONS], *own_request = c->request_id;
    size_t n = versions_wanted(c, class->name, versions, MOST_VERSIONS);
    bool ok = true;

    c->request_id = change->request_id;
    for (size_t i = 0; ok && i < n; i++) {
        int minor = object_minor(class, versions[i]);
        struct target to = { .exchange = NEUTRON_EXCHANGE, .topic = ctx_printf(c, TOPIC_RESOURCES, class->name, versions[i]),
                             .version = RESOURCES_VERSION, .fanout = true };

        if (minor < 0)
            continue;
        ok = rpc_cast(c, &to, RESOURCES_PUSH,
                      ctx_json(c, json_pack("{s:[o], s:s}", "resource_list",
                                            source ? object_primitive(class, minor, source) : object_gone(class, minor, change->id),
                                            "event_type", source ? "updated" : "deleted")));
    }
    c->request_id = own_request;
    return ok;
}

static bool seen_before(const struct noted_change *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(list[k].id, list[i].id) && !strcmp(list[k].type, list[i].type))
            return true;
    return false;
}

static const json_t *source_of(const json_t *sources, const char *id)
{
    json_t *source;
    size_t i;

    json_array_foreach(sources, i, source)
        if (text_equal(json_get_string(source, "id"), id))
            return source;
    return NULL;
}

/* All changes of one type: read by one question, sent in their order. */
static bool push_type(struct ctx *c, const char *type, const struct noted_change *list, size_t n)
{
    const struct object_class *class = object_class_find(type);
    json_t *ids = json_array(), *sources = NULL;

    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].type, type))
            json_array_append_new(ids, json_string(list[i].id));
    if (!(sources = object_sources(c, class, ctx_json(c, json_pack("{s:o}", "id", ids)))))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].type, type) && !seen_before(list, i) && !push(c, class, &list[i], source_of(sources, list[i].id)))
            return false;
    return true;
}

static bool changes_forget(struct ctx *c, const struct noted_change *list, size_t n)
{
    struct sql *s = sql_new(c);
    const char **rows = ctx_new_n(c, const char *, n + 1);

    for (size_t i = 0; i < n; i++)
        rows[i] = list[i].row;
    sql_add(s, "DELETE FROM object_changes WHERE id IN ");
    sql_in(s, rows);
    if (!db_begin(c))
        return false;
    db_relaxed(c);                   /* sent twice does no harm */
    if (sql_exec(s, NULL))
        return db_commit(c);
    db_rollback(c);
    return false;
}

static bool changes_push(struct ctx *c)
{
    c->who.is_admin = true;
    for (;;) {
        struct noted_change list[BATCH];
        size_t n = changes_read(c, list);

        for (size_t i = 0; i < n; i++) {
            bool done = false;

            for (size_t k = 0; k < i; k++)
                done = done || !strcmp(list[k].type, list[i].type);
            if (!done && !push_type(c, list[i].type, list, n))
                return false;
        }
        if (failed(c) || !n)
            return !failed(c);
        if (!changes_forget(c, list, n))
            return false;
    }
}

const struct worker object_push_worker = { .name = "object-pusher", .role = "api,neutron-rpc", .run = changes_push, .every_us = 1000000 };
