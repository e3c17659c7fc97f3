/* What exists: every service of the program, in the order they start. */
#include "neutron/neutron.h"
#include "nova/nova.h"
#include "oslo/service/service.h"

extern const struct service keystone_service;

const struct service *const services[] = {
    &keystone_service,
    &neutron,
    &nova,
    NULL
};
