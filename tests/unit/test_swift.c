/* What Swift keeps and sends, against bytes that the original wrote: rings, pickles, times, hashes. */
#include "oslo/base/text.h"
#include "swift/broker/broker.h"
#include "swift/constraints.h"
#include "swift/disk/parts.h"
#include "swift/name.h"
#include "swift/pickle.h"
#include "swift/quick.h"
#include "swift/ring/builder.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

/* swift-ring-builder create 6 3 1; five devices in two regions; rebalance 7. */
static const char ring_file[] =
    "H4sICPQqhE0C/3QucmluZwDFlP9qgzAQx2OSBxH/LsOoFbYX2H/7Y/9uo1jN2kCnomnHVvpGe8jlYkzSrrgfFJbDeLn75u7DId6zu1sUIEQ+9tHyTfKmq3gX"
    "3YTRRki54dEsjCq+61XkYQ+eKDlk+6qAlKjUIQanhSiLr8AYpF64LCAGftt0Uvl5EoO24yvR1OrM9KHdiLKQKrL4WsTPHhd55WK1hjOLlVoF3psayNhhFh6D"
    "Li0o+1fQ+TecbqDJKWfic8I7fNzGMb/+CzIb651DTidnm0wwp6fM6Q9nm0zNNr3UR+BAs1PQ7BKg2S9A5z7oEzQsOrno1+IZFEnuKi3KZltLM90d7/qBJD8g"
    "u4gypB+qDOmHID8/aoZFjxTURpAXgTy2KupVcj7WRtWvI9A7th7Rb6I1LoONBSYCikGNzT7msYlT61OrckqiubG3Dx2HrqMGmz7OiL05KojdqceNzF1sOhJ9"
    "Z1R+Al/Q3sI2BQAA";
static const char builder_file[] =
    "gAJ9cQAoWAoAAABwYXJ0X3Bvd2VycQFLBlgPAAAAbmV4dF9wYXJ0X3Bvd2VycQJOWAgAAAByZXBsaWNhc3EDR0AIAAAAAAAAWA4AAABtaW5fcGFydF9ob3Vy"
    "c3EESwFYBQAAAHBhcnRzcQVLQFgEAAAAZGV2c3EGXXEHKH1xCChYBgAAAHJlZ2lvbnEJSwFYBAAAAHpvbmVxCksBWAIAAABpcHELWAgAAAAxMC4wLjAuMXEM"
    "WAQAAABwb3J0cQ1NOBhYBgAAAGRldmljZXEOWAMAAABzZGFxD1gOAAAAcmVwbGljYXRpb25faXBxEGgMWBAAAAByZXBsaWNhdGlvbl9wb3J0cRFNOBhYBAAA"
    "AG1ldGFxElgAAAAAcRNYBgAAAHdlaWdodHEUR0BZAAAAAAAAWAIAAABpZHEVSwBYBQAAAHBhcnRzcRZLKlgMAAAAcGFydHNfd2FudGVkcRdLAHV9cRgoaAlL"
    "AWgKSwFoC1gIAAAAMTAuMC4wLjFxGWgNTTgYaA5YAwAAAHNkYnEaaBBoGWgRTTgYaBJoE2gUR0BJAAAAAAAAaBVLAWgWSxVoF0sAdX1xGyhoCUsBaApLAmgL"
    "WAgAAAAxMC4wLjAuMnEcaA1NOBhoDlgDAAAAc2RhcR1oEFgIAAAAMTAuMS4wLjJxHmgRTZwYaBJYBwAAAG1ldGEgw6lxH2gUR0BZAAAAAAAAaBVLAmgWSyto"
    "F0sAdX1xIChoCUsCaApLAWgLWAgAAAAxMC4wLjAuM3EhaA1NOBhoDlgDAAAAc2RhcSJoEGghaBFNOBhoEmgTaBRHQFkAAAAAAABoFUsDaBZLK2gXSwB1fXEj"
    "KGgJSwJoCksBaAtYCAAAADEwLjAuMC40cSRoDU04GGgOWAMAAABzZGFxJWgQaCRoEU04GGgSaBNoFEdAWSAAAAAAAGgVSwRoFksraBdLAHVlWAwAAABkZXZz"
    "X2NoYW5nZWRxJolYBwAAAHZlcnNpb25xJ0sGWAgAAABvdmVybG9hZHEoRwAAAAAAAAAAWBEAAABfcmVwbGljYTJwYXJ0MmRldnEpXXEqKGNhcnJheQphcnJh"
    "eQpxK1gBAAAASHEsXXEtKEsASwBLAEsASwBLA0sDSwBLA0sASwRLBEsASwRLAEsDSwBLAEsASwBLAEsDSwBLA0sDSwBLAEsASwBLBEsESwBLA0sASwBLAEsE"
    "SwBLBEsESwBLAEsASwBLAEsESwBLAEsDSwJLAEsDSwBLAEsESwBLAEsASwNLAEsESwBLAEsAZYZxLlJxL2graCxdcTAoSwNLAksCSwJLBEsBSwFLBEsBSwJL"
    "AUsBSwRLAUsDSwFLBEsDSwNLAksESwFLAksBSwFLAksCSwJLAksBSwFLAksBSwRLA0sESwFLA0sCSwFLA0sCSwJLAksCSwFLAksESwFLA0sESwFLAksESwFL"
    "BEsDSwJLAUsDSwFLA0sCSwJlhnExUnEyaCtoLF1xMyhLAksDSwRLBEsCSwRLBEsCSwRLBEsDSwNLAksDSwJLBEsCSwJLAksDSwJLBEsDSwRLBEsESwRLBEsE"
    "SwNLA0sESwRLAksCSwJLA0sCSwNLA0sCSwNLA0sESwRLA0sDSwJLBEsASwJLBEsDSwJLA0sCSwJLA0sESwJLA0sCSwNLA2WGcTRScTVlWBYAAABfbGFzdF9w"
    "YXJ0X21vdmVzX2Vwb2NocTZKsQcDa1gQAAAAX2xhc3RfcGFydF9tb3Zlc3E3aCtYAQAAAEJxOF1xOShLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBL"
    "AEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBLAEsASwBL"
    "AEsASwBLAGWGcTpScTtYFwAAAF9sYXN0X3BhcnRfZ2F0aGVyX3N0YXJ0cTxLGFgRAAAAX2Rpc3BlcnNpb25fZ3JhcGhxPX1xPihLAYVxP11xQChLAEsWSypL"
    "AGVLAUsBhnFBXXFCKEsBSz9LAEsAZUsBSwFoDIdxQ11xRChLAUs/SwBLAGUoSwFLAWgMSwB0cUVdcUYoSxZLKksASwBlSwKFcUddcUgoSwBLKksWSwBlSwJL"
    "AYZxSV1xSihLAEsqSxZLAGVLAksBaCGHcUtdcUwoSxVLK0sASwBlKEsCSwFoIUsDdHFNXXFOKEsVSytLAEsAZUsBSwKGcU9dcVAoSxVLK0sASwBlSwFLAmgc"
    "h3FRXXFSKEsVSytLAEsAZShLAUsCaBxLAnRxU11xVChLFUsrSwBLAGVLAksBaCSHcVVdcVYoSxVLK0sASwBlKEsCSwFoJEsEdHFXXXFYKEsVSytLAEsAZShL"
    "AUsBaBlLAXRxWV1xWihLK0sVSwBLAGV1WAoAAABkaXNwZXJzaW9ucVtHAAAAAAAAAABYDAAAAF9yZW1vdmVfZGV2c3FcXXFdWAIAAABpZHFeWCAAAABlODZj"
    "NTRiMGYzMjQ0ZjQ0OWQ4Y2U5Y2QyMmQ4NTliOHFfdS4=";

