/* What exists: every service of the program, in the order they start. */
#include "nova/nova.h"
#include "oslo/service/service.h"

const struct service *const services[] = {
    &nova,
    NULL
};
