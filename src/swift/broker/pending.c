/* Rows that came in: kept in a file beside the database, a line of base64 pickles, and merged in one transaction before the next read
 * or when they have become many. */
#include "swift/broker/parts.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/broker/shards.h"
#include "swift/disk/io.h"
#include "swift/name.h"
#include "swift/pickle.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PENDING_MOST 131072
#define LOCK_US (10 * G_USEC_PER_SEC)
#define STRIPES 64

/* Threads of this process wait here, not in the file system. */
static pthread_mutex_t stripes[STRIPES] = { [0 ... STRIPES - 1] = PTHREAD_MUTEX_INITIALIZER };

static pthread_mutex_t *stripe(const struct broker *b)
{
    return &stripes[g_str_hash(b->dir) % STRIPES];
}

int broker_lock(const struct broker *b)
{
    g_autofree char *path = g_strdup_printf("%s/.lock", b->dir);
    int fd;

    pthread_mutex_lock(stripe(b));
    fd = disk_lock(path, LOCK_US);
    if (fd < 0)
        pthread_mutex_unlock(stripe(b));
    return fd;
}

void broker_unlock(const struct broker *b, int fd)
{
    if (fd < 0)
        return;
    close(fd);
    pthread_mutex_unlock(stripe(b));
}

/* --- entries ---------------------------------------------------------------------------------------------------------------- */

static struct pickle *text_or_none(struct ctx *c, const char *name)
{
    size_t n;
    const char *bytes = name ? name_bytes(c, name, &n) : NULL;
    struct pickle *p = bytes ? pickle_new_bytes(c, bytes, n) : pickle_new(c, PICKLE_NONE);

    if (bytes)
        p->kind = PICKLE_TEXT;
    return p;
}

static void write_entry(struct ctx *c, enum broker_kind kind, const struct broker_row *r, struct buf *to)
{
    struct pickle *tuple = pickle_new(c, PICKLE_TUPLE);
    struct buf text = {};

    pickle_append(c, tuple, text_or_none(c, r->name));
    if (kind == BROKER_CONTAINER) {
        pickle_append(c, tuple, text_or_none(c, r->created_at));
        pickle_append(c, tuple, pickle_new_int(c, r->size));
        pickle_append(c, tuple, text_or_none(c, r->content_type));
        pickle_append(c, tuple, text_or_none(c, r->etag));
    } else {
        pickle_append(c, tuple, text_or_none(c, timestamp_set(r->put_timestamp) ? timestamp_text(c, r->put_timestamp) : "0"));
        pickle_append(c, tuple, text_or_none(c, timestamp_set(r->delete_timestamp) ? timestamp_text(c, r->delete_timestamp) : "0"));
        pickle_append(c, tuple, pickle_new_int(c, r->object_count));
        pickle_append(c, tuple, pickle_new_int(c, r->bytes_used));
    }
    pickle_append(c, tuple, pickle_new_int(c, r->deleted));
    pickle_append(c, tuple, pickle_new_int(c, r->policy_index));
    if (kind == BROKER_CONTAINER) {
        pickle_append(c, tuple, text_or_none(c, r->ctype_timestamp));
        pickle_append(c, tuple, text_or_none(c, r->meta_timestamp));
    }
    pickle_write(&text, tuple);
    buf_putc(to, ':');
    buf_puts(to, base64_write(c, text.data, text.len));
    buf_clear(&text);
}

static const char *item_text(struct ctx *c, const struct pickle *tuple, size_t i)
{
    const struct pickle *p = i < tuple->n_items ? tuple->items[i] : NULL;

    if (pickle_text(p))
        return name_from_bytes(c, p->bytes, p->n);
    return p && p->kind == PICKLE_INT ? ctx_printf(c, "%" G_GINT64_FORMAT, p->integer) : NULL;
}

/* The original's proxies hand numbers on as they came: as text. */
static int64_t item_int(struct ctx *c, const struct pickle *tuple, size_t i)
{
    const char *text = item_text(c, tuple, i);
    int64_t value = 0;

    if (i < tuple->n_items && pickle_int(tuple->items[i], &value))
        return value;
    return text && text_to_int(text, &value) ? value : 0;
}

