/* Which partitions move, and where to: those of devices that go, those whose replicas are too close together, those of devices that have
 * too many; each to where most is wanted among the places that are far enough from its other replicas. */
#include "swift/ring/parts.h"

#include <math.h>
#include <string.h>

#define ROUNDS 3

/* A repeatable order among equals. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct work {
    struct ctx *c;
    struct builder *b;
    struct plan plan;
    uint64_t random;
    size_t *gathered; size_t n;      /* part-replicas to place: partition * REPLICAS_MOST + row */
};

static void gather(struct work *w, size_t p, size_t row)
{
    struct builder *b = w->b;
    uint16_t id = b->rows[row][p];
    struct member *m = id != NO_DEVICE ? b->devs[id] : NULL;

    if (m) {
        m->parts--;
        m->wanted++;
    }
    b->rows[row][p] = NO_DEVICE;
    b->moved_now[p] = 1;
    w->gathered[w->n++] = p * REPLICAS_MOST + row;
}

static bool may_move_alone(const struct builder *b, size_t p)
{
    return !b->moved_now[p] && b->moved_hours[p] >= b->min_part_hours;
}

static bool may_move(const struct builder *b, size_t p)
{
    for (size_t i = 0; i < b->n_together; i++)
        if (b->together[i]->n_rows && !may_move_alone(b->together[i], p))
            return false;
    return b->n_together || may_move_alone(b, p);
}

/* --- gathering ------------------------------------------------------------------------------------------------------------------------ */

/* Rows become as many and as long as the replicas want; new places are gathered. */
static void resize(struct work *w)
{
    struct builder *b = w->b;
    size_t whole = (size_t)b->replicas, n = whole + (b->replicas > (double)whole);

    for (size_t r = n; r < b->n_rows; r++) {
        for (size_t p = 0; p < b->row_parts[r]; p++)
            if (b->rows[r][p] != NO_DEVICE && b->devs[b->rows[r][p]])
                b->devs[b->rows[r][p]]->parts--;
        g_free(b->rows[r]);
    }
    b->rows = g_renew(uint16_t *, b->rows, n + 1);
    b->row_parts = g_renew(size_t, b->row_parts, n + 1);
    for (size_t r = 0; r < n; r++) {
        size_t length = r < whole ? b->parts : (size_t)((b->replicas - (double)whole) * (double)b->parts), have = r < b->n_rows ? b->row_parts[r] : 0;

        for (size_t p = length; p < have; p++)
            if (b->rows[r][p] != NO_DEVICE && b->devs[b->rows[r][p]])
                b->devs[b->rows[r][p]]->parts--;
        b->rows[r] = g_renew(uint16_t, r < b->n_rows ? b->rows[r] : NULL, length + 1);
        b->row_parts[r] = length;
        for (size_t p = have; p < length; p++)
            b->rows[r][p] = NO_DEVICE;
    }
    b->n_rows = n;
}

static void gather_new(struct work *w)
{
    for (size_t r = 0; r < w->b->n_rows; r++)
        for (size_t p = 0; p < w->b->row_parts[r]; p++)
            if (w->b->rows[r][p] == NO_DEVICE)
                w->gathered[w->n++] = p * REPLICAS_MOST + r;
}

static int gather_removed(struct work *w)
{
    struct builder *b = w->b;
    int n = 0;

    for (size_t r = 0; r < b->n_rows; r++)
        for (size_t p = 0; p < b->row_parts[r]; p++)
            if (b->rows[r][p] != NO_DEVICE && b->devs[b->rows[r][p]]->removed)
                gather(w, p, r);
    for (size_t i = 0; i < b->n_devs; i++)
        n += b->devs[i] && b->devs[i]->removed;
    return n;
}

static bool too_close(const struct work *w, size_t p, size_t row)
{
    const struct member *m = w->b->devs[w->b->rows[row][p]];

    for (int depth = 0; m->d.weight > 0 && depth < 4; depth++)
        if (plan_count(w->b, depth, m->tier[depth], p, -1) > w->plan.tiers[m->tier[depth]].max)
            return true;
    return false;
}

/* One replica of a partition at a time. */
static void gather_close(struct work *w)
{
    struct builder *b = w->b;

    for (size_t p = 0; p < b->parts; p++)
        for (size_t r = 0; r < b->n_rows && may_move(b, p); r++)
            if (p < b->row_parts[r] && b->rows[r][p] != NO_DEVICE && too_close(w, p, r))
                gather(w, p, r);
}

