/* Where tunnels end: an agent says its address and learns the others'. See rpc/l2.h. */
#include <string.h>

#include "neutron/model/ip.h"
#include "neutron/plugin/notify.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/servers.h"

/* The tunnel types there are, and the UDP port their endpoints listen on. */
static const struct { const char *type; int64_t udp_port; } types[] = { { "vxlan", 4789 }, { "gre", 0 }, { "geneve", 6081 }, {} };

struct endpoint { const char *type, *ip, *host; int64_t udp_port; };

static bool endpoint_judge(struct ctx *c, const json_t *args, struct endpoint *ret_endpoint)
{
    struct ip ip;

    *ret_endpoint = (struct endpoint){ .type = json_get_string(args, "tunnel_type"), .ip = json_get_string(args, "tunnel_ip"),
                                       .host = json_get_string(args, "host") };
    if (!ret_endpoint->ip || !*ret_endpoint->ip)
        return invalid_input(c, "Tunnel IP value needed by the ML2 plugin");
    if (!ip_read(ret_endpoint->ip, &ip))
        return invalid_input(c, "failed to detect a valid IP address from '%s'", ret_endpoint->ip);
    if (!ret_endpoint->type || !*ret_endpoint->type)
        return invalid_input(c, "Network type value needed by the ML2 plugin");
    for (size_t i = 0; types[i].type; i++)
        if (!strcmp(types[i].type, ret_endpoint->type)) {
            ret_endpoint->udp_port = types[i].udp_port;
            return true;
        }
    return invalid_input(c, "Network type value %s not supported, host: %s with tunnel IP: %s", ret_endpoint->type,
                         ret_endpoint->host ? ret_endpoint->host : "None", ret_endpoint->ip);
}

/* In the transaction. A host that moved leaves its old address; ret_stale is that address, for all to forget. An address that was
 * another host's is taken over without a word: it is in use.
 */
static bool endpoint_put(struct ctx *c, const struct endpoint *e, const char **ret_stale)
{
    bool taken = db_count(c, "SELECT count(*) FROM tunnel_endpoints WHERE tunnel_type = $1 AND ip_address = $2 AND host <> $3", T(e->type), T(e->ip), T(e->host));
    const char *before = *e->host ? db_get_text(c, "SELECT ip_address FROM tunnel_endpoints WHERE tunnel_type = $1 AND host = $2 AND ip_address <> $3",
                                                T(e->type), T(e->host), T(e->ip)) : NULL;

    *ret_stale = taken ? NULL : before;
    return !failed(c) &&
        (!*e->host || db_exec(c, "DELETE FROM tunnel_endpoints WHERE tunnel_type = $1 AND host = $2 AND ip_address <> $3", T(e->type), T(e->host), T(e->ip))) &&
        db_exec(c, "INSERT INTO tunnel_endpoints (tunnel_type, ip_address, host, udp_port) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (tunnel_type, ip_address) DO UPDATE SET host = excluded.host, udp_port = excluded.udp_port",
                T(e->type), T(e->ip), T(e->host), e->udp_port ? I(e->udp_port) : SQL_NULL);
}

static json_t *endpoints_of(struct ctx *c, const char *type)
{
    json_t *list = json_array();

    for (struct rows *rows = db_query(c, "SELECT ip_address, udp_port, host FROM tunnel_endpoints WHERE tunnel_type = $1 ORDER BY ip_address", T(type));
         db_next(rows);) {
        const char *host = db_text(rows, 2);
        json_t *one = json_pack("{s:s, s:s?}", "ip_address", db_text(rows, 0), "host", *host ? host : NULL);

        if (!db_is_null(rows, 1))
            json_object_set_new(one, "udp_port", json_integer(db_int(rows, 1)));
        json_array_append_new(list, one);
    }
    return list;
}

static bool tunnel_sync(struct ctx *c, json_t *args, json_t **ret_result)
{
    struct endpoint e;
    const char *stale = NULL;

    if (!endpoint_judge(c, args, &e))
        return false;
    e.host = e.host ? e.host : "";
    if (!db_begin(c))
        return false;
    if (!endpoint_put(c, &e, &stale)) {
        db_rollback(c);
        return false;
    }
    if (!db_commit(c))
        return false;
    *ret_result = json_pack("{s:o}", "tunnels", endpoints_of(c, e.type));
    if (stale)
        notify_tunnel(c, L2_TUNNEL_DELETE, stale, e.type);
    notify_tunnel(c, L2_TUNNEL_UPDATE, e.ip, e.type);
    return !failed(c);
}

const struct rpc_method tunnel_methods[] = {
    { L2_TUNNEL_SYNC, tunnel_sync },
    {}
};
