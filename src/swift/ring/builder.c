/* A builder's devices and its file, which is the original's. */
#include "swift/ring/parts.h"

#include "oslo/base/text.h"
#include "swift/pickle.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define BUILDER_BAD 500, "UnPicklingError", "%s: not a ring builder: %s"
#define BUILDER_WRONG 400, "ValueError", "%s"

struct builder *builder_new(struct ctx *c, int part_power, double replicas, int min_part_hours)
{
    struct builder *b;

    if (part_power < 0 || part_power > 32 || replicas < 1 || replicas > REPLICAS_MOST - 1 || min_part_hours < 0)
        return fail_null(c, BUILDER_WRONG, "part_power must be at most 32, replicas at least 1, min_part_hours not negative");
    b = g_new0(struct builder, 1);
    b->part_power = part_power;
    b->parts = (size_t)1 << part_power;
    b->replicas = replicas;
    b->min_part_hours = min_part_hours;
    b->next_part_power = -1;
    b->moved_hours = g_malloc0(b->parts);
    b->moved_now = g_malloc0(b->parts);
    return b;
}

void builder_free(struct builder *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n_devs; i++) {
        if (!b->devs[i])
            continue;
        g_free(b->devs[i]->d.ip);
        g_free(b->devs[i]->d.replication_ip);
        g_free(b->devs[i]->d.device);
        g_free(b->devs[i]->d.meta);
        g_free(b->devs[i]);
    }
    for (size_t r = 0; r < b->n_rows; r++)
        g_free(b->rows[r]);
    g_free(b->devs);
    g_free(b->rows);
    g_free(b->row_parts);
    g_free(b->moved_hours);
    g_free(b->moved_now);
    g_free(b->id);
    g_free(b);
}

/* --- devices ---------------------------------------------------------------------------------------------------------------------------- */

static size_t free_id(const struct builder *b)
{
    size_t id = 0;

    while (id < b->n_devs && b->devs[id])
        id++;
    return id;
}

/* At least so many devices have a place. */
static void make_places(struct builder *b, size_t n)
{
    if (n <= b->n_devs)
        return;
    b->devs = g_renew(struct member *, b->devs, n);
    memset(b->devs + b->n_devs, 0, (n - b->n_devs) * sizeof(*b->devs));
    b->n_devs = n;
}

int builder_add(struct ctx *c, struct builder *b, const struct ring_device *d)
{
    size_t id = d->id >= 0 ? (size_t)d->id : free_id(b);
    struct member *m;

    if (id >= NO_DEVICE || (id < b->n_devs && b->devs[id])) {
        fail(c, BUILDER_WRONG, ctx_printf(c, "Duplicate device id: %zu", id));
        return -1;
    }
    make_places(b, id + 1);
    m = g_new0(struct member, 1);
    m->d = *d;
    m->d.id = (int)id;
    m->d.ip = g_strdup(d->ip);
    m->d.replication_ip = g_strdup(d->replication_ip ? d->replication_ip : d->ip);
    m->d.replication_port = d->replication_port ? d->replication_port : d->port;
    m->d.device = g_strdup(d->device);
    m->d.meta = g_strdup(d->meta ? d->meta : "");
    m->d.json = NULL;
    b->devs[id] = m;
    b->changed = true;
    b->version++;
    return (int)id;
}

static struct member *member(struct ctx *c, struct builder *b, int id)
{
    if (id < 0 || (size_t)id >= b->n_devs || !b->devs[id])
        return fail_null(c, BUILDER_WRONG, ctx_printf(c, "there is no device %d", id));
    return b->devs[id];
}

bool builder_set_weight(struct ctx *c, struct builder *b, int id, double weight)
{
    struct member *m = member(c, b, id);

    if (!m || m->removed || weight < 0)
        return m && fail(c, BUILDER_WRONG, ctx_printf(c, "Can not set weight of dev_id %d", id));
    m->d.weight = weight;
    m->d.weight_is_int = false;
    b->changed = true;
    b->version++;
    return true;
}

bool builder_remove(struct ctx *c, struct builder *b, int id)
{
    struct member *m = member(c, b, id);

    if (!m)
        return false;
    m->d.weight = 0;
    m->removed = true;
    b->changed = true;
    b->version++;
    return true;
}

void builder_set_overload(struct builder *b, double overload) { b->overload = overload; }
void builder_set_min_part_hours(struct builder *b, int hours) { b->min_part_hours = hours; }

void builder_set_replicas(struct builder *b, double replicas)
{
    b->changed = b->changed || (int64_t)(b->replicas * (double)b->parts) != (int64_t)(replicas * (double)b->parts);
    b->replicas = replicas;
}