static char *folder;

static void bytes_of(struct ctx *c, const char *text, void **ret, size_t *ret_n)
{
    g_assert_true(base64_read(c, text, ret, ret_n));
}

/* --- rings ---------------------------------------------------------------------------------------------------------- */

static void test_ring(void)
{
    static const struct { uint32_t partition; int primaries[3], handoffs[2]; } known[] = {
        { 0, { 0, 3, 2 }, { 4, 1 } }, { 1, { 0, 2, 3 }, { 4, 1 } }, { 33, { 0, 4, 2 }, { 3, 1 } }, { 63, { 0, 2, 3 }, { 4, 1 } },
    };
    const struct ring_device *d[8];
    uint8_t digest[16];
    struct ring_walk walk;
    struct buf again = {};
    struct ring *ring;
    struct ctx c;
    void *file;
    size_t n;

    ctx_init(&c, NULL, "");
    bytes_of(&c, ring_file, &file, &n);
    ring = ring_parse(&c, file, n);
    g_assert_nonnull(ring);
    g_assert_cmpfloat(ring_replicas(ring), ==, 3);
    g_assert_cmpstr(ring->devs[2]->meta, ==, "meta \xc3\xa9");
    g_assert_cmpint(ring->devs[2]->replication_port, ==, 6300);
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        g_assert_cmpuint(ring_primaries(ring, known[i].partition, d, 8), ==, 3);
        for (int k = 0; k < 3; k++)
            g_assert_cmpint(d[k]->id, ==, known[i].primaries[k]);
        ring_walk_init(&c, &walk, ring, known[i].partition);
        for (int k = 0; k < 2; k++)
            g_assert_cmpint(ring_walk_next(&c, &walk)->id, ==, known[i].handoffs[k]);
        g_assert_null(ring_walk_next(&c, &walk));
    }
    hash_path("AUTH_test", "c", "o", digest);
    g_assert_cmpuint(ring_partition(ring, digest), ==, 61);
    ring_serialize(ring, "t.ring.gz", &again);
    g_assert_cmpmem(again.data, again.len, file, n);
    buf_clear(&again);
    ring_unref(ring);
    ctx_clear(&c);
}

