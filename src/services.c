/* What exists: every service of the program, in the order they start. */
#include "oslo/service/service.h"

const struct service *const services[] = {
    NULL
};