void builder_pretend_min_part_hours_passed(struct builder *b)
{
    b->moved_epoch = 0;
    memset(b->moved_hours, 255, b->parts);
}

bool builder_validate(struct ctx *c, const struct builder *b)
{
    int64_t on_devices = 0, in_rows = 0;

    for (size_t i = 0; i < b->n_devs; i++)
        on_devices += b->devs[i] ? b->devs[i]->parts : 0;
    for (size_t r = 0; r < b->n_rows; r++) {
        in_rows += (int64_t)b->row_parts[r];
        for (size_t p = 0; p < b->row_parts[r]; p++) {
            uint16_t id = b->rows[r][p];

            if (id >= b->n_devs || !b->devs[id])
                return fail(c, BUILDER_WRONG, ctx_printf(c, "Partition %zu, replica %zu was not allocated to a device.", p, r));
            for (size_t k = 0; k < r; k++)
                if (p < b->row_parts[k] && b->rows[k][p] == id)
                    return fail(c, BUILDER_WRONG, ctx_printf(c, "The partition %zu has been assigned to duplicate devices", p));
        }
    }
    if (!b->n_rows)
        return fail(c, BUILDER_WRONG, "_replica2part2dev empty; did you forget to rebalance?");
    return on_devices == in_rows ||
           fail(c, BUILDER_WRONG, ctx_printf(c, "All partitions are not double accounted for: %" PRId64 " != %" PRId64, on_devices, in_rows));
}

/* --- rings ------------------------------------------------------------------------------------------------------------------------------- */

struct ring_device *member_device(const struct member *m)
{
    struct ring_device *d = g_memdup2(&m->d, sizeof(*d));

    d->ip = g_strdup(d->ip);
    d->replication_ip = g_strdup(d->replication_ip);
    d->device = g_strdup(d->device);
    d->meta = g_strdup(d->meta);
    return d;
}

struct ring *builder_ring(struct ctx *c, const struct builder *b)
{
    struct ring *ring = g_new0(struct ring, 1);

    ring->references = 1;
    ring->part_shift = (unsigned)(32 - b->part_power);
    ring->parts = b->parts;
    ring->version = b->version;
    ring->next_part_power = b->next_part_power;
    ring->n_devs = b->n_devs;
    ring->devs = g_new0(struct ring_device *, b->n_devs + 1);
    for (size_t i = 0; i < b->n_devs; i++) {
        if (b->devs[i])
            ring->devs[i] = member_device(b->devs[i]);
    }
    ring->n_rows = b->n_rows;
    ring->rows = g_new0(uint16_t *, b->n_rows + 1);
    ring->row_parts = g_memdup2(b->row_parts, (b->n_rows + 1) * sizeof(size_t));
    for (size_t r = 0; r < b->n_rows; r++)
        ring->rows[r] = g_memdup2(b->rows[r], (b->row_parts[r] + 1) * sizeof(uint16_t));
    ring_account(ring);
    return ring;
}

struct builder *builder_from_ring(struct ctx *c, const struct ring *ring, int min_part_hours)
{
    struct builder *b = builder_new(c, 32 - (int)ring->part_shift, MAX(ring_replicas(ring), 1), min_part_hours);

    for (size_t i = 0; b && i < ring->n_devs; i++)
        if (ring->devs[i] && builder_add(c, b, ring->devs[i]) < 0) {
            builder_free(b);
            return NULL;
        }
    if (!b)
        return NULL;
    b->n_rows = ring->n_rows;
    b->rows = g_new0(uint16_t *, ring->n_rows + 1);
    b->row_parts = g_memdup2(ring->row_parts, (ring->n_rows + 1) * sizeof(size_t));
    for (size_t r = 0; r < ring->n_rows; r++) {
        b->rows[r] = g_memdup2(ring->rows[r], (ring->row_parts[r] + 1) * sizeof(uint16_t));
        for (size_t p = 0; p < ring->row_parts[r]; p++)
            b->devs[b->rows[r][p]]->parts++;
    }
    b->next_part_power = ring->next_part_power;
    b->version = MAX(ring->version, 0);
    b->changed = false;
    builder_pretend_min_part_hours_passed(b);
    return b;
}

/* --- the file ---------------------------------------------------------------------------------------------------------------------------- */

static double number(const struct pickle *p, double unset)
{
    return !p ? unset : p->kind == PICKLE_REAL ? p->real : p->kind == PICKLE_INT || p->kind == PICKLE_BOOL ? (double)p->integer : unset;
}

static char *text_of(const struct pickle *dict, const char *name, const char *unset)
{
    const char *text = pickle_text(pickle_get(dict, name));

    return (char *)(uintptr_t)(text ? text : unset);
}

