/* How many replicas of a partition each region, zone, server and device is to have: by weight, as far apart as can be, and between the two
 * as far as overload lets devices take more than their weight. */
#include "swift/ring/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TINY 1e-10
#define RING_PLAN 500, "RingValidationError", "%s"

/* --- the tree --------------------------------------------------------------------------------------------------------------------- */

static int tier_find(struct ctx *c, struct plan *plan, int parent, const char *key, int dev)
{
    for (int i = 0; i < plan->tiers[parent].n_children; i++)
        if (!strcmp(plan->tiers[plan->tiers[parent].children[i]].key, key))
            return plan->tiers[parent].children[i];
    struct tier *p = &plan->tiers[parent];
    int made = plan->n++, *children = ctx_new_n(c, int, p->n_children + 1);
    if (p->n_children)
        memcpy(children, p->children, (size_t)p->n_children * sizeof(int));
    children[p->n_children++] = made;
    p->children = children;
    plan->tiers[made] = (struct tier){ .parent = parent, .depth = p->depth + 1, .key = ctx_strdup(c, key), .dev = dev };
    return made;
}

static void tree_make(struct ctx *c, struct builder *b, struct plan *plan)
{
    plan->tiers = ctx_new_n(c, struct tier, b->n_devs * 4 + 1);
    plan->n = 1;
    plan->tiers[0] = (struct tier){ .parent = -1, .key = ctx_strdup(c, ""), .dev = -1 };
    for (size_t i = 0; i < b->n_devs; i++) {
        struct member *m = b->devs[i];

        if (!m || m->d.weight <= 0)
            continue;
        m->tier[0] = tier_find(c, plan, 0, ctx_printf(c, "%d", m->d.region), -1);
        m->tier[1] = tier_find(c, plan, m->tier[0], ctx_printf(c, "%d", m->d.zone), -1);
        m->tier[2] = tier_find(c, plan, m->tier[1], m->d.ip, -1);
        m->tier[3] = tier_find(c, plan, m->tier[2], ctx_printf(c, "%d", m->d.id), m->d.id);
        plan->tiers[0].devices++;
        for (int k = 0; k < 4; k++)
            plan->tiers[m->tier[k]].devices++;
    }
}

/* --- by weight --------------------------------------------------------------------------------------------------------------------- */

/* No device has more than one replica of a partition; what it would have beyond goes to the others. */
static void weigh(struct ctx *c, const struct builder *b, struct plan *plan)
{
    double *share = ctx_new_n(c, double, b->n_devs + 1), total = 0, left;

    for (size_t i = 0; i < b->n_devs; i++)
        total += b->devs[i] && b->devs[i]->d.weight > 0 ? b->devs[i]->d.weight : 0;
    for (size_t i = 0; i < b->n_devs; i++)
        if (b->devs[i] && b->devs[i]->d.weight > 0)
            share[i] = MIN(1, b->devs[i]->d.weight * b->replicas / total);
    for (int round = 0; round < 1000; round++) {
        double have = 0, room = 0;

        for (size_t i = 0; i < b->n_devs; i++) {
            have += share[i];
            room += share[i] < 1 ? share[i] : 0;
        }
        left = b->replicas - have;
        if (left < TINY || room <= 0)
            break;
        for (size_t i = 0; i < b->n_devs; i++)
            if (share[i] < 1)
                share[i] = MIN(1, share[i] * (left / room + 1));
    }
    for (size_t i = 0; i < b->n_devs; i++) {
        const struct member *m = b->devs[i];

        if (!m || m->d.weight <= 0)
            continue;
        plan->tiers[0].weighted += share[i];
        for (int k = 0; k < 4; k++)
            plan->tiers[m->tier[k]].weighted += share[i];
    }
}

/* --- as far apart as can be ---------------------------------------------------------------------------------------------------------- */

static void spread_evenly(struct plan *plan, int tier, double replicas)
{
    struct tier *t = &plan->tiers[tier];

    if (t->depth == 4)
        replicas = MIN(1, replicas);
    t->low = floor(replicas);
    t->high = ceil(replicas);
    for (int i = 0; i < t->n_children; i++)
        spread_evenly(plan, t->children[i], replicas / t->n_children);
}

/* One round over those children that may still change. */
static void share_out(struct plan *plan, const int *children, int n, double *placed, const bool *open, double remaining, bool limited)
{
    double weight = 0;

    for (int i = 0; i < n; i++)
        weight += open[i] ? plan->tiers[children[i]].weighted : 0;
    for (int i = 0; i < n && weight > 0; i++) {
        const struct tier *t = &plan->tiers[children[i]];

        if (!open[i])
            continue;
        placed[i] += t->weighted * remaining / weight;
        placed[i] = MAX(placed[i], t->low);
        if (placed[i] > t->high && !limited)
            placed[i] = t->high;
        placed[i] = MIN(placed[i], t->devices);
    }
}

