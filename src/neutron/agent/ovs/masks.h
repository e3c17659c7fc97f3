/* Ranges of ports as OpenFlow matches them: by values under masks. */
#ifndef NEUTRON_AGENT_OVS_MASKS_H
#define NEUTRON_AGENT_OVS_MASKS_H

#include <stddef.h>
#include <stdint.h>

struct port_mask { uint16_t value, mask; };
enum { PORT_MASKS_MAX = 30 };        /* the most that a range needs */

/* The fewest masks that together are exactly low .. high; how many. */
size_t port_masks(unsigned low, unsigned high, struct port_mask ret[PORT_MASKS_MAX]);

/* Ranges that may overlap, each with a number, made disjoint: every piece with the numbers of all that hold it. */
struct port_range { unsigned low, high, id; };
struct port_piece { unsigned low, high; const unsigned *ids; size_t n_ids; };
/* ret has room for 2 * n - 1 pieces; ids (n * (2 * n - 1)) for their numbers. How many pieces. Ids are said once a piece. */
size_t port_pieces(const struct port_range *, size_t n, struct port_piece *ret, unsigned *ids);

#endif
