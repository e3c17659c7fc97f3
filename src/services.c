/* What exists: every service of the program, in the order they start. */
#include "glance/glance.h"
#include "keystone/keystone.h"
#include "neutron/neutron.h"
#include "nova/console/console.h"
#include "nova/metadata/metadata.h"
#include "nova/nova.h"
#include "oslo/service/service.h"
#include "placement/placement.h"
#include "swift/swift.h"

const struct service *const services[] = {
    &keystone_service,
    &glance,
    &placement,
    &neutron,
    &nova,
    &metadata_service,
    &console_service,
    &swift,
    NULL
};
