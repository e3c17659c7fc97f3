/* /os-services: the binaries of this cloud and the hosts they run on; /os-availability-zone: the same by zone. */
#include "nova/api/api.h"

#include "nova/model/host.h"
#include "nova/model/instance.h"
#include "oslo/client/client.h"

#include <string.h>

static bool is_compute(const struct service_row *s)
{
    return strcmp(s->binary, "nova-compute") == 0;
}

static const char *zone_of(const struct zones *zones, const struct service_row *s)
{
    return is_compute(s) ? zone_of_host(zones, s->host) : INTERNAL_AVAILABILITY_ZONE;
}

static void write_seen(struct out *o, const struct service_row *s)
{
    utc_time seen = s->last_seen_up.us ? s->last_seen_up : s->created_at;
    char text[TIME_TEXT_SIZE];

    out_string(o, "updated_at", time_write(text, (utc_time){ seen.us / 1000000 * 1000000 }, TIME_ISO_MICRO));
}

static void write_service(struct ctx *c, struct out *o, const struct zones *zones, const struct service_row *s)
{
    out_string(o, "binary", s->binary);
    out_string(o, "host", s->host);
    if (c->version >= V(2, 53))
        out_string(o, "id", s->uuid);
    else
        out_int(o, "id", s->id);
    out_string(o, "zone", zone_of(zones, s));
    out_string(o, "status", s->disabled ? "disabled" : "enabled");
    out_string(o, "state", service_is_up(s) ? "up" : "down");
    write_seen(o, s);
    out_string(o, "disabled_reason", s->disabled_reason);
    if (c->version >= V(2, 11))
        out_bool(o, "forced_down", s->forced_down);
}

static bool services_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query = schema_query(c, rq, "hosts.services_query");
    const char *host = query_last(query, "host"), *binary = query_last(query, "binary");
    struct zones *zones;
    struct service_row **all;
    struct out o;
    size_t n;

    if (!query)
        return false;
    zones = zones_load(c);
    all = services_all(c, &n);
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "services");
    for (size_t i = 0; i < n; i++) {
        if ((host && *host && strcmp(all[i]->host, host) != 0) || (binary && *binary && strcmp(all[i]->binary, binary) != 0))
            continue;
        out_object(&o, NULL);
        write_service(c, &o, zones, all[i]);
        out_end_object(&o);
    }
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

static bool store(struct ctx *c, struct service_row *s)
{
    s->updated_at = utc_now();
    return db_begin(c) && tx_done(c, db_exec(c, "UPDATE services SET disabled = $1, disabled_reason = $2, forced_down = $3, updated_at = $4"
                                             " WHERE uuid = $5", B(s->disabled), T(s->disabled_reason), B(s->forced_down),
                                             I(s->updated_at.us), T(s->uuid)));
}

static bool updatable(struct ctx *c, const char *binary)
{
    return strcmp(binary, "nova-compute") == 0 || fail(c, SERVICE_NOT_UPDATABLE, binary);
}

/* Until 2.52: PUT /os-services/<what to do> with host and binary in the body. */
static bool service_do(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "hosts.service_update_by_host");
    const char *what = request_arg(rq, "id"), *host = json_get_string(body, "host"), *binary = json_get_string(body, "binary");
    const char *reason = json_get_string(body, "disabled_reason");
    bool down = strcmp(what, "force-down") == 0 && c->version >= V(2, 11), log = strcmp(what, "disable-log-reason") == 0;
    bool disable = log || strcmp(what, "disable") == 0;
    struct service_row *s;
    struct out o;

    if (!body)
        return false;
    if (!down && !disable && strcmp(what, "enable") != 0)
        return fail(c, NOT_FOUND_TEXT, "Unknown action");
    if (log && !reason)
        return fail(c, BAD_REQUEST, "Missing disabled reason field");
    if (down && !json_object_get(body, "forced_down"))
        return fail(c, BAD_REQUEST, "Missing forced_down field");
    if (!updatable(c, binary))
        return false;
    s = service_find_by_host(c, host, binary);
    if (!s)
        return failed(c) ? false : fail(c, HOST_MAPPING_NOT_FOUND, host);
    if (down)
        s->forced_down = loose_bool(json_object_get(body, "forced_down"), false);
    else {
        s->disabled = disable;
        s->disabled_reason = log ? ctx_strdup(c, reason) : NULL;
    }
    if (!store(c, s))
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "service");
    out_string(&o, "host", s->host);
    out_string(&o, "binary", s->binary);
    if (down)
        out_bool(&o, "forced_down", s->forced_down);
    else
        out_string(&o, "status", s->disabled ? "disabled" : "enabled");
    if (s->disabled_reason && log)
        out_string(&o, "disabled_reason", s->disabled_reason);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

