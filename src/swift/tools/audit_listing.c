/* What the nodes of an account or a container list, page by page from each, and where they differ. */
#include "swift/tools/account_audit.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/tools/direct.h"

#include <string.h>

#define MOST_NODES 256
#define MOST_PAGE ((size_t)256 * 1024 * 1024)
#define CONNECT_US (10 * G_USEC_PER_SEC)
#define ANSWER_US (60 * G_USEC_PER_SEC)

struct spread { int64_t least, most; size_t n; };            /* of a number that each node says */

/* One gathering. */
struct sweep {
    struct audit *a;
    enum storage_kind kind;
    const char *path, *name;
    struct audit_listing *listing;
    struct spread counts[2];         /* of objects; and of containers in an account */
    bool consistent;
};

struct wire *audit_ask(struct ctx *c, const struct ring_device *node, const char *method, const char *target, struct headers *ret, int *ret_status)
{
    struct wire *w = wire_connect(node->ip, node->port, CONNECT_US);
    const char *line;

    if (!w)
        return NULL;
    *ret = (struct headers){};
    w->timeout_us = ANSWER_US;
    if (direct_ask(c, w, node, method, target, ret, &line, ret_status))
        return w;
    wire_free(w);
    return NULL;
}

/* --- listings there are -------------------------------------------------------------------------------------------------------------------- */

static void entry_free(void *data)
{
    struct audit_entry *e = data;

    g_free(e->name);
    g_free(e->hash);
    g_free(e->last_modified);
    g_free(e);
}

void audit_listing_free(void *data)
{
    struct audit_listing *l = data;

    g_ptr_array_unref(l->entries);
    g_hash_table_unref(l->by_name);
    g_free(l);
}

/* The listing, once it is done. False: it is the caller's to make. */
static bool find_listing(struct audit *a, const char *path, struct audit_listing **ret)
{
    struct audit_listing *l;

    pthread_mutex_lock(&a->lock);
    l = g_hash_table_lookup(a->listings, path);
    *ret = l;
    if (!l) {
        *ret = g_new0(struct audit_listing, 1);
        (*ret)->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
        (*ret)->entries = g_ptr_array_new();
        g_hash_table_insert(a->listings, g_strdup(path), *ret);
    }
    while (l && !l->done)
        pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    return l != NULL;
}

static void publish(struct audit *a, struct audit_listing *l)
{
    pthread_mutex_lock(&a->lock);
    l->done = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* --- one page ---------------------------------------------------------------------------------------------------------------------------- */

static char *text_of(struct ctx *c, json_t *entry, const char *name)
{
    json_t *value = json_object_get(entry, name);

    return json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : NULL;
}

static bool take(struct ctx *c, struct sweep *s, json_t *value, const char **ret_name)
{
    const char *name = text_of(c, value, "name"), *when = text_of(c, value, "last_modified");
    struct audit_entry *e = name ? g_hash_table_lookup(s->listing->by_name, name) : NULL;
    int order;

    *ret_name = name;
    if (!name)
        return false;
    if (!e) {
        e = g_new0(struct audit_entry, 1);
        e->name = g_strdup(name);
        g_hash_table_insert(s->listing->by_name, e->name, e);
        g_ptr_array_add(s->listing->entries, e);
    } else if (s->kind == STORAGE_ACCOUNT || !(order = g_strcmp0(when, e->last_modified))) {
        return true;
    } else {
        s->consistent = audit_say(c, s->a, CONTAINER_OBJECTS, "  Different versions of %s/%s in container dbs.", s->name, name);
        if (order < 0)
            return true;
    }
    if (s->kind == STORAGE_CONTAINER) {
        g_free(e->hash);
        e->hash = g_strdup(text_of(c, value, "hash"));
        g_free(e->last_modified);
        e->last_modified = g_strdup(when);
    }
    return true;
}

static void count_header(struct spread *count, const struct headers *h, const char *name)
{
    const char *text = headers_get(h, name);
    int64_t n = 0;

    text_to_int(text ? text : "", &n);
    count->least = count->n ? MIN(count->least, n) : n;
    count->most = count->n ? MAX(count->most, n) : n;
    count->n++;
}

static json_t *read_json(struct ctx *c, struct wire *w)
{
    struct buf text = {};
    json_t *page = NULL;
    ssize_t n;

    do {
        buf_reserve(&text, 1 << 16);
        n = wire_read_body(w, text.data + text.len, 1 << 16);
        text.len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && text.len < MOST_PAGE);
    if (n == 0)
        page = ctx_json(c, json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL));
    buf_clear(&text);
    return json_is_array(page) ? page : NULL;
}

static bool say_unanswered(struct ctx *c, const struct sweep *s, const struct ring_device *node)
{
    if (s->kind == STORAGE_ACCOUNT)
        return audit_say(c, s->a, ACCOUNT_EXCEPTIONS, "  Exception GETting account '%s' on %s:%s", s->name, node->ip, node->device);
    return audit_say(c, s->a, CONTAINER_EXCEPTIONS, "  Exception GETting container \"%s\" on %s/%s", s->path, node->ip, node->device);
}

static bool say_refused(struct ctx *c, const struct sweep *s, const struct ring_device *node)
{
    if (s->kind == STORAGE_ACCOUNT)
        return audit_say(c, s->a, ACCOUNT_MISSING, "  Bad status GETting account '%s'  from %s:%s", s->name, node->ip, node->device);
    return audit_say(c, s->a, CONTAINER_MISSING, "  Bad status GETting container \"%s\" on %s/%s", s->path, node->ip, node->device);
}

