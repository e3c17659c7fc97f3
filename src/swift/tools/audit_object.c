/* An object on its nodes, and in its container's listing. */
#include "swift/tools/account_audit.h"

#include "swift/name.h"
#include "swift/tools/direct.h"

#include <string.h>

#define MOST_NODES 256
#define OVERRIDE "X-Object-Sysmeta-Container-Update-Override-Etag"

struct copy { const struct ring_device *node; const char *etag; };

struct examined {
    struct audit *a;
    const char *path;
    bool consistent;
    struct copy copies[MOST_NODES];
    size_t n;
};

static bool read_md5(struct wire *w, char ret_hex[33])
{
    struct md5 *md5 = md5_new();
    char bytes[65536];
    ssize_t n;

    while ((n = wire_read_body(w, bytes, sizeof(bytes))) > 0)
        md5_add(md5, bytes, (size_t)n);
    md5_end_hex(md5, ret_hex);
    return n == 0;
}

static void examine(struct ctx *c, struct examined *e, const struct ring_device *node, uint32_t partition)
{
    const char *method = e->a->deep ? "GET" : "HEAD", *etag, *listed;
    char hex[33] = "";
    struct headers h;
    struct wire *w;
    int status = 0;
    bool read;

    w = audit_ask(c, node, method, direct_target(c, node, partition, e->path), &h, &status);
    read = w && (!e->a->deep || read_md5(w, hex));
    etag = read ? etag_plain(c, headers_get(&h, "ETag")) : NULL;
    listed = read ? headers_get(&h, OVERRIDE) : NULL;
    wire_free(w);
    if (read && status / 100 != 2) {
        e->consistent = audit_say(c, e->a, OBJECT_MISSING, "  Bad status %d %s object \"%s\" on %s/%s", status, e->a->deep ? "GETting" : "HEADing", e->path,
                                  node->ip, node->device);
        return;
    }
    if (!etag) {
        e->consistent = audit_say(c, e->a, OBJECT_EXCEPTIONS, "  Exception fetching object \"%s\" on %s/%s", e->path, node->ip, node->device);
        return;
    }
    if (e->a->deep && strcmp(etag, hex))
        e->consistent = audit_say(c, e->a, OBJECT_MD5, "  MD5 does not match etag for \"%s\" on %s/%s", e->path, node->ip, node->device);
    e->copies[e->n++] = (struct copy){ node, listed && *listed ? etag_plain(c, listed) : etag };
}

static void compare(struct ctx *c, struct examined *e, const char *hash)
{
    if (!e->n)
        e->consistent = audit_say(c, e->a, NOT_COUNTED, "  Failed fo fetch object %s at all!", e->path);
    for (size_t i = 0; hash && *hash && i < e->n; i++)
        if (strcmp(e->copies[i].etag, hash))
            e->consistent = audit_say(c, e->a, OBJECT_MD5, "  ETag mismatch for \"%s\" on %s/%s", e->path, e->copies[i].node->ip, e->copies[i].node->device);
}

void audit_object(struct ctx *c, struct audit *a, const char *account, const char *container, const char *object)
{
    const struct audit_listing *listing = audit_container(c, a, account, container, false);
    const struct audit_entry *entry = g_hash_table_lookup(listing->by_name, object);
    struct examined e = { .a = a, .path = ctx_printf(c, "/%s/%s/%s", account, container, object), .consistent = true };
    const struct ring_device *nodes[MOST_NODES];
    uint8_t digest[16];
    uint32_t partition;
    size_t n;

    if (!entry)
        e.consistent = audit_say(c, a, NOT_COUNTED, "  Object %s missing in container listing!", e.path);
    hash_path(account, container, object, digest);
    partition = ring_partition(a->rings[STORAGE_OBJECT], digest);
    n = ring_primaries(a->rings[STORAGE_OBJECT], partition, nodes, G_N_ELEMENTS(nodes));
    for (size_t i = 0; i < n; i++)
        examine(c, &e, nodes[i], partition);
    compare(c, &e, entry ? entry->hash : NULL);
    audit_finish(a, OBJECTS, e.path, e.consistent);
}
