/* A port's bindings to hosts: the active one is the port's own, others wait for a guest that moves: /ports/{id}/bindings. */
#include <string.h>

#include "neutron/model/ports.h"
#include "neutron/plugin/binding.h"
#include "neutron/plugin/notify.h"
#include "neutron/rpc/l2.h"
#include "oslo/messaging/messaging.h"

struct waiting {                     /* a row of port_bindings */
    char *host, *vnic_type, *vif_type;
    raw_json profile, vif_details;
};

static json_t *binding_json(struct ctx *c, const char *host, const char *vif_type, const char *vnic_type, const char *status, raw_json profile, raw_json details)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:O, s:O}", "host", host, "vif_type", vif_type, "vnic_type", vnic_type, "status", status,
                     "profile", json_of(c, profile), "vif_details", json_of(c, details));
}

static json_t *waiting_json(struct ctx *c, const struct waiting *w)
{
    return binding_json(c, w->host, w->vif_type, w->vnic_type, "INACTIVE", w->profile, w->vif_details);
}

static json_t *active_json(struct ctx *c, const struct port *port)
{
    return binding_json(c, port->host, port->vif_type, port->vnic_type, "ACTIVE", port->profile, port->vif_details);
}

/* Bindings are the administrators' matter; only guests' ports have them. */
static struct port *port_of(struct ctx *c, struct request *request)
{
    struct port *port;

    if (!policy_check(c, "admin_only", NULL) || !(port = port_get(c, request_arg(request, "id"))))
        return NULL;
    if (!device_owner_is_compute(port->device_owner)) {
        fail(c, BAD_RESOURCE_REQUEST, "port", ctx_printf(c, "Invalid port %s. Operation only valid on compute ports", port->id));
        return NULL;
    }
    return port;
}

static bool waiting_read(struct ctx *c, const struct port *port, const char *host, struct waiting *ret_waiting)
{
    struct rows *rows = db_query(c, "SELECT host, vnic_type, vif_type, profile, vif_details FROM port_bindings WHERE port_id = $1 AND host = $2",
                                 T(port->id), T(host));
    bool found = db_next(rows);

    if (found)
        *ret_waiting = (struct waiting){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), { db_text(rows, 3) }, { db_text(rows, 4) } };
    db_rows_end(rows);
    return found;
}

static bool bindings_list(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct port *port = port_of(c, request);
    json_t *list = ctx_json(c, json_array());
    struct rows *rows;

    if (!port)
        return false;
    if (*port->host)
        json_array_append_new(list, active_json(c, port));
    for (rows = db_query(c, "SELECT host, vnic_type, vif_type, profile, vif_details FROM port_bindings WHERE port_id = $1 ORDER BY host", T(port->id));
         db_next(rows);)
        json_array_append_new(list, waiting_json(c, &(struct waiting){ db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), { db_text(rows, 3) },
                                                                       { db_text(rows, 4) } }));
    reply_json(reply, ctx_json(c, json_pack("{s:O}", "bindings", list)));
    return !failed(c);
}

static bool binding_show(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct port *port = port_of(c, request);
    const char *host = request_arg(request, "host");
    struct waiting w;

    if (!port)
        return false;
    if (strcmp(port->host, host) && !waiting_read(c, port, host, &w))
        return failed(c) ? false : fail(c, BINDING_NOT_FOUND, port->id, host);
    reply_json(reply, ctx_json(c, json_pack("{s:o}", "binding", strcmp(port->host, host) ? waiting_json(c, &w) : active_json(c, port))));
    return true;
}

/* --- changing ------------------------------------------------------------------------------------------------- */

static bool waiting_bind(struct ctx *c, const struct port *port, struct waiting *w)
{
    const struct network *net = rest_find_any(c, &network_resource, port->network_id);
    struct binding b = { .host = w->host, .vnic_type = w->vnic_type, .profile = w->profile };

    if (!net || !port_bind(c, port, net, &b))
        return false;
    if (!strcmp(b.vif_type, "binding_failed"))
        return fail(c, BINDING_FAILED, port->id, w->host);
    w->vif_type = b.vif_type;
    w->vif_details = b.vif_details;
    return db_exec(c, "INSERT INTO port_bindings (port_id, host, vnic_type, profile, vif_type, vif_details) VALUES ($1, $2, $3, $4, $5, $6)"
                   " ON CONFLICT (port_id, host) DO UPDATE SET vnic_type = excluded.vnic_type, profile = excluded.profile,"
                   " vif_type = excluded.vif_type, vif_details = excluded.vif_details",
                   T(port->id), T(w->host), T(w->vnic_type), T(w->profile.text), T(w->vif_type), T(w->vif_details.text));
}

static bool in_transaction(struct ctx *c, bool ok)
{
    if (ok)
        return db_commit(c);
    db_rollback(c);
    return false;
}

static void asked_take(struct ctx *c, const json_t *asked_binding, struct waiting *w)
{
    if (json_get_string(asked_binding, "vnic_type"))
        w->vnic_type = ctx_strdup(c, json_get_string(asked_binding, "vnic_type"));
    if (json_is_object(json_object_get(asked_binding, "profile")))
        w->profile = json_text(c, json_object_get(asked_binding, "profile"));
}