static void test_ring_refused(void)
{
    struct ctx c;
    void *file;
    size_t n;

    ctx_init(&c, NULL, "");
    bytes_of(&c, ring_file, &file, &n);
    for (size_t cut = 0; cut < n; cut += 7) {
        g_assert_null(ring_parse(&c, file, cut));
        fault_clear(&c);
    }
    ctx_clear(&c);
}

/* --- builders ------------------------------------------------------------------------------------------------------- */

static bool spread(const struct ring *ring)
{
    for (uint32_t p = 0; p < ring->parts; p++) {
        const struct ring_device *d[8];
        size_t n = ring_primaries(ring, p, d, 8), regions = 0;

        for (size_t i = 0; i < n; i++)
            regions |= 1u << d[i]->region;
        if (n != 3 || regions != (1u << 1 | 1u << 2))
            return false;
    }
    return true;
}

/* The original's, read from a file there. */
static struct builder *builder_of(struct ctx *c, const char *path)
{
    struct builder *b;
    void *file;
    size_t n;

    bytes_of(c, builder_file, &file, &n);
    g_assert_true(g_file_set_contents(path, file, (gssize)n, NULL));
    b = builder_load(c, path);
    g_assert_nonnull(b);
    return b;
}

static void test_builder(void)
{
    g_autofree char *path = g_strdup_printf("%s/t.builder", folder);
    struct rebalanced done;
    struct builder *b;
    struct ring *ring;
    struct ctx c;

    ctx_init(&c, NULL, "");
    b = builder_of(&c, path);
    g_assert_true(builder_validate(&c, b));
    g_assert_cmpfloat(builder_balance(b), <, 2);
    g_assert_cmpfloat(builder_dispersion(b), ==, 0);
    /* a balanced one does not move */
    builder_pretend_min_part_hours_passed(b);
    g_assert_true(builder_rebalance(&c, b, 1795350000, 1, &done));
    g_assert_cmpint(done.moved, <=, 4);
    /* a device that goes gives up all it has, and no more moves than must */
    builder_set_overload(b, 10);
    g_assert_true(builder_remove(&c, b, 3));
    g_assert_true(builder_rebalance(&c, b, 1795350000, 1, &done));
    g_assert_cmpint(done.removed, ==, 1);
    g_assert_true(builder_validate(&c, b));
    g_assert_true(builder_save(&c, b, path));
    builder_free(b);
    b = builder_load(&c, path);
    g_assert_nonnull(b);
    ring = builder_ring(&c, b);
    g_assert_null(ring->devs[3]);
    g_assert_true(spread(ring));
    ring_unref(ring);
    builder_free(b);
    ctx_clear(&c);
}

/* Each partition becomes two on the same devices; what is not its turn changes nothing. */
static void test_increase(void)
{
    g_autofree char *path = g_strdup_printf("%s/t.builder", folder);
    const struct ring_device *one[8], *two[8];
    struct ring *before, *after;
    struct builder *b;
    struct ctx c;

    ctx_init(&c, NULL, "");
    b = builder_of(&c, path);
    before = builder_ring(&c, b);
    g_assert_false(builder_increase(b, 1795350000) || builder_cancel_increase(b) || builder_finish_increase(b));
    g_assert_true(builder_prepare_increase(b));
    g_assert_false(builder_prepare_increase(b) || builder_finish_increase(b));
    g_assert_true(builder_increase(b, 1795350000));
    g_assert_false(builder_increase(b, 1795350000) || builder_cancel_increase(b) || builder_prepare_increase(b));
    g_assert_true(builder_validate(&c, b) && builder_save(&c, b, path));
    builder_free(b);
    b = builder_load(&c, path);
    g_assert_true(builder_finish_increase(b));
    after = builder_ring(&c, b);
    g_assert_cmpuint(after->parts, ==, 2 * before->parts);
    g_assert_cmpuint(after->part_shift, ==, before->part_shift - 1);
    g_assert_cmpint(after->next_part_power, ==, -1);
    g_assert_cmpint(after->version, ==, before->version + 3);
    for (uint32_t p = 0; p < after->parts; p++) {
        g_assert_cmpuint(ring_primaries(before, p / 2, one, 8), ==, ring_primaries(after, p, two, 8));
        for (size_t i = 0; i < 3; i++)
            g_assert_cmpint(one[i]->id, ==, two[i]->id);
    }
    g_assert_true(builder_prepare_increase(b) && builder_cancel_increase(b) && builder_finish_increase(b) && builder_validate(&c, b));
    ring_unref(before);
    ring_unref(after);
    builder_free(b);
    ctx_clear(&c);
}

