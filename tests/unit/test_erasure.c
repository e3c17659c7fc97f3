/* Erasure codes and the policies that have them: fragments are the bytes pyeclib makes, any of them that are enough give the segment back, what
 * is no fragment is refused; what a swift.conf may say. */
#include "oslo/base/text.h"
#include "swift/disk/diskfile.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT 100000

static const struct erasure *code;
static struct erasure_fragments fragments;
static uint8_t segment[SEGMENT];

static void assert_bytes(const struct erasure_fragments *f, const char *md5)
{
    struct buf all = {};
    uint8_t digest[16];
    char hex[33];

    for (int i = 0; i < 6; i++)
        buf_add(&all, f->fragments[i], f->size);
    md5_of(all.data, all.len, digest);
    digest_hex(digest, hex);
    g_assert_cmpstr(hex, ==, md5);
    buf_clear(&all);
}

static void test_bytes(void)
{
    g_assert_cmpuint(fragments.size, ==, 25080);
    g_assert_cmpuint(erasure_fragment_size(code, SEGMENT), ==, 25080);
    g_assert_cmpuint(erasure_fragment_size(code, 1), ==, 82);
    g_assert_cmpuint(erasure_fragment_size(code, 0), ==, 0);
    assert_bytes(&fragments, "f46a281f80fc2964bd42bd18a7d2b4cd");
}

/* The old checksums are written when that is wanted, and read at any time. */
static void test_legacy_crc(void)
{
    struct erasure_fragments old, new;
    size_t size;
    int index;

    erasure_write_legacy_crc("yes");
    g_assert_true(erasure_encode(code, segment, SEGMENT, &old));
    erasure_write_legacy_crc(NULL);          /* says nothing, changes nothing */
    assert_bytes(&old, "c65be01c373f7de33df93734a86540c2");
    erasure_write_legacy_crc("false");
    g_assert_true(erasure_encode(code, segment, SEGMENT, &new));
    assert_bytes(&new, "f46a281f80fc2964bd42bd18a7d2b4cd");
    for (int i = 0; i < 6; i++)
        g_assert_true(erasure_check(code, old.fragments[i], old.size, &index, &size) && index == i && size == SEGMENT);
    erasure_encode_done(code, &old);
    erasure_encode_done(code, &new);
}

/* Whichever two are missing. */
static void test_decode(void)
{
    for (int a = 0; a < 6; a++)
        for (int b = a + 1; b < 6; b++) {
            struct buf whole = {};
            char *some[6], *again = g_malloc(fragments.size);
            size_t n = 0;

            for (int i = 0; i < 6; i++)
                if (i != a && i != b)
                    some[n++] = fragments.fragments[i];
            g_assert_true(erasure_decode(code, some, n, fragments.size, &whole));
            g_assert_cmpmem(whole.data, whole.len, segment, SEGMENT);
            g_assert_true(erasure_rebuild(code, some, n, fragments.size, b, again));
            g_assert_cmpmem(again, fragments.size, fragments.fragments[b], fragments.size);
            g_assert_false(erasure_decode(code, some, 3, fragments.size, &whole));
            some[1] = some[0];
            g_assert_false(erasure_decode(code, some, n, fragments.size, &whole));
            buf_clear(&whole);
            g_free(again);
        }
}

static void test_refused(void)
{
    g_autofree char *copy = g_memdup2(fragments.fragments[1], fragments.size);
    size_t length;
    int index;

    g_assert_true(erasure_check(code, copy, fragments.size, &index, &length));
    g_assert_cmpint(index, ==, 1);
    g_assert_cmpuint(length, ==, SEGMENT);
    g_assert_false(erasure_check(code, copy, fragments.size - 1, &index, &length));
    g_assert_false(erasure_check(code, copy, 79, &index, &length));
    for (size_t at = 0; at < 71; at++) {
        if (at >= 63 && at < 67)             /* the library's own version: nothing covers it */
            continue;
        copy[at] ^= 0x20;
        g_assert_false(erasure_check(code, copy, fragments.size, &index, &length));
        copy[at] ^= 0x20;
    }
    g_assert_true(erasure_check(code, copy, fragments.size, &index, &length));
}

/* --- on a disk ----------------------------------------------------------------------------------------------------------------------- */

#define DEEP ZERO CODE "aliases = far, deep, cold\nec_type = liberasurecode_rs_vand\nec_num_data_fragments = 4\nec_num_parity_fragments = 2\n" \
    "ec_duplication_factor = 2\n"
