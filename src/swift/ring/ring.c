/* Who holds a partition: primaries, handoffs in the original's order, and the file that is looked at again. */
#include "swift/ring/ring.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RECHECK_US (15 * G_USEC_PER_SEC)

void ring_unref(struct ring *ring)
{
    if (!ring || --ring->references > 0)
        return;
    for (size_t i = 0; i < ring->n_devs; i++) {
        struct ring_device *d = ring->devs[i];

        if (!d)
            continue;
        g_free(d->ip);
        g_free(d->replication_ip);
        g_free(d->device);
        g_free(d->meta);
        g_free(d->json);
        g_free(d);
    }
    for (size_t r = 0; ring->rows && r < ring->n_rows; r++)
        g_free(ring->rows[r]);
    g_free(ring->devs);
    g_free(ring->rows);
    g_free(ring->row_parts);
    g_free(ring);
}

/* --- tiers ----------------------------------------------------------------------------------------------------------- */

/* How far apart two devices are: 1 the same server, 2 the same zone, 3 the same region. */
enum tier { TIER_REGION, TIER_ZONE, TIER_SERVER, TIER_DEVICE };

static bool same(const struct ring_device *a, const struct ring_device *b, enum tier tier)
{
    return a->region == b->region && (tier < TIER_ZONE || a->zone == b->zone) && (tier < TIER_SERVER || !strcmp(a->ip, b->ip)) &&
           (tier < TIER_DEVICE || a == b);
}

static bool among(const struct ring_device *d, const struct ring_device *const *others, size_t n, enum tier tier)
{
    for (size_t i = 0; i < n; i++)
        if (same(d, others[i], tier))
            return true;
    return false;
}

void ring_account(struct ring *ring)
{
    g_autofree bool *holds = g_new0(bool, ring->n_devs + 1);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    ring->n_assigned = ring->n_regions = ring->n_zones = ring->n_ips = 0;
    for (size_t r = 0; r < ring->n_rows; r++)
        for (size_t p = 0; p < ring->row_parts[r]; p++)
            holds[ring->rows[r][p]] = true;
    for (size_t i = 0; i < ring->n_devs; i++) {
        const struct ring_device *d = ring->devs[i];

        if (!d || !holds[i])
            continue;
        ring->n_assigned++;
        ring->n_regions += g_hash_table_add(seen, g_strdup_printf("%d", d->region));
        ring->n_zones += g_hash_table_add(seen, g_strdup_printf("%d %d", d->region, d->zone));
        ring->n_ips += g_hash_table_add(seen, g_strdup_printf("%d %d %s", d->region, d->zone, d->ip));
    }
}

double ring_replicas(const struct ring *ring)
{
    size_t last = ring->n_rows ? ring->row_parts[ring->n_rows - 1] : 0;

    return ring->n_rows ? (double)(ring->n_rows - 1) + (double)last / (double)ring->parts : 0;
}

uint32_t ring_partition(const struct ring *ring, const uint8_t digest[16])
{
    uint64_t first = (uint64_t)digest[0] << 24 | (uint64_t)digest[1] << 16 | (uint64_t)digest[2] << 8 | digest[3];

    return (uint32_t)(first >> ring->part_shift);
}

size_t ring_primaries(const struct ring *ring, uint32_t partition, const struct ring_device **ret, size_t room)
{
    size_t n = 0;

    for (size_t r = 0; r < ring->n_rows && n < room; r++) {
        const struct ring_device *d = partition < ring->row_parts[r] ? ring->devs[ring->rows[r][partition]] : NULL;

        if (d && !among(d, ret, n, TIER_DEVICE))
            ret[n++] = d;
    }
    return n;
}

/* --- handoffs -------------------------------------------------------------------------------------------------------- */

static void use(struct ring_walk *w, const struct ring_device *d)
{
    w->n_regions += !among(d, w->chosen, w->n_chosen, TIER_REGION);
    w->n_zones += !among(d, w->chosen, w->n_chosen, TIER_ZONE);
    w->n_ips += !among(d, w->chosen, w->n_chosen, TIER_SERVER);
    w->n_used++;
    w->used[d->id / 8] |= (uint8_t)(1u << (d->id % 8));
    w->chosen[w->n_chosen++] = d;
}

static void restart(struct ring_walk *w)
{
    w->at = w->start;
    w->row = 0;
    w->second = false;
}

