/* Consoles: the log, and tokens for the screen. A token is kept by its hash alone. */
#include "nova/api/action.h"
#include "nova/model/console.h"
#include "nova/options.h"
#include "nova/rpc/compute.h"

#include <string.h>

/* --- the log ------------------------------------------------------------------------------------------------------ */

static bool console_output(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "actions.os-getConsoleOutput"), *text;
    const json_t *length = json_object_get(json_object_get(body, "os-getConsoleOutput"), "length");
    const struct instance *inst = body ? server_get(c, rq) : NULL;
    int64_t lines = loose_int(length, -1);
    struct out o;

    if (!inst)
        return false;
    text = compute_call(c, inst, RPC_GET_CONSOLE_OUTPUT, json_pack("{s:o}", "tail_length", lines < 0 ? json_null() : json_integer(lines)));
    if (!text)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_string(&o, "output", json_is_string(text) ? json_string_value(text) : "");
    out_end_object(&o);
    return true;
}

/* --- the screen --------------------------------------------------------------------------------------------------- */

/* Of the types the API knows (novnc, xvpvnc, spice-html5, rdp-html5, serial, webmks) hypervisors here have novnc. */
static const struct server_action console_action = { .name = "get_vnc_console", .any_task = true, .unlaunched = true, .lockless = true };

static bool token_store(struct ctx *c, const struct instance *inst, const char *token, const char *type, const json_t *where)
{
    return db_exec(c, "DELETE FROM console_tokens WHERE expires_at < $1", I(clock_us())) &&
           db_exec(c, "INSERT INTO console_tokens (token_hash, console_type, instance_uuid, host, port, internal_access_path, expires_at)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7)", T(console_token_hash(c, token)), T(type), T(inst->uuid), T(json_get_string(where, "host")),
                   I(json_get_int(where, "port", 0)), T(json_get_string(where, "internal_access_path")),
                   I(clock_us() + nova_options()->console_token_ttl * 1000000));
}

/* A fresh token's URL. NULL with a fault. */
static char *console_url(struct ctx *c, const struct instance *inst, const char *protocol, const char *type)
{
    const char *token = uuid_new(c);
    json_t *where;

    if (strcmp(protocol, "vnc") != 0 || strcmp(type, "novnc") != 0)
        return fail_null(c, CONSOLE_UNAVAILABLE, type);
    if (inst->task_state && text_in(inst->task_state, IN(TASK_DELETING, TASK_MIGRATING)))
        return fail_null(c, INSTANCE_INVALID_STATE, console_action.name, inst->uuid, "task_state", inst->task_state);
    where = compute_call(c, inst, RPC_GET_VNC_CONSOLE, json_pack("{s:s}", "console_type", type));
    if (!where || !db_begin(c) || !tx_done(c, token_store(c, inst, token, type, where)))
        return NULL;
    return ctx_printf(c, "http://%s:%" PRId64 "/vnc_auto.html?path=%%3Ftoken%%3D%s", common_options->public_host,
                      6080 + common_options->port_offset, token);
}

/* Until 2.5: an action for each protocol. */
static bool console_action_run(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *key = rq->route->action, *type, *url;
    json_t *body = schema_body(c, rq, ctx_printf(c, "actions.%s", key));
    const struct instance *inst = body ? server_get(c, rq) : NULL;
    struct out o;

    if (!inst)
        return false;
    type = json_get_string(json_object_get(body, key), "type");
    url = console_url(c, inst, strcmp(key, "os-getVNCConsole") == 0 ? "vnc" : "", type);
    if (!url)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "console");
    out_string(&o, "type", type);
    out_string(&o, "url", url);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

static bool remote_console(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.remote_console"), *asked = json_object_get(body, "remote_console");
    const char *protocol = json_get_string(asked, "protocol"), *type = json_get_string(asked, "type"), *url;
    const struct instance *inst = body ? server_get(c, rq) : NULL;
    struct out o;

    if (!inst)
        return false;
    url = console_url(c, inst, protocol, type);
    if (!url)
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "remote_console");
    out_string(&o, "protocol", protocol);
    out_string(&o, "type", type);
    out_string(&o, "url", url);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

static bool token_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    const char *token = request_arg(rq, "token");
    struct rows *r = db_query(c, "SELECT instance_uuid, host, port, internal_access_path, console_type FROM console_tokens"
                              " WHERE token_hash = $1 AND expires_at > $2", T(console_token_hash(c, token)), I(clock_us()));
    struct out o;

    if (!db_next(r))
        return failed(c) ? false : fail(c, NOT_FOUND_TEXT, "Token not found");
    if (c->version < V(2, 31) && strcmp(db_text(r, 4), "rdp-html5") != 0)
        return fail(c, UNAUTHORIZED);
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "console");
    out_string(&o, "instance_uuid", db_text(r, 0));
    out_string(&o, "host", db_text(r, 1));
    out_int(&o, "port", db_int(r, 2));
    out_string(&o, "internal_access_path", db_text(r, 3));
    out_end_object(&o);
    out_end_object(&o);
    db_rows_end(r);
    return true;
}

#define CONSOLE(key) \
    { "POST", "servers/{id}/action", console_action_run, 200, 0, RULE("os-remote-consoles"), .until = V(2, 5), .action = key }

const struct route nova_console_routes[] = {
    { "POST", "servers/{id}/action", console_output, 200, 0, RULE("os-console-output"), .action = "os-getConsoleOutput" },
    CONSOLE("os-getVNCConsole"),
    CONSOLE("os-getSPICEConsole"),
    CONSOLE("os-getRDPConsole"),
    CONSOLE("os-getSerialConsole"),
    { "POST", "servers/{id}/remote-consoles", remote_console, .policy = RULE("os-remote-consoles"), .since = V(2, 6) },
    { "GET", "os-console-auth-tokens/{token}", token_show, .policy = RULE("os-console-auth-tokens") },
    {}
};