/* Of devices that have too many: the one that has most too many first. */
static void gather_overloaded(struct work *w)
{
    struct builder *b = w->b;
    size_t start = (size_t)(next_random(&w->random) % b->parts);

    for (size_t i = 0; i < b->parts; i++) {
        size_t p = (start + i) % b->parts;
        int worst = -1;

        if (!may_move(b, p))
            continue;
        for (size_t r = 0; r < b->n_rows; r++) {
            const struct member *m = p < b->row_parts[r] && b->rows[r][p] != NO_DEVICE ? b->devs[b->rows[r][p]] : NULL;

            if (m && m->wanted < 0 && (worst < 0 || m->wanted < b->devs[b->rows[worst][p]]->wanted))
                worst = (int)r;
        }
        if (worst >= 0)
            gather(w, p, (size_t)worst);
    }
}

/* --- placing --------------------------------------------------------------------------------------------------------------------------- */

static void make_room(struct work *w)
{
    struct builder *b = w->b;

    for (int i = 0; i < w->plan.n; i++)
        w->plan.tiers[i].room = 0;
    for (size_t i = 0; i < b->n_devs; i++) {
        const struct member *m = b->devs[i];

        if (!m || m->d.weight <= 0)
            continue;
        w->plan.tiers[0].room += MAX(m->wanted, 0);
        for (int k = 0; k < 4; k++)
            w->plan.tiers[m->tier[k]].room += MAX(m->wanted, 0);
    }
}

/* The child with most room that may have one replica more; those with room beyond their maximum only when there is no other. */
static int choose_child(struct work *w, int tier, size_t p)
{
    const struct tier *t = &w->plan.tiers[tier];
    int best = -1, equal = 0;

    for (int pass = 0; pass < 2 && best < 0; pass++)
        for (int i = 0; i < t->n_children; i++) {
            const struct tier *child = &w->plan.tiers[t->children[i]];
            int have = plan_count(w->b, child->depth - 1, t->children[i], p, -1);

            if (have >= (pass ? child->devices : child->max) || (child->dev >= 0 && have))
                continue;
            if (best < 0 || child->room > w->plan.tiers[best].room) {
                best = t->children[i];
                equal = 1;
            } else if (child->room == w->plan.tiers[best].room && next_random(&w->random) % (uint64_t)++equal == 0) {
                best = t->children[i];
            }
        }
    return best;
}

static bool place_one(struct work *w, size_t p, size_t row)
{
    struct builder *b = w->b;
    struct member *m;
    int tier = 0;

    while (tier >= 0 && w->plan.tiers[tier].n_children)
        tier = choose_child(w, tier, p);
    if (tier <= 0)
        return fail(w->c, 500, "RingValidationError", "no home for %zu/%zu", p, row);
    m = b->devs[w->plan.tiers[tier].dev];
    m->parts++;
    m->wanted--;
    w->plan.tiers[0].room--;
    for (int k = 0; k < 4; k++)
        w->plan.tiers[m->tier[k]].room--;
    b->rows[row][p] = (uint16_t)m->d.id;
    return true;
}

static bool place(struct work *w)
{
    make_room(w);
    for (size_t i = w->n; i > 1; i--) {
        size_t k = (size_t)(next_random(&w->random) % i), swap = w->gathered[i - 1];

        w->gathered[i - 1] = w->gathered[k];
        w->gathered[k] = swap;
    }
    for (size_t i = 0; i < w->n; i++) {
        size_t p = w->gathered[i] / REPLICAS_MOST;

        if (!place_one(w, p, w->gathered[i] % REPLICAS_MOST))
            return false;
        w->b->moved_hours[p] = 0;
    }
    w->n = 0;
    return true;
}

/* --- the whole --------------------------------------------------------------------------------------------------------------------------- */

void builder_pass_hours(struct builder *b, int64_t now)
{
    int64_t hours = (now - b->moved_epoch) / 3600;

    memset(b->moved_now, 0, b->parts);
    if (hours <= 0)
        return;
    for (size_t p = 0; p < b->parts; p++)
        b->moved_hours[p] = (uint8_t)MIN(255, b->moved_hours[p] + hours);
    b->moved_epoch = now;
}

