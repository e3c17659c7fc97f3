/* Containers in parts, as the proxy sees them. */
#include "swift/proxy/shards.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEPT_MOST 1000
#define LISTING_MOST ((size_t)256 * 1024 * 1024)

/* --- ranges that are kept ------------------------------------------------------------------------------------------------------------ */

/* The ranges of one container; shared by all who have asked, freed by the last. */
struct kept {
    atomic_int references;
    int64_t until;                   /* clock_mono_us() */
    struct ctx memory;
    struct shard_list list;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards all_kept */
static GHashTable *all_kept;                 /* "listing/account/container" -> struct kept */

static void kept_unref(void *data)
{
    struct kept *k = data;

    if (atomic_fetch_sub(&k->references, 1) > 1)
        return;
    ctx_clear(&k->memory);
    g_free(k);
}

static const struct shard_list *kept_find(struct ctx *c, const char *use, const char *account, const char *container)
{
    g_autofree char *key = g_strdup_printf("%s/%s/%s", use, account, container);
    struct kept *k;

    pthread_mutex_lock(&lock);
    k = all_kept ? g_hash_table_lookup(all_kept, key) : NULL;
    if (k && k->until < clock_mono_us()) {
        g_hash_table_remove(all_kept, key);
        k = NULL;
    }
    if (k)
        k->references++;
    pthread_mutex_unlock(&lock);
    return k ? &((struct kept *)ctx_own(c, k, kept_unref))->list : NULL;
}

static void keep(const char *use, const char *account, const char *container, const struct shard_list *list, int64_t seconds)
{
    struct kept *k;

    if (seconds <= 0 || !list->n)
        return;
    k = g_new0(struct kept, 1);
    ctx_init(&k->memory, NULL, "");
    k->references = 1;
    k->until = clock_mono_us() + seconds * G_USEC_PER_SEC;
    for (size_t i = 0; i < list->n; i++) {
        struct shard_range r = list->at[i];

        r.name = ctx_strdup(&k->memory, r.name);
        r.lower = ctx_strdup(&k->memory, r.lower);
        r.upper = ctx_strdup(&k->memory, r.upper);
        shard_add(&k->memory, &k->list, &r);
    }
    pthread_mutex_lock(&lock);
    if (!all_kept)
        all_kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, kept_unref);
    if (g_hash_table_size(all_kept) >= KEPT_MOST)
        g_hash_table_remove_all(all_kept);
    g_hash_table_replace(all_kept, g_strdup_printf("%s/%s/%s", use, account, container), k);
    pthread_mutex_unlock(&lock);
}

void shards_forget(const char *account, const char *container)
{
    g_autofree char *key = g_strdup_printf("listing/%s/%s", account, container);

    pthread_mutex_lock(&lock);
    if (all_kept)
        g_hash_table_remove(all_kept, key);
    pthread_mutex_unlock(&lock);
}

void shards_close(void)
{
    pthread_mutex_lock(&lock);
    g_clear_pointer(&all_kept, g_hash_table_destroy);
    pthread_mutex_unlock(&lock);
}

/* Now and then what is kept is asked for anew, so that it does not become old for all proxies at once. */
static bool skips(const char *percent)
{
    double chance = percent ? strtod(percent, NULL) : 0;

    return chance > 0 && (double)random_below(1000000) < chance * 10000;
}

/* --- asking -------------------------------------------------------------------------------------------------------------------------- */

static void ask_nodes(struct ctx *c, struct swift_request *r, struct swift_response *response, const char *query)
{
    struct nodes nodes;

    nodes_init(c, &nodes, STORAGE_CONTAINER, storage_ring(STORAGE_CONTAINER), r->account, r->container, NULL, NULL, NODES_READ);
    proxy_get(c, r, response, &nodes, query);
}

static bool has_type(const struct swift_response *response, const char *type)
{
    const char *said = response_get(response, "X-Backend-Record-Type");

    return said && !strcasecmp(said, type);
}

/* The ranges of a body. False: it is none, which is logged. */
static bool take_ranges(struct ctx *c, const struct swift_request *r, struct swift_response *response, struct shard_list *ret)
{
    size_t n = 0;
    char *text = response->status / 100 == 2 && has_type(response, "shard") ? response_take_all(c, response, LISTING_MOST, &n) : NULL;
    const char *why = text ? shards_from_json(c, ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, NULL)), ret) : "no list of ranges";

    if (why)
        log_error(c, "swift: shard ranges of %s/%s: %s", r->account, r->container, why);
    return !why;
}