void ring_walk_init(struct ctx *c, struct ring_walk *w, const struct ring *ring, uint32_t partition)
{
    const struct ring_device *primaries[64];
    uint8_t digest[16];
    char text[16];

    *w = (struct ring_walk){ .ring = ring, .partition = partition };
    w->used = ctx_alloc(c, ring->n_devs / 8 + 1);
    w->chosen = ctx_new_n(c, const struct ring_device *, ring->n_devs + 1);
    snprintf(text, sizeof(text), "%u", partition);
    md5_of(text, strlen(text), digest);
    w->start = ring_partition(ring, digest);
    w->inc = MAX(1, ring->parts / 65536);
    for (size_t i = 0, n = ring_primaries(ring, partition, primaries, G_N_ELEMENTS(primaries)); i < n; i++)
        use(w, primaries[i]);
    restart(w);
}

/* Has the pass found all there is to find? */
static bool pass_done(const struct ring_walk *w)
{
    const struct ring *ring = w->ring;

    switch (w->pass) {
    case TIER_REGION: return w->n_regions == ring->n_regions;
    case TIER_ZONE: return w->n_zones == ring->n_zones;
    case TIER_SERVER: return w->n_ips == ring->n_ips;
    default: return w->n_used == ring->n_assigned;
    }
}

/* The next row or partition of the walk. False: it is over. */
static bool advance(struct ring_walk *w)
{
    if (++w->row < w->ring->n_rows)
        return true;
    w->row = 0;
    w->at += w->inc;
    if (!w->second && w->at >= w->ring->parts) {
        w->second = true;
        w->at = w->inc - (w->ring->parts - w->start) % w->inc;
    }
    return !w->second || w->at < w->start;
}

static const struct ring_device *here(const struct ring_walk *w)
{
    const struct ring *ring = w->ring;

    if (w->row >= ring->n_rows || w->at >= ring->row_parts[w->row])
        return NULL;
    const struct ring_device *d = ring->devs[ring->rows[w->row][w->at]];
    return d && !(w->used[d->id / 8] & 1u << (d->id % 8)) ? d : NULL;
}

const struct ring_device *ring_walk_next(struct ctx *c, struct ring_walk *w)
{
    for (; w->pass <= TIER_DEVICE; w->pass++, restart(w)) {
        if (pass_done(w))
            continue;
        do {
            const struct ring_device *d = here(w);

            if (d && !(w->pass < TIER_DEVICE && among(d, w->chosen, w->n_chosen, (enum tier)w->pass))) {
                use(w, d);
                return d;
            }
        } while (advance(w));
    }
    return NULL;
}

/* --- the file -------------------------------------------------------------------------------------------------------- */

struct ring_file {
    char *path;
    pthread_mutex_t lock;
    struct ring *ring;                       /* guarded by lock, as all below */
    int64_t look_again;
    struct timespec mtime;
};

struct ring_file *ring_file_open(struct ctx *c, const char *path)
{
    struct ring_file *file = g_new0(struct ring_file, 1);
    struct stat st = {};

    pthread_mutex_init(&file->lock, NULL);
    file->path = g_strdup(path);
    stat(path, &st);
    file->mtime = st.st_mtim;
    file->look_again = clock_mono_us() + RECHECK_US;
    file->ring = ring_load(c, path);
    if (file->ring)
        return file;
    g_free(file->path);
    g_free(file);
    return NULL;
}

/* With the lock held. */
static void look_again(struct ring_file *file)
{
    struct stat st;
    struct ring *ring;
    struct ctx c;

    file->look_again = clock_mono_us() + RECHECK_US;
    if (stat(file->path, &st) || (st.st_mtim.tv_sec == file->mtime.tv_sec && st.st_mtim.tv_nsec == file->mtime.tv_nsec))
        return;
    file->mtime = st.st_mtim;
    ctx_init(&c, NULL, "");
    ring = ring_load(&c, file->path);
    if (ring) {
        ring_unref(file->ring);
        file->ring = ring;
    } else {
        log_warning(NULL, "swift: the new %s is left alone: %s", file->path, c.fault.message);
    }
    ctx_clear(&c);
}

static void unref(void *ring)
{
    ring_unref(ring);
}

static const struct ring *get(struct ctx *c, struct ring_file *file, bool newest)
{
    struct ring *ring;

    pthread_mutex_lock(&file->lock);
    if (newest || clock_mono_us() > file->look_again)
        look_again(file);
    ring = file->ring;
    ring->references++;
    pthread_mutex_unlock(&file->lock);
    return ctx_own(c, ring, unref);
}

const struct ring *ring_get(struct ctx *c, struct ring_file *file)
{
    return get(c, file, false);
}

const struct ring *ring_get_newest(struct ctx *c, struct ring_file *file)
{
    return get(c, file, true);
}
