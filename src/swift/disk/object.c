/* An object on the disk, opened: its files, its metadata merged, what is damaged quarantined. */
#include "swift/disk/diskfile.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/io.h"
#include "swift/name.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SYSMETA "X-Object-Sysmeta-"
#define TRIES 3

void disk_place_init(struct ctx *c, struct disk_place *p, const char *device_path, const struct storage_policy *policy, uint32_t partition,
                     const char *account, const char *container, const char *object)
{
    *p = (struct disk_place){ .device_path = device_path, .policy = policy, .partition = partition };
    p->name = ctx_printf(c, "/%s/%s/%s", account, container, object);
    hash_path(account, container, object, p->digest);
}

char *disk_place_dir(struct ctx *c, const struct disk_place *p)
{
    char hex[33];

    digest_hex(p->digest, hex);
    return ctx_printf(c, "%s/%s/%u/%s/%s", p->device_path, policy_dir(c, "objects", p->policy), p->partition, hex + 29, hex);
}

/* --- quarantine ------------------------------------------------------------------------------------------------------- */

bool disk_quarantine(struct ctx *c, const struct disk_place *p, const char *why)
{
    const char *from = disk_place_dir(c, p), *base = ctx_printf(c, "%s/quarantined/%s", p->device_path, policy_dir(c, "objects", p->policy));
    const char *to = ctx_printf(c, "%s%s", base, strrchr(from, '/'));

    log_warning(c, "swift: quarantined object %s: %s", from, why);
    if (!hashes_invalidate(c, p) || !disk_make_dirs(base))
        return false;
    if (!disk.rename(from, to))
        return true;
    if (errno != EEXIST && errno != ENOTEMPTY)
        return false;
    return !disk.rename(from, ctx_printf(c, "%s-%s", to, uuid_new_hex(c)));
}

static enum disk_found quarantined(struct ctx *c, const struct disk_place *p, struct disk_object *o, const char *why)
{
    disk_object_close(o);
    disk_quarantine(c, p, why);
    return o->found = DISK_QUARANTINED;
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

/* What a .meta cannot change. */
static bool stays(const struct pair *h)
{
    return !strcasecmp(h->name, "Content-Length") || !strcasecmp(h->name, "ETag") || !strcasecmp(h->name, "Deleted") ||
           !strcasecmp(h->name, "X-Static-Large-Object") || header_has_prefix(h, SYSMETA);
}

static bool read_beside(struct ctx *c, const char *dir, const char *name, struct headers *ret)
{
    int fd = disk.open(ctx_printf(c, "%s/%s", dir, name), O_RDONLY, 0);
    bool well = fd >= 0 && disk_metadata_read(c, fd, ret);

    if (fd >= 0)
        close(fd);
    return well;
}

static void take_content_type(struct ctx *c, struct headers *to, const struct headers *from)
{
    headers_set(c, to, "Content-Type", headers_get(from, "Content-Type"));
    headers_set(c, to, "Content-Type-Timestamp", headers_get(from, "Content-Type-Timestamp"));
}

/* The headers of one .meta, the content type of a second that is newer in it. */
static bool read_meta(struct ctx *c, const char *dir, const struct disk_files *f, struct headers *ret)
{
    struct headers ctype = {};

    if (!read_beside(c, dir, f->meta, ret) || (f->ctype_meta && !read_beside(c, dir, f->ctype_meta, &ctype)))
        return false;
    if (headers_get(&ctype, "Content-Type"))
        take_content_type(c, ret, &ctype);
    return true;
}

/* Data and .meta files made one. False: a .meta cannot be read. */
static bool merge(struct ctx *c, const char *dir, struct disk_object *o)
{
    struct headers meta = {};
    struct timestamp t;

    if (!o->files.meta) {
        headers_copy(c, &o->metadata, &o->data_metadata);
        return true;
    }
    if (!read_meta(c, dir, &o->files, &meta))
        return false;
    headers_copy(c, &o->metadata, &meta);
    for (size_t i = 0; i < o->data_metadata.n; i++)
        if (stays(&o->data_metadata.pairs[i]))
            headers_set(c, &o->metadata, o->data_metadata.pairs[i].name, o->data_metadata.pairs[i].value);
    if (!timestamp_parse(headers_get(&o->metadata, "Content-Type-Timestamp"), &t) || timestamp_compare(o->times.data, t) > 0)
        take_content_type(c, &o->metadata, &o->data_metadata);
    return true;
}

static bool is_integer(const char *text, int64_t *ret)
{
    return text && text_to_int(text, ret);
}

static const char *wrong_with(struct ctx *c, const struct disk_place *p, struct disk_object *o)
{
    const char *delete_at = headers_get(&o->metadata, "X-Delete-At");
    struct stat st;

    if (!headers_get(&o->data_metadata, "name"))
        return "missing name metadata";
    if (delete_at && !is_integer(delete_at, &o->delete_at))
        return "bad metadata x-delete-at value";
    if (!is_integer(headers_get(&o->metadata, "Content-Length"), &o->length))
        return "missing or bad content-length in metadata";
    if (fstat(o->fd, &st))
        return "not stat-able";
    return st.st_size == o->length ? NULL : "metadata content-length does not match actual object size";
}

static enum disk_found without_data(struct ctx *c, struct disk_object *o)
{
    o->timestamp = o->files.deleted;
    return o->found = o->files.tombstone ? DISK_DELETED : DISK_ABSENT;
}

static void set_times(struct disk_object *o)
{
    o->times = o->files.times;
    if (!timestamp_set(o->times.content_type))
        o->times.content_type = o->times.data;
    if (!timestamp_set(o->times.meta))
        o->times.meta = o->times.data;
    o->timestamp = o->times.meta;
}

/* Is it what the hash of a name says? */
static bool name_fits(const char *name, const uint8_t wanted[16])
{
    g_auto(GStrv) parts = g_strsplit(name ? name : "", "/", 4);
    uint8_t digest[16];

    if (g_strv_length(parts) != 4 || *parts[0])
        return false;
    hash_path(parts[1], parts[2], parts[3], digest);
    return !memcmp(digest, wanted, sizeof(digest));
}

/* ABSENT, where the list told of a file: somebody has put something newer in its place meanwhile. */
static enum disk_found open_once(struct ctx *c, const struct disk_place *p, int64_t now, struct disk_object *o)
{
    const char *dir = disk_place_dir(c, p), *wrong, *name;