static void put_ranges(struct ctx *c, const struct shard_list *list, struct swift_response *response)
{
    char *text = json_dumps(shards_to_json(c, list), JSON_ENSURE_ASCII);

    response_text(c, response, 200, "application/json", text);
    free(text);
}

/* Those that the request asks for. */
static struct shard_list chosen(struct ctx *c, const struct swift_request *r, const struct shard_list *all)
{
    const char *marker = request_param(r, "marker"), *end_marker = request_param(r, "end_marker"), *includes = request_param(r, "includes");
    bool reverse = word_true(request_param(r, "reverse"));
    struct shard_list list = {};

    if (includes && *includes) {
        const struct shard_range *one = shard_find(all, includes);

        if (one)
            shard_add(c, &list, one);
        return list;
    }
    for (size_t i = 0; i < all->n; i++)
        shard_add(c, &list, &all->at[i]);
    shard_filter(&list, reverse ? end_marker : marker, reverse ? marker : end_marker);
    if (reverse)
        shard_reverse(&list);
    return list;
}

/* A container that is known to be sharded answers with the ranges that are kept. */
static bool answer_kept(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const struct container_info *info = container_info_known(c, r->account, r->container);
    const struct shard_list *kept;
    struct shard_list list;

    if (!info || info->status / 100 != 2 || !info->sharding_state || strcmp(info->sharding_state, "sharded") ||
        header_true(&r->headers, "X-Newest") || skips(proxy_options->container_listing_shard_ranges_skip_cache) ||
        !(kept = kept_find(c, "listing", r->account, r->container)))
        return false;
    list = chosen(c, r, kept);
    headers_copy(c, &response->headers, &info->all);
    put_ranges(c, &list, response);
    headers_set(c, &response->headers, "X-Backend-Record-Type", "shard");
    headers_set(c, &response->headers, "X-Backend-Cached-Results", "true");
    return true;
}

/* All ranges of a sharded container are sent, so that they can be kept; those that were asked for are the answer. */
static void keep_answer(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *state = response_get(response, "X-Backend-Sharding-State");
    struct shard_list all, list;

    if (!header_true(&response->headers, "X-Backend-Override-Shard-Name-Filter") || !state || strcasecmp(state, "sharded") ||
        !has_type(response, "shard"))
        return;
    if (!take_ranges(c, r, response, &all))
        return;
    headers_remove(&response->headers, "X-Backend-Override-Shard-Name-Filter");
    keep("listing", r->account, r->container, &all, proxy_options->recheck_listing_shard_ranges);
    list = chosen(c, r, &all);
    put_ranges(c, &list, response);
}

void container_fetch(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    static const char *const without[] = { "format", NULL };
    bool get = !strcmp(r->method, "GET"), own_type = request_get(r, "X-Backend-Record-Type") != NULL, keeps;
    const char *states = request_param(r, "states"), *query;

    query = request_query_with(c, r, without, own_type ? (struct pair[]){ { "format", "json" }, {} }
                                               : (struct pair[]){ { "format", "json" }, { "states", "listing" }, {} });
    if (!own_type)
        headers_set(c, &r->headers, "X-Backend-Record-Type", "auto");
    keeps = get && strcmp(request_get(r, "X-Backend-Record-Type"), "object") && (!own_type || (states && !strcmp(states, "listing"))) &&
            proxy_options->recheck_listing_shard_ranges > 0 && !header_true(&r->headers, "X-Backend-Include-Deleted");
    if (keeps && answer_kept(c, r, response))
        return;
    if (keeps)
        headers_set(c, &r->headers, "X-Backend-Override-Shard-Name-Filter", "sharded");
    ask_nodes(c, r, response, query);
    if (keeps)
        keep_answer(c, r, response);
}

/* --- listings ------------------------------------------------------------------------------------------------------------------------ */

bool shards_answered(const struct swift_request *r, const struct swift_response *response)
{
    const char *asked = request_get(r, "X-Backend-Record-Type");

    return !strcmp(r->method, "GET") && asked && !strcmp(asked, "auto") && response->status / 100 == 2 && has_type(response, "shard");
}

/* Who was asked on the way here: one that is met again lists its own objects. */
struct visited { const struct visited *before; const char *name; };

/* One listing, put together from the shards' own. */
struct gathered {
    struct swift_request *request;
    const struct visited *way;
    const char *policy;              /* whose objects are listed */
    struct buf text;                 /* "[{...}, {...}" */
    const char *last;                /* the last name so far; NULL: none yet */
    int64_t left, n, bytes;
};

