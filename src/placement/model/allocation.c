/* Allocations: what consumers have of the inventories. A claim replaces all a consumer had.
 *
 * The books of one transaction hold the providers it touches with their inventories: read once, counted in memory, written
 * back at the end. inventories.used stays the sum of the allocations.
 */
#include "placement/model/model.h"

#include "placement/faults.h"

#include <string.h>

struct account {                     /* a provider in the books */
    struct provider provider;
    struct inventory *inventories;
    size_t n;
    bool *changed;                   /* of each inventory */
    bool visited;                    /* its generation moves */
};

static bool check_consumer(struct ctx *, const struct claim *, bool *ret_exists);
static bool give_back(struct ctx *, GHashTable *books, const struct claim *);
static bool take_all(struct ctx *, GHashTable *books, const struct claim *, const char *what);
static bool close_books(struct ctx *, GHashTable *books);

bool claims_store(struct ctx *c, const struct claim *claims, size_t n, const char *what)
{
    g_autoptr(GHashTable) books = g_hash_table_new(g_str_hash, g_str_equal);
    bool *exists = ctx_new_n(c, bool, n + 1);

    for (size_t i = 0; i < n; i++)
        if (!check_consumer(c, &claims[i], &exists[i]))
            return false;
    for (size_t i = 0; i < n; i++)
        if (exists[i] && !give_back(c, books, &claims[i]))
            return false;
    for (size_t i = 0; i < n; i++)
        if (!take_all(c, books, &claims[i], what))
            return false;
    for (size_t i = 0; i < n; i++)
        if (!json_object_size(claims[i].allocations) && !db_exec(c, "DELETE FROM consumers WHERE uuid = $1", T(claims[i].consumer_uuid)))
            return false;
    return close_books(c, books);
}

bool consumer_clear(struct ctx *c, const char *uuid)
{
    int64_t n = 0;

    return db_exec(c, "UPDATE inventories SET used = inventories.used - a.used FROM allocations AS a WHERE a.consumer_uuid = $1 "
                      "AND a.provider_uuid = inventories.provider_uuid AND a.resource_class = inventories.resource_class", T(uuid)) &&
           db_changed(c, &n, "DELETE FROM allocations WHERE consumer_uuid = $1", T(uuid)) &&
           db_exec(c, "DELETE FROM consumers WHERE uuid = $1", T(uuid)) && n > 0;
}

/* --- consumers ------------------------------------------------------------------------------------------------------ */

static const char *generation_text(struct ctx *c, opt_int generation, const char *none)
{
    return generation.set ? ctx_printf(c, "%" G_GINT64_FORMAT, generation.value) : none;
}

/* Compares generations; writes the consumer as it will be, one generation on. */
static bool check_consumer(struct ctx *c, const struct claim *claim, bool *ret_exists)
{
    struct rows *rows = db_query(c, "SELECT generation FROM consumers WHERE uuid = $1", T(claim->consumer_uuid));
    opt_int known = { 0, false };
    int64_t now = clock_us();

    *ret_exists = known.set = db_next(rows);
    if (known.set)
        known.value = db_int(rows, 0);
    if (claim->has_generation && (known.set != claim->generation.set || known.value != claim->generation.value))
        return fail(c, CONSUMER_GENERATION, generation_text(c, known, "null"), generation_text(c, claim->generation, "None"));
    if (known.set)
        return db_exec(c, "UPDATE consumers SET project_id = $1, user_id = $2, consumer_type = coalesce($3, consumer_type), "
                          "generation = generation + 1, updated_at = $4 WHERE uuid = $5",
                       T(claim->project_id), T(claim->user_id), T(claim->consumer_type), I(now), T(claim->consumer_uuid));
    return db_exec(c, "INSERT INTO consumers (uuid, project_id, user_id, consumer_type, generation, created_at) VALUES ($1, $2, $3, $4, 1, $5)",
                   T(claim->consumer_uuid), T(claim->project_id), T(claim->user_id), T(claim->consumer_type), I(now));
}

/* --- the books ------------------------------------------------------------------------------------------------------ */