static void add(struct ctx *c, struct builder *b, int region, int zone, const char *ip, double weight)
{
    struct ring_device d = { .id = -1, .region = region, .zone = zone, .ip = (char *)(uintptr_t)ip, .port = 6200,
                             .device = (char *)(uintptr_t)"sda", .weight = weight };

    g_assert_cmpint(builder_add(c, b, &d), >=, 0);
}

static void test_rebalance(void)
{
    struct builder *b, *taken;
    struct rebalanced done;
    struct ring *ring;
    struct ctx c;

    ctx_init(&c, NULL, "");
    b = builder_new(&c, 8, 2.5, 1);
    add(&c, b, 1, 1, "10.0.0.1", 100);
    add(&c, b, 1, 2, "10.0.0.2", 100);
    add(&c, b, 2, 1, "10.0.0.3", 100);
    add(&c, b, 2, 2, "10.0.0.4", 200);
    g_assert_true(builder_rebalance(&c, b, 1795350000, 1, &done));
    g_assert_cmpint(done.moved, ==, 640);
    g_assert_true(builder_validate(&c, b));
    g_assert_cmpfloat(done.balance, <, 25);
    ring = builder_ring(&c, b);
    g_assert_cmpfloat(ring_replicas(ring), ==, 2.5);
    taken = builder_from_ring(&c, ring, 1);
    g_assert_true(builder_validate(&c, taken));
    g_assert_true(builder_rebalance(&c, taken, 1795350000, 2, &done));
    g_assert_cmpint(done.moved, <, 64);
    /* within min_part_hours nothing moves that need not */
    g_assert_true(builder_set_weight(&c, b, 0, 500));
    g_assert_true(builder_rebalance(&c, b, 1795350001, 1, &done));
    g_assert_cmpint(done.moved, ==, 0);
    ring_unref(ring);
    builder_free(b);
    builder_free(taken);
    g_assert_null(builder_new(&c, 33, 3, 1));
    ctx_clear(&c);
}

/* --- times ---------------------------------------------------------------------------------------------------------- */