static bool was_visited(const struct visited *way, const char *name)
{
    while (way && strcmp(way->name, name))
        way = way->before;
    return way != NULL;
}

static void gather(struct ctx *, struct swift_request *, struct swift_response *, const struct visited *);

/* Does nothing that begins with the prefix lie in it? */
static bool is_beside(const struct shard_range *s, const char *prefix)
{
    if (!prefix || !*prefix)
        return false;
    return (*s->upper && name_compare(s->upper, prefix) < 0) || (name_compare(s->lower, prefix) > 0 && !g_str_has_prefix(s->lower, prefix));
}

static const char *shard_query(struct ctx *c, const struct gathered *g, const struct shard_range *s)
{
    static const char *const without[] = { "states", "includes", NULL };
    const struct swift_request *r = g->request;
    const char *marker = request_param(r, "marker"), *end_marker = request_param(r, "end_marker");
    bool reverse = word_true(request_param(r, "reverse"));

    if (!end_marker || !*end_marker || !shard_holds(s, end_marker))
        end_marker = reverse ? s->lower : shard_end_marker(c, s);
    return request_query_with(c, r, without, (struct pair[]){ { "format", "json" }, { "limit", ctx_printf(c, "%" G_GINT64_FORMAT, g->left) },
                                                      { "marker", g->last ? g->last : marker ? marker : "" }, { "end_marker", end_marker }, {} });
}

/* Asks one shard. False: it does not answer as it should. */
static bool ask_shard(struct ctx *c, struct gathered *g, const struct shard_range *s, struct swift_response *response)
{
    const char *account, *container, *policy;
    struct swift_request *r;

    shard_split_name(c, s->name, &account, &container);
    r = request_sub_authorized(c, g->request, "GET", account, container, NULL, "SH");
    headers_copy(c, &r->headers, &g->request->headers);
    headers_remove(&r->headers, "X-Backend-Record-Type");
    headers_remove(&r->headers, "X-Backend-Override-Shard-Name-Filter");
    headers_set(c, &r->headers, "X-Backend-Storage-Policy-Index", g->policy);
    headers_set(c, &r->headers, "X-Backend-Allow-Reserved-Names",
                g->request->env->allow_reserved ? "true" : request_get(g->request, "X-Backend-Allow-Reserved-Names"));
    request_set_query(c, r, shard_query(c, g, s));
    if (was_visited(g->way, s->name))
        headers_set(c, &r->headers, "X-Backend-Record-Type", "object");
    container_fetch(c, r, response);
    if (shards_answered(r, response))
        gather(c, r, response, g->way);
    policy = response_get(response, "X-Backend-Record-Storage-Policy-Index");
    policy = policy ? policy : response_get(response, "X-Backend-Storage-Policy-Index");
    if (response->status / 100 == 2 && policy && !strcmp(policy, g->policy))
        return true;
    log_error(c, "swift: no listing from shard %s: %d, policy %s", s->name, response->status, policy ? policy : "?");
    return false;
}

static const char *name_of(struct ctx *c, json_t *row)
{
    json_t *name = json_object_get(row, "name");

    name = name ? name : json_object_get(row, "subdir");
    return json_is_string(name) ? name_from_bytes(c, json_string_value(name), json_string_length(name)) : NULL;
}

/* What a shard has listed goes behind what there is. False: it is no listing. */
static bool add_listing(struct ctx *c, struct gathered *g, struct swift_response *response)
{
    size_t n, i;
    char *text = response->status == 204 ? ctx_strdup(c, "[]") : response_take_all(c, response, LISTING_MOST, &n);
    json_t *rows = text ? ctx_json(c, json_loads(text, JSON_ALLOW_NUL, NULL)) : NULL, *row;
    const char *end = text ? strrchr(text, ']') : NULL;

    if (!json_is_array(rows) || *text != '[' || !end)
        return false;
    if (!json_array_size(rows))
        return true;
    buf_puts(&g->text, g->n ? ", " : "");
    buf_add(&g->text, text + 1, (size_t)(end - text) - 1);
    json_array_foreach(rows, i, row)
        g->bytes += json_integer_value(json_object_get(row, "bytes"));
    g->n += (int64_t)json_array_size(rows);
    g->left -= (int64_t)json_array_size(rows);
    g->last = name_of(c, json_array_get(rows, json_array_size(rows) - 1));
    return g->last != NULL;
}

