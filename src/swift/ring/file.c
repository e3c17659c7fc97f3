/* Ring files: one gzip member with a magic, a JSON object and the rows; read and written byte for byte as the original does. */
#include "swift/ring/ring.h"

#include "oslo/record/python.h"
#include "swift/name.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MAGIC "R1NG"
#define MTIME 1300507380u
#define MAX_RAW ((size_t)1 << 32)
#define MAX_DEVICES 65535
#define RING_BAD 500, "RingLoadError", "not a ring: %s"

/* --- gzip ---------------------------------------------------------------------------------------------------------- */

static bool inflate_all(struct ctx *c, const void *file, size_t n, struct buf *to)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)file, .avail_in = (uInt)n };
    int said = inflateInit2(&z, 16 + MAX_WBITS);

    while (said == Z_OK && to->len < MAX_RAW) {
        buf_reserve(to, 1 << 16);
        z.next_out = (Bytef *)to->data + to->len;
        z.avail_out = (uInt)(to->cap - to->len - 1);
        size_t room = z.avail_out;
        said = inflate(&z, Z_NO_FLUSH);
        to->len += room - z.avail_out;
        if (said == Z_BUF_ERROR)
            break;
    }
    inflateEnd(&z);
    return said == Z_STREAM_END || fail(c, RING_BAD, "not one whole gzip member");
}

static void put_little(struct buf *to, uint32_t value)
{
    for (int i = 0; i < 4; i++, value >>= 8)
        buf_putc(to, (char)(value & 0xff));
}

