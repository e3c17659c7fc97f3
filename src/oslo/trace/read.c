/* Reads a ring file (of a process that may be running, or dead), picks the spans of a call and hangs each below its cause.
 *
 * Processes of several hosts may have written: their clocks differ. A span cannot have begun before its cause, so whatever seems
 * to is moved, and what hangs below it in the same process with it. Within one process times are kept as they are.
 */
#include "oslo/trace/read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oslo/trace/trace.h"

static bool read_slots(struct ctx *, const char *path, struct tree *);
static GHashTable *requests_of(const GArray *slots, const char *id);
static void pick(struct tree *, GHashTable *requests);
static void hang(struct tree *);
static void move_after_causes(struct tree *, const GPtrArray *level, const struct slot *cause, int64_t moved, int depth);
static gint by_time(gconstpointer, gconstpointer);

bool tree_read(struct ctx *c, const char *path, const char *id, struct tree *t)
{
    *t = (struct tree){ .slots = g_array_new(FALSE, FALSE, sizeof(struct slot)), .spans = g_ptr_array_new(), .roots = g_ptr_array_new() };
    t->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    t->children = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)(void *)g_ptr_array_unref);
    if (!read_slots(c, path, t)) {
        tree_clear(t);
        return false;
    }
    GHashTable *requests = requests_of(t->slots, id);
    pick(t, requests);
    g_hash_table_unref(requests);
    hang(t);
    return true;
}

void tree_clear(struct tree *t)
{
    g_hash_table_unref(t->children);
    g_hash_table_unref(t->by_id);
    g_ptr_array_unref(t->roots);
    g_ptr_array_unref(t->spans);
    g_array_unref(t->slots);
}

const GPtrArray *tree_children(const struct tree *t, const struct slot *slot)
{
    return g_hash_table_lookup(t->children, &slot->id);
}

const struct ring_process *tree_process(const struct tree *t, const struct slot *slot)
{
    for (size_t i = 0; i < RING_PROCESSES; i++)
        if (t->processes[i].tag && t->processes[i].tag == (uint32_t)(slot->id >> 32))
            return &t->processes[i];
    return NULL;
}

const char *span_kind_name(const struct slot *slot)
{
    static const char *const names[] = {
        [SPAN_REQUEST] = "request", [SPAN_CALL] = "call", [SPAN_RPC] = "rpc", [SPAN_STEP] = "step",
        [SPAN_COMMAND] = "command", [SPAN_SQL] = "sql", [SPAN_DRIVER] = "driver",
    };

    return names[MIN(slot->kind, SPAN_DRIVER)];
}

/* A text may be cut within a character, and may have been anything where it came from. */
static void make_printable(char *text, size_t size)
{
    const char *wrong = text;

    text[size - 1] = 0;
    for (char *at = text; *at; at++)
        if (g_ascii_iscntrl(*at))
            *at = '?';
    while (!g_utf8_validate(wrong, -1, &wrong))
        text[wrong - text] = '?';
}

static void make_slot_printable(struct slot *s)
{
    make_printable(s->request_id, sizeof(s->request_id));
    make_printable(s->global_id, sizeof(s->global_id));
    make_printable(s->resource, sizeof(s->resource));
    make_printable(s->name, sizeof(s->name));
    make_printable(s->fault, sizeof(s->fault));
}

static bool read_slots(struct ctx *c, const char *path, struct tree *t)
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
        memcpy(t->processes, head->processes, sizeof(t->processes));
        for (size_t i = 0; i < G_N_ELEMENTS(t->processes); i++) {
            make_printable(t->processes[i].name, sizeof(t->processes[i].name));
            make_printable(t->processes[i].host, sizeof(t->processes[i].host));
        }
        for (uint64_t i = 0; i < head->slots; i++) {
            struct slot copy;

            if (slot_read(&slots[i], &copy)) {
                make_slot_printable(&copy);
                g_array_append_val(t->slots, copy);
            }
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

/* One that was collected while it was open may be there again, ended: that one counts. */
static void pick(struct tree *t, GHashTable *requests)
{
    for (guint i = 0; i < t->slots->len; i++) {
        struct slot *s = &g_array_index(t->slots, struct slot, i), *known;

        if (!g_hash_table_contains(requests, s->request_id) && !g_hash_table_contains(requests, s->global_id))
            continue;
        known = g_hash_table_lookup(t->by_id, &s->id);
        if (!known)
            g_ptr_array_add(t->spans, s);
        else if (known->took_us == SPAN_OPEN)
            *known = *s;
        g_hash_table_insert(t->by_id, known ? &known->id : &s->id, known ? known : s);
    }
}

static void hang(struct tree *t)
{
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
    move_after_causes(t, t->roots, NULL, 0, 0);
    g_ptr_array_sort(t->spans, by_time);
}

/* moved: what the cause has been moved by, which holds for what its own process did below it. */
static void move_after_causes(struct tree *t, const GPtrArray *level, const struct slot *cause, int64_t moved, int depth)
{
    for (guint i = 0; i < level->len; i++) {
        struct slot *s = level->pdata[i];
        const GPtrArray *below = tree_children(t, s);
        int64_t by = cause && cause->id >> 32 == s->id >> 32 ? moved : 0;

        if (cause && s->began_us + by < cause->began_us)
            by = cause->began_us - s->began_us;
        s->began_us += by;
        if (below && depth < 64) {
            move_after_causes(t, below, s, by, depth + 1);
            g_ptr_array_sort((GPtrArray *)(uintptr_t)below, by_time);
        }
    }
}

static gint by_time(gconstpointer a, gconstpointer b)
{
    const struct slot *x = *(const struct slot *const *)a, *y = *(const struct slot *const *)b;

    if (x->began_us != y->began_us)
        return x->began_us < y->began_us ? -1 : 1;
    return x->turn < y->turn ? -1 : x->turn > y->turn;
}