/* Is nothing asked for behind the last name? */
static bool is_complete(const struct gathered *g)
{
    const char *end_marker = request_param(g->request, "end_marker");
    int said = end_marker && *end_marker && g->last ? name_compare(end_marker, g->last) : 0;

    if (g->left <= 0)
        return true;
    if (!end_marker || !*end_marker || !g->last)
        return false;
    return word_true(request_param(g->request, "reverse")) ? said >= 0 : said <= 0;
}

static bool is_constrained(const struct swift_request *r)
{
    static const char *const names[] = { "marker", "end_marker", "path", "prefix", "delimiter" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = request_param(r, names[i]);

        if (value && *value)
            return true;
    }
    return false;
}

static bool gather_all(struct ctx *c, struct gathered *g, const struct shard_list *list)
{
    for (size_t i = 0; i < list->n && !is_complete(g); i++) {
        struct swift_response one = RESPONSE_EMPTY;
        bool well;

        if (is_beside(&list->at[i], request_param(g->request, "prefix")))
            continue;
        well = ask_shard(c, g, &list->at[i], &one) && add_listing(c, g, &one);
        response_clear(&one);
        if (!well)
            return false;
    }
    return true;
}

static void gather(struct ctx *c, struct swift_request *r, struct swift_response *response, const struct visited *way)
{
    struct visited here = { way, ctx_printf(c, "%s/%s", r->account, r->container) };
    const char *asked = request_get(r, "X-Backend-Storage-Policy-Index");
    struct gathered g = { .request = r, .way = &here };
    struct shard_list list;
    int64_t limit;

    g.policy = asked ? asked : response_get(response, "X-Backend-Storage-Policy-Index");
    if (!check_limit(c, r, constraints->container_listing_limit, &limit, response))
        return;
    g.left = limit;
    if (!g.policy || !take_ranges(c, r, response, &list) || (buf_putc(&g.text, '['), !gather_all(c, &g, &list))) {
        buf_clear(&g.text);
        shards_forget(r->account, r->container);     /* they may be others by now */
        response_clear(response);
        response_error(c, response, 503, NULL);
        return;
    }
    buf_putc(&g.text, ']');
    response_bytes(c, response, "application/json", &g.text);
    headers_set(c, &response->headers, "X-Backend-Record-Storage-Policy-Index", g.policy);
    if (is_constrained(r) || g.n >= limit)
        return;
    headers_printf(c, &response->headers, "X-Container-Object-Count", "%" G_GINT64_FORMAT, g.n);
    headers_printf(c, &response->headers, "X-Container-Bytes-Used", "%" G_GINT64_FORMAT, g.bytes);
}

void shards_gather(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    gather(c, r, response, NULL);
}

/* --- rows ---------------------------------------------------------------------------------------------------------------------------- */

/* Ranges that rows are sent to, of the container's nodes. includes: only that name's; NULL: all. */
static bool ask_updating(struct ctx *c, const struct swift_request *sake, const char *account, const char *container, const char *includes,
                         struct shard_list *ret)
{
    static const char *const without[] = { NULL };
    struct swift_request *r = request_sub_authorized(c, sake, "GET", account, container, NULL, "SH");
    struct swift_response response = RESPONSE_EMPTY;
    bool well;

    headers_set(c, &r->headers, "X-Backend-Record-Type", "shard");
    r->query = (struct pair[]){ {} };
    ask_nodes(c, r, &response, request_query_with(c, r, without, includes ? (struct pair[]){ { "format", "json" }, { "states", "updating" }, { "includes", includes }, {} }
                                                                  : (struct pair[]){ { "format", "json" }, { "states", "updating" }, {} }));
    well = take_ranges(c, r, &response, ret);
    response_clear(&response);
    return well;
}

const char *shards_of_update(struct ctx *c, const struct swift_request *r, const char *account, const char *container, const char *object)
{
    int64_t seconds = proxy_options->recheck_updating_shard_ranges;
    const struct shard_list *kept = NULL;
    const struct shard_range *found;
    struct shard_list list;

    if (seconds > 0 && !skips(proxy_options->container_updating_shard_ranges_skip_cache))
        kept = kept_find(c, "updating", account, container);
    if (!kept) {
        if (!ask_updating(c, r, account, container, seconds > 0 ? NULL : object, &list) || !list.n)
            return NULL;
        keep("updating", account, container, &list, seconds);
        kept = &list;
    }
    found = shard_find(kept, object);
    return found ? ctx_strdup(c, found->name) : NULL;
}
