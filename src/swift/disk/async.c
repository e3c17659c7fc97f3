/* Container updates that could not be delivered: a file each, which the updater replays. */
#include "swift/disk/diskfile.h"

#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/pickle.h"

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

bool async_write(struct ctx *c, const char *device_path, const struct storage_policy *policy, const struct async_update *u)
{
    struct pickle *dict = pickle_new(c, PICKLE_DICT), *headers = pickle_new(c, PICKLE_DICT);
    const char *hash = hash_path_hex(c, u->account, u->container, u->object);
    const char *dir = ctx_printf(c, "%s/%s/%s", device_path, policy_dir(c, "async_pending", policy), hash + 29);
    const char *tmp = ctx_printf(c, "%s/%s", device_path, policy_dir(c, "tmp", policy));
    struct buf text = {};
    bool well;

    for (size_t i = 0; i < u->headers.n; i++)
        pickle_set(c, headers, header_title(c, u->headers.pairs[i].name), name_value(c, u->headers.pairs[i].value));
    pickle_set(c, dict, "op", name_value(c, u->op));
    pickle_set(c, dict, "account", name_value(c, u->account));
    pickle_set(c, dict, "container", name_value(c, u->container));
    pickle_set(c, dict, "obj", name_value(c, u->object));
    pickle_set(c, dict, "headers", headers);
    if (u->container_path)
        pickle_set(c, dict, "container_path", name_value(c, u->container_path));
    pickle_write(&text, dict);
    well = disk_make_dirs(dir) && disk_make_dirs(tmp) &&
           disk_replace_file(ctx_printf(c, "%s/%s-%s", dir, hash, timestamp_text(c, u->timestamp)), tmp, text.data, text.len, true);
    buf_clear(&text);
    return well;
}

static const char *get_name(struct ctx *c, const struct pickle *dict, const char *key)
{
    const struct pickle *p = pickle_get(dict, key);

    return pickle_text(p) ? name_from_bytes(c, p->bytes, p->n) : NULL;
}

bool async_read(struct ctx *c, const char *path, struct async_update *u)
{
    size_t n;
    char *bytes = disk_read_file(path, &n);
    const struct pickle *dict = bytes ? pickle_read(c, bytes, n) : NULL, *headers = pickle_get(dict, "headers");

    free(bytes);
    *u = (struct async_update){ .path = path };
    if (!dict || !headers || headers->kind != PICKLE_DICT)
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
    return u->op && u->account && u->container && u->object;
}
