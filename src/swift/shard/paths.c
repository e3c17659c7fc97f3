/* Shard ranges as a whole. */
#include "swift/shard/paths.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PATHS 4096

void shard_lists_add(struct ctx *c, struct shard_lists *lists, const struct shard_list *list)
{
    if (lists->n == lists->room) {
        size_t room = MAX(lists->room * 2, 8);
        struct shard_list *more = ctx_new_n(c, struct shard_list, room);

        if (lists->n)
            memcpy(more, lists->at, lists->n * sizeof(*more));
        lists->at = more;
        lists->room = room;
    }
    lists->at[lists->n++] = *list;
}

const char *shard_list_lower(const struct shard_list *list)
{
    return list->n ? list->at[0].lower : "";
}

const char *shard_list_upper(const struct shard_list *list)
{
    return list->n ? list->at[list->n - 1].upper : "";
}

int64_t shard_list_objects(const struct shard_list *list)
{
    int64_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n += list->at[i].object_count;
    return n;
}

int64_t shard_list_rows(const struct shard_list *list)
{
    int64_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n += shard_rows(&list->at[i]);
    return n;
}

bool shard_list_includes(const struct shard_list *list, const struct shard_range *r)
{
    return list->n && shard_lowers(list->at[0].lower, r->lower) <= 0 && shard_uppers(list->at[list->n - 1].upper, r->upper) >= 0;
}

/* --- gaps and overlaps ---------------------------------------------------------------------------------------------------------------- */

static int by_lower(const void *va, const void *vb, void *unused)
{
    const struct shard_range *a = va, *b = vb;

    (void)unused;
    return shard_lowers(a->lower, b->lower);
}

/* By their begins; those that begin alike stay in their order. */
static struct shard_list in_order(struct ctx *c, const struct shard_list *from)
{
    struct shard_list list = {};

    for (size_t i = 0; i < from->n; i++)
        if (from->at[i].state != SHARD_SHRINKING)
            shard_add(c, &list, &from->at[i]);
    if (list.n)
        g_qsort_with_data(list.at, (int)list.n, sizeof(*list.at), by_lower, NULL);
    return list;
}

static bool is_end(const char *upper, const char *lower)
{
    return *upper && *lower && !shard_lowers(upper, lower);
}

/* How far ways reach from each range's begin, range by range from the last. */
static const char **reaches(struct ctx *c, const struct shard_list *list)
{
    const char **far = ctx_new_n(c, const char *, list->n + 1);

    for (size_t i = list->n; i-- > 0;) {
        far[i] = list->at[i].upper;
        for (size_t k = i + 1; k < list->n && shard_lower_upper(list->at[k].lower, list->at[i].upper) <= 0; k++)
            if (is_end(list->at[i].upper, list->at[k].lower) && shard_uppers(far[k], far[i]) > 0)
                far[i] = far[k];
    }
    return far;
}

/* Does nothing end where it begins? */
static bool is_start(const struct shard_list *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (is_end(list->at[k].upper, list->at[i].lower))
            return false;
    return true;
}

/* Of the ranges that begin where the one at i does the one that ways reach furthest from. */
static size_t furthest(const struct shard_list *list, const char **far, size_t i)
{
    size_t best = i;

    for (size_t k = i; k < list->n && !strcmp(list->at[k].lower, list->at[i].lower); k++)
        if (shard_uppers(far[k], far[best]) > 0)
            best = k;
    return best;
}

/* Where the next way begins that reaches behind at (NULL: the begin of all); list->n: nowhere. */
static size_t next_start(const struct shard_list *list, const char **far, const char *at)
{
    size_t i = 0;

    while (i < list->n && (!is_start(list, i) || (at && shard_uppers(far[i], at) <= 0)))
        i++;
    return i < list->n ? furthest(list, far, i) : i;
}

void shard_gaps(struct ctx *c, const struct shard_list *all, struct shard_gaps *ret)
{
    struct shard_list list = in_order(c, all);
    const char **far = reaches(c, &list), *from = NULL, *at = NULL;      /* NULL: the begin of all */

    *ret = (struct shard_gaps){ .at = ctx_new_n(c, struct shard_gap, list.n + 1) };
    if (list.n && !*list.at[0].lower) {
        from = "";
        at = far[furthest(&list, far, 0)];
    }
    while (!at || *at) {
        size_t i = next_start(&list, far, at);
        const char *next = i < list.n ? list.at[i].lower : "";

        if (i == list.n || !at || shard_lowers(at, next) <= 0)
            ret->at[ret->n++] = (struct shard_gap){ from, at ? at : "", next };
        if (i == list.n)
            return;
        from = next;
        at = far[i];
    }
}

