/* Segments: which wire a network is on. Types local, flat, vlan and vxlan, from the options' ranges. */
#include "neutron/model/networks.h"

#include <stdio.h>
#include <string.h>

enum { VXLAN_OVERHEAD = 50, TRIES = 16 };

int64_t network_mtu_max(const char *network_type)
{
    return neutron_options()->global_physnet_mtu - (!strcmp(network_type, "vxlan") ? VXLAN_OVERHEAD : 0);
}

static bool segment_taken(struct ctx *c, const struct network *net, int64_t id)
{
    return db_count(c, "SELECT count(*) FROM networks WHERE network_type = $1 AND COALESCE(physical_network, '') = $2 AND segmentation_id = $3",
                    T(net->network_type), T(net->physical_network ? net->physical_network : ""), I(id)) > 0;
}

/* A free number of first..last: by luck, else the first gap. */
static bool segment_pick(struct ctx *c, struct network *net, int64_t first, int64_t last)
{
    int64_t id = first;

    for (int i = 0; i < TRIES; i++) {
        id = first + (int64_t)random_below((uint64_t)(last - first + 1));
        if (!segment_taken(c, net, id)) {
            net->segmentation_id = (opt_int){ id, true };
            return true;
        }
    }
    struct rows *rows = db_query(c, "SELECT segmentation_id FROM networks WHERE network_type = $1 AND COALESCE(physical_network, '') = $2"
                                 " AND segmentation_id >= $3 ORDER BY segmentation_id",
                                 T(net->network_type), T(net->physical_network ? net->physical_network : ""), I(first));
    for (id = first; db_next(rows) && db_int(rows, 0) == id;)
        id++;
    db_rows_end(rows);
    net->segmentation_id = (opt_int){ id, id <= last };
    return id <= last && !failed(c);
}

/* "physnet:first:last" among network_vlan_ranges; a bare "physnet" allows provider networks only. */
static bool vlan_range(struct ctx *c, const char *physical_network, char **ret_name, int64_t *ret_first, int64_t *ret_last)
{
    for (char **range = text_split(c, neutron_options()->network_vlan_ranges, ','); *range; range++) {
        char **parts = text_split(c, *range, ':');

        if (!*parts || (physical_network && strcmp(*parts, physical_network)))
            continue;
        *ret_name = *parts;
        *ret_first = *ret_last = 0;
        if (parts[1] && parts[2])
            return text_to_int(parts[1], ret_first) && text_to_int(parts[2], ret_last);
        if (physical_network)
            return true;
    }
    return false;
}

static bool vxlan_pick(struct ctx *c, struct network *net)
{
    long long first = 1, last = 1;

    sscanf(neutron_options()->vni_ranges, "%lld:%lld", &first, &last);
    return segment_pick(c, net, first, last);
}

/* --- a tenant's network: the first of the tenant types that has room -------------------------------------------- */

static bool segment_any(struct ctx *c, struct network *net)
{
    int64_t first, last;

    for (char **type = text_split(c, neutron_options()->tenant_network_types, ','); *type; type++) {
        net->network_type = *type;
        net->physical_network = NULL;
        if (!strcmp(*type, "local") || (!strcmp(*type, "vxlan") && vxlan_pick(c, net)))
            return true;
        if (!strcmp(*type, "vlan") && vlan_range(c, NULL, &net->physical_network, &first, &last) && segment_pick(c, net, first, last))
            return true;
        if (failed(c))
            return false;
    }
    return fail(c, NO_NETWORK_AVAILABLE);
}

/* --- a provider's network: as asked --------------------------------------------------------------------------- */

static bool flat_check(struct ctx *c, struct network *net)
{
    char **known = text_split(c, neutron_options()->flat_networks, ',');

    if (!net->physical_network)
        return invalid_input(c, "physical_network required for flat provider network");
    if (net->segmentation_id.set)
        return invalid_input(c, "segmentation_id specified for flat network");
    if (!text_in("*", (const char *const *)known) && !text_in(net->physical_network, (const char *const *)known))
        return invalid_input(c, "physical_network '%s' unknown for flat provider network", net->physical_network);
    if (db_count(c, "SELECT count(*) FROM networks WHERE network_type = 'flat' AND physical_network = $1", T(net->physical_network)))
        return fail(c, FLAT_NETWORK_IN_USE, net->physical_network);
    return !failed(c);
}

static bool vlan_check(struct ctx *c, struct network *net)
{
    int64_t first, last;
    char *name;

    if (net->segmentation_id.set && !net->physical_network)
        return invalid_input(c, "segmentation_id requires physical_network for VLAN provider network");
    if (net->physical_network && !vlan_range(c, net->physical_network, &name, &first, &last))
        return invalid_input(c, "physical_network '%s' unknown for VLAN provider network", net->physical_network);
    if (net->segmentation_id.set && (net->segmentation_id.value < 1 || net->segmentation_id.value > 4094))
        return invalid_input(c, "segmentation_id out of range (1 through 4094)");
    if (net->segmentation_id.set && segment_taken(c, net, net->segmentation_id.value))
        return fail(c, VLAN_ID_IN_USE, (long long)net->segmentation_id.value, net->physical_network);
    if (net->segmentation_id.set)
        return true;
    if (vlan_range(c, net->physical_network, &net->physical_network, &first, &last) && first && segment_pick(c, net, first, last))
        return true;
    return failed(c) ? false : fail(c, NO_NETWORK_AVAILABLE);
}

static bool vxlan_check(struct ctx *c, struct network *net)
{
    if (net->physical_network)
        return invalid_input(c, "provider:physical_network specified for vxlan network");
    if (!net->segmentation_id.set)
        return vxlan_pick(c, net) || (!failed(c) && fail(c, NO_NETWORK_AVAILABLE));
    if (segment_taken(c, net, net->segmentation_id.value))
        return fail(c, TUNNEL_ID_IN_USE, (long long)net->segmentation_id.value);
    return !failed(c);
}

static bool local_check(struct ctx *c, struct network *net)
{
    if (net->physical_network || net->segmentation_id.set)
        return invalid_input(c, "%s prohibited for local provider network", net->physical_network ? "physical_network" : "segmentation_id");
    return true;
}

bool segment_allocate(struct ctx *c, struct network *net)
{
    static const struct { const char *type; bool (*check)(struct ctx *, struct network *); } types[] = {
        { "local", local_check }, { "flat", flat_check }, { "vlan", vlan_check }, { "vxlan", vxlan_check }, {}
    };
    bool ok = false;

    if (!net->network_type && (net->physical_network || net->segmentation_id.set))
        return invalid_input(c, "network_type required");
    if (!net->network_type) {
        ok = segment_any(c, net);
    } else {
        size_t i = 0;

        while (types[i].type && strcmp(types[i].type, net->network_type))
            i++;
        if (!types[i].type)
            return invalid_input(c, "network_type value '%s' not supported", net->network_type);
        ok = types[i].check(c, net);
    }
    if (ok && !net->mtu)
        net->mtu = network_mtu_max(net->network_type);
    return ok;
}