static struct service_row *service_get(struct ctx *c, const char *id)
{
    size_t n;
    struct service_row **all = services_all(c, &n);
    int64_t number;

    if (c->version >= V(2, 53) && !uuid_is(id))
        return fail_null(c, INVALID_UUID, id);
    if (c->version < V(2, 53) && !text_to_int(id, &number))
        return fail_null(c, NOT_AN_INTEGER, "id");
    for (size_t i = 0; i < n; i++)
        if (c->version >= V(2, 53) ? strcmp(all[i]->uuid, id) == 0 : all[i]->id == number)
            return all[i];
    return fail_null(c, SERVICE_NOT_FOUND, id);
}

static bool apply(struct ctx *c, struct service_row *s, const json_t *body)
{
    const char *status = json_get_string(body, "status"), *reason = json_get_string(body, "disabled_reason");

    if (!status && !json_object_get(body, "forced_down") && !reason)
        return fail(c, BAD_REQUEST, "No updates were requested. Fields 'status' or 'forced_down' should be specified.");
    if (reason && (!status || strcmp(status, "disabled") != 0))
        return fail(c, BAD_REQUEST, "Specifying 'disabled_reason' is only allowed when status is 'disabled'.");
    if (status) {
        s->disabled = strcmp(status, "disabled") == 0;
        s->disabled_reason = ctx_strdup(c, reason);
    }
    s->forced_down = loose_bool(json_object_get(body, "forced_down"), s->forced_down);
    return store(c, s);
}

static bool service_update(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "hosts.service_update");
    struct service_row *s = body ? service_get(c, request_arg(rq, "id")) : NULL;
    struct out o;

    if (!s && body && c->fault.status == 404) {
        fault_clear(c);
        return fail(c, SERVICE_NOT_FOUND_TO_UPDATE, request_arg(rq, "id"));
    }
    if (!s || !updatable(c, s->binary) || !apply(c, s, body))
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "service");
    write_service(c, &o, zones_load(c), s);
    out_end_object(&o);
    out_end_object(&o);
    return !failed(c);
}

/* The node's provider goes from Placement with the service. */
static bool forget_providers(struct ctx *c, const struct service_row *s)
{
    for (struct rows *r = db_query(c, "SELECT uuid FROM compute_nodes WHERE host = $1", T(s->host)); db_next(r);) {
        struct call call = { .type = "placement", .method = "DELETE", .version = "placement 1.36", .as_service = true, .accept_404 = "yes",
                             .path = ctx_printf(c, "/resource_providers/%s", db_text(r, 0)) };

        if (!client_call(c, &call))
            fault_clear(c);
    }
    return !failed(c);
}

