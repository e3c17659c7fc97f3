/* What is known of accounts and containers: asked of a node by HEAD, kept for a minute (a tenth of it when there is none): here, or with
 * all proxies where the cache is shared. */
#include "swift/proxy/proxy.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/cache.h"
#include "swift/name.h"
#include "swift/proxy/info_shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define MOST 10000

/* One of the two; shared by all who have asked, freed by the last. */
struct entry {
    atomic_int references;
    int64_t until;                   /* clock_mono_us() */
    struct ctx memory;
    struct account_info account;
    struct container_info container;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards entries */
static GHashTable *entries;                  /* "account" or "account/container" -> struct entry */

static void entry_unref(void *data)
{
    struct entry *e = data;

    if (atomic_fetch_sub(&e->references, 1) > 1)
        return;
    ctx_clear(&e->memory);
    g_free(e);
}

static char *key_of(const char *account, const char *container)
{
    return container ? g_strconcat(account, "/", container, NULL) : g_strdup(account);
}

static struct entry *recall(struct ctx *c, const char *account, const char *container);

static struct entry *find(struct ctx *c, const char *account, const char *container)
{
    g_autofree char *key = key_of(account, container);
    struct entry *e;

    if (cache_is_shared())
        return recall(c, account, container);
    pthread_mutex_lock(&lock);
    e = entries ? g_hash_table_lookup(entries, key) : NULL;
    if (e && e->until < clock_mono_us()) {
        g_hash_table_remove(entries, key);
        e = NULL;
    }
    if (e)
        e->references++;
    pthread_mutex_unlock(&lock);
    return e ? ctx_own(c, e, entry_unref) : NULL;
}

static void store(const char *account, const char *container, struct entry *e)
{
    pthread_mutex_lock(&lock);
    if (!entries)
        entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_unref);
    if (g_hash_table_size(entries) >= MOST)
        g_hash_table_remove_all(entries);
    g_hash_table_replace(entries, key_of(account, container), e);
    pthread_mutex_unlock(&lock);
}

void info_forget(const char *account, const char *container)
{
    g_autofree char *key = key_of(account, container);

    if (cache_is_shared()) {
        info_unshare(account, container);
        return;
    }
    pthread_mutex_lock(&lock);
    if (entries)
        g_hash_table_remove(entries, key);
    pthread_mutex_unlock(&lock);
}

/* --- from headers ------------------------------------------------------------------------------------------------------------ */

static int number(const struct swift_response *r, const char *name)
{
    const char *text = response_get(r, name);
    int64_t value = 0;

    return text && text_to_int(text, &value) ? (int)value : 0;
}

static const char *copied(struct ctx *c, const struct swift_response *r, const char *name)
{
    return ctx_strdup(c, response_get(r, name));
}

static void split_meta(struct ctx *c, const struct swift_response *r, const char *kind, struct headers *meta, struct headers *sysmeta)
{
    size_t n = strlen(kind);

    for (size_t i = 0; i < r->headers.n; i++) {
        const struct pair *h = &r->headers.pairs[i];

        if (is_user_meta(h, kind))
            headers_set(c, meta, ctx_strdup(c, h->name + n + strlen("x--meta-")), ctx_strdup(c, h->value));
        else if (is_sys_meta(h, kind))
            headers_set(c, sysmeta, ctx_strdup(c, h->name + n + strlen("x--sysmeta-")), ctx_strdup(c, h->value));
    }
}

static void read_account(struct entry *e, const struct swift_response *r)
{
    struct ctx *c = &e->memory;

    e->account = (struct account_info){ .status = r->status, .container_count = copied(c, r, "X-Account-Container-Count"),
                                        .total_object_count = copied(c, r, "X-Account-Object-Count"), .bytes = copied(c, r, "X-Account-Bytes-Used"),
                                        .really_exists = !header_true(&r->headers, "X-Backend-Fake-Account-Listing") };
    split_meta(&e->memory, r, "account", &e->account.meta, &e->account.sysmeta);
}

static void read_container(struct entry *e, const struct swift_response *r)
{
    struct ctx *c = &e->memory;
    struct container_info *i = &e->container;

    *i = (struct container_info){ .status = r->status, .read_acl = copied(c, r, "X-Container-Read"), .write_acl = copied(c, r, "X-Container-Write"),
                                  .sync_key = copied(c, r, "X-Container-Sync-Key"), .sync_to = copied(c, r, "X-Container-Sync-To"),
                                  .sharding_state = copied(c, r, "X-Backend-Sharding-State"), .object_count = copied(c, r, "X-Container-Object-Count"),
                                  .bytes = copied(c, r, "X-Container-Bytes-Used"), .policy_index = number(r, "X-Backend-Storage-Policy-Index") };
    split_meta(c, r, "container", &i->meta, &i->sysmeta);
    for (size_t k = 0; i->sharding_state && !strcmp(i->sharding_state, "sharded") && k < r->headers.n; k++)
        headers_add(c, &i->all, ctx_strdup(c, r->headers.pairs[k].name), ctx_strdup(c, r->headers.pairs[k].value));
    i->cors_origin = headers_get(&i->meta, "Access-Control-Allow-Origin");
    i->cors_expose = headers_get(&i->meta, "Access-Control-Expose-Headers");
    i->cors_max_age = headers_get(&i->meta, "Access-Control-Max-Age");
}