bool pending_read(struct ctx *c, enum broker_kind kind, const char *entry, struct broker_row *r)
{
    const struct pickle *tuple;
    void *bytes;
    size_t n;

    if (!base64_read(c, entry, &bytes, &n) || !(tuple = pickle_read(c, bytes, n)) || tuple->n_items < 6) {
        fault_clear(c);
        return false;
    }
    *r = (struct broker_row){ .name = item_text(c, tuple, 0), .deleted = item_int(c, tuple, 5) != 0, .policy_index = (int)item_int(c, tuple, 6) };
    if (kind == BROKER_ACCOUNT) {
        timestamp_parse(item_text(c, tuple, 1), &r->put_timestamp);
        timestamp_parse(item_text(c, tuple, 2), &r->delete_timestamp);
        r->object_count = item_int(c, tuple, 3);
        r->bytes_used = item_int(c, tuple, 4);
        return r->name != NULL;
    }
    r->created_at = item_text(c, tuple, 1);
    r->size = item_int(c, tuple, 2);
    r->content_type = item_text(c, tuple, 3);
    r->etag = item_text(c, tuple, 4);
    r->ctype_timestamp = item_text(c, tuple, 7);
    r->meta_timestamp = item_text(c, tuple, 8);
    return r->name && r->created_at;
}

/* --- merging ---------------------------------------------------------------------------------------------------------------- */

/* With the lock held: what is in the file, and one row more (NULL: none). Where a database has gone its pending rows wait for the next. */
static bool merge_pending(struct ctx *c, struct broker *b, const struct broker_row *more)
{
    size_t n = 0, used = 0;
    char *text = disk_read_file(b->pending, &n), *save = NULL;
    struct broker_row *rows;
    size_t room = 2;

    for (size_t i = 0; i < n; i++)
        room += text[i] == ':';
    rows = ctx_new_n(c, struct broker_row, room);
    for (char *entry = text ? strtok_r(text, ":", &save) : NULL; entry; entry = strtok_r(NULL, ":", &save)) {
        if (pending_read(c, b->kind, entry, &rows[used]))
            used++;
        else
            log_error(c, "swift: an invalid pending entry in %s", b->pending);
    }
    free(text);
    if (more)
        rows[used++] = *more;
    if (used && !broker_merge_rows(c, b, rows, used, NULL))
        return false;
    return !n || !truncate(b->pending, 0) || errno == ENOENT;
}

/* Rows go into the database that counts: one that was replaced, has gone, or has a fresher one beside it leaves them there. */
static bool takes_rows(struct ctx *c, const struct broker *b)
{
    return !b->retiring && broker_still_there(b) && (b->kind == BROKER_ACCOUNT || broker_is_newest(c, b->path));
}

bool broker_commit_pending(struct ctx *c, struct broker *b)
{
    struct stat st;
    struct ctx own;
    int lock;
    bool well;

    if (b->retiring || b->leaves_pending || stat(b->pending, &st) || !st.st_size)
        return true;
    lock = broker_lock(b);
    if (lock < 0)
        return fail(c, 503, "LockTimeout", "%s: the lock was not got in time", b->dir);
    ctx_init_child(&own, c, c->service);     /* rows by the thousand go at once */
    well = !takes_rows(&own, b) || merge_pending(&own, b, NULL);
    if (!well)
        fail(c, 500, "DatabaseConnectionError", "%s", own.fault.message ? own.fault.message : "pending rows cannot be merged");
    ctx_clear(&own);
    broker_unlock(b, lock);
    return well;
}

void broker_leave_pending(struct broker *b)
{
    b->leaves_pending = true;
}

static bool append(struct ctx *c, struct broker *b, const struct broker_row *row)
{
    struct buf text = {};
    int fd = disk.open(b->pending, O_WRONLY | O_CREAT | O_APPEND, 0600);
    bool well;

    write_entry(c, b->kind, row, &text);
    well = fd >= 0 && disk.write(fd, text.data, text.len) >= 0;
    if (!well)
        fail(c, 507, "DiskFileNoSpace", "%s: %s", b->pending, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_clear(&text);
    return well;
}

bool broker_put_row(struct ctx *c, struct broker *b, const struct broker_row *row)
{
    struct stat st = {};
    int lock = broker_lock(b);
    bool well;

    if (lock < 0)
        return fail(c, 503, "LockTimeout", "%s: the lock was not got in time", b->dir);
    well = !stat(b->pending, &st) && st.st_size > PENDING_MOST && takes_rows(c, b) ? merge_pending(c, b, row) : append(c, b, row);
    broker_unlock(b, lock);
    return well;
}
