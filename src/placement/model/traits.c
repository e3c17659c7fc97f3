/* The traits of many providers, as JSON text for provider summaries.
 *
 * Kept by provider and generation: whatever changes a provider's traits moves its generation, so what is kept never gets
 * old, it is only not asked for any more. Forgotten as a whole when it has grown too much.
 */
#include "placement/model/candidates.h"

#include <pthread.h>
#include <string.h>

#define KEPT_MOST 20000

struct known { int64_t generation, created_at; char *json; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *all;              /* uuid -> struct known; guarded by lock */

static void known_free(void *object)
{
    struct known *known = object;

    g_free(known->json);
    g_free(known);
}

/* Sets traits_json of those that are known; returns the others. */
static GPtrArray *find_known(struct ctx *c, GPtrArray *nodes)
{
    GPtrArray *others = g_ptr_array_new();

    pthread_mutex_lock(&lock);
    if (!all)
        all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
    for (guint i = 0; i < nodes->len; i++) {
        struct node *node = nodes->pdata[i];
        const struct known *known = g_hash_table_lookup(all, node->uuid);

        if (known && known->generation == node->generation && known->created_at == node->created_at)
            node->traits_json = ctx_strdup(c, known->json);
        else
            g_ptr_array_add(others, node);
    }
    pthread_mutex_unlock(&lock);
    return others;
}

static void keep(const GPtrArray *nodes)
{
    pthread_mutex_lock(&lock);
    if (g_hash_table_size(all) > KEPT_MOST)
        g_hash_table_remove_all(all);
    for (guint i = 0; i < nodes->len; i++) {
        const struct node *node = nodes->pdata[i];
        struct known *known = g_new(struct known, 1);

        *known = (struct known){ node->generation, node->created_at, g_strdup(node->traits_json) };
        g_hash_table_insert(all, g_strdup(node->uuid), known);
    }
    pthread_mutex_unlock(&lock);
}

static const char *array_text(struct ctx *c, const GPtrArray *names)
{
    struct buf text = { 0 };
    struct out out = { .to = &text };
    const char *copy;

    out_array(&out, NULL);
    for (guint i = 0; names && i < names->len; i++)
        out_string(&out, NULL, names->pdata[i]);
    out_end_array(&out);
    copy = ctx_strdup(c, text.data);
    buf_clear(&text);
    return copy;
}

static bool read_traits(struct ctx *c, GPtrArray *nodes)
{
    g_autoptr(GHashTable) lists = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    const char **uuids = ctx_new_n(c, const char *, nodes->len + 1);
    struct sql *s = sql_new(c);

    for (guint i = 0; i < nodes->len; i++) {
        const struct node *node = nodes->pdata[i];

        uuids[i] = node->uuid;
        g_hash_table_insert(lists, node->uuid, g_ptr_array_new());
    }
    sql_add(s, "SELECT provider_uuid, trait FROM provider_traits");
    if (nodes->len <= 100) {
        sql_add(s, " WHERE provider_uuid IN ");
        sql_in(s, uuids);
    }
    for (struct rows *rows = sql_query(s); db_next(rows);) {
        GPtrArray *list = g_hash_table_lookup(lists, db_text(rows, 0));

        if (list)
            g_ptr_array_add(list, db_text(rows, 1));
    }
    for (guint i = 0; i < nodes->len; i++) {
        struct node *node = nodes->pdata[i];

        node->traits_json = array_text(c, g_hash_table_lookup(lists, node->uuid));
    }
    return !failed(c);
}

bool nodes_load_traits(struct ctx *c, GPtrArray *nodes)
{
    g_autoptr(GPtrArray) others = find_known(c, nodes);

    if (!others->len)
        return true;
    if (!read_traits(c, others))
        return false;
    keep(others);
    return true;
}