#define ZERO "[storage-policy:0]\nname = gold\ndefault = yes\n"
#define CODE "[storage-policy:1]\nname = deep\npolicy_type = erasure_coding\n"

static const struct storage_policy *deep(struct ctx *c)
{
    g_assert_true(policies_configure(c, conf_parse(c, "swift.conf", DEEP), NULL));
    return policy_by_index(1);
}

static void chooses(const char *names, const struct disk_wish *wish, const char *data, const char *meta, const char *obsolete)
{
    struct disk_files f = {};
    const char *gone = "";
    struct ctx c;

    ctx_init(&c, NULL, "");
    const struct storage_policy *policy = deep(&c);
    char **list = text_split(&c, names, ' ');
    disk_files_choose(&c, &f, list, g_strv_length(list), policy, wish, (struct timestamp){});
    for (size_t i = 0; i < f.n_obsolete; i++)
        gone = ctx_printf(&c, "%s%s%s", gone, *gone ? " " : "", f.obsolete[i]);
    g_assert_cmpstr(f.data, ==, data);
    g_assert_cmpstr(f.meta, ==, meta);
    g_assert_cmpstr(gone, ==, obsolete);
    ctx_clear(&c);
}

static void test_files(void)
{
    struct disk_preference at_201 = { .time = { 20100000, 0 }, .excluded = 1 << 3 };
    struct disk_wish any = { .fragment = -1, .undurable = true }, second = { .fragment = 2 };
    struct disk_wish older = { .fragment = -1, .undurable = true, .preferences = &at_201, .n_preferences = 1 };

    /* what is not durable is not there */
    chooses("0000000201.00000#2.data", NULL, NULL, NULL, "");
    chooses("0000000201.00000#2.data", &any, "0000000201.00000#2.data", NULL, "");
    /* one that is makes what is older obsolete, not what is newer */
    chooses("0000000203.00000#1.data 0000000201.00000#2#d.data 0000000201.00000#3.data 0000000200.00000#2#d.data 0000000202.00000.meta", NULL,
            "0000000201.00000#3.data", "0000000202.00000.meta", "0000000200.00000#2#d.data");
    chooses("0000000203.00000#1.data 0000000201.00000#2#d.data 0000000201.00000#3.data", &second, "0000000201.00000#2#d.data", NULL, "");
    chooses("0000000203.00000#1.data 0000000201.00000#2#d.data 0000000201.00000#3.data", &any, "0000000203.00000#1.data", NULL, "");
    chooses("0000000203.00000#1.data 0000000201.00000#2#d.data 0000000201.00000#3.data", &older, "0000000201.00000#2#d.data", NULL, "");
    /* as old versions marked it */
    chooses("0000000201.00000#2.data 0000000201.00000.durable 0000000200.00000.durable", NULL, "0000000201.00000#2.data", NULL, "0000000200.00000.durable");
    chooses("0000000201.00000#2.data 0000000200.00000.durable", NULL, NULL, NULL, "0000000200.00000.durable");
    /* a tombstone */
    chooses("0000000203.00000.ts 0000000201.00000#2#d.data", NULL, NULL, NULL, "0000000201.00000#2#d.data");
    chooses("0000000201.00000.ts 0000000203.00000#2#d.data", NULL, "0000000203.00000#2#d.data", NULL, "0000000201.00000.ts");
    /* no fragment of this code */
    chooses("0000000201.00000#6#d.data 0000000201.00000.data 0000000201.00000#x#d.data", NULL, NULL, NULL, "");
}

static void test_suffix_hashes(void)
{
    g_autofree char *folder = g_dir_make_tmp("nacre-erasure-XXXXXX", NULL), *partition = g_strdup_printf("%s/7", folder);
    g_autofree char *object = g_strdup_printf("%s/abc/0123456789abcdef0123456789abcabc", partition), *clean = g_strdup_printf("rm -rf %s", folder);
    static const char *const names[] = { "1795336101.93031#3#d.data", "1795336101.93031#1.data", "1795336102.00000#0.data", "1795336103.00000.meta" };
    struct suffix_hash *rows, *again;
    struct buf text = {};
    struct ctx c;
    size_t n, m;

    ctx_init(&c, NULL, "");
    const struct storage_policy *policy = deep(&c);
    g_mkdir_with_parents(object, 0755);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_true(g_file_set_contents(ctx_printf(&c, "%s/%s", object, names[i]), "", 0, NULL));
    for (int round = 0; round < 2; round++) {        /* the second time from hashes.pkl */
        g_assert_true(hashes_get(&c, partition, policy, NULL, 99999999999, &rows, &n, NULL));
        g_assert_cmpuint(n, ==, 4);
        g_assert_cmpint(rows[0].fragment, ==, -1);
        g_assert_cmpstr(rows[0].hash, ==, "17c470f5effc86875e6fd7ecfed3d4b8");
        g_assert_cmpint(rows[1].fragment, ==, 0);
        g_assert_cmpint(rows[3].fragment, ==, 3);
        g_assert_cmpstr(rows[3].hash, ==, "e7482b4f2987f8295f8aeaf96288339c");
    }
    hashes_pickle(&c, rows, n, policy, &text);
    g_assert_true(hashes_unpickle(&c, text.data, text.len, &again, &m));
    g_assert_cmpmem(rows, n * sizeof(*rows), again, m * sizeof(*again));
    buf_clear(&text);
    ctx_clear(&c);
    if (system(clean))
        g_test_fail();
}