static struct account *account_of(struct ctx *c, GHashTable *books, const char *provider_uuid)
{
    struct account *a = g_hash_table_lookup(books, provider_uuid);

    if (a)
        return a;
    a = ctx_new(c, struct account);
    if (!provider_find(c, provider_uuid, &a->provider))
        return fail_null(c, ALLOCATION_NO_PROVIDER, provider_uuid);
    a->inventories = inventories_of(c, a->provider.uuid, &a->n);
    a->changed = ctx_new_n(c, bool, a->n + 1);
    g_hash_table_insert(books, a->provider.uuid, a);
    return a;
}

static int inventory_at(const struct account *a, const char *resource_class)
{
    for (size_t i = 0; i < a->n; i++)
        if (!strcmp(a->inventories[i].resource_class, resource_class))
            return (int)i;
    return -1;
}

static bool give_back(struct ctx *c, GHashTable *books, const struct claim *claim)
{
    struct rows *rows = db_query(c, "SELECT provider_uuid, resource_class, used FROM allocations WHERE consumer_uuid = $1", T(claim->consumer_uuid));

    while (db_next(rows)) {
        struct account *a = account_of(c, books, db_text(rows, 0));
        int at = a ? inventory_at(a, db_text(rows, 1)) : -1;

        if (at < 0)
            return fail(c, INTERNAL_ERROR, "An allocation without its inventory.");
        a->inventories[at].used -= db_int(rows, 2);
        a->changed[at] = true;
        a->visited |= json_object_size(claim->allocations) == 0;
    }
    return !failed(c) && db_exec(c, "DELETE FROM allocations WHERE consumer_uuid = $1", T(claim->consumer_uuid));
}

static bool fits(struct ctx *c, const struct inventory *i, int64_t amount)
{
    if (amount < i->min_unit || amount > i->max_unit || amount % i->step_size)
        return fail(c, ALLOCATION_CONSTRAINT, i->resource_class, i->provider_uuid);
    if (inventory_capacity(i) < (double)i->used + (double)amount)
        return fail(c, ALLOCATION_CAPACITY, i->resource_class, i->provider_uuid);
    return true;
}

static bool take(struct ctx *c, struct account *a, const struct claim *claim, const char *resource_class, int64_t amount, const char *what)
{
    int at = inventory_at(a, resource_class);

    if (at < 0)
        return class_exists(c, resource_class) ? fail(c, ALLOCATION_INVALID, resource_class, a->provider.uuid)
                                               : fail(c, ALLOCATION_NO_CLASS, what, resource_class);
    if (!fits(c, &a->inventories[at], amount))
        return false;
    a->inventories[at].used += amount;
    a->changed[at] = true;
    a->visited = true;
    return db_exec(c, "INSERT INTO allocations (consumer_uuid, provider_uuid, resource_class, used, created_at) VALUES ($1, $2, $3, $4, $5)",
                   T(claim->consumer_uuid), T(a->provider.uuid), T(resource_class), I(amount), I(clock_us()));
}

static bool take_all(struct ctx *c, GHashTable *books, const struct claim *claim, const char *what)
{
    const char *provider_uuid, *resource_class;
    json_t *one, *amount;

    json_object_foreach(claim->allocations, provider_uuid, one) {
        struct account *a = account_of(c, books, provider_uuid);

        if (!a)
            return false;
        json_object_foreach(json_object_get(one, "resources"), resource_class, amount)
            if (!take(c, a, claim, resource_class, json_whole(amount), what))
                return false;
    }
    return true;
}

static bool close_books(struct ctx *c, GHashTable *books)
{
    GHashTableIter all;
    gpointer value;

    g_hash_table_iter_init(&all, books);
    while (g_hash_table_iter_next(&all, NULL, &value)) {
        struct account *a = value;

        for (size_t i = 0; i < a->n; i++)
            if (a->changed[i] && !db_exec(c, "UPDATE inventories SET used = $1 WHERE provider_uuid = $2 AND resource_class = $3",
                                          I(a->inventories[i].used), T(a->provider.uuid), T(a->inventories[i].resource_class)))
                return false;
        if (a->visited && !provider_bump(c, &a->provider))
            return false;
    }
    return true;
}
