/* Twice as many partitions, while all stays where it is: each becomes two on the same devices. A ring that says its next part power lets object
 * servers link what is written where it will be; what was there before is linked, and afterwards removed, by the relinker. */
#include "swift/ring/parts.h"

#include <string.h>

#define MOST_POWER 32

bool builder_prepare_increase(struct builder *b)
{
    if (b->next_part_power > 0 || b->part_power >= MOST_POWER)
        return false;
    b->next_part_power = b->part_power + 1;
    b->version++;
    return true;
}

static bool is_prepared(const struct builder *b)
{
    return b->next_part_power == b->part_power + 1;
}

/* Each of n things of that size twice, one behind the other. */
static void *doubled(void *from, size_t n, size_t size)
{
    char *to = g_malloc(2 * (n + 1) * size);

    for (size_t i = 0; i < n; i++) {
        memcpy(to + 2 * i * size, (char *)from + i * size, size);
        memcpy(to + (2 * i + 1) * size, (char *)from + i * size, size);
    }
    g_free(from);
    return to;
}

bool builder_increase(struct builder *b, int64_t now)
{
    if (!is_prepared(b))
        return false;
    for (size_t r = 0; r < b->n_rows; r++) {
        b->rows[r] = doubled(b->rows[r], b->row_parts[r], sizeof(**b->rows));
        b->row_parts[r] *= 2;
    }
    for (size_t i = 0; i < b->n_devs; i++)
        if (b->devs[i])
            b->devs[i]->parts *= 2;
    b->moved_hours = doubled(b->moved_hours, b->parts, 1);
    g_free(b->moved_now);
    b->parts *= 2;
    b->moved_now = g_malloc0(b->parts);
    b->part_power = b->next_part_power;
    b->version++;
    builder_pass_hours(b, now);
    return true;
}

bool builder_cancel_increase(struct builder *b)
{
    if (!is_prepared(b))
        return false;
    b->next_part_power = b->part_power;
    b->version++;
    return true;
}

bool builder_finish_increase(struct builder *b)
{
    if (b->next_part_power <= 0 || b->next_part_power != b->part_power)
        return false;
    b->next_part_power = -1;
    b->version++;
    return true;
}