static bool holds(struct ctx *c, const struct disk_place *p, int part_power, const char *name)
{
    struct disk_place there = *p;

    there.partition = disk_partition(p->digest, part_power);
    return g_file_test(ctx_printf(c, "%s/%s", disk_place_dir(c, &there), name), G_FILE_TEST_EXISTS);
}

static void write_fragment(struct ctx *c, const struct disk_place *p, struct timestamp when)
{
    struct disk_writer *w = disk_writer_open(c, p, 0);
    struct headers metadata = {};

    g_assert_nonnull(w);
    g_assert_true(disk_writer_write(w, "abc", 3));
    headers_set(c, &metadata, "X-Timestamp", timestamp_text(c, when));
    g_assert_true(disk_writer_commit(c, w, &metadata, fragment_file_name(c, when, 2, false)));
    disk_writer_free(w);
    g_assert_true(disk_make_durable(c, p, when, 2));
}

/* While the part power is being increased a fragment lies, and becomes durable, in both places; afterwards what is obsolete goes from both. */
static void test_twin(void)
{
    g_autofree char *folder = g_dir_make_tmp("nacre-erasure-XXXXXX", NULL), *clean = g_strdup_printf("rm -rf %s", folder);
    struct timestamp first = { 179533610100000, 0 }, second = { 179533610200000, 0 }, third = { 179533610300000, 0 };
    struct disk_place p, twin;
    struct ctx c;

    ctx_init(&c, NULL, "");
    const struct storage_policy *policy = deep(&c);
    for (int i = 0; i == 0 || disk_partition(p.digest, 4) == disk_partition(p.digest, 5); i++)
        disk_place_init(&c, &p, folder, policy, 0, "a", "c", ctx_printf(&c, "o%d", i));
    p.partition = disk_partition(p.digest, 4);
    g_assert_cmpint(disk_twin(&p, &twin), ==, TWIN_NONE);
    p.next_part_power = 5;
    g_assert_cmpint(disk_twin(&p, &twin), ==, TWIN_NEXT);
    g_assert_cmpuint(twin.partition, ==, disk_partition(p.digest, 5));
    write_fragment(&c, &p, first);
    g_assert_true(holds(&c, &p, 4, "1795336101.00000#2#d.data") && holds(&c, &p, 5, "1795336101.00000#2#d.data"));
    write_fragment(&c, &p, second);
    g_assert_true(holds(&c, &p, 4, "1795336102.00000#2#d.data") && holds(&c, &p, 5, "1795336102.00000#2#d.data"));
    g_assert_false(holds(&c, &p, 4, "1795336101.00000#2#d.data") || holds(&c, &p, 5, "1795336101.00000#2#d.data"));
    p.partition = disk_partition(p.digest, 5);           /* it has been increased: nothing is cleaned up yet */
    g_assert_cmpint(disk_twin(&p, &twin), ==, TWIN_PREVIOUS);
    g_assert_cmpuint(twin.partition, ==, disk_partition(p.digest, 4));
    g_assert_true(disk_write_tombstone(&c, &p, third));
    g_assert_true(holds(&c, &p, 5, "1795336103.00000.ts") && !holds(&c, &p, 4, "1795336103.00000.ts"));
    g_assert_false(holds(&c, &p, 5, "1795336102.00000#2#d.data"));
    ctx_clear(&c);
    if (system(clean))
        g_test_fail();
}

/* --- policies ------------------------------------------------------------------------------------------------------------------------ */