static bool binding_create(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *asked_binding = json_object_get(request_json(c, request), "binding");
    const char *host = json_get_string(asked_binding, "host");
    const struct port *port = port_of(c, request);
    struct waiting w = { .host = ctx_strdup(c, host), .vnic_type = ctx_strdup(c, "normal"), .profile = { ctx_strdup(c, "{}") } }, other;

    if (!port)
        return false;
    if (!json_is_object(asked_binding))
        return fail(c, HTTP_BAD_REQUEST, "Unable to find 'binding' in request body");
    if (!host)
        return fail(c, HTTP_BAD_REQUEST, "Failed to parse request. Required attribute 'host' not specified");
    if (!strcmp(port->host, host) || waiting_read(c, port, host, &other))
        return fail(c, BINDING_EXISTS, port->id, host);
    asked_take(c, asked_binding, &w);
    if (failed(c) || !db_begin(c) || !in_transaction(c, waiting_bind(c, port, &w)))
        return false;
    reply_json(reply, ctx_json(c, json_pack("{s:o}", "binding", waiting_json(c, &w))));
    return true;
}

static bool binding_update(struct ctx *c, struct request *request, struct reply *reply)
{
    json_t *asked_binding = json_object_get(request_json(c, request), "binding");
    const char *host = request_arg(request, "host");
    const struct port *port = port_of(c, request);
    struct waiting w;

    if (!port)
        return false;
    if (!waiting_read(c, port, host, &w))
        return failed(c) ? false : fail(c, BINDING_NOT_FOUND, port->id, host);
    asked_take(c, asked_binding, &w);
    if (!db_begin(c) || !in_transaction(c, waiting_bind(c, port, &w)))
        return false;
    reply_json(reply, ctx_json(c, json_pack("{s:o}", "binding", waiting_json(c, &w))));
    return true;
}

static bool binding_delete(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *host = request_arg(request, "host");
    const struct port *port = port_of(c, request);
    int64_t gone = 0;

    if (!port || !db_begin(c))
        return false;
    if (!in_transaction(c, db_changed(c, &gone, "DELETE FROM port_bindings WHERE port_id = $1 AND host = $2", T(port->id), T(host))))
        return false;
    if (!gone && !strcmp(port->host, host)) {
        struct port *own = port_get(c, port->id);

        return own && db_begin(c) && in_transaction(c, port_set_host(c, own, ""));
    }
    return gone || fail(c, BINDING_NOT_FOUND, port->id, host);
}

/* The waiting binding becomes the port's; the one it had waits. */
static bool activate(struct ctx *c, struct port *port, const struct waiting *w)
{
    return db_exec(c, "DELETE FROM port_bindings WHERE port_id = $1 AND host = $2", T(port->id), T(w->host)) &&
        (!*port->host || db_exec(c, "INSERT INTO port_bindings (port_id, host, vnic_type, profile, vif_type, vif_details) VALUES ($1, $2, $3, $4, 'unbound', '{}')",
                                 T(port->id), T(port->host), T(port->vnic_type), T(port->profile.text))) &&
        port_set_host(c, port, w->host);
}

static void tell(struct ctx *c, const char *topic, const char *method, json_t *args)
{
    struct target to = { .exchange = NEUTRON_EXCHANGE, .topic = topic, .version = L2_BINDING_VERSION, .fanout = true };

    rpc_cast(c, &to, method, ctx_json(c, args));
}

static bool binding_activate(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *host = request_arg(request, "host"), *before;
    struct port *port = port_of(c, request);
    struct waiting w;

    if (!port)
        return false;
    if (!strcmp(port->host, host))
        return fail(c, BINDING_ACTIVE, port->id, host);
    if (!waiting_read(c, port, host, &w))
        return failed(c) ? false : fail(c, BINDING_NOT_FOUND, port->id, host);
    before = port->host;
    port->profile = w.profile;
    if (!db_begin(c) || !in_transaction(c, activate(c, port, &w)))
        return false;
    tell(c, TOPIC_BINDING_DEACTIVATE, L2_BINDING_DEACTIVATE, json_pack("{s:s, s:s, s:s}", "port_id", port->id, "host", before, "network_id", port->network_id));
    tell(c, TOPIC_BINDING_ACTIVATE, L2_BINDING_ACTIVATE, json_pack("{s:s, s:s}", "port_id", port->id, "host", host));
    notify_port_bound(c, port);
    fault_clear(c);
    reply_json(reply, ctx_json(c, active_json(c, port)));
    return true;
}

const struct route binding_routes[] = {
    { "GET", "/v2.0/ports/{id}/bindings", bindings_list, 200, ROUTE_NO_POLICY },
    { "POST", "/v2.0/ports/{id}/bindings", binding_create, 201, ROUTE_NO_POLICY },
    { "GET", "/v2.0/ports/{id}/bindings/{host}", binding_show, 200, ROUTE_NO_POLICY },
    { "PUT", "/v2.0/ports/{id}/bindings/{host}", binding_update, 200, ROUTE_NO_POLICY },
    { "DELETE", "/v2.0/ports/{id}/bindings/{host}", binding_delete, 204, ROUTE_NO_POLICY },
    { "PUT", "/v2.0/ports/{id}/bindings/{host}/activate", binding_activate, 200, ROUTE_NO_POLICY },
    {}
};
