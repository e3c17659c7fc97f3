/* Ranges of ports as OpenFlow matches them: by values under masks. */
#ifndef NEUTRON_AGENT_OVS_MASKS_H
#define NEUTRON_AGENT_OVS_MASKS_H

#include <stddef.h>
#include <stdint.h>

struct port_mask { uint16_t value, mask; };
enum { PORT_MASKS_MAX = 30 };        /* the most that a range needs */

/* The fewest masks that together are exactly low .. high; how many. */
size_t port_masks(unsigned low, unsigned high, struct port_mask ret[PORT_MASKS_MAX]);

#endif