static bool read_device(struct ctx *c, struct builder *b, const struct pickle *dict)
{
    const struct pickle *weight = pickle_get(dict, "weight");
    struct ring_device d = { .id = (int)number(pickle_get(dict, "id"), -1), .region = (int)number(pickle_get(dict, "region"), 1),
                             .zone = (int)number(pickle_get(dict, "zone"), 1), .ip = text_of(dict, "ip", ""), .port = (int)number(pickle_get(dict, "port"), 0),
                             .replication_ip = text_of(dict, "replication_ip", NULL), .replication_port = (int)number(pickle_get(dict, "replication_port"), 0),
                             .device = text_of(dict, "device", ""), .meta = text_of(dict, "meta", ""), .weight = number(weight, 0),
                             .weight_is_int = weight && weight->kind == PICKLE_INT };
    int id = builder_add(c, b, &d);

    if (id < 0)
        return false;
    b->devs[id]->parts = (int64_t)number(pickle_get(dict, "parts"), 0);
    b->devs[id]->wanted = (int64_t)number(pickle_get(dict, "parts_wanted"), 0);
    return true;
}

static bool read_rows(struct builder *b, const struct pickle *rows)
{
    if (!rows || rows->kind == PICKLE_NONE)
        return true;
    if (rows->kind != PICKLE_LIST || rows->n_items > REPLICAS_MOST)
        return false;
    b->rows = g_new0(uint16_t *, rows->n_items + 1);
    b->row_parts = g_new0(size_t, rows->n_items + 1);
    for (size_t r = 0; r < rows->n_items; r++) {
        const struct pickle *row = rows->items[r];

        if (row->typecode != 'H' || row->n / 2 > b->parts)
            return false;
        b->n_rows = r + 1;
        b->row_parts[r] = row->n / 2;
        b->rows[r] = g_malloc(row->n + 2);
        memcpy(b->rows[r], row->bytes, row->n);
        for (size_t p = 0; p < b->row_parts[r]; p++)
            if (b->rows[r][p] >= b->n_devs || !b->devs[b->rows[r][p]])
                return false;
    }
    return true;
}

static bool read_all(struct ctx *c, struct builder *b, const struct pickle *dict)
{
    const struct pickle *devs = pickle_get(dict, "devs"), *moves = pickle_get(dict, "_last_part_moves"), *gone = pickle_get(dict, "_remove_devs");
    const struct pickle *replicas = pickle_get(dict, "replicas");

    for (size_t i = 0; devs && devs->kind == PICKLE_LIST && i < devs->n_items; i++)
        if (devs->items[i]->kind == PICKLE_DICT && !read_device(c, b, devs->items[i]))
            return false;
    if (devs && devs->kind == PICKLE_LIST && devs->n_items < NO_DEVICE)      /* the last ones may be gone */
        make_places(b, devs->n_items);
    b->replicas_are_real = replicas && replicas->kind == PICKLE_REAL;
    for (size_t i = 0; gone && i < gone->n_items; i++) {
        int id = (int)number(pickle_get(gone->items[i], "id"), -1);

        if (id >= 0 && (size_t)id < b->n_devs && b->devs[id])
            b->devs[id]->removed = true;
    }
    if (moves && moves->typecode == 'B')
        memcpy(b->moved_hours, moves->bytes, MIN(moves->n, b->parts));
    for (size_t p = 0; moves && moves->kind == PICKLE_LIST && p < MIN(moves->n_items, b->parts); p++)        /* after an increase by the original */
        b->moved_hours[p] = (uint8_t)CLAMP(number(moves->items[p], 0), 0, 255);
    b->moved_epoch = (int64_t)number(pickle_get(dict, "_last_part_moves_epoch"), 0);
    b->overload = number(pickle_get(dict, "overload"), 0);
    b->dispersion = number(pickle_get(dict, "dispersion"), 0);
    b->version = (int64_t)number(pickle_get(dict, "version"), 0);
    b->changed = number(pickle_get(dict, "devs_changed"), 0) != 0;
    b->next_part_power = (int)number(pickle_get(dict, "next_part_power"), -1);
    b->id = g_strdup(text_of(dict, "id", NULL));
    return read_rows(b, pickle_get(dict, "_replica2part2dev"));
}

struct builder *builder_load(struct ctx *c, const char *path)
{
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    const struct pickle *dict;
    struct builder *b;
    gsize n;

    if (!g_file_get_contents(path, &bytes, &n, &error))
        return fail_null(c, BUILDER_BAD, path, error->message);
    dict = pickle_read(c, bytes, n);
    if (!dict)
        return NULL;
    b = builder_new(c, (int)number(pickle_get(dict, "part_power"), -1), number(pickle_get(dict, "replicas"), 0),
                    (int)number(pickle_get(dict, "min_part_hours"), -1));
    if (b && read_all(c, b, dict))
        return b;
    builder_free(b);
    fault_clear(c);
    return fail_null(c, BUILDER_BAD, path, "its parts do not fit");
}