static void test_timestamps(void)
{
    struct timestamp a, b;
    struct timestamps t;
    char text[TIMESTAMP_TEXT];
    int64_t seconds;
    struct ctx c;

    ctx_init(&c, NULL, "");
    g_assert_true(timestamp_parse("1795336101.930314", &a));
    g_assert_cmpstr(timestamp_internal(text, a), ==, "1795336101.93031");
    g_assert_true(timestamp_parse("1795336101.93031 ", &b) && b.raw == 179533610193031);
    g_assert_true(timestamp_parse("0000000001.00000e3", &b) && b.raw == 100000000);
    g_assert_false(timestamp_parse("1795336101.9303x", &b) || timestamp_parse("1795336101.93031x", &b) || timestamp_parse("1795336101.93031.1", &b));
    g_assert_true(timestamp_parse("5", &b));
    g_assert_cmpstr(timestamp_internal(text, b), ==, "0000000005.00000");
    g_assert_true(timestamp_parse("1.5_1f", &b));
    g_assert_cmpstr(timestamp_short(text, b), ==, "0000000001.50000_1f");
    g_assert_cmpstr(timestamp_iso(&c, (struct timestamp){ 179533610193031, 0 }), ==, "2026-11-22T08:28:21.930310");
    g_assert_false(timestamp_parse("-1", &b) || timestamp_parse("abc", &b) || timestamp_parse("10000000000", &b) || timestamp_parse("1_2_3", &b));
    t = (struct timestamps){ a, { a.raw + 100000, 0 }, a };
    g_assert_cmpstr(timestamps_encode(&c, t, false), ==, "1795336101.93031+186a0-186a0");
    g_assert_cmpstr(timestamps_encode(&c, (struct timestamps){ .data = { a.raw, 17 }, .content_type = a }, true), ==, "1795336101.93031_11+0");
    g_assert_true(timestamps_decode("1795336101.93031_11+186a0-186a0", &t));
    g_assert_cmpstr(timestamp_internal(text, t.data), ==, "1795336101.93031_0000000000000011");
    g_assert_cmpstr(timestamp_internal(text, t.content_type), ==, "1795336102.93031");
    g_assert_cmpstr(timestamp_internal(text, t.meta), ==, "1795336101.93031");
    g_assert_cmpstr(http_date(&c, 784111777), ==, "Sun, 06 Nov 1994 08:49:37 GMT");
    g_assert_cmpstr(http_date(&c, 0), ==, "Thu, 01 Jan 1970 00:00:00 GMT");
    g_assert_cmpstr(http_date(&c, -1), ==, "Wed, 31 Dec 1969 23:59:59 GMT");
    g_assert_cmpstr(http_date(&c, 951782400), ==, "Tue, 29 Feb 2000 00:00:00 GMT");
    g_assert_cmpstr(timestamp_normal(text, (struct timestamp){ 7, 0 }), ==, "0000000000.00007");
    g_assert_true(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT", &seconds) && seconds == 784111777);
    g_assert_true(http_date_parse("Sunday, 06-Nov-94 08:49:37 GMT", &seconds) && seconds == 784111777);
    g_assert_true(http_date_parse("Sun Nov  6 08:49:37 1994", &seconds) && seconds == 784111777);
    g_assert_false(http_date_parse("yesterday", &seconds));
    ctx_clear(&c);
}

/* --- pickles -------------------------------------------------------------------------------------------------------- */

static const struct pickle *unpickle(struct ctx *c, const char *text)
{
    void *bytes;
    size_t n;

    bytes_of(c, text, &bytes, &n);
    return pickle_read(c, bytes, n);
}

static void test_pickles(void)
{
    const struct pickle *p;
    struct headers metadata = {}, again = {};
    struct buf text = {};
    struct ctx c;
    void *bytes;
    size_t n;

    ctx_init(&c, NULL, "");
    bytes_of(&c, "gAJ9cQAoY19jb2RlY3MKZW5jb2RlCnEBWAQAAABuYW1lcQJYBgAAAGxhdGluMXEDhnEEUnEFaAFYCQAAAC9hL2Mvw4PCqXEGaAOGcQdScQhoAVgTAAAAWC1PYmpl"
                 "Y3QtTWV0YS1FbXB0eXEbaAOGcRxScR1jX19idWlsdGluX18KYnl0ZXMKcR4pUnEfdS4=", &bytes, &n);
    g_assert_true(disk_metadata_unpickle(&c, bytes, n, &metadata));
    g_assert_cmpstr(headers_get(&metadata, "name"), ==, "/a/c/\xc3\xa9");
    g_assert_cmpstr(headers_get(&metadata, "X-Object-Meta-Empty"), ==, "");
    headers_set(&c, &metadata, "X-Object-Meta-Wide", "\xc3\xa9");
    disk_metadata_pickle(&c, &metadata, &text);
    g_assert_nonnull(memmem(text.data, text.len, "\xc3\x83\xc2\x83\xc3\x82\xc2\xa9", 8));      /* bytes are characters, in UTF-8, in a pickle of bytes */
    g_assert_true(disk_metadata_unpickle(&c, text.data, text.len, &again));
    g_assert_cmpstr(headers_get(&again, "X-Object-Meta-Wide"), ==, "\xc3\xa9");
    g_assert_cmpstr(header_from_characters(&c, "\xe6\x97\xa5"), ==, "\xe6\x97\xa5");
    g_assert_cmpstr(headers_get(&again, "name"), ==, "/a/c/\xc3\xa9");
    buf_clear(&text);
    p = unpickle(&c, "gAJ9cQAoWAMAAABhYmNxAVggAAAAZDQxZDhjZDk4ZjAwYjIwNGU5ODAwOTk4ZWNmODQyN2VxAlgDAAAAZGVmcQNOWAUAAAB2YWxpZHEEiFgHAAAAdXBkYXRlZHEFR0HawKnpYAAAdS4=");
    g_assert_cmpstr(pickle_text(pickle_get(p, "abc")), ==, "d41d8cd98f00b204e9800998ecf8427e");
    g_assert_cmpint(pickle_get(p, "def")->kind, ==, PICKLE_NONE);
    g_assert_cmpfloat(pickle_get(p, "updated")->real, ==, 1795336101.5);
    p = unpickle(&c, "gAIoWAQAAABvL8OpcQBYEAAAADE3OTUzMzYxMDEuOTMwMzFxAUsFWAoAAAB0ZXh0L3BsYWlucQJYBAAAAGV0YWdxA0sASwFOTnRxBC4=");
    g_assert_cmpuint(p->n_items, ==, 9);
    g_assert_cmpstr(pickle_text(p->items[0]), ==, "o/\xc3\xa9");
    p = unpickle(&c, "gAJdcQAoY2FycmF5CmFycmF5CnEBWAEAAABIcQJdcQMoSwFLAk3//2WGcQRScQVoAVgBAAAAQnEGXXEHS/9hhnEIUnEJZS4=");
    g_assert_cmpuint(p->items[0]->n, ==, 6);
    g_assert_cmpuint(p->items[1]->n, ==, 1);
    /* nothing is called: os.system('x') */
    g_assert_null(pickle_read(&c, "cos\nsystem\n(S'x'\ntR.", 20));
    ctx_clear(&c);
}

/* --- the disk --------------------------------------------------------------------------------------------------------- */

static void touch(const char *dir, const char *hash, const char *name)
{
    g_autofree char *at = g_strdup_printf("%s/%s", dir, hash), *path = g_strdup_printf("%s/%s", at, name);

    g_assert_cmpint(g_mkdir_with_parents(at, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

static bool is_there(const char *dir, const char *hash, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s/%s", dir, hash, name);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void test_suffix_hash(void)
{
    g_autofree char *dir = g_strdup_printf("%s/sdb1/objects/5/abc", folder), *partition = g_strdup_printf("%s/sdb1/objects/5", folder);
    struct suffix_hash *hashes;
    struct ctx c;
    size_t n;

    ctx_init(&c, NULL, "");
    touch(dir, "0123456789abcdef0123456789abcabc", "1795336101.93031.data");
    touch(dir, "1123456789abcdef0123456789abcabc", "1795336101.93031.data");
    touch(dir, "1123456789abcdef0123456789abcabc", "1795336102.00000.meta");
    touch(dir, "1123456789abcdef0123456789abcabc", "1795336100.00000.ts");
    touch(dir, "2123456789abcdef0123456789abcabc", "1795336101.93031.data");
    touch(dir, "2123456789abcdef0123456789abcabc", "1795336105.00000.meta");
    touch(dir, "2123456789abcdef0123456789abcabc", "1795336103.00000+0.meta");
    touch(dir, "3123456789abcdef0123456789abcabc", "1795336101.93031.ts");
    touch(dir, "4123456789abcdef0123456789abcabc", "1795336101.93031_0000000000000001.data");
    touch(dir, "4123456789abcdef0123456789abcabc", "1795336105.00000-186a0.meta");
    g_assert_cmpstr(hashes_of_suffix(&c, dir, NULL, 99999999999), ==, "0bc2b98f4df8b1db7166a07e8c06589d");
    g_assert_false(is_there(dir, "1123456789abcdef0123456789abcabc", "1795336100.00000.ts"));
    g_assert_true(is_there(dir, "2123456789abcdef0123456789abcabc", "1795336103.00000+0.meta"));
    g_assert_true(hashes_get(&c, partition, NULL, NULL, 99999999999, &hashes, &n, NULL));
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpstr(hashes[0].hash, ==, "0bc2b98f4df8b1db7166a07e8c06589d");
    /* what is marked is hashed anew */
    touch(dir, "0123456789abcdef0123456789abcabc", "1795336109.00000.ts");
    g_assert_true(hashes_invalidate_suffix(&c, partition, "abc"));
    g_assert_true(hashes_get(&c, partition, NULL, NULL, 99999999999, &hashes, &n, NULL));
    g_assert_cmpstr(hashes[0].hash, !=, "0bc2b98f4df8b1db7166a07e8c06589d");
    g_assert_false(is_there(dir, "0123456789abcdef0123456789abcabc", "1795336101.93031.data"));
    ctx_clear(&c);
}

static void test_names(void)
{
    char hash[33] = "00000000000000000000000000000000";
    const char *name;
    struct buf json = {};
    struct ctx c;

    ctx_init(&c, NULL, "");
    g_assert_cmpstr(hash_path_hex(&c, "AUTH_test", "samp", "o"), ==, "46324475e06572afb04468594c9c5884");
    broker_chexor(hash, "o/\xc3\xa9", 4, "1795336101.93031");
    g_assert_cmpstr(hash, ==, "7c505abce4181896034a63b96f6dc9cc");
    g_assert_cmpstr(expirer_container(&c, 1795391999, "AUTH_test", "samp", "o"), ==, "1795305532");
    name = name_decode(&c, "%00versions%00a%2Fb", 19, false);
    g_assert_true(name_is_reserved(name));
    g_assert_cmpuint(name_length(name), ==, 13);
    g_assert_cmpstr(name_quote(&c, name, "/"), ==, "%00versions%00a/b");
    g_assert_cmpstr(name_quote(&c, "a b/~\xc3\xa9", ""), ==, "a%20b%2F~%C3%A9");
    g_assert_cmpstr(name_quote(&c, "a-b_c.d", ""), ==, "a-b_c.d");
    g_assert_cmpstr(name_quote(&c, "", "/"), ==, "");
    g_assert_cmpint(name_compare(name, "\x01"), <, 0);
    g_assert_null(name_decode(&c, "%ff", 3, false));
    name_json(&json, "a\"\xc3\xa9\xf0\x9f\x98\x80" RESERVED);
    g_assert_cmpstr(json.data, ==, "\"a\\\"\\u00e9\\ud83d\\ude00\\u0000\"");
    buf_clear(&json);
    ctx_clear(&c);
}

static void test_ranges(void)
{
    struct byte_range *r;
    struct ctx c;

    ctx_init(&c, NULL, "");
    g_assert_cmpint(ranges_read(&c, "bytes=1-2", 5, &r), ==, 1);
    g_assert_true(r[0].from == 1 && r[0].to == 3);
    g_assert_cmpint(ranges_read(&c, "bytes=-2,0-0", 5, &r), ==, 2);
    g_assert_true(r[0].from == 3 && r[0].to == 5);
    g_assert_cmpint(ranges_read(&c, "bytes=9-", 5, &r), ==, 0);
    g_assert_cmpint(ranges_read(&c, "bytes=2-1", 5, &r), ==, -1);
    g_assert_cmpint(ranges_read(&c, "lines=1-2", 5, &r), ==, -1);
    g_assert_cmpint(ranges_read(&c, "bytes=0-9,0-9,0-9,0-8,0-7,0-6", 100, &r), ==, 0);
    ctx_clear(&c);
}

/* --- databases ---------------------------------------------------------------------------------------------------------- */

static bool gather(void *data, const struct listing_entry *e)
{
    g_string_append_printf(data, "%s%s", e->name, e->subdir ? "! " : " ");
    return true;
}

static char *list(struct ctx *c, struct broker *b, struct listing_query q)
{
    GString *all = g_string_new("");

    if (!q.limit)
        q.limit = 100;
    g_assert_true(broker_list(c, b, &q, gather, all));
    return g_string_free(all, FALSE);
}

#define LISTS(expected, ...) do { g_autofree char *got = list(&c, b, (struct listing_query){ __VA_ARGS__ }); g_assert_cmpstr(got, ==, expected); } while (0)

static void test_broker(void)
{
    static const char *const names[] = { "a", "dir/one", "dir/two", "dir0", "e/f/g", "z", RESERVED "hidden" };
    g_autofree char *device = g_strdup_printf("%s/sdb1", folder);
    struct broker_place p = { BROKER_CONTAINER, "sdb1", device, 7, "AUTH_test", "c" };
    struct broker_info info;
    struct timestamp put = { 179533610000000, 0 };
    struct broker *b;
    bool made;
    struct ctx c;

    ctx_init(&c, NULL, "");
    g_assert_true(broker_create(&c, &p, put, 0, &made) && made);
    g_assert_true(broker_create(&c, &p, put, 0, &made) && !made);
    b = broker_open(&c, &p);
    g_assert_nonnull(b);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_true(broker_put_row(&c, b, &(struct broker_row){ .name = names[i], .created_at = "1795336101.00000", .size = 3, .content_type = "t", .etag = "e" }));
    LISTS("a dir/one dir/two dir0 e/f/g z ", .policy_index = 0);
    LISTS("a dir/! dir0 e/! z ", .delimiter = "/");
    LISTS("z e/! dir0 dir/! a ", .delimiter = "/", .reverse = true);
    LISTS("dir/one dir/two ", .prefix = "dir/", .delimiter = "/");
    LISTS("dir/two ", .path = "dir", .marker = "dir/one");
    LISTS("dir0 e/f/g ", .marker = "dir/two", .end_marker = "z");
    LISTS("dir0 e/! ", .marker = "dir/", .delimiter = "/", .limit = 2);
    LISTS(RESERVED "hidden a ", .allow_reserved = true, .limit = 2);
    g_assert_true(broker_info(&c, b, &info));
    g_assert_cmpint(info.object_count, ==, 7);
    g_assert_cmpint(info.bytes_used, ==, 21);
    /* an older row changes nothing; of a newer one each time counts for itself */
    g_assert_true(broker_put_row(&c, b, &(struct broker_row){ .name = "a", .deleted = true, .created_at = "1795336100.00000", .content_type = "d", .etag = "noetag" }));
    g_assert_true(broker_put_row(&c, b, &(struct broker_row){ .name = "z", .deleted = true, .created_at = "1795336102.00000", .content_type = "d", .etag = "noetag" }));
    LISTS("a dir/one dir/two dir0 e/f/g ", .policy_index = 0);
    g_assert_true(broker_update_metadata(&c, b, &(struct broker_meta){ "X-Container-Meta-A", "b", put }, 1));
    g_assert_true(broker_update_metadata(&c, b, &(struct broker_meta){ "X-Container-Meta-A", "old", { put.raw - 1, 0 } }, 1));
    g_assert_true(broker_info(&c, b, &info));
    g_assert_cmpstr(info.metadata, ==, "{\"X-Container-Meta-A\": [\"b\", \"1795336100.00000\"]}");
    g_assert_false(broker_is_empty(&c, b));
    broker_done(b);
    brokers_close();
    ctx_clear(&c);
}

/* Answered where it was read: what was answered so a moment ago, to the same asker. */
static void test_quick(void)
{
    struct pair mine[] = { { "X-Auth-Token", "mine" }, {} }, yours[] = { { "X-Auth-Token", "yours" }, {} };
    struct request get = { .method = "GET", .raw_path = "/v1/a/c/o", .query_text = "", .headers = mine }, other = get, put = get;
    struct swift_response well = { .status = 200, .fd = -1 }, none = { .status = 404, .fd = -1 };

    other.headers = yours;
    put.method = "PUT";
    g_assert_false(quick_is(&get));
    quick_learn(&get, &well, clock_mono_us() - 10 * G_USEC_PER_SEC);
    g_assert_false(quick_is(&get));
    quick_learn(&get, &well, clock_mono_us() + G_USEC_PER_SEC);
    g_assert_true(quick_is(&get));
    g_assert_false(quick_is(&other));
    quick_learn(&put, &well, clock_mono_us() + G_USEC_PER_SEC);
    g_assert_false(quick_is(&put));
    quick_learn(&other, &none, clock_mono_us() + G_USEC_PER_SEC);
    g_assert_true(quick_is(&get));
    quick_learn(&get, &none, clock_mono_us() + G_USEC_PER_SEC);
    g_assert_false(quick_is(&get));
}

/* What is kept of an inode holds as long as its time says so. */
static void test_memo(void)
{
    struct stat st = { .st_dev = 1, .st_ino = 7, .st_ctim = { time(NULL) - 100, 5 } }, later = st, fresh = st;
    char large[4096] = "";
    struct ctx c;
    size_t n = 0;

    ctx_init(&c, NULL, "req-memo");
    g_assert_null(memo_get(&c, &st, &n));
    memo_put(&st, "ab\0c", 4);
    g_assert_cmpmem(memo_get(&c, &st, &n), 4, "ab\0c", 4);
    g_assert_cmpuint(n, ==, 4);
    later.st_ctim.tv_nsec++;
    g_assert_null(memo_get(&c, &later, &n));
    later = st;
    later.st_dev = 2;
    g_assert_null(memo_get(&c, &later, &n));
    memo_put(&st, "", 0);
    g_assert_cmpstr(memo_get(&c, &st, &n), ==, "");
    g_assert_cmpuint(n, ==, 0);
    fresh.st_ino = 8;
    fresh.st_ctim.tv_sec = time(NULL);
    memo_put(&fresh, "x", 1);
    g_assert_null(memo_get(&c, &fresh, &n));
    fresh.st_ctim = st.st_ctim;
    memo_put(&fresh, large, sizeof(large));
    g_assert_null(memo_get(&c, &fresh, &n));
    memo_forget();
    g_assert_null(memo_get(&c, &st, &n));
    ctx_clear(&c);
}

/* The md5 of a large body is that of its bytes, however they come; one that is given up ends its thread. */
static void test_digest(void)
{
    static const size_t sizes[] = { 0, 1, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 * (1 << 20) + 77 };
    const size_t most = 6 << 20;
    g_autofree char *bytes = g_malloc(most);
    uint8_t md5[16];
    char hex[33];

    for (size_t i = 0; i < most; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++)
        for (size_t piece = 40000; piece <= 700000; piece += 330000) {
            struct ctx c;

            ctx_init(&c, NULL, "req-digest");
            struct disk_digest *d = disk_digest_new(&c), *given_up = disk_digest_new(&c);
            for (size_t at = 0, n; at < sizes[k]; at += n) {
                n = MIN(piece, sizes[k] - at);
                digest_add(d, (int64_t)at, bytes + at, n);
                digest_add(d, (int64_t)at, bytes + at, n);           /* another writer */
                digest_add(given_up, (int64_t)at, bytes + at, n);
            }
            md5_of(bytes, sizes[k], md5);
            digest_hex(md5, hex);
            g_assert_cmpstr(digest_end(d), ==, hex);
            g_assert_cmpstr(digest_end(d), ==, hex);
            ctx_clear(&c);
        }
}

int main(int argc, char **argv)
{
    g_autofree char *remove = NULL;
    int failures;

    g_test_init(&argc, &argv, NULL);
    hash_path_configure("anchorprefix", "anchorsuffix");
    folder = g_dir_make_tmp("nacre-swift-XXXXXX", NULL);
    g_test_add_func("/swift/memo", test_memo);
    g_test_add_func("/swift/digest", test_digest);
    g_test_add_func("/swift/ring", test_ring);
    g_test_add_func("/swift/ring/refused", test_ring_refused);
    g_test_add_func("/swift/builder", test_builder);
    g_test_add_func("/swift/increase", test_increase);
    g_test_add_func("/swift/builder/rebalance", test_rebalance);
    g_test_add_func("/swift/timestamps", test_timestamps);
    g_test_add_func("/swift/pickles", test_pickles);
    g_test_add_func("/swift/hashes", test_suffix_hash);
    g_test_add_func("/swift/names", test_names);
    g_test_add_func("/swift/ranges", test_ranges);
    g_test_add_func("/swift/broker", test_broker);
    g_test_add_func("/swift/quick", test_quick);
    failures = g_test_run();
    remove = g_strdup_printf("rm -rf %s", folder);
    if (system(remove))
        failures++;
    g_free(folder);
    return failures;
}