void shard_overlaps_find(struct ctx *c, const struct shard_list *list, struct shard_lists *ret)
{
    *ret = (struct shard_lists){};
    for (size_t i = 0; i < list->n; i++) {
        struct shard_list group = {};

        for (size_t k = i + 1; k < list->n; k++)
            if (strcmp(list->at[i].name, list->at[k].name) && shard_overlaps(&list->at[i], &list->at[k]))
                shard_add(c, &group, &list->at[k]);
        if (!group.n)
            continue;
        shard_add(c, &group, &list->at[i]);
        shard_sort(&group);
        shard_lists_add(c, ret, &group);
    }
}

/* --- ways ----------------------------------------------------------------------------------------------------------------------------- */

static struct shard_list longer(struct ctx *c, const struct shard_list *path, const struct shard_range *r)
{
    struct shard_list list = {};

    for (size_t i = 0; i < path->n; i++)
        shard_add(c, &list, &path->at[i]);
    shard_add(c, &list, r);
    return list;
}

/* Ways, and when each came to where it ends. */
struct walk { struct shard_lists *ways; size_t arrived[MOST_PATHS], arrivals; };

/* Those that end at node, in the order in which they came there. */
static size_t ways_to(struct ctx *c, const struct walk *w, const char *node, size_t **ret)
{
    size_t *here = ctx_new_n(c, size_t, w->ways->n + 1), n = 0;

    for (size_t p = 0; p < w->ways->n; p++) {
        size_t k = n;

        if (!is_end(shard_list_upper(&w->ways->at[p]), node))
            continue;
        for (; k && w->arrived[here[k - 1]] > w->arrived[p]; k--)
            here[k] = here[k - 1];
        here[k] = p;
        n++;
    }
    *ret = here;
    return n;
}

/* The way goes on over the last of n ranges, copies of it over the others. */
static void go_on(struct ctx *c, struct walk *w, size_t p, const struct shard_range *ranges, size_t n)
{
    const struct shard_list before = w->ways->at[p];

    for (size_t k = 0; k + 1 < n && w->ways->n < MOST_PATHS; k++) {
        struct shard_list way = longer(c, &before, &ranges[k]);

        shard_lists_add(c, w->ways, &way);
        w->arrived[w->ways->n - 1] = ++w->arrivals;
    }
    w->ways->at[p] = longer(c, &before, &ranges[n - 1]);
    w->arrived[p] = ++w->arrivals;
}

void shard_paths(struct ctx *c, const struct shard_list *all, struct shard_lists *ret)
{
    struct shard_list list = in_order(c, all);
    struct walk *w = ctx_new(c, struct walk);

    *ret = (struct shard_lists){};
    w->ways = ret;
    for (size_t i = 0, next; i < list.n; i = next) {         /* from one begin to the next: all ranges that leave it */
        size_t *here, n;

        for (next = i; next < list.n && !strcmp(list.at[next].lower, list.at[i].lower); next++)
            ;
        n = ways_to(c, w, list.at[i].lower, &here);
        if (!n && ret->n < MOST_PATHS) {
            here[n++] = ret->n;
            shard_lists_add(c, ret, &(struct shard_list){});
        }
        for (size_t p = 0; p < n; p++)
            go_on(c, w, here[p], &list.at[i], next - i);
    }
}

const struct shard_list *shard_path_furthest(const struct shard_lists *paths, const char *lower)
{
    const struct shard_list *best = NULL;

    for (size_t i = 0; i < paths->n; i++)
        if (!strcmp(shard_list_lower(&paths->at[i]), lower) && (!best || shard_uppers(shard_list_upper(&paths->at[i]), shard_list_upper(best)) >= 0))
            best = &paths->at[i];
    return best;
}

/* Up to where it is cleaved: a lower bound, or behind the end. */
static int progress(const struct shard_list *a, const struct shard_list *b)
{
    const struct shard_list *lists[2] = { a, b };
    const char *at[2];
    bool all[2];

    for (int k = 0; k < 2; k++) {
        size_t i = 0;

        while (i < lists[k]->n && (lists[k]->at[i].state == SHARD_CLEAVED || lists[k]->at[i].state == SHARD_ACTIVE))
            i++;
        at[k] = i < lists[k]->n ? lists[k]->at[i].lower : shard_list_upper(lists[k]);
        all[k] = i == lists[k]->n && !*at[k];
    }
    return all[0] || all[1] ? all[0] - all[1] : shard_lowers(at[0], at[1]);
}

static size_t times(const struct shard_list *list, struct timestamp *ret_newest)
{
    size_t n = 0;

    *ret_newest = (struct timestamp){};
    for (size_t i = 0; i < list->n; i++) {
        size_t k = 0;

        while (k < i && timestamp_compare(list->at[k].timestamp, list->at[i].timestamp))
            k++;
        n += k == i;
        if (timestamp_compare(list->at[i].timestamp, *ret_newest) > 0)
            *ret_newest = list->at[i].timestamp;
    }
    return n;
}

