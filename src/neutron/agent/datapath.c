/* Every data path there is, and which one is in use. */
#include "neutron/agent/datapath.h"

#include "oslo/registry/registry.h"

const struct datapath *const datapaths[] = { &datapath_linuxbridge, &datapath_sim, NULL };

const struct datapath *datapath(void)
{
    return common_options->sim ? &datapath_sim : &datapath_linuxbridge;
}
