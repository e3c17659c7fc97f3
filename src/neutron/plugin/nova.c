/* Telling Nova about its ports. */
#include "neutron/plugin/nova.h"

#include <stdatomic.h>

#include "oslo/client/client.h"

enum { BATCH = 100 };

static atomic_bool added;            /* an event since the worker was last woken; one rolled back costs a look */

bool nova_event_add(struct ctx *c, const char *name, const char *server_id, const char *port_id)
{
    if (!neutron_options()->notify_nova || !uuid_is(server_id))
        return true;
    atomic_store(&added, true);
    return db_exec(c, "INSERT INTO nova_events (id, name, server_uuid, tag, status) VALUES ($1, $2, $3, $4, 'completed')",
                   T(uuid_new(c)), T(name), T(server_id), T(port_id));
}

void nova_events_wake(void)
{
    if (atomic_exchange(&added, false))
        worker_wake(neutron.workers);
}

static json_t *events_read(struct ctx *c, const char **ids, size_t *ret_n)
{
    json_t *events = ctx_json(c, json_array());
    struct rows *rows = db_query(c, ctx_printf(c, "SELECT id, name, server_uuid, tag, status FROM nova_events ORDER BY id LIMIT %d", BATCH));

    while (db_next(rows)) {
        ids[(*ret_n)++] = db_text(rows, 0);
        json_array_append_new(events, json_pack("{s:s, s:s, s:s*, s:s}", "name", db_text(rows, 1), "server_uuid", db_text(rows, 2),
                                                "tag", db_text(rows, 3), "status", db_text(rows, 4)));
    }
    return events;
}

static bool events_forget(struct ctx *c, const char *const *ids)
{
    struct sql *sql = sql_new(c);

    sql_add(sql, "DELETE FROM nova_events WHERE id IN ");
    sql_in(sql, ids);
    if (!db_begin(c))
        return false;
    db_relaxed(c);
    if (sql_exec(sql, NULL))
        return db_commit(c);
    db_rollback(c);
    return false;
}

/* An event whose server is not known to Nova (404) is not worth another try; any other failure is. */
bool nova_events_send(struct ctx *c)
{
    for (;;) {
        const char **ids = ctx_new_n(c, const char *, BATCH + 1);
        size_t n = 0;
        json_t *events = events_read(c, ids, &n);

        if (!n || failed(c))
            return !failed(c);
        struct call call = { .type = "compute", .method = "POST", .path = "/os-server-external-events", .as_service = true,
            .accept_404 = "the servers are gone", .body = ctx_json(c, json_pack("{s:O}", "events", events)) };
        if (!client_call(c, &call)) {
            if (call.status < 400 || call.status >= 500)
                return false;
            fault_clear(c);
        }
        if (!events_forget(c, ids))
            return false;
    }
}