static bool service_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    const struct service_row *s = service_get(c, request_arg(rq, "id"));

    if (!s)
        return false;
    if (is_compute(s) && db_count(c, "SELECT count(*) FROM instances WHERE host = $1 AND NOT deleted", T(s->host)))
        return fail(c, SERVICE_HAS_INSTANCES);
    if (is_compute(s) && !forget_providers(c, s))
        return false;
    return db_begin(c) &&
           tx_done(c, (!is_compute(s) || (db_exec(c, "DELETE FROM aggregate_hosts WHERE host = $1", T(s->host)) &&
                                          db_exec(c, "DELETE FROM compute_nodes WHERE host = $1", T(s->host)))) &&
                      db_exec(c, "DELETE FROM services WHERE uuid = $1", T(s->uuid)));
}

/* --- zones -------------------------------------------------------------------------------------------------------- */

static bool is_available(struct service_row *const *all, size_t n, const struct zones *zones, const char *zone)
{
    for (size_t i = 0; i < n; i++)
        if (!all[i]->disabled && strcmp(zone_of(zones, all[i]), zone) == 0)
            return true;
    return false;
}

static void write_hosts(struct out *o, struct service_row *const *all, size_t n, const struct zones *zones, const char *zone)
{
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);

    out_object(o, "hosts");
    for (size_t i = 0; i < n; i++) {
        if (all[i]->disabled || strcmp(zone_of(zones, all[i]), zone) != 0 || !g_hash_table_add(told, all[i]->host))
            continue;
        out_object(o, all[i]->host);
        for (size_t j = i; j < n; j++) {
            if (all[j]->disabled || strcmp(all[j]->host, all[i]->host) != 0 || strcmp(zone_of(zones, all[j]), zone) != 0)
                continue;
            out_object(o, all[j]->binary);
            out_bool(o, "available", service_is_up(all[j]));
            out_bool(o, "active", !all[j]->disabled);
            write_seen(o, all[j]);
            out_end_object(o);
        }
        out_end_object(o);
    }
    out_end_object(o);
}

static void write_zone(struct out *o, struct service_row *const *all, size_t n, const struct zones *zones, const char *zone, bool available, bool detail)
{
    out_object(o, NULL);
    out_string(o, "zoneName", zone);
    out_object(o, "zoneState");
    out_bool(o, "available", available);
    out_end_object(o);
    if (detail && available)
        write_hosts(o, all, n, zones, zone);
    else
        out_null(o, "hosts");
    out_end_object(o);
}

static bool zones_answer(struct ctx *c, struct reply *rp, bool detail)
{
    struct zones *zones = zones_load(c);
    size_t n;
    struct service_row **all = services_all(c, &n);
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_array(&o, "availabilityZoneInfo");
    for (int available = 1; available >= 0; available--)
        for (size_t i = 0; i < n; i++) {
            const char *zone = zone_of(zones, all[i]);

            if ((!detail && !is_compute(all[i])) || (available == 1) != is_available(all, n, zones, zone) ||
                !g_hash_table_add(told, (char *)(uintptr_t)zone))
                continue;
            write_zone(&o, all, n, zones, zone, available == 1, detail);
        }
    out_end_array(&o);
    out_end_object(&o);
    return !failed(c);
}

static bool zones_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    return zones_answer(c, rp, false);
}

static bool zones_detail(struct ctx *c, struct request *rq, struct reply *rp)
{
    return zones_answer(c, rp, true);
}

const struct route nova_service_routes[] = {
    { "GET", "os-services", services_list, .policy = RULE("os-services:list") },
    { "PUT", "os-services/{id}", service_do, .policy = RULE("os-services:update"), .until = V(2, 52) },
    { "PUT", "os-services/{id}", service_update, .policy = RULE("os-services:update"), .since = V(2, 53) },
    { "DELETE", "os-services/{id}", service_delete, 204, ROUTE_EMPTY, RULE("os-services:delete") },
    {}
};

const struct route nova_zone_routes[] = {
    { "GET", "os-availability-zone", zones_list, .policy = RULE("os-availability-zone:list") },
    { "GET", "os-availability-zone/detail", zones_detail, .policy = RULE("os-availability-zone:detail") },
    {}
};
