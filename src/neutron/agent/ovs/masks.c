/* A range is cut into blocks whose size is a power of two and whose start is a multiple of it, from its low end on, each as large as
 * fits. */
#include "neutron/agent/ovs/masks.h"

#include <stdbool.h>
#include <stdlib.h>

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

static int by_number(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return x < y ? -1 : x > y;
}

static bool has(const unsigned *ids, size_t n, unsigned id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* Every place where a range begins or has just ended is where a piece begins; those that nobody holds are left out. */
size_t port_pieces(const struct port_range *ranges, size_t n, struct port_piece *ret, unsigned *ids)
{
    unsigned *starts = malloc(2 * n * sizeof(*starts) + 1);
    size_t n_pieces = 0;

    if (!starts)
        abort();
    for (size_t i = 0; i < n; i++) {
        starts[2 * i] = ranges[i].low;
        starts[2 * i + 1] = ranges[i].high + 1;
    }
    qsort(starts, 2 * n, sizeof(*starts), by_number);
    for (size_t i = 0; i + 1 < 2 * n; i++) {
        struct port_piece piece = { starts[i], starts[i + 1] - 1, ids, 0 };

        if (starts[i] == starts[i + 1])
            continue;
        for (size_t k = 0; k < n; k++)
            if (ranges[k].low <= piece.low && piece.high <= ranges[k].high && !has(piece.ids, piece.n_ids, ranges[k].id))
                ids[piece.n_ids++] = ranges[k].id;
        if (piece.n_ids > 0) {
            ids += piece.n_ids;
            ret[n_pieces++] = piece;
        }
    }
    free(starts);
    return n_pieces;
}
