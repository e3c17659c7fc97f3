/* What the original took out but still has addresses for: 410. */
#include "nova/api/api.h"

static bool gone(struct ctx *c, struct request *rq, struct reply *rp)
{
    return fail(c, GONE);
}

#define GONE_ROUTE(method, path) { method, path, gone, .flags = ROUTE_NO_POLICY }

const struct route nova_gone_routes[] = {
    GONE_ROUTE("GET", "os-agents"), GONE_ROUTE("POST", "os-agents"), GONE_ROUTE("PUT", "os-agents/{id}"), GONE_ROUTE("DELETE", "os-agents/{id}"),
    GONE_ROUTE("GET", "os-cells"), GONE_ROUTE("POST", "os-cells"), GONE_ROUTE("GET", "os-cells/capacities"), GONE_ROUTE("GET", "os-cells/detail"),
    GONE_ROUTE("GET", "os-cells/info"), GONE_ROUTE("POST", "os-cells/sync_instances"), GONE_ROUTE("GET", "os-cells/{id}"),
    GONE_ROUTE("PUT", "os-cells/{id}"), GONE_ROUTE("DELETE", "os-cells/{id}"), GONE_ROUTE("GET", "os-cells/{id}/capacities"),
    GONE_ROUTE("POST", "os-certificates"), GONE_ROUTE("GET", "os-certificates/{id}"),
    GONE_ROUTE("GET", "os-cloudpipe"), GONE_ROUTE("POST", "os-cloudpipe"), GONE_ROUTE("PUT", "os-cloudpipe/{id}"),
    GONE_ROUTE("GET", "os-fixed-ips/{id}"), GONE_ROUTE("POST", "os-fixed-ips/{id}/action"),
    GONE_ROUTE("GET", "os-floating-ip-dns"), GONE_ROUTE("PUT", "os-floating-ip-dns/{id}"), GONE_ROUTE("DELETE", "os-floating-ip-dns/{id}"),
    GONE_ROUTE("GET", "os-floating-ip-dns/{domain}/entries/{id}"), GONE_ROUTE("PUT", "os-floating-ip-dns/{domain}/entries/{id}"),
    GONE_ROUTE("DELETE", "os-floating-ip-dns/{domain}/entries/{id}"),
    GONE_ROUTE("GET", "os-floating-ips-bulk"), GONE_ROUTE("POST", "os-floating-ips-bulk"), GONE_ROUTE("GET", "os-floating-ips-bulk/{id}"),
    GONE_ROUTE("PUT", "os-floating-ips-bulk/{id}"),
    GONE_ROUTE("GET", "os-fping"), GONE_ROUTE("GET", "os-fping/{id}"),
    GONE_ROUTE("GET", "os-security-group-default-rules"), GONE_ROUTE("POST", "os-security-group-default-rules"),
    GONE_ROUTE("GET", "os-security-group-default-rules/{id}"), GONE_ROUTE("DELETE", "os-security-group-default-rules/{id}"),
    GONE_ROUTE("GET", "servers/{id}/os-virtual-interfaces"),
    GONE_ROUTE("POST", "os-networks"), GONE_ROUTE("POST", "os-networks/add"), GONE_ROUTE("DELETE", "os-networks/{id}"),
    GONE_ROUTE("POST", "os-networks/{id}/action"),
    GONE_ROUTE("POST", "os-tenant-networks"), GONE_ROUTE("DELETE", "os-tenant-networks/{id}"),
    {}
};