    *o = (struct disk_object){ .fd = -1, .found = DISK_ERROR };
    if (!disk_files_list(c, &o->files, dir, p->policy, p->wish, (struct timestamp){}))
        return errno == ENOTDIR || errno == ENODATA ? quarantined(c, p, o, "the hash directory cannot be listed") : DISK_ERROR;
    if (!o->files.data)
        return without_data(c, o);
    o->fd = disk.open(ctx_printf(c, "%s/%s", dir, o->files.data), O_RDONLY, 0);
    if (o->fd < 0)
        return o->found = errno == ENOENT ? DISK_ABSENT : DISK_ERROR;
    set_times(o);
    if (!disk_metadata_read(c, o->fd, &o->data_metadata) || !merge(c, dir, o)) {
        if (errno == EBADMSG || errno == ENODATA || errno == EIO)
            return quarantined(c, p, o, "its metadata cannot be read");
        disk_object_close(o);
        return o->found = errno == ENOENT ? DISK_ABSENT : DISK_ERROR;
    }
    wrong = wrong_with(c, p, o);
    if (wrong)
        return quarantined(c, p, o, wrong);
    name = headers_get(&o->data_metadata, "name");
    if (!p->name && !name_fits(name, p->digest))
        return quarantined(c, p, o, "Hash of name in metadata does not match directory name");
    if (p->name && strcmp(name, p->name)) {
        disk_object_close(o);
        return o->found = DISK_COLLISION;
    }
    o->etag = headers_get(&o->metadata, "ETag");
    o->content_type = headers_get(&o->metadata, "Content-Type");
    headers_remove(&o->metadata, "name");
    headers_remove(&o->metadata, "X-Timestamp");
    headers_remove(&o->metadata, "Content-Type-Timestamp");
    return o->found = o->delete_at && now && o->delete_at <= now ? DISK_EXPIRED : DISK_THERE;
}

enum disk_found disk_object_open(struct ctx *c, const struct disk_place *p, int64_t now, struct disk_object *o)
{
    for (int i = 0; i < TRIES; i++)
        if (open_once(c, p, now, o) != DISK_ABSENT || !o->files.data)
            break;
    return o->found;
}

void disk_object_close(struct disk_object *o)
{
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
}

bool disk_object_meta(struct ctx *c, const struct disk_place *p, const struct disk_object *o, struct headers *ret)
{
    if (!o->files.meta || !read_meta(c, disk_place_dir(c, p), &o->files, ret))
        return false;
    headers_remove(ret, "name");
    return true;
}

const char *disk_place_name(struct ctx *c, const struct disk_place *p)
{
    const char *dir = disk_place_dir(c, p), *name, *any;
    struct headers metadata = {};
    struct disk_files f;

    if (!disk_files_list(c, &f, dir, p->policy, p->wish, (struct timestamp){}))
        return NULL;
    any = f.data ? f.data : f.n_fragments ? f.fragments[0].name : f.tombstone;
    if (!any || !read_beside(c, dir, any, &metadata))
        return NULL;
    name = headers_get(&metadata, "name");
    return name_fits(name, p->digest) ? name : NULL;
}
