/* Every data path there is, and which one is in use. */
#include "neutron/agent/datapath.h"

#include <string.h>

#include "neutron/agent/agent.h"

const struct datapath *const datapaths[] = { &datapath_linuxbridge, &datapath_openvswitch, &datapath_sim, NULL };

const struct datapath *datapath(void)
{
    if (common_options->sim)
        return &datapath_sim;
    for (const struct datapath *const *d = datapaths; *d; d++)
        if (strcmp((*d)->name, agent_options()->datapath) == 0)
            return *d;
    return &datapath_linuxbridge;
}