static struct entry *read_entry(const char *container, const struct swift_response *r)
{
    struct entry *e = g_new0(struct entry, 1);

    ctx_init(&e->memory, NULL, "");
    e->references = 1;
    if (container)
        read_container(e, r);
    else
        read_account(e, r);
    return e;
}

/* What another proxy or this one has left in the shared cache. */
static struct entry *recall(struct ctx *c, const char *account, const char *container)
{
    struct swift_response r = RESPONSE_EMPTY;

    return info_recall(c, account, container, &r) ? ctx_own(c, read_entry(container, &r), entry_unref) : NULL;
}

static struct entry *make(struct ctx *c, const char *account, const char *container, const struct swift_response *r)
{
    struct entry *e = read_entry(container, r);
    bool gone = r->status == 404 || r->status == 410, keep = gone || r->status / 100 == 2;
    int64_t seconds = container ? proxy_options->recheck_container_existence : proxy_options->recheck_account_existence;

    e->until = clock_mono_us() + seconds * (gone ? G_USEC_PER_SEC / 10 : G_USEC_PER_SEC);
    if (keep && cache_is_shared()) {
        info_share(c, account, container, r, gone ? seconds / 10 : seconds);
    } else if (keep) {
        e->references++;
        store(account, container, e);
    }
    return ctx_own(c, e, entry_unref);
}

void info_learn(struct ctx *c, const char *account, const char *container, const struct swift_response *r)
{
    if (r->status / 100 == 2 || r->status == 404 || r->status == 410)
        make(c, account, container, r);
}

/* --- asking ------------------------------------------------------------------------------------------------------------------ */

/* The proxy's own HEAD, for which nobody is asked. */
static void head(struct ctx *c, const struct swift_request *sake, const char *account, const char *container, struct swift_response *r)
{
    struct swift_request *request = request_sub_authorized(c, sake, "HEAD", account, container, NULL, NULL);

    headers_set(c, &request->headers, "X-Backend-Allow-Reserved-Names", "true");
    if (container)
        container_controller(c, request, r);
    else
        account_controller(c, request, r);
    response_close(r);
}

const struct account_info *account_info(struct ctx *c, const struct swift_request *sake, const char *account)
{
    struct swift_response r = RESPONSE_EMPTY;
    struct entry *e = find(c, account, NULL);

    if (e)
        return &e->account;
    head(c, sake, account, NULL, &r);
    e = find(c, account, NULL);
    return e ? &e->account : &make(c, account, NULL, &r)->account;
}

const struct container_info *container_info_known(struct ctx *c, const char *account, const char *container)
{
    struct entry *e = find(c, account, container);

    return e ? &e->container : NULL;
}

const struct container_info *container_info(struct ctx *c, const struct swift_request *sake, const char *account, const char *container)
{
    static const struct container_info unknown;
    struct swift_response r = RESPONSE_EMPTY;
    struct entry *e = find(c, account, container);
    const struct account_info *a;

    if (e)
        return &e->container;
    a = *account == '.' ? NULL : account_info(c, sake, account);
    if (a && a->status / 100 != 2)
        return &unknown;
    head(c, sake, account, container, &r);
    e = find(c, account, container);
    return e ? &e->container : &make(c, account, container, &r)->container;
}

static int64_t bytes_of(const struct container_info *info)
{
    int64_t bytes = 0;

    return info->bytes && text_to_int(info->bytes, &bytes) ? bytes : 0;
}

int64_t container_bytes(struct ctx *c, const struct swift_request *sake, const struct container_info *info)
{
    const char *quoted = headers_get(&info->sysmeta, "versions-container");
    char *hidden = quoted && *quoted ? name_decode(c, quoted, strlen(quoted), false) : NULL;

    if (!hidden)
        return bytes_of(info);
    hidden[strcspn(hidden, "/")] = 0;
    return bytes_of(info) + bytes_of(container_info(c, sake, sake->account, hidden));
}

bool account_autocreate(struct ctx *c, struct swift_request *sake, const char *account)
{
    struct swift_request *r = request_sub_authorized(c, sake, "PUT", account, NULL, NULL, NULL);
    struct swift_response response = RESPONSE_EMPTY;
    struct headers headers = {}, *all;
    struct nodes nodes;
    bool made;

    nodes_init(c, &nodes, STORAGE_ACCOUNT, storage_ring(STORAGE_ACCOUNT), account, NULL, NULL, NULL, NODES_WRITE);
    headers_copy_prefix(c, &headers, &sake->headers, "X-Account-Sysmeta-");
    proxy_backend_headers(c, r, &headers, "account", NULL);
    all = ctx_new_n(c, struct headers, nodes.replicas);
    for (size_t i = 0; i < nodes.replicas; i++)
        all[i] = headers;
    proxy_to_all(c, r, &response, &nodes, "PUT", all, nodes.replicas, NULL, 0, 0);
    made = response.status / 100 == 2;
    response_clear(&response);
    if (made)
        info_forget(account, NULL);
    else
        log_warning(c, "swift: could not autocreate account %s", account);
    return made;
}
