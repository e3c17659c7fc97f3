/* Open databases: made, found, kept for the next who wants them. There are as many databases as containers, so only a few stay open;
 * each handle is one thread's at a time. A file that was replaced under its handle (replication renames whole databases) is seen by its inode. */
#include "swift/broker/parts.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/disk/io.h"
#include "swift/name.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_MOST 32
#define BUSY_MS 25000
#define FILES_MOST 64
#define BROKER_OPEN_FAILED 500, "DatabaseConnectionError", "DB connection error (%s): %s"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;        /* guards all below */
static GQueue idle = G_QUEUE_INIT;   /* struct broker by their links, the one used last at its head */

/* --- where it is ---------------------------------------------------------------------------------------------------------- */

static const char *kind_dir(enum broker_kind kind)
{
    return kind == BROKER_ACCOUNT ? "accounts" : "containers";
}

static char *place_dir(struct ctx *c, const struct broker_place *p, const char *hash)
{
    return ctx_printf(c, "%s/%s/%u/%s/%s", p->device_path, kind_dir(p->kind), p->partition, hash + 29, hash);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "<hash>.db" and "<hash>_<epoch>.db": '_' sorts behind '.'. */
size_t broker_files(struct ctx *c, const char *path, const char *base, char ***ret)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char **files = ctx_new_n(c, char *, FILES_MOST);
    size_t n_hash = strcspn(base, "._"), n = 0;

    while (dir && n < FILES_MOST && (entry = readdir(dir))) {
        const char *name = entry->d_name;

        if (!strncmp(name, base, n_hash) && (name[n_hash] == '.' || name[n_hash] == '_') && g_str_has_suffix(name, ".db"))
            files[n++] = ctx_printf(c, "%s/%s", path, name);
    }
    if (dir)
        closedir(dir);
    qsort(files, n, sizeof(*files), by_name);
    *ret = files;
    return n;
}

char *broker_newest_file(struct ctx *c, const char *dir, const char *hash)
{
    char **files;
    size_t n = broker_files(c, dir, hash, &files);

    return n ? files[n - 1] : ctx_printf(c, "%s/%s.db", dir, hash);
}

/* The one of the newest epoch. NULL: there is none. */
static char *newest_file(struct ctx *c, const char *path, const char *hash)
{
    char **files;
    size_t n = broker_files(c, path, hash, &files);

    return n ? files[n - 1] : NULL;
}

const char *broker_file_path(struct ctx *c, const struct broker_place *p)
{
    const char *hash = hash_path_hex(c, p->account, p->container, NULL), *dir = place_dir(c, p, hash), *found = newest_file(c, dir, hash);

    if (found)
        return found;
    return timestamp_set(p->epoch) ? ctx_printf(c, "%s/%s_%s.db", dir, hash, timestamp_normal_text(c, p->epoch)) : ctx_printf(c, "%s/%s.db", dir, hash);
}

/* --- opening ---------------------------------------------------------------------------------------------------------------- */

void broker_close(struct broker *b)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(b->cached[i].statement);
    sqlite3_close_v2(b->db);
    g_free(b->path);
    g_free(b->dir);
    g_free(b->pending);
    g_free(b->name);
    g_free(b);
}

static void set_pragmas(sqlite3 *db)
{
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA journal_mode = DELETE; PRAGMA cache_size = -1024", NULL, NULL,
                 NULL);
    chexor_register(db);
}

struct broker *broker_open_alone(struct ctx *c, enum broker_kind kind, const char *path)
{
    struct broker *b = g_new0(struct broker, 1);
    const char *base = strrchr(path, '/') + 1;
    struct stat st = {};

    b->kind = kind;
    b->path = g_strdup(path);
    b->dir = g_path_get_dirname(path);
    b->pending = g_strdup_printf("%s/%.32s.db.pending", b->dir, base);
    if (stat(path, &st) || sqlite3_open_v2(path, &b->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        fail(c, BROKER_OPEN_FAILED, path, b->db ? sqlite3_errmsg(b->db) : g_strerror(errno));
        broker_close(b);
        return NULL;
    }
    b->device = st.st_dev;
    b->inode = st.st_ino;
    set_pragmas(b->db);
    return b;
}

bool broker_still_there(const struct broker *b)
{
    struct stat st;

    return !stat(b->path, &st) && st.st_dev == b->device && st.st_ino == b->inode;
}

static struct broker *take_idle(const char *path)
{
    struct broker *b = NULL;