/* *marker: of g_malloc; where the next page begins, NULL after the last one. */
static bool sweep_page(struct ctx *c, struct sweep *s, const struct ring_device *node, uint32_t partition, bool first, char **marker)
{
    const char *target = ctx_printf(c, "%s?format=json&marker=%s", direct_target(c, node, partition, s->path), name_quote(c, *marker, "/"));
    const char *name = NULL;
    struct headers h;
    json_t *page = NULL, *value;
    struct wire *w;
    int status = 0;
    size_t i;

    w = audit_ask(c, node, "GET", target, &h, &status);
    if (w && status / 100 == 2)
        page = read_json(c, w);
    wire_free(w);
    if (status && status / 100 != 2)
        return say_refused(c, s, node);
    if (page && first) {
        count_header(&s->counts[0], &h, s->kind == STORAGE_ACCOUNT ? "X-Account-Object-Count" : "X-Container-Object-Count");
        if (s->kind == STORAGE_ACCOUNT)
            count_header(&s->counts[1], &h, "X-Account-Container-Count");
    }
    json_array_foreach(page, i, value)
        if (!take(c, s, value, &name))
            page = NULL;
    g_free(*marker);
    *marker = g_strdup(name);
    return page || say_unanswered(c, s, node);
}

static void sweep_node(struct ctx *c, struct sweep *s, const struct ring_device *node, uint32_t partition)
{
    char *marker = g_strdup("");
    bool well = true;

    for (bool first = true; well && marker; first = false) {
        struct ctx page;

        ctx_init_child(&page, c, c->service);
        well = sweep_page(&page, s, node, partition, first, &marker);
        ctx_clear(&page);
    }
    s->consistent &= well;
    g_free(marker);
}

static void sweep(struct ctx *c, struct sweep *s, const char *account, const char *container)
{
    const struct ring *ring = s->a->rings[s->kind];
    const struct ring_device *nodes[MOST_NODES];
    uint8_t digest[16];
    uint32_t partition;
    size_t n;

    hash_path(account, container, NULL, digest);
    partition = ring_partition(ring, digest);
    n = ring_primaries(ring, partition, nodes, G_N_ELEMENTS(nodes));
    for (size_t i = 0; i < n; i++)
        sweep_node(c, s, nodes[i], partition);
}

/* --- an account ---------------------------------------------------------------------------------------------------------------------------- */

static bool account_agrees(struct ctx *c, struct sweep *s, const struct spread *count, enum audit_count counted, const char *of)
{
    const char *most = count->n ? ctx_printf(c, "\n  Max: %" G_GINT64_FORMAT ", Min: %" G_GINT64_FORMAT, count->most, count->least) : "";

    if (count->n && count->least == count->most)
        return true;
    return audit_say(c, s->a, counted, "  Account databases for '%s' don't agree on number of %s.%s", s->name, of, most);
}

const struct audit_listing *audit_account(struct ctx *c, struct audit *a, const char *account, bool recurse)
{
    struct sweep s = { .a = a, .kind = STORAGE_ACCOUNT, .path = ctx_printf(c, "/%s", account), .name = account, .consistent = true };

    if (find_listing(a, s.path, &s.listing))
        return s.listing;
    audit_say(c, a, NOT_COUNTED, "Auditing account \"%s\"", account);
    sweep(c, &s, account, NULL);
    s.consistent &= account_agrees(c, &s, &s.counts[1], ACCOUNT_CONTAINERS, "containers");
    s.consistent &= account_agrees(c, &s, &s.counts[0], ACCOUNT_OBJECTS, "objects");
    publish(a, s.listing);
    for (guint i = 0; recurse && i < s.listing->entries->len; i++)
        audit_add(a, ctx_printf(c, "%s/%s", s.path, ((const struct audit_entry *)s.listing->entries->pdata[i])->name));
    audit_finish(a, ACCOUNTS, s.path, s.consistent);
    return s.listing;
}

/* --- a container --------------------------------------------------------------------------------------------------------------------------- */

static bool container_agrees(struct ctx *c, struct sweep *s)
{
    const struct spread *count = &s->counts[0];

    if (!count->n)
        return audit_say(c, s->a, NOT_COUNTED, "  Failed to fetch container %s at all!", s->path);
    if (count->least == count->most)
        return true;
    return audit_say(c, s->a, CONTAINER_COUNTS, "  Container databases don't agree on number of objects.\n  Max: %" G_GINT64_FORMAT ", Min: %" G_GINT64_FORMAT,
                     count->most, count->least);
}

const struct audit_listing *audit_container(struct ctx *c, struct audit *a, const char *account, const char *container, bool recurse)
{
    struct sweep s = { .a = a, .kind = STORAGE_CONTAINER, .path = ctx_printf(c, "/%s/%s", account, container), .name = container, .consistent = true };

    if (find_listing(a, s.path, &s.listing))
        return s.listing;
    audit_say(c, a, NOT_COUNTED, "Auditing container \"%s\"", container);
    if (!g_hash_table_contains(audit_account(c, a, account, false)->by_name, container))
        s.consistent = audit_say(c, a, NOT_COUNTED, "  Container %s not in account listing!", s.path);
    sweep(c, &s, account, container);
    s.consistent &= container_agrees(c, &s);
    publish(a, s.listing);
    for (guint i = 0; recurse && i < s.listing->entries->len; i++)
        audit_add(a, ctx_printf(c, "%s/%s", s.path, ((const struct audit_entry *)s.listing->entries->pdata[i])->name));
    audit_finish(a, CONTAINERS, s.path, s.consistent);
    return s.listing;
}
