/* Container updates that could not be delivered: a file each, which the updater replays. */
#include "swift/disk/diskfile.h"

#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/pickle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct pickle *name_value(struct ctx *c, const char *name)
{
    size_t n;
    const char *bytes = name_bytes(c, name, &n);
    struct pickle *p = pickle_new_bytes(c, bytes, n);

    p->kind = PICKLE_TEXT;
    return p;
}

static struct pickle *write_update(struct ctx *c, const struct async_update *u)
{
    struct pickle *dict = pickle_new(c, PICKLE_DICT), *headers = pickle_new(c, PICKLE_DICT), *list;

    for (size_t i = 0; i < u->headers.n; i++)
        pickle_set(c, headers, header_title(c, u->headers.pairs[i].name), name_value(c, u->headers.pairs[i].value));
    pickle_set(c, dict, "op", name_value(c, u->op));
    pickle_set(c, dict, "account", name_value(c, u->account));
    pickle_set(c, dict, "container", name_value(c, u->container));
    pickle_set(c, dict, "obj", name_value(c, u->object));
    pickle_set(c, dict, "headers", headers);
    if (u->container_path)
        pickle_set(c, dict, "container_path", name_value(c, u->container_path));
    if (u->told && u->told->len) {
        list = pickle_new(c, PICKLE_LIST);
        for (guint i = 0; i < u->told->len; i++)
            pickle_append(c, list, pickle_new_int(c, g_array_index(u->told, int64_t, i)));
        pickle_set(c, dict, "successes", list);
    }
    if (u->redirected && u->redirected->len) {
        list = pickle_new(c, PICKLE_LIST);
        for (guint i = 0; i < u->redirected->len; i++)
            pickle_append(c, list, name_value(c, u->redirected->pdata[i]));
        pickle_set(c, dict, "redirect_history", list);
    }
    return dict;
}

static bool store(struct ctx *c, const char *device_path, const struct storage_policy *policy, const struct async_update *u, const char *path)
{
    const char *tmp = ctx_printf(c, "%s/%s", device_path, policy_dir(c, "tmp", policy));
    struct buf text = {};
    bool well;

    pickle_write(&text, write_update(c, u));
    well = disk_make_dirs(tmp) && disk_replace_file(path, tmp, text.data, text.len, true);
    buf_clear(&text);
    return well;
}

bool async_write(struct ctx *c, const char *device_path, const struct storage_policy *policy, const struct async_update *u)
{
    const char *hash = hash_path_hex(c, u->account, u->container, u->object);
    const char *dir = ctx_printf(c, "%s/%s/%s", device_path, policy_dir(c, "async_pending", policy), hash + 29);

    return disk_make_dirs(dir) && store(c, device_path, policy, u, ctx_printf(c, "%s/%s-%s", dir, hash, timestamp_text(c, u->timestamp)));
}

bool async_rewrite(struct ctx *c, const char *device_path, const struct storage_policy *policy, const struct async_update *u)
{
    return store(c, device_path, policy, u, u->path);
}

static const char *get_name(struct ctx *c, const struct pickle *dict, const char *key)
{
    const struct pickle *p = pickle_get(dict, key);

    return pickle_text(p) ? name_from_bytes(c, p->bytes, p->n) : NULL;
}

static void read_lists(struct ctx *c, const struct pickle *dict, struct async_update *u)
{
    const struct pickle *told = pickle_get(dict, "successes"), *way = pickle_get(dict, "redirect_history");
    int64_t id;

    u->told = ctx_own(c, g_array_new(FALSE, FALSE, sizeof(int64_t)), (void (*)(void *))(void *)g_array_unref);
    u->redirected = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    for (size_t i = 0; told && told->kind == PICKLE_LIST && i < told->n_items; i++)
        if (pickle_int(told->items[i], &id))
            g_array_append_val(u->told, id);
    for (size_t i = 0; way && way->kind == PICKLE_LIST && i < way->n_items; i++)
        if (pickle_text(way->items[i]))
            g_ptr_array_add(u->redirected, name_from_bytes(c, way->items[i]->bytes, way->items[i]->n));
}

bool async_read(struct ctx *c, const char *path, struct async_update *u)
{
    size_t n;
    char *bytes = disk_read_file(path, &n);
    const struct pickle *dict, *headers;

    *u = (struct async_update){ .path = path };
    if (!bytes)
        return false;
    dict = pickle_read(c, bytes, n);
    headers = dict && dict->kind == PICKLE_DICT ? pickle_get(dict, "headers") : NULL;
    free(bytes);
    errno = 0;
    if (!headers || headers->kind != PICKLE_DICT)
        return false;
    u->op = get_name(c, dict, "op");
    u->account = get_name(c, dict, "account");
    u->container = get_name(c, dict, "container");
    u->object = get_name(c, dict, "obj");
    u->container_path = get_name(c, dict, "container_path");
    for (size_t i = 0; i + 1 < headers->n_items; i += 2)
        if (pickle_text(headers->items[i]) && pickle_text(headers->items[i + 1]))
            headers_set(c, &u->headers, headers->items[i]->bytes, name_from_bytes(c, headers->items[i + 1]->bytes, headers->items[i + 1]->n));
    timestamp_parse(headers_get(&u->headers, "X-Timestamp"), &u->timestamp);
    read_lists(c, dict, u);
    errno = 0;
    return u->op && u->account && u->container && u->object;
}