    pthread_mutex_lock(&lock);
    for (GList *link = idle.head; link && !b; link = link->next)
        if (!strcmp(((struct broker *)link->data)->path, path))
            b = link->data;
    if (b)
        g_queue_unlink(&idle, &b->link);
    pthread_mutex_unlock(&lock);
    if (b && !broker_still_there(b)) {
        broker_close(b);
        b = NULL;
    }
    return b;
}

struct broker *broker_open_file(struct ctx *c, enum broker_kind kind, const char *path)
{
    struct broker *b = take_idle(path);

    if (b)
        b->retiring = b->leaves_pending = false;
    return b ? b : access(path, F_OK) ? NULL : broker_open_alone(c, kind, path);
}

struct broker *broker_open(struct ctx *c, const struct broker_place *p)
{
    const char *hash = hash_path_hex(c, p->account, p->container, NULL), *path = newest_file(c, place_dir(c, p, hash), hash);

    return path ? broker_open_file(c, p->kind, path) : NULL;
}

void broker_done(struct broker *b)
{
    GList *last;

    if (!b)
        return;
    lite_rollback(b);
    b->last_used = clock_mono_us();
    b->link.data = b;
    pthread_mutex_lock(&lock);
    g_queue_push_head_link(&idle, &b->link);
    last = idle.length > IDLE_MOST ? g_queue_pop_tail_link(&idle) : NULL;
    pthread_mutex_unlock(&lock);
    if (last)
        broker_close(last->data);
}

void brokers_close(void)
{
    GList *link;

    pthread_mutex_lock(&lock);
    while ((link = g_queue_pop_head_link(&idle)))
        broker_close(link->data);
    pthread_mutex_unlock(&lock);
}

const char *broker_path(const struct broker *b)
{
    return b->path;
}

/* --- making ----------------------------------------------------------------------------------------------------------------- */

static const char *new_id(struct ctx *c, const char *device)
{
    return ctx_printf(c, "%s-%s", uuid_new(c), device);
}

static bool fill_container(struct ctx *c, struct broker *b, const struct broker_place *p, struct timestamp put, int policy)
{
    return lite_run(c, b, "INSERT INTO policy_stat (storage_policy_index) VALUES (?)", "i", (int64_t)policy) &&
           lite_run(c, b, "INSERT INTO container_info (account, container, created_at, id, put_timestamp, status_changed_at, storage_policy_index)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?)", "ttstssi", p->account, p->container, timestamp_now(), new_id(c, p->device), put, put,
                   (int64_t)policy);
}

static bool fill_account(struct ctx *c, struct broker *b, const struct broker_place *p, struct timestamp put)
{
    return lite_run(c, b, "INSERT INTO account_stat (account, created_at, id, put_timestamp, status_changed_at, container_count)"
                   " VALUES (?, ?, ?, ?, ?, 0)", "tstss", p->account, timestamp_now(), new_id(c, p->device), put, put);
}

/* The whole database in a file that nobody knows yet. */
bool broker_make_file(struct ctx *c, const char *path, const struct broker_place *p, struct timestamp put, int policy)
{
    struct broker b = { .kind = p->kind, .path = (char *)(uintptr_t)path };
    char *why = NULL;
    bool well;

    if (sqlite3_open_v2(path, &b.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        sqlite3_close_v2(b.db);
        return fail(c, BROKER_OPEN_FAILED, path, "it cannot be made");
    }
    sqlite3_exec(b.db, "PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA journal_mode = MEMORY", NULL, NULL, NULL);
    chexor_register(b.db);
    well = lite_begin(c, &b);
    if (well && sqlite3_exec(b.db, broker_schema[p->kind], NULL, NULL, &why) != SQLITE_OK)
        well = fail(c, BROKER_OPEN_FAILED, path, why);
    well = well && (p->kind == BROKER_ACCOUNT ? fill_account(c, &b, p, put) : fill_container(c, &b, p, put, policy)) && lite_commit(c, &b);
    sqlite3_free(why);
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(b.cached[i].statement);
    sqlite3_close_v2(b.db);
    return well;
}

bool broker_sync_file(const char *path)
{
    int fd = disk.open(path, O_RDWR, 0);
    bool well = fd >= 0 && !disk.fsync(fd);

    if (fd >= 0)
        close(fd);
    return well;
}

/* Gives it its name unless somebody was faster. */
static bool publish(struct ctx *c, const char *made, const char *path, bool *ret_made)
{
    g_autofree char *dir = g_path_get_dirname(path);
    int held = disk_lock(ctx_printf(c, "%s/.lock", dir), 10 * G_USEC_PER_SEC);
    bool well = held >= 0;

    if (well && access(path, F_OK)) {
        well = !disk.rename(made, path) && disk_sync_dir(dir);
        *ret_made = well;
    }
    if (held >= 0)
        close(held);
    return well;
}

bool broker_create(struct ctx *c, const struct broker_place *p, struct timestamp put, int policy, bool *ret_made)
{
    const char *path = broker_file_path(c, p), *made = ctx_printf(c, "%s.%s.tmp", path, uuid_new_hex(c));
    g_autofree char *dir = g_path_get_dirname(path);
    bool well, fresh = false;

    if (ret_made)
        *ret_made = false;
    if (!access(path, F_OK))
        return true;
    if (!disk_make_dirs(dir))
        return fail(c, BROKER_OPEN_FAILED, path, g_strerror(errno));
    well = broker_make_file(c, made, p, put, policy) &&
           ((broker_sync_file(made) && publish(c, made, path, &fresh)) || fail(c, BROKER_OPEN_FAILED, path, g_strerror(errno)));
    if (!fresh)
        unlink(made);
    if (ret_made)
        *ret_made = fresh;
    return well;
}

/* --- holding and removing --------------------------------------------------------------------------------------------------- */

bool broker_hold(struct ctx *c, struct broker *b)
{
    return lite_begin(c, b);
}

void broker_let_go(struct broker *b)
{
    lite_rollback(b);
}

static void remove_dir(const char *path)
{
    GDir *names = g_dir_open(path, 0, NULL);
    const char *name;

    while (names && (name = g_dir_read_name(names))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        disk.unlink(file);
    }
    if (names)
        g_dir_close(names);
    disk.rmdir(path);
}

/* The suffix's and the partition's directories, where nothing else is in them. */
static void remove_parents(const char *dir)
{
    g_autofree char *suffix = g_path_get_dirname(dir), *partition = g_path_get_dirname(suffix);

    if (!disk.rmdir(suffix))
        disk.rmdir(partition);
}

/* Under the lock that those who bring rows take first: none can slip in between. */
bool broker_erase(struct ctx *c, struct broker *b, int64_t max_row, bool *ret_removed)
{
    struct broker_info info;
    struct stat pending;
    int held;

    *ret_removed = false;
    if (!broker_info(c, b, &info))
        return false;
    held = broker_lock(b);
    if (held < 0)
        return fail(c, 503, "LockTimeout", "%s: the lock was not got in time", b->dir);
    if (info.max_row == max_row && (stat(b->pending, &pending) || !pending.st_size)) {
        remove_dir(b->dir);
        *ret_removed = true;
    }
    broker_unlock(b, held);
    if (*ret_removed)
        remove_parents(b->dir);
    return true;
}

/* --- quarantine -------------------------------------------------------------------------------------------------------------- */

bool broker_quarantine(struct ctx *c, struct broker *b, const char *why)
{
    g_auto(GStrv) pieces = g_strsplit(b->dir, "/", -1);
    guint n = g_strv_length(pieces);
    const char *device = b->dir, *base, *to;

    if (n < 5 || strlen(pieces[n - 1]) != 32 || strcmp(pieces[n - 4], kind_dir(b->kind)))     /* it has just arrived in tmp */
        return false;
    device = ctx_strndup(c, b->dir, strlen(b->dir) - strlen(pieces[n - 1]) - strlen(pieces[n - 2]) - strlen(pieces[n - 3]) - strlen(pieces[n - 4]) - 4);
    base = ctx_printf(c, "%s/quarantined/%s", device, pieces[n - 4]);
    to = ctx_printf(c, "%s/%s", base, pieces[n - 1]);
    log_error(c, "swift: quarantined %s to %s due to %s", b->dir, to, why);
    if (!disk_make_dirs(base))
        return false;
    return !disk.rename(b->dir, to) || !disk.rename(b->dir, ctx_printf(c, "%s-%s", to, uuid_new_hex(c)));
}