static void refuses(const char *text, const char *why)
{
    g_autofree char *whole = g_strdup_printf("swift.conf: Invalid Storage Policy Configuration (%s)", why);
    struct ctx c;

    ctx_init(&c, NULL, "");
    g_assert_false(policies_configure(&c, conf_parse(&c, "swift.conf", text), NULL));
    g_assert_cmpstr(c.fault.message, ==, whole);
    ctx_clear(&c);
}

static void test_policies_refused(void)
{
    refuses(ZERO "[storage-policy:1]\nname = x y\n", "Names are used as HTTP headers, and can not reliably contain any characters not in "
            "'-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'. Invalid name 'x y', for index 1");
    refuses(ZERO "[storage-policy:1]\n", "Invalid name '', for index 1");
    refuses(ZERO "[storage-policy:1]\nname = policy-0\n", "The name Policy-0 is reserved for policy index 0. Invalid name 'policy-0', for index 1");
    refuses(ZERO "[storage-policy:1]\nname = GOLD\n", "Duplicate name GOLD conflicts with gold");
    refuses(ZERO "[storage-policy:1]\nname = x\ndefault = yes\n", "Duplicate default x conflicts with gold");
    refuses(ZERO "[storage-policy:1]\nname = x\nec_type = flat_xor_hd_3\n", "Invalid option 'ec_type' in storage-policy section, for index '1'");
    refuses(ZERO "[storage-policy:1]\nname = x\nrubbish = 1\n", "Invalid option 'rubbish' in storage-policy section, for index '1'");
    refuses("[storage-policy:1]\nname = x\n", "You must specify a storage policy section for policy index 0 in order to define multiple policies");
    refuses("[storage-policy:0]\nname = x\ndeprecated = yes\n", "Unable to find policy that's not deprecated!");
    refuses(ZERO CODE, "Missing ec_type");
    refuses(ZERO CODE "ec_type = liberasurecode_rs_vand\n", "Invalid ec_num_data_fragments None, for index 1");
    refuses(ZERO CODE "ec_type = liberasurecode_rs_vand\nec_num_data_fragments = 4\nec_num_parity_fragments = 0\n",
            "Invalid ec_num_parity_fragments '0', for index 1");
    refuses(ZERO CODE "ec_type = liberasurecode_rs_vand\nec_num_data_fragments = 4\nec_num_parity_fragments = 2\nec_object_segment_size = many\n",
            "Invalid ec_object_segment_size 'many', for index 1");
    refuses(ZERO CODE "ec_type = liberasurecode_rs_vand\nec_num_data_fragments = 30\nec_num_parity_fragments = 5\n",
            "Error creating EC policy (pyeclib_c_init ERROR: Invalid arguments. Please inspect syslog for liberasurecode error report.), for index 1");
    refuses(ZERO CODE "ec_type = liberasurecode_rs_vand\nec_num_data_fragments = 4\nec_num_parity_fragments = 2\nec_duplication_factor = 0\n",
            "Config option must be an positive int number, not \"0\".");
}

static void test_policies(void)
{
    const struct storage_policy *p;
    struct ctx c;

    ctx_init(&c, NULL, "");
    deep(&c);
    g_assert_nonnull(p = policy_by_name("COLD"));
    g_assert_cmpstr(p->aliases, ==, "deep, far, cold");
    g_assert_cmpint(policy_quorum(p, 12), ==, 10);
    g_assert_cmpint(policy_fragment_of(p, 7), ==, 1);
    g_assert_cmpint(policy_fragment_size(p), ==, 262224);
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    struct ctx c;
    int failures;

    g_test_init(&argc, &argv, NULL);
    hash_path_configure("", "suffix");
    ctx_init(&c, NULL, "");
    for (size_t i = 0; i < SEGMENT; i++)
        segment[i] = (uint8_t)(i * 7 + i / 256);
    code = erasure_code(&c, "liberasurecode_rs_vand", 4, 2);
    g_assert_true(erasure_encode(code, segment, SEGMENT, &fragments));
    g_test_add_func("/erasure/bytes", test_bytes);
    g_test_add_func("/erasure/legacy-crc", test_legacy_crc);
    g_test_add_func("/erasure/decode", test_decode);
    g_test_add_func("/erasure/refused", test_refused);
    g_test_add_func("/erasure/files", test_files);
    g_test_add_func("/erasure/hashes", test_suffix_hashes);
    g_test_add_func("/erasure/twin", test_twin);
    g_test_add_func("/erasure/policies/refused", test_policies_refused);
    g_test_add_func("/erasure/policies", test_policies);
    failures = g_test_run();
    erasure_encode_done(code, &fragments);
    ctx_clear(&c);
    return failures;
}
