/* A range is cut into blocks whose size is a power of two and whose start is a multiple of it, from its low end on, each as large as
 * fits. */
#include "neutron/agent/ovs/masks.h"

size_t port_masks(unsigned low, unsigned high, struct port_mask ret[PORT_MASKS_MAX])
{
    size_t n = 0;

    while (low <= high && n < PORT_MASKS_MAX) {
        unsigned size = 1;

        while (low % (size * 2) == 0 && low + size * 2 - 1 <= high && size < 65536)
            size *= 2;
        ret[n++] = (struct port_mask){ (uint16_t)low, (uint16_t)(65536 - size) };
        low += size;
    }
    return n;
}