static void place_wanted(struct ctx *c, struct plan *plan, int tier, double replicas)
{
    struct tier *t = &plan->tiers[tier];
    int n = t->n_children;
    double *placed = ctx_new_n(c, double, n + 1), remaining = replicas;
    bool *open = ctx_new_n(c, bool, n + 1), limited = false;

    t->wanted = replicas;
    for (int i = 0; i < n; i++)
        open[i] = true;
    for (int round = 0; round < 1000 && n; round++) {
        double sum = 0;
        bool any = false;

        share_out(plan, t->children, n, placed, open, remaining, limited);
        for (int i = 0; i < n; i++)
            sum += placed[i];
        remaining = replicas - sum;
        if (fabs(remaining) < TINY)
            break;
        for (int i = 0; i < n; i++) {
            const struct tier *child = &plan->tiers[t->children[i]];

            open[i] = remaining < 0 ? placed[i] > child->low : placed[i] < child->devices && (limited || placed[i] < child->high);
            any = any || open[i];
        }
        if (any)
            continue;
        if (limited)
            break;
        limited = true;
        for (int i = 0; i < n; i++)
            open[i] = placed[i] < plan->tiers[t->children[i]].devices;
    }
    for (int i = 0; i < n; i++)
        place_wanted(c, plan, t->children[i], placed[i]);
}

/* --- what is to be -------------------------------------------------------------------------------------------------------------------- */

/* By how much the most loaded device would have to be overloaded. */
static double required_overload(const struct plan *plan)
{
    double most = 0;

    for (int i = 0; i < plan->n; i++)
        if (plan->tiers[i].dev >= 0 && plan->tiers[i].weighted > 0)
            most = MAX(most, (plan->tiers[i].wanted - plan->tiers[i].weighted) / plan->tiers[i].weighted);
    return most;
}

static void settle(const struct builder *b, struct plan *plan)
{
    double required = required_overload(plan), part = required <= TINY || b->overload >= required ? 1 : b->overload / required;

    for (int i = 0; i < plan->n; i++) {
        struct tier *t = &plan->tiers[i];

        t->target = t->weighted + (t->wanted - t->weighted) * part;
        t->max = (int)ceil(t->target - 1e-9);
    }
}

static int by_target(const void *a, const void *b, void *plan)
{
    const struct tier *tiers = ((struct plan *)plan)->tiers;
    double x = tiers[*(const int *)a].target, y = tiers[*(const int *)b].target;

    return x < y ? -1 : x > y;
}

static void place_parts(struct plan *plan, int tier, int64_t parts, size_t of)
{
    struct tier *t = &plan->tiers[tier];

    t->parts = parts;
    if (!t->n_children)
        return;
    qsort_r(t->children, (size_t)t->n_children, sizeof(int), by_target, plan);
    for (int i = 0; i < t->n_children; i++) {
        struct tier *child = &plan->tiers[t->children[i]];

        child->parts = MIN(parts, (int64_t)floor(child->target * (double)of + 1e-6));
        parts -= child->parts;
    }
    for (int i = 0; parts > 0; i = (i + 1) % t->n_children, parts--)
        plan->tiers[t->children[i]].parts++;
    for (int i = 0; i < t->n_children; i++)
        place_parts(plan, t->children[i], plan->tiers[t->children[i]].parts, of);
}

bool plan_make(struct ctx *c, struct builder *b, struct plan *plan)
{
    tree_make(c, b, plan);
    if (plan->tiers[0].devices < b->replicas)
        return fail(c, RING_PLAN, ctx_printf(c, "Replica count of %g requires more than %d devices", b->replicas, plan->tiers[0].devices));
    weigh(c, b, plan);
    spread_evenly(plan, 0, b->replicas);
    place_wanted(c, plan, 0, b->replicas);
    settle(b, plan);
    place_parts(plan, 0, (int64_t)(b->replicas * (double)b->parts), b->parts);
    for (size_t i = 0; i < b->n_devs; i++) {
        struct member *m = b->devs[i];

        if (m)
            m->wanted = m->d.weight > 0 ? plan->tiers[m->tier[3]].parts - m->parts : -m->parts;
    }
    return true;
}

int plan_count(const struct builder *b, int depth, int tier, size_t p, int skip)
{
    int n = 0;

    for (size_t r = 0; r < b->n_rows; r++) {
        uint16_t id = (int)r != skip && p < b->row_parts[r] ? b->rows[r][p] : NO_DEVICE;
        const struct member *m = id != NO_DEVICE ? b->devs[id] : NULL;

        n += m && m->d.weight > 0 && m->tier[depth] == tier;
    }
    return n;
}