static int compare_paths(const struct shard_list *a, const struct shard_list *b, const struct shard_range *to_span)
{
    int64_t objects_a = shard_list_objects(a), objects_b = shard_list_objects(b);
    struct timestamp newest_a, newest_b;
    size_t times_a, times_b;
    int said = shard_list_includes(a, to_span) - shard_list_includes(b, to_span);

    if (!said)
        said = progress(a, b);
    if (!said)
        said = objects_a < objects_b ? -1 : objects_a > objects_b;
    if (said)
        return said;
    times_a = times(a, &newest_a);
    times_b = times(b, &newest_b);
    return times_a != times_b ? (times_a < times_b ? 1 : -1) : timestamp_compare(newest_a, newest_b);
}

void shard_paths_rank(struct shard_lists *lists, const struct shard_range *to_span)
{
    for (size_t i = 1; i < lists->n; i++) {
        struct shard_list one = lists->at[i];
        size_t k = i;

        for (; k && compare_paths(&lists->at[k - 1], &one, to_span) < 0; k--)
            lists->at[k] = lists->at[k - 1];
        lists->at[k] = one;
    }
}

/* --- large and small ------------------------------------------------------------------------------------------------------------------ */

bool shard_is_large(const struct shard_range *r, int64_t threshold)
{
    return r->state == SHARD_ACTIVE && r->object_count >= threshold;
}

static bool is_small(const struct shard_range *r, const struct shard_compacting *how)
{
    return (r->state == SHARD_ACTIVE || r->state == SHARD_SHRINKING) && shard_rows(r) < how->shrink_threshold && shard_rows(r) <= how->expansion_limit;
}

/* Does it end with one that is no donor, have as many as may be, or hold as much as may be? */
static bool is_complete(const struct shard_list *sequence, const struct shard_compacting *how)
{
    return sequence->n && (!is_small(&sequence->at[sequence->n - 1], how) || (how->max_shrinking > 0 && (int64_t)sequence->n > how->max_shrinking) ||
                           shard_list_rows(sequence) >= how->expansion_limit);
}

/* From the range at from: as many neighbours as belong together. */
static struct shard_list sequence_from(struct ctx *c, const struct shard_list *list, size_t from, const struct shard_compacting *how)
{
    struct shard_list sequence = {};

    shard_add(c, &sequence, &list->at[from]);
    for (size_t i = from + 1; i < list->n; i++) {
        const struct shard_range *r = &list->at[i];

        if (shard_lower_upper(r->lower, shard_list_upper(&sequence)) > 0)
            break;
        if (r->state == SHARD_SHRINKING) {
            shard_add(c, &sequence, r);
        } else if (r->state == SHARD_ACTIVE && shard_list_rows(&sequence) + shard_rows(r) <= how->expansion_limit) {
            shard_add(c, &sequence, r);
            if (is_complete(&sequence, how))
                break;
        } else {
            break;
        }
    }
    return sequence;
}

static bool has_state(const struct shard_list *list, enum shard_state state)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->at[i].state == state)
            return true;
    return false;
}

void shard_compactible(struct ctx *c, const struct shard_list *list, const struct shard_range *own, const struct shard_compacting *how,
                       struct shard_lists *ret)
{
    int64_t expanding = 0;
    size_t i = 0;

    *ret = (struct shard_lists){};
    while (i < list->n && (how->max_expanding < 0 || expanding < how->max_expanding)) {
        struct shard_list sequence;
        enum shard_state last;

        if (!is_small(&list->at[i], how)) {
            i++;
            continue;
        }
        sequence = sequence_from(c, list, i, how);
        i += sequence.n;
        if (sequence.n == list->n && !is_complete(&sequence, how) && shard_list_includes(&sequence, own))
            shard_add(c, &sequence, own);    /* all of them fit into the root again */
        last = sequence.at[sequence.n - 1].state;
        if (sequence.n < 2 || (last != SHARD_ACTIVE && last != SHARD_SHARDED))
            continue;
        expanding++;
        if (how->shrinking_too || !has_state(&sequence, SHARD_SHRINKING))
            shard_lists_add(c, ret, &sequence);
    }
}

void shard_compact(struct ctx *c, struct shard_lists *sequences, struct shard_list *changed)
{
    struct timestamp now = timestamp_now();

    *changed = (struct shard_list){};
    for (size_t i = 0; i < sequences->n; i++) {
        struct shard_list *s = &sequences->at[i];
        struct shard_range *acceptor = &s->at[s->n - 1];

        if (shard_expand(acceptor, s->at, s->n - 1))
            acceptor->timestamp = now;
        if (shard_set_state(acceptor, SHARD_ACTIVE, (struct timestamp){}))
            acceptor->state_timestamp = now;
        shard_add(c, changed, acceptor);
    }
    for (size_t i = 0; i < sequences->n; i++)
        for (size_t k = 0; k + 1 < sequences->at[i].n; k++) {
            struct shard_range *donor = &sequences->at[i].at[k];

            if (shard_set_state(donor, SHARD_SHRINKING, (struct timestamp){}))
                donor->epoch = donor->state_timestamp = now;
            shard_add(c, changed, donor);
        }
}
