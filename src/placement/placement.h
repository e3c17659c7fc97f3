/* Placement, as the program lists it. */
#ifndef PLACEMENT_PLACEMENT_H
#define PLACEMENT_PLACEMENT_H

#include "oslo/registry/registry.h"

extern const struct service placement;

#endif
