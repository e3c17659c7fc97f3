/* Instance actions and their events. */
#include "nova/model/action.h"

static int64_t action_of_request(struct ctx *c, const char *instance_uuid)
{
    return db_count(c, "SELECT max(id) FROM instance_actions WHERE request_id = $1 AND instance_uuid = $2",
                    T(c->request_id), T(instance_uuid));
}

bool action_begin(struct ctx *c, const char *instance_uuid, const char *name)
{
    int64_t id = counter_next(c, "instance_actions"), now = clock_us();

    return id && db_exec(c, "INSERT INTO instance_actions (id, instance_uuid, action, request_id, user_id, project_id, start_time,"
                         " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
                         I(id), T(instance_uuid), T(name), T(c->request_id), T(c->who.user_id), T(c->who.project_id), I(now));
}

bool action_end(struct ctx *c, const char *instance_uuid, const char *error)
{
    return db_exec(c, "UPDATE instance_actions SET finish_time = $1, updated_at = $1, message = $2 WHERE id = $3",
                   I(clock_us()), T(error), I(action_of_request(c, instance_uuid)));
}

bool event_begin(struct ctx *c, const char *instance_uuid, const char *event, const char *host)
{
    int64_t action = action_of_request(c, instance_uuid), now = clock_us();

    if (!action || db_count(c, "SELECT count(*) FROM instance_action_events WHERE action_id = $1 AND event = $2"
                            " AND finish_time IS NULL", I(action), T(event)))
        return !failed(c);
    return db_exec(c, "INSERT INTO instance_action_events (id, action_id, event, start_time, host) VALUES ($1, $2, $3, $4, $5)",
                   I(counter_next(c, "instance_action_events")), I(action), T(event), I(now), T(host)) &&
           db_exec(c, "UPDATE instance_actions SET updated_at = $1 WHERE id = $2", I(now), I(action));
}

bool event_end(struct ctx *c, const char *instance_uuid, const char *event, const char *error)
{
    int64_t action = action_of_request(c, instance_uuid), now = clock_us();

    if (!action)
        return !failed(c);
    return db_exec(c, "UPDATE instance_action_events SET finish_time = $1, result = $2, details = $3"
                   " WHERE action_id = $4 AND event = $5 AND finish_time IS NULL",
                   I(now), T(error ? "Error" : "Success"), T(error), I(action), T(event)) &&
           db_exec(c, error ? "UPDATE instance_actions SET updated_at = $1, message = 'Error' WHERE id = $2"
                            : "UPDATE instance_actions SET updated_at = $1 WHERE id = $2", I(now), I(action));
}