static struct pickle *device_dict(struct ctx *c, const struct member *m)
{
    struct pickle *d = pickle_new(c, PICKLE_DICT);

    pickle_set(c, d, "id", pickle_new_int(c, m->d.id));
    pickle_set(c, d, "region", pickle_new_int(c, m->d.region));
    pickle_set(c, d, "zone", pickle_new_int(c, m->d.zone));
    pickle_set(c, d, "ip", pickle_new_text(c, m->d.ip));
    pickle_set(c, d, "port", pickle_new_int(c, m->d.port));
    pickle_set(c, d, "replication_ip", pickle_new_text(c, m->d.replication_ip));
    pickle_set(c, d, "replication_port", pickle_new_int(c, m->d.replication_port));
    pickle_set(c, d, "device", pickle_new_text(c, m->d.device));
    pickle_set(c, d, "weight", m->d.weight_is_int ? pickle_new_int(c, (int64_t)m->d.weight) : pickle_new_real(c, m->d.weight));
    pickle_set(c, d, "meta", pickle_new_text(c, m->d.meta));
    pickle_set(c, d, "parts", pickle_new_int(c, m->parts));
    pickle_set(c, d, "parts_wanted", pickle_new_int(c, m->wanted));
    return d;
}

static struct pickle *array_of(struct ctx *c, char code, const void *bytes, size_t n)
{
    struct pickle *p = pickle_new_bytes(c, bytes, n);

    p->typecode = code;
    return p;
}

static struct pickle *replicas_value(struct ctx *c, const struct builder *b)
{
    return b->replicas == floor(b->replicas) && !b->replicas_are_real ? pickle_new_int(c, (int64_t)b->replicas) : pickle_new_real(c, b->replicas);
}

bool builder_save(struct ctx *c, struct builder *b, const char *path)
{
    struct pickle *dict = pickle_new(c, PICKLE_DICT), *devs = pickle_new(c, PICKLE_LIST), *gone = pickle_new(c, PICKLE_LIST), *rows;
    struct buf text = {};
    g_autoptr(GError) error = NULL;
    bool well;

    if (!b->id)
        b->id = g_strdup(uuid_new_hex(c));
    for (size_t i = 0; i < b->n_devs; i++) {
        pickle_append(c, devs, b->devs[i] ? device_dict(c, b->devs[i]) : pickle_new(c, PICKLE_NONE));
        if (b->devs[i] && b->devs[i]->removed)
            pickle_append(c, gone, device_dict(c, b->devs[i]));
    }
    rows = pickle_new(c, b->n_rows ? PICKLE_LIST : PICKLE_NONE);
    for (size_t r = 0; r < b->n_rows; r++)
        pickle_append(c, rows, array_of(c, 'H', b->rows[r], b->row_parts[r] * 2));
    pickle_set(c, dict, "part_power", pickle_new_int(c, b->part_power));
    pickle_set(c, dict, "next_part_power", b->next_part_power >= 0 ? pickle_new_int(c, b->next_part_power) : pickle_new(c, PICKLE_NONE));
    pickle_set(c, dict, "replicas", replicas_value(c, b));
    pickle_set(c, dict, "min_part_hours", pickle_new_int(c, b->min_part_hours));
    pickle_set(c, dict, "parts", pickle_new_int(c, (int64_t)b->parts));
    pickle_set(c, dict, "devs", devs);
    pickle_set(c, dict, "devs_changed", pickle_new_bool(c, b->changed));
    pickle_set(c, dict, "version", pickle_new_int(c, b->version));
    pickle_set(c, dict, "overload", pickle_new_real(c, b->overload));
    pickle_set(c, dict, "_replica2part2dev", rows);
    pickle_set(c, dict, "_last_part_moves_epoch", pickle_new_int(c, b->moved_epoch));
    pickle_set(c, dict, "_last_part_moves", array_of(c, 'B', b->moved_hours, b->parts));
    pickle_set(c, dict, "_last_part_gather_start", pickle_new_int(c, 0));
    pickle_set(c, dict, "_dispersion_graph", pickle_new(c, PICKLE_DICT));
    pickle_set(c, dict, "dispersion", pickle_new_real(c, b->dispersion));
    pickle_set(c, dict, "_remove_devs", gone);
    pickle_set(c, dict, "id", pickle_new_text(c, b->id));
    pickle_write(&text, dict);
    well = g_file_set_contents_full(path, text.data, (gssize)text.len, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644, &error);
    buf_clear(&text);
    return well || fail(c, 500, "RingSaveError", "%s: %s", path, error->message);
}
