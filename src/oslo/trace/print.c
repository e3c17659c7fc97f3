/* `nacre trace`: reads a ring file (of a process that may be running, or dead), picks the spans of a call and writes them
 * as a tree. A call is all spans under a request id; a resource is all calls that name it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oslo/base/text.h"
#include "oslo/record/out.h"
#include "oslo/trace/ring.h"
#include "oslo/trace/trace.h"

static const char *const kind_names[] = {
    [SPAN_REQUEST] = "request", [SPAN_CALL] = "call", [SPAN_RPC] = "rpc", [SPAN_STEP] = "step",
    [SPAN_COMMAND] = "command", [SPAN_SQL] = "sql", [SPAN_DRIVER] = "driver",
};

struct tree {
    GPtrArray *spans;                /* struct slot *, by time */
    GHashTable *by_id;               /* &slot->id -> slot */
    GHashTable *children;            /* &parent id -> GPtrArray of slots, in order of time */
    GPtrArray *roots;
};

static bool read_slots(struct ctx *, const char *path, GArray *to);
static GHashTable *requests_of(const GArray *slots, const char *id);
static void tree_init(struct tree *, const GArray *slots, GHashTable *requests);
static void tree_clear(struct tree *);
static void write_text(const struct tree *, const GPtrArray *level, int depth, int64_t zero, struct buf *);
static void write_json(const struct tree *, const GPtrArray *level, const char *key, struct out *);

bool trace_print(struct ctx *c, const char *path, const char *id, bool as_json, struct buf *to)
{
    GArray *slots = ctx_own(c, g_array_new(FALSE, FALSE, sizeof(struct slot)), (void (*)(void *))(void *)g_array_unref);
    GHashTable *requests;
    struct tree tree;

    if (!read_slots(c, path, slots))
        return false;
    requests = requests_of(slots, id);
    tree_init(&tree, slots, requests);
    if (as_json) {
        struct out out = { .to = to, .times = TIME_ISO_MICRO_Z };
        write_json(&tree, tree.roots, NULL, &out);
        buf_putc(to, '\n');
    } else if (tree.roots->len) {
        write_text(&tree, tree.roots, 0, 0, to);
    }
    bool found = tree.roots->len > 0;
    tree_clear(&tree);
    g_hash_table_unref(requests);
    return found || fail(c, 404, "NotFound", "No span of %s is kept.", id);
}

static bool read_slots(struct ctx *c, const char *path, GArray *to)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = {};
    const struct ring_head *head;
    const struct slot *slots;

    if (fd < 0 || fstat(fd, &st) || st.st_size < RING_HEAD) {
        if (fd >= 0)
            close(fd);
        return fail(c, 404, "NotFound", "There is no trace in %s.", path);
    }
    head = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (head == MAP_FAILED)
        return fail(c, INTERNAL_ERROR, g_strerror(errno));
    slots = (const struct slot *)(const void *)((const char *)head + RING_HEAD);
    if (memcmp(head->magic, RING_MAGIC, 8) == 0 && (size_t)st.st_size >= RING_HEAD + head->slots * sizeof(struct slot)) {
        for (uint64_t i = 0; i < head->slots; i++) {
            uint64_t turn = atomic_load_explicit(&slots[i].turn, memory_order_acquire);
            struct slot copy;

            if (!turn)
                continue;
            memcpy((void *)&copy, (const void *)&slots[i], sizeof(copy));
            atomic_thread_fence(memory_order_acquire);
            if (atomic_load_explicit(&slots[i].turn, memory_order_relaxed) == turn)
                g_array_append_val(to, copy);
        }
    }
    munmap((void *)(uintptr_t)head, (size_t)st.st_size);
    return true;
}

/* The ids of all calls that are, or name, the id: twice over, since a call made for another bears that one's id too. */
static GHashTable *requests_of(const GArray *slots, const char *id)
{
    GHashTable *requests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    g_hash_table_add(requests, g_strdup(id));
    for (guint i = 0; i < slots->len; i++) {
        const struct slot *s = &g_array_index(slots, struct slot, i);

        if (strcmp(s->request_id, id) == 0 || strcmp(s->resource, id) == 0 || strstr(s->name, id)) {
            g_hash_table_add(requests, g_strdup(s->request_id));
            if (s->global_id[0])
                g_hash_table_add(requests, g_strdup(s->global_id));
        }
    }
    return requests;
}