/* As Python's GzipFile: the base name without ".gz" stands in the header. */
static void deflate_all(const struct buf *from, const char *name, struct buf *to)
{
    z_stream z = { .next_in = (Bytef *)from->data, .avail_in = (uInt)from->len };
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    size_t n = strlen(base);

    if (g_str_has_suffix(base, ".gz"))
        n -= 3;
    buf_add(to, "\x1f\x8b\x08\x08", 4);
    put_little(to, MTIME);
    buf_add(to, "\x02\xff", 2);
    buf_add(to, base, n);
    buf_putc(to, '\0');
    deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    int said;
    do {
        buf_reserve(to, 1 << 16);
        z.next_out = (Bytef *)to->data + to->len;
        z.avail_out = (uInt)(to->cap - to->len - 1);
        size_t room = z.avail_out;
        said = deflate(&z, Z_FINISH);
        to->len += room - z.avail_out;
    } while (said == Z_OK || said == Z_BUF_ERROR);
    deflateEnd(&z);
    put_little(to, (uint32_t)crc32(0, (const Bytef *)from->data, (uInt)from->len));
    put_little(to, (uint32_t)from->len);
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static char *text_of(const json_t *object, const char *name, const char *unset)
{
    const char *text = json_string_value(json_object_get(object, name));

    return g_strdup(text ? text : unset);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_value(struct buf *to, const json_t *value)
{
    if (json_is_string(value)) {
        name_json(to, json_string_value(value));
    } else if (json_is_boolean(value) || json_is_null(value)) {
        buf_puts(to, json_is_null(value) ? "null" : json_is_true(value) ? "true" : "false");
    } else if (json_is_number(value)) {
        python_repr(to, value);
    } else {
        char *text = json_dumps(value, JSON_SORT_KEYS | JSON_ENSURE_ASCII);

        buf_puts(to, text);
        free(text);
    }
}

/* A device as json.dumps(sort_keys=True) writes it. */
static void write_object(struct buf *to, json_t *object)
{
    g_autofree const char **keys = g_new(const char *, json_object_size(object) + 1);
    const char *key;
    json_t *value;
    size_t n = 0;

    json_object_foreach(object, key, value)
        keys[n++] = key;
    qsort(keys, n, sizeof(*keys), compare_keys);
    buf_putc(to, '{');
    for (size_t i = 0; i < n; i++) {
        buf_puts(to, i ? ", " : "");
        name_json(to, keys[i]);
        buf_puts(to, ": ");
        write_value(to, json_object_get(object, keys[i]));
    }
    buf_putc(to, '}');
}

static bool valid_port(int64_t port)
{
    return port > 0 && port < 65536;
}

static struct ring_device *read_device(json_t *object, size_t id)
{
    struct ring_device *d = g_new0(struct ring_device, 1);
    const json_t *port = json_object_get(object, "port"), *region = json_object_get(object, "region");
    const json_t *replication = json_object_get(object, "replication_port"), *weight = json_object_get(object, "weight");
    struct buf text = {};

    d->id = (int)id;
    d->region = json_is_integer(region) ? (int)json_integer_value(region) : 1;
    d->zone = (int)json_integer_value(json_object_get(object, "zone"));
    d->ip = text_of(object, "ip", "");
    d->port = valid_port(json_integer_value(port)) ? (int)json_integer_value(port) : 0;
    d->replication_ip = text_of(object, "replication_ip", d->ip);
    d->replication_port = valid_port(json_integer_value(replication)) ? (int)json_integer_value(replication) : d->port;
    d->device = text_of(object, "device", "");
    d->meta = text_of(object, "meta", "");
    d->weight = json_number_value(weight);
    d->weight_is_int = json_is_integer(weight);
    write_object(&text, object);
    d->json = buf_steal(&text);
    return d;
}

static bool read_devices(struct ctx *c, struct ring *ring, json_t *devs)
{
    size_t i;
    json_t *each;

    if (!json_is_array(devs) || json_array_size(devs) > MAX_DEVICES)
        return fail(c, RING_BAD, "no list of devices");
    ring->n_devs = json_array_size(devs);
    ring->devs = g_new0(struct ring_device *, ring->n_devs + 1);
    json_array_foreach(devs, i, each) {
        if (json_is_object(each))
            ring->devs[i] = read_device(each, i);
        else if (!json_is_null(each))
            return fail(c, RING_BAD, "a device that is none");
    }
    return true;
}

static bool read_header(struct ctx *c, struct ring *ring, json_t *header, bool *ret_swap)
{
    json_t *shift = json_object_get(header, "part_shift"), *replicas = json_object_get(header, "replica_count");
    json_t *version = json_object_get(header, "version"), *next = json_object_get(header, "next_part_power");
    const char *order = json_string_value(json_object_get(header, "byteorder"));
    bool big = G_BYTE_ORDER == G_BIG_ENDIAN;

    if (!json_is_integer(shift) || json_integer_value(shift) < 0 || json_integer_value(shift) > 32)
        return fail(c, RING_BAD, "part_shift");
    if (!json_is_integer(replicas) || json_integer_value(replicas) < 0 || json_integer_value(replicas) > 1024)
        return fail(c, RING_BAD, "replica_count");
    ring->part_shift = (unsigned)json_integer_value(shift);
    ring->parts = (size_t)1 << (32 - ring->part_shift);
    ring->n_rows = (size_t)json_integer_value(replicas);
    ring->version = json_is_integer(version) ? json_integer_value(version) : -1;
    ring->next_part_power = json_is_integer(next) ? (int)json_integer_value(next) : -1;
    *ret_swap = order && (!strcmp(order, "big")) != big;
    return read_devices(c, ring, json_object_get(header, "devs"));
}

static bool read_rows(struct ctx *c, struct ring *ring, const char *bytes, size_t n, bool swap)
{
    ring->rows = g_new0(uint16_t *, ring->n_rows + 1);
    ring->row_parts = g_new0(size_t, ring->n_rows + 1);
    for (size_t r = 0; r < ring->n_rows; r++) {
        size_t parts = MIN(ring->parts, n / 2);

        if (parts < ring->parts && r + 1 < ring->n_rows)
            return fail(c, RING_BAD, "a row is too short");
        ring->rows[r] = g_new(uint16_t, parts + 1);
        ring->row_parts[r] = parts;
        memcpy(ring->rows[r], bytes, parts * 2);
        bytes += parts * 2;
        n -= parts * 2;
        for (size_t p = 0; p < parts; p++) {
            uint16_t id = swap ? GUINT16_SWAP_LE_BE(ring->rows[r][p]) : ring->rows[r][p];

            if (id >= ring->n_devs || !ring->devs[id])
                return fail(c, RING_BAD, "a partition on a device that is not there");
            ring->rows[r][p] = id;
        }
    }
    return true;
}

static bool parse_raw(struct ctx *c, struct ring *ring, const struct buf *raw)
{
    const unsigned char *at = (const unsigned char *)raw->data;
    json_t *header;
    uint32_t n;
    bool swap = false;

    if (raw->len < 10 || memcmp(at, MAGIC, 4))
        return fail(c, RING_BAD, "no magic");
    if (at[4] || at[5] != 1)
        return fail(c, RING_BAD, "a format other than 1");
    n = (uint32_t)at[6] << 24 | (uint32_t)at[7] << 16 | (uint32_t)at[8] << 8 | at[9];
    if (n > raw->len - 10)
        return fail(c, RING_BAD, "the header is too short");
    header = ctx_json(c, json_loadb(raw->data + 10, n, 0, NULL));
    if (!json_is_object(header))
        return fail(c, RING_BAD, "the header is no JSON object");
    return read_header(c, ring, header, &swap) && read_rows(c, ring, raw->data + 10 + n, raw->len - 10 - n, swap);
}

struct ring *ring_parse(struct ctx *c, const void *file, size_t n)
{
    struct ring *ring = g_new0(struct ring, 1);
    struct buf raw = {};
    bool well;

    ring->references = 1;
    well = inflate_all(c, file, n, &raw) && parse_raw(c, ring, &raw);
    buf_clear(&raw);
    if (!well) {
        ring_unref(ring);
        return NULL;
    }
    ring_account(ring);
    return ring;
}

struct ring *ring_load(struct ctx *c, const char *path)
{
    g_autofree char *file = NULL;
    g_autoptr(GError) error = NULL;
    gsize n;

    if (!g_file_get_contents(path, &file, &n, &error))
        return fail_null(c, RING_BAD, error->message);
    return ring_parse(c, file, n);
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static void write_weight(struct buf *to, const struct ring_device *d)
{
    json_t *weight = d->weight_is_int ? json_integer((json_int_t)d->weight) : json_real(d->weight);

    python_repr(to, weight);
    json_decref(weight);
}

static void write_device(struct buf *to, const struct ring_device *d)
{
    if (d->json) {
        buf_puts(to, d->json);
        return;
    }
    buf_puts(to, "{\"device\": ");
    name_json(to, d->device);
    buf_printf(to, ", \"id\": %d, \"ip\": ", d->id);
    name_json(to, d->ip);
    buf_puts(to, ", \"meta\": ");
    name_json(to, d->meta ? d->meta : "");
    if (d->says_parts)
        buf_printf(to, ", \"parts\": %" G_GINT64_FORMAT ", \"parts_wanted\": %" G_GINT64_FORMAT, d->parts, d->parts_wanted);
    buf_printf(to, ", \"port\": %d, \"region\": %d, \"replication_ip\": ", d->port, d->region);
    name_json(to, d->replication_ip);
    buf_printf(to, ", \"replication_port\": %d, \"weight\": ", d->replication_port);
    write_weight(to, d);
    buf_printf(to, ", \"zone\": %d}", d->zone);
}

static void write_header(struct buf *to, const struct ring *ring)
{
    buf_printf(to, "{\"byteorder\": \"%s\", \"devs\": [", G_BYTE_ORDER == G_BIG_ENDIAN ? "big" : "little");
    for (size_t i = 0; i < ring->n_devs; i++) {
        buf_puts(to, i ? ", " : "");
        if (ring->devs[i])
            write_device(to, ring->devs[i]);
        else
            buf_puts(to, "null");
    }
    buf_puts(to, "]");
    if (ring->next_part_power >= 0)
        buf_printf(to, ", \"next_part_power\": %d", ring->next_part_power);
    buf_printf(to, ", \"part_shift\": %u, \"replica_count\": %zu", ring->part_shift, ring->n_rows);
    if (ring->version >= 0)
        buf_printf(to, ", \"version\": %" G_GINT64_FORMAT, ring->version);
    buf_putc(to, '}');
}

void ring_serialize(const struct ring *ring, const char *name, struct buf *to)
{
    struct buf raw = {}, header = {};

    write_header(&header, ring);
    buf_add(&raw, MAGIC "\0\1", 6);
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_putc(&raw, (char)(header.len >> shift & 0xff));
    buf_add(&raw, header.data, header.len);
    for (size_t r = 0; r < ring->n_rows; r++)
        buf_add(&raw, ring->rows[r], ring->row_parts[r] * 2);
    deflate_all(&raw, name, to);
    buf_clear(&header);
    buf_clear(&raw);
}

bool ring_save(struct ctx *c, const struct ring *ring, const char *path)
{
    struct buf file = {};
    g_autofree char *beside = g_strdup_printf("%s.XXXXXX", path);
    int fd = g_mkstemp_full(beside, O_WRONLY | O_CLOEXEC, 0644);
    bool well = fd >= 0;
    size_t written = 0;

    ring_serialize(ring, path, &file);
    while (well && written < file.len) {
        ssize_t n = write(fd, file.data + written, file.len - written);

        well = n > 0 || errno == EINTR;
        written += n > 0 ? (size_t)n : 0;
    }
    well = well && !fchmod(fd, 0644) && !fsync(fd) && !rename(beside, path);
    if (!well) {
        fail(c, 500, "RingSaveError", "%s: %s", path, g_strerror(errno));
        if (fd >= 0)
            unlink(beside);
    }
    if (fd >= 0)
        close(fd);
    buf_clear(&file);
    return well;
}