static bool overloaded(const struct builder *b)
{
    for (size_t i = 0; i < b->n_devs; i++)
        if (b->devs[i] && b->devs[i]->wanted < 0)
            return true;
    return false;
}

static uint16_t **copy_rows(const struct builder *b)
{
    uint16_t **rows = g_new0(uint16_t *, b->n_rows + 1);

    for (size_t r = 0; r < b->n_rows; r++)
        rows[r] = g_memdup2(b->rows[r], (b->row_parts[r] + 1) * sizeof(uint16_t));
    return rows;
}

static int64_t count_moved(const struct builder *b, uint16_t **old, const size_t *old_parts, size_t n_old)
{
    int64_t moved = 0;

    for (size_t r = 0; r < b->n_rows; r++)
        for (size_t p = 0; p < b->row_parts[r]; p++)
            moved += r >= n_old || p >= old_parts[r] || old[r][p] != b->rows[r][p];
    for (size_t r = 0; r < n_old; r++)
        g_free(old[r]);
    g_free(old);
    return moved;
}

static void forget_removed(struct builder *b)
{
    for (size_t i = 0; i < b->n_devs; i++) {
        struct member *m = b->devs[i];

        if (!m || !m->removed)
            continue;
        g_free(m->d.ip);
        g_free(m->d.replication_ip);
        g_free(m->d.device);
        g_free(m->d.meta);
        g_free(m);
        b->devs[i] = NULL;
    }
}

static bool run(struct work *w, int *ret_removed)
{
    resize(w);
    *ret_removed = gather_removed(w);
    w->n = 0;
    if (!plan_make(w->c, w->b, &w->plan))
        return false;
    gather_new(w);
    gather_close(w);
    for (int round = 0; round < ROUNDS; round++) {
        gather_overloaded(w);
        if (!w->n)
            break;
        if (!place(w))
            return false;
        if (!overloaded(w->b))
            break;
    }
    return true;
}

bool builder_rebalance(struct ctx *c, struct builder *b, int64_t now, uint64_t seed, struct rebalanced *ret)
{
    struct work w = { .c = c, .b = b, .random = seed * 0x9e3779b97f4a7c15u + 1 };
    uint16_t **old = copy_rows(b);
    size_t n_old = b->n_rows;
    g_autofree size_t *old_parts = g_memdup2(b->row_parts, (n_old + 1) * sizeof(size_t));
    bool well;

    w.gathered = g_new(size_t, b->parts * ((size_t)ceil(b->replicas) + 1) + 1);
    if (!b->n_together)              /* then all were told when they began */
        builder_pass_hours(b, now);
    well = run(&w, &ret->removed);
    g_free(w.gathered);
    ret->moved = count_moved(b, old, old_parts, n_old);
    if (!well)
        return false;
    forget_removed(b);
    b->changed = false;
    b->version++;
    b->dispersion = ret->dispersion = builder_dispersion(b);
    ret->balance = builder_balance(b);
    return true;
}

double builder_balance(const struct builder *b)
{
    double total = 0, worst = 0;

    for (size_t i = 0; i < b->n_devs; i++)
        total += b->devs[i] ? b->devs[i]->d.weight : 0;
    for (size_t i = 0; i < b->n_devs; i++) {
        const struct member *m = b->devs[i];

        if (!m)
            continue;
        if (m->d.weight <= 0)
            worst = m->parts ? MAX_BALANCE : worst;
        else
            worst = MAX(worst, fabs(100.0 * (double)m->parts * total / (m->d.weight * b->replicas * (double)b->parts) - 100));
    }
    return worst;
}

double builder_dispersion(const struct builder *b)
{
    struct ctx c;
    struct plan plan = {};
    int64_t risky = 0;

    ctx_init(&c, NULL, "");
    if (plan_make(&c, (struct builder *)(uintptr_t)b, &plan))
        for (size_t p = 0; p < b->parts; p++)
            for (int i = 1, worst = 0; i < plan.n; i++) {
                int even = (int)plan.tiers[i].high, have = plan_count(b, plan.tiers[i].depth - 1, i, p, -1);

                worst = MAX(worst, have - even);
                risky += i + 1 == plan.n ? worst : 0;
            }
    ctx_clear(&c);
    return 100.0 * (double)risky / ((double)b->parts * b->replicas);
}