static gint by_time(gconstpointer a, gconstpointer b)
{
    const struct slot *x = *(const struct slot *const *)a, *y = *(const struct slot *const *)b;

    if (x->began_us != y->began_us)
        return x->began_us < y->began_us ? -1 : 1;
    return x->turn < y->turn ? -1 : x->turn > y->turn;
}

static void tree_init(struct tree *t, const GArray *slots, GHashTable *requests)
{
    t->spans = g_ptr_array_new();
    t->roots = g_ptr_array_new();
    t->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    t->children = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)(void *)g_ptr_array_unref);
    for (guint i = 0; i < slots->len; i++) {
        struct slot *s = &g_array_index(slots, struct slot, i);

        if (g_hash_table_contains(requests, s->request_id) || g_hash_table_contains(requests, s->global_id)) {
            g_ptr_array_add(t->spans, s);
            g_hash_table_insert(t->by_id, &s->id, s);
        }
    }
    g_ptr_array_sort(t->spans, by_time);
    for (guint i = 0; i < t->spans->len; i++) {
        struct slot *s = t->spans->pdata[i];
        GPtrArray *level = t->roots;

        if (s->parent && s->parent != s->id && g_hash_table_contains(t->by_id, &s->parent)) {
            level = g_hash_table_lookup(t->children, &s->parent);
            if (!level) {
                level = g_ptr_array_new();
                g_hash_table_insert(t->children, &s->parent, level);
            }
        }
        g_ptr_array_add(level, s);
    }
}

static void tree_clear(struct tree *t)
{
    g_hash_table_unref(t->children);
    g_hash_table_unref(t->by_id);
    g_ptr_array_unref(t->roots);
    g_ptr_array_unref(t->spans);
}

static void write_text(const struct tree *t, const GPtrArray *level, int depth, int64_t zero, struct buf *to)
{
    const char *request = NULL;

    for (guint i = 0; i < level->len; i++) {
        const struct slot *s = level->pdata[i];
        const GPtrArray *below = g_hash_table_lookup(t->children, &s->id);
        char time[TIME_TEXT_SIZE];

        if (depth == 0 && (!request || strcmp(request, s->request_id) != 0)) {
            buf_printf(to, "%s%s  %s%s%s\n", request ? "\n" : "", s->request_id,
                       time_write(time, (utc_time){ s->began_us }, TIME_SPACE_MICRO),
                       s->global_id[0] ? "  for " : "", s->global_id);
            request = s->request_id;
            zero = s->began_us;
        }
        buf_printf(to, "%+10.3f ms ", (double)(s->began_us - zero) / 1000);
        if (s->took_us == SPAN_OPEN)
            buf_puts(to, "  not ended   ");
        else
            buf_printf(to, "%10.3f ms ", (double)s->took_us / 1000);
        buf_printf(to, "%*s%s %s", depth * 2 + 1, "", kind_names[MIN(s->kind, SPAN_DRIVER)], s->name);
        if (s->status)
            buf_printf(to, " -> %d", s->status);
        if (s->resource[0] && !strstr(s->name, s->resource))
            buf_printf(to, " [%s]", s->resource);
        if (s->fault[0])
            buf_printf(to, "  ! %s", s->fault);
        buf_putc(to, '\n');
        if (below && depth < 64)
            write_text(t, below, depth + 1, zero, to);
    }
}

static void write_json(const struct tree *t, const GPtrArray *level, const char *key, struct out *out)
{
    out_array(out, key);
    for (guint i = 0; i < level->len; i++) {
        const struct slot *s = level->pdata[i];
        const GPtrArray *below = g_hash_table_lookup(t->children, &s->id);

        out_object(out, NULL);
        out_printf(out, "id", "%016" PRIx64, s->id);
        out_string(out, "request_id", s->request_id);
        out_string(out, "global_request_id", s->global_id[0] ? s->global_id : NULL);
        out_string(out, "kind", kind_names[MIN(s->kind, SPAN_DRIVER)]);
        out_string(out, "name", s->name);
        out_time(out, "began_at", (utc_time){ s->began_us });
        if (s->took_us == SPAN_OPEN)
            out_null(out, "duration_us");
        else
            out_int(out, "duration_us", s->took_us);
        out_int(out, "status", s->status);
        out_string(out, "resource", s->resource[0] ? s->resource : NULL);
        out_string(out, "fault", s->fault[0] ? s->fault : NULL);
        if (below)
            write_json(t, below, "children", out);
        out_end_object(out);
    }
    out_end_array(out);
}
